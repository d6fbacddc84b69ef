import pytest

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.life import Policy
from edge_agent.alarms.rules import FindingRule
from edge_agent.alarms.shipped import finding_rules
from edge_agent.dsp.rhythm_finding import Kind
from edge_agent.model import Boottime, Event, EventKind, Phase, Priority

S = 1_000_000_000
RULE = FindingRule(
    name="pause", title="heartbeat pauses", finding="pause", priority=Priority.MEDIUM, limit=3.0,
    advice="Look at the person.",
)  # fmt: skip
ALL = finding_rules(
    pause_s=3.0, asystole_s=4.0, extreme_bradycardia_per_min=40, extreme_tachycardia_per_min=140
)


def step(standing, at_s, finding="pause", sensor="patch", **detail):
    return Event(
        kind=EventKind.FINDING, at=Boottime(round(at_s * S)), sensor=sensor,
        detail={"finding": finding, "standing": standing, **detail},
    )  # fmt: skip


def play(engine, events):
    return [alarm for event in events for alarm in engine.judge(event, event.at)]


def engine_with(*rules):
    return AlarmEngine(rules, Boottime(0))


def test_a_finding_that_begins_raises_one_alarm_with_evidence_and_advice():
    engine = engine_with(RULE)
    begun = step("begun", 10.2, value=3.2, unit="s", onset_ns=7 * S)
    (alarm,) = play(engine, [begun, step("begun", 11.0)])
    assert (alarm.phase, alarm.at, alarm.technical) == (Phase.RAISED, begun.at, False)
    (evidence,) = alarm.evidence
    assert (evidence.value, evidence.limit, evidence.unit) == (3.2, 3.0, "s")
    assert (evidence.at, evidence.note) == (7 * S, "")
    assert alarm.advice == "Look at the person."


@pytest.mark.parametrize("standing", ["ended", "withdrawn"])
def test_it_clears_when_the_finding_is_over_and_says_why(standing):
    engine = engine_with(RULE)
    over = step(standing, 15.0, note="a beat came")
    _, cleared = play(engine, [step("begun", 10.0), over])
    assert (cleared.phase, cleared.evidence[0].note) == (Phase.CLEARED, "a beat came")
    assert engine.active == ()


def test_the_end_of_another_sensors_finding_clears_nothing():
    engine = engine_with(RULE)
    play(engine, [step("begun", 10.0), step("ended", 15.0, sensor="other")])
    assert len(engine.active) == 1


def test_that_nothing_stands_clears_what_stood_before_a_restart():
    before = engine_with(RULE)
    play(before, [step("begun", 10.0)])
    after = engine_with(RULE)
    after.restore(before.state(Boottime(20 * S)), Boottime(0))
    (standing,) = after.active
    assert (standing.rule, standing.technical) == ("pause", False)
    assert play(after, [step("watched", 60.0, finding="none", kinds="asystole bradycardia")]) == []
    (cleared,) = play(after, [step("watched", 90.0, finding="none", kinds="asystole pause")])
    assert (cleared.phase, cleared.episode) == (Phase.CLEARED, standing.episode)


def test_a_technical_finding_stays_technical_over_a_restart():
    before = engine_with(*ALL)
    play(before, [step("begun", 10.0, finding="flat-line")])
    after = engine_with(*ALL)
    after.restore(before.state(Boottime(20 * S)), Boottime(0))
    assert [one.technical for one in after.active] == [True]


def test_grave_findings_stay_until_somebody_has_seen_them():
    engine = engine_with(*ALL)
    for kind in ("asystole", "ventricular-tachycardia"):
        begun, gone = play(engine, [step("begun", 10.0, kind), step("ended", 20.0, kind)])
        assert (begun.priority, gone.phase) == (Priority.HIGH, Phase.LATCHED)
    assert len(engine.active) == 2


def test_a_flat_line_that_nobody_looks_at_becomes_urgent():
    engine = engine_with(*ALL)
    (begun,) = play(engine, [step("begun", 10.0, finding="flat-line")])
    assert (begun.priority, begun.technical) == (Priority.MEDIUM, True)
    (escalated,) = engine.tick(Boottime(41 * S))
    assert escalated.priority is Priority.HIGH


def test_every_rule_is_about_a_kind_of_finding_and_gives_advice():
    kinds = {"pulse-disagreement", *(kind.value for kind in Kind)}
    for rule in ALL:
        assert rule.finding in kinds
        assert rule.advice.endswith(".")
        assert rule.policy != Policy(latching=False) or rule.priority < Priority.HIGH or rule.limit


def test_the_alarm_of_fibrillation_can_be_left_out():
    fewer = finding_rules(
        pause_s=3.0, asystole_s=4.0, extreme_bradycardia_per_min=40,
        extreme_tachycardia_per_min=140, fibrillation=False,
    )  # fmt: skip
    assert {rule.name for rule in ALL} - {rule.name for rule in fewer} == {"atrial-fibrillation"}
