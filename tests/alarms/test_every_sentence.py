"""Every sentence that an alarm can tell: a relative understands it, a nurse can act on it."""

import dataclasses
import re

import pytest

from edge_agent.alarms.rules import FindingRule, LimitRule
from edge_agent.alarms.sentence import evidence_words, sentence
from edge_agent.alarms.telling import finding_alarm, limit_alarm, stale_alarm
from edge_agent.config import AlarmSettings, RhythmSettings
from edge_agent.model import Boottime, Event, EventKind, Observation, Phase, State
from edge_agent.registry import usable
from edge_agent.subject_limits import rule_book
from edge_agent.warning.rules import warning_rules

AT = Boottime(10**12)
BOOK = rule_book(AlarmSettings(), RhythmSettings())
STALE = BOOK.stale_rules(
    (driver.name, driver.measures, 30.0) for driver in usable() if hasattr(driver, "measures")
)
RULES = (*BOOK.rules, *warning_rules())
CLAIMS = re.compile(r"diagnos|infarct|you have|suffers? from|is dying|sepsis is", re.IGNORECASE)
MACHINE = re.compile(r"\[|\]|None|nan\b|MDC|_|\{|Cel\b|/min\b")
UNITS = {"asystole": "s", "pause": "s", "extreme-bradycardia": "/min", "flat-line": "s"}


def alarms():
    for rule in RULES:
        if isinstance(rule, LimitRule):
            beyond = rule.limit - 5 if rule.low is not None else rule.limit + 5
            state = State.BELOW_RANGE if rule.low is not None else State.ABOVE_RANGE
            for value, how in ((beyond, State.MEASURED), (None, state)):
                one = Observation(
                    code=rule.code, value=value, at=AT, sensor="bed-sensor", state=how
                )
                yield f"{rule.name}-{how}", limit_alarm(rule, one)
        elif isinstance(rule, FindingRule):
            for value in (4.25, None):
                detail = {"finding": rule.finding, "unit": UNITS.get(rule.finding, "1")}
                detail |= {} if value is None else {"value": value}
                event = Event(kind=EventKind.FINDING, at=AT, sensor="bed-sensor", detail=detail)
                yield f"{rule.name}-{value}", finding_alarm(rule, event)
    for rule in (one for one in STALE if one.codes):
        silent = dict.fromkeys(rule.codes[:1], 31.0)
        yield rule.name, stale_alarm(rule, silent, "nothing has arrived", AT)


ALARMS = dict(alarms())


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS.keys())
def test_it_says_what_is_the_matter_and_ends_with_what_to_do(alarm):
    said = sentence(alarm)
    assert said[0].isupper()
    assert said.endswith(alarm.advice)
    assert alarm.advice.endswith((".", "?"))
    assert len(said) <= 420


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS.keys())
def test_it_makes_no_diagnosis_and_speaks_no_machine_s_language(alarm):
    said = sentence(alarm)
    assert not CLAIMS.search(said)
    assert not MACHINE.search(said.replace(alarm.evidence[0].sensor, "")), said


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS.keys())
def test_it_shows_the_value_and_the_limit_it_rests_on(alarm):
    one, said = alarm.evidence[0], sentence(alarm)
    if one.value is not None:
        assert f"{one.value:.4g}" in said
    if one.value is not None and one.limit is not None:
        assert f"limit {one.limit:.4g}" in said


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS.keys())
def test_one_whose_cause_has_gone_says_so_and_no_longer_what_to_do_about_it(alarm):
    gone = dataclasses.replace(alarm, phase=Phase.LATCHED, is_over=True)
    for said in (sentence(gone), sentence(dataclasses.replace(gone, phase=Phase.ESCALATED))):
        assert ": over (" in said
        assert "nobody has seen it yet. Look at the person all the same" in said
        assert alarm.advice not in said
    ended = sentence(dataclasses.replace(gone, phase=Phase.CLEARED))
    assert ended.endswith(").")
    assert ": over (" in ended


@pytest.mark.parametrize("alarm", ALARMS.values(), ids=ALARMS.keys())
def test_its_evidence_is_told_in_words_without_the_advice(alarm):
    for one in alarm.evidence:
        words = evidence_words(one)
        assert not MACHINE.search(words.replace(one.sensor, "")), words
        assert alarm.advice not in words


def test_a_finding_with_a_sentence_of_its_own_is_told_by_it():
    (rule,) = (one for one in RULES if one.name == "glucose-crisis-low")
    said = "Glucose may be below 54 mg/dL in about 20 min, 62 % likely."
    detail = {"finding": rule.finding, "value": 20.0, "unit": "min", "sentence": said}
    event = Event(kind=EventKind.FINDING, at=AT, sensor="early-warning", detail=detail)
    assert sentence(finding_alarm(rule, event)).startswith(
        "Glucose may soon be dangerously low (glucose may be below 54 mg/dL in about 20 min, "
        "62 % likely). Measure with a finger prick."
    )
