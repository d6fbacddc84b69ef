"""Rules as TOML: the shipped file, a hub's own over it, and everything that can be wrong."""

import re

import pytest
from msgspec.structs import asdict

from edge_agent import codes
from edge_agent.alarms import rule_file, shipped
from edge_agent.alarms.rules import FindingRule, LimitRule, is_technical
from edge_agent.config import AlarmSettings, RhythmSettings
from edge_agent.dsp.rhythm_finding import Kind
from edge_agent.errors import ConfigError
from edge_agent.model import Priority
from edge_agent.shared_files import shared_file
from edge_agent.subject_limits import rule_book

NAMES = {
    "heart-rate-low", "heart-rate-high", "spo2-low", "glucose-low", "glucose-low-forecast",
    "asystole", "pause", "flat-line", "extreme-bradycardia", "extreme-tachycardia",
    "ventricular-tachycardia", "ventricular-flutter", "atrial-fibrillation",
}  # fmt: skip
JARGON = re.compile(
    r"\b(ECG|MDC\w*|SpO2|threshold|asystole|brady\w*|tachy\w*|ventric\w*|fibrillat\w*|hypo\w*|"
    r"hyper\w*|QRS|RR|HRV|perfusion|saturation|desaturat\w*|sensor fault|quality index|mg/dL)\b"
)


def book(text="", tmp_path=None, **alarms):
    if text:
        file = tmp_path / "rules.toml"
        file.write_text(text)
        alarms["rules"] = str(file)
    return rule_book(AlarmSettings(**alarms), RhythmSettings())


def rule(name, of):
    (one,) = [one for one in of.rules if one.name == name]
    return one


def problems(text, tmp_path):
    with pytest.raises(ConfigError) as caught:
        book(text, tmp_path)
    told = {}
    for one in caught.value.problems:
        told[one.path] = told.get(one.path, "") + f"{one.reason}; {one.expected}\n"
    return told


def test_the_shipped_rules_are_there_under_their_names():
    assert {one.name for one in book().rules} >= NAMES


def test_every_rule_says_in_plain_words_what_to_do():
    one = book()
    for entry in (*one.rules, *one.stale):
        assert 20 <= len(entry.advice) <= 240, entry.name
        assert entry.advice.endswith((".", "?")), entry.name
        assert not JARGON.search(entry.advice), (entry.name, JARGON.search(entry.advice))
        words_a_sentence = [len(part.split()) for part in re.split(r"[.?:;]", entry.advice)]
        assert max(words_a_sentence) <= 25, entry.name
        assert 3 <= len(entry.title) <= 60, entry.name


def test_every_shipped_finding_is_one_that_the_signal_processing_finds():
    kinds = {"pulse-disagreement", *(kind.value for kind in Kind)}
    for one in book().rules:
        if isinstance(one, FindingRule):
            assert one.finding in kinds


def test_limits_are_the_subject_s():
    one = book(spo2_low_percent=85, spo2_delay_s=12, latching=True)
    spo2 = rule("spo2-low", one)
    assert (spo2.low, spo2.delay_s, spo2.at_once) == (85, 12, 70)
    assert spo2.policy.latching


def test_the_usual_limits_are_those_of_a_configuration_that_says_nothing():
    assert {one.name: one for one in shipped.limit_rules()} == {
        one.name: one for one in book().rules if isinstance(one, LimitRule)
    }
    for name, value in asdict(AlarmSettings()).items():
        if f"alarms.{name}" in shipped._ALARMS:
            assert shipped._ALARMS[f"alarms.{name}"] == value


def test_a_hub_s_own_file_changes_what_it_names_and_no_more(tmp_path):
    own = book('[[limit]]\nname = "spo2-low"\nrepeat_after_s = 120\n', tmp_path)
    before, after = rule("spo2-low", book()), rule("spo2-low", own)
    assert after.policy.repeat_after_s == 120
    assert (after.low, after.advice, after.priority) == (before.low, before.advice, before.priority)
    assert {one.name for one in own.rules} == {one.name for one in book().rules}


def test_a_rule_can_be_added_and_a_mild_one_switched_off(tmp_path):
    own = book(shared_file("config/alarm-rules.toml").read_text(), tmp_path)
    assert rule("room-co2-high", own).code == codes.ROOM_CO2
    assert rule("room-co2-high", own).priority is Priority.LOW
    assert "atrial-fibrillation" not in {one.name for one in own.rules}


def test_a_grave_shipped_rule_is_neither_switched_off_nor_made_less_urgent(tmp_path):
    text = '[[limit]]\nname = "glucose-low"\nenabled = false\npriority = "low"\n'
    found = problems(text, tmp_path)
    assert "can't be switched off" in found["limit[0].enabled"]
    assert "can't be made less urgent" in found["limit[0].priority"]


def test_every_problem_is_told_at_once_with_its_place_and_what_was_meant(tmp_path):
    text = """
        [[limit]]
        name = "spo2-low"
        below = 20
        histeresis = 3
        [[limit]]
        name = "x"
        title = "a title"
        advice = "Look at the person and see how they are."
        priority = "urgent"
        quantity = "MDC_PULS_OXIM_SAT"
        [[limit]]
        name = "y"
        title = "a title"
        advice = "Look at the person and see how they are."
        priority = "high"
        quantity = "MDC_PULS_OXIM_SAT_02"
        below = "alarms.spo2_low"
        delay_s = 90
        [[limit]]
        name = "y"
        [[finding]]
        name = "glucose-low"
        [[stail]]
    """
    found = problems(text, tmp_path)
    assert "did you mean 'hysteresis'?" in found["limit[0].histeresis"]
    assert "not allowed" in found["limit[1].priority"]
    assert "did you mean 'MDC_PULS_OXIM_SAT_O2'?" in found["limit[2].quantity"]
    assert "did you mean 'alarms.spo2_low_percent'?" in found["limit[2].below"]
    assert "expected 0 to 60 s" in found["limit[2].delay_s"]
    assert "is also limit[2].name" in found["limit[3].name"]
    assert "shipped [[limit]] rule" in found["finding[0].name"]
    assert "did you mean 'stale'?" in found["stail"]


def minimal(**keys):
    lines = {
        "name": '"x"', "title": '"a title"', "priority": '"low"', "below": "90",
        "quantity": '"MDC_PULS_OXIM_SAT_O2"',
        "advice": '"Look at the person and see how they are."', **keys,
    }  # fmt: skip
    return "[[limit]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value)


@pytest.mark.parametrize(
    ("keys", "path", "words"),
    [
        ({"below": "20"}, "limit[0].below", "expected 50 to 100 %"),
        ({"below": "nan"}, "limit[0].below", "not allowed"),
        ({"hysteresis": "inf"}, "limit[0].hysteresis", "not allowed"),
        ({"hysteresis": "20"}, "limit[0].hysteresis", "never comes"),
        ({"below": ""}, "limit[0]", "neither 'below' nor 'above'"),
        ({"above": "95"}, "limit[0]", "'below' and 'above'"),
        ({"advice": ""}, "limit[0].advice", "required"),
        ({"title": '"' + "x" * 61 + '"'}, "limit[0].title", "length <= 60"),
        ({"delay_s": "-1"}, "limit[0].delay_s", "expected 0 to 3600 s at low priority"),
        ({"latching": '"alarms.delay_s"'}, "limit[0].latching", "alarms.latching"),
        ({"below": '"spo2"'}, "limit[0].below", "alarms.spo2_low_percent"),
    ],
)
def test_what_can_be_wrong_with_a_limit(keys, path, words, tmp_path):
    assert words in problems(minimal(**keys), tmp_path)[path]


@pytest.mark.parametrize("text", ["limit = 3", 'limit = ["x"]', "[limit]\nname = 'x'"])
def test_rules_are_lists_of_tables(text, tmp_path):
    assert "write [[limit]]" in problems(text, tmp_path)["limit"]


def test_a_file_that_is_no_toml_says_so(tmp_path):
    assert "not valid TOML" in problems("[[limit", tmp_path)["(file)"]


@pytest.mark.parametrize(
    ("measures", "priority", "escalated_after_s"),
    [
        ((codes.ECG, codes.HEART_RATE), Priority.MEDIUM, 600),
        ((codes.SPO2,), Priority.MEDIUM, 600),
        ((codes.GLUCOSE,), Priority.LOW, 900),
        ((codes.ROOM_CO2, codes.ROOM_HUMIDITY), Priority.LOW, None),
        ((codes.INSULIN_RESERVOIR,), Priority.MEDIUM, None),
    ],
)
def test_a_sensor_that_falls_silent_is_as_urgent_as_what_it_watches(
    measures, priority, escalated_after_s
):
    (one,) = book().stale_rules([("s", measures, 10.0)])
    assert (one.name, one.priority, is_technical(one)) == ("stale-s", priority, True)
    assert one.policy.escalate_after_s == escalated_after_s
    assert one.title == "s gives no usable values"


def test_a_hub_s_own_word_about_silent_sensors_comes_before_the_shipped(tmp_path):
    text = """
        [[stale]]
        name = "cuff"
        title = "{sensor} is silent"
        advice = "Measure the blood pressure by hand, and look at the cuff."
        priority = "low"
        quantities = ["MDC_CONC_GLU_ISF"]
    """
    own = book(text, tmp_path)
    assert own.stale_rules([("cgm", (codes.GLUCOSE,), 900.0)])[0].title == "cgm is silent"
    assert own.stale_rules([("ox", (codes.SPO2,), 9.0)])[0].title == "ox gives no usable values"


def test_the_schema_knows_every_key():
    text = str(rule_file.schema())
    for key in (
        "below",
        "hysteresis",
        "at_once_beyond",
        "quantities",
        "escalate_after_s",
        "advice",
    ):
        assert key in text


def test_a_key_that_is_misspelt_hides_no_other_problem_of_the_rule(tmp_path):
    text = """
        [[limit]]
        name = "y"
        title = "a title"
        advice = "Look at the person and see how they are."
        priority = "high"
        quantity = "MDC_PULS_OXIM_SAT_02"
        below = "alarms.spo2_low"
        delay_s = 90
        histeresis = 2
        hysteresis = -1
    """
    found = problems(text, tmp_path)
    assert found.keys() == {
        "limit[0].histeresis", "limit[0].hysteresis", "limit[0].quantity", "limit[0].below",
        "limit[0].delay_s",
    }  # fmt: skip
