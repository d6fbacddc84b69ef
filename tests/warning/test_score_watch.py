"""NEWS2 in the running hub: what is scored, told, raised and never cleared."""

import json

import pytest

from edge_agent import codes
from edge_agent.alarms.news2 import Risk, score
from edge_agent.model import EventKind, Phase, Priority, State
from edge_agent.warning.vitals import HOLDS_FOR_S
from tests.warning.bed import Bed

WELL = {
    codes.RESPIRATION_RATE: 16.0, codes.SPO2: 97.0, codes.SYSTOLIC: 120.0, codes.HEART_RATE: 70.0,
    codes.BODY_TEMPERATURE: 37.0,
}  # fmt: skip
URGENT = WELL | {codes.RESPIRATION_RATE: 22.0, codes.SPO2: 93.0, codes.HEART_RATE: 95.0}
EMERGENCY = WELL | {codes.RESPIRATION_RATE: 26.0, codes.SPO2: 90.0, codes.HEART_RATE: 95.0}
SEEN = {"consciousness": "A", "oxygen": "no"}


def bed_of_somebody_seen(**settings):
    bed = Bed(**settings)
    bed.warning.tell(SEEN, bed.now, 24 * 3600.0)
    return bed


def latest(bed):
    return bed.warning.score.latest.score


def test_a_complete_score_has_a_total_and_a_partial_one_names_what_is_missing():
    bed = Bed().steady(URGENT, 30)
    assert latest(bed).total is None
    assert set(latest(bed).missing) == {"oxygen", "consciousness"}
    assert {one.code for one in bed.told if one.sensor == "early-warning"} == {codes.NEWS2_AT_LEAST}
    bed.warning.tell(SEEN, bed.now)
    bed.steady(URGENT, 90)
    assert (latest(bed).total, latest(bed).missing) == (5, ())
    assert codes.NEWS2 in {one.code for one in bed.told}
    assert bed.pipeline.twin.variable(codes.NEWS2, bed.now).value == 5


def test_what_was_told_is_an_event_of_its_own():
    bed = bed_of_somebody_seen().wait(6)
    (event,) = [one for one in bed.events if one.kind is EventKind.TOLD]
    assert event.detail["consciousness"] == "A"


def test_without_any_measured_value_nothing_is_scored():
    bed = bed_of_somebody_seen().wait(600)
    assert bed.warning.score.latest is None
    assert not [one for one in bed.told if one.code in {codes.NEWS2, codes.NEWS2_AT_LEAST}]


@pytest.mark.parametrize(
    ("values", "rule", "priority"),
    [(WELL | {codes.RESPIRATION_RATE: 26.0}, "news2-single-3", Priority.LOW),
     (URGENT, "news2-urgent", Priority.MEDIUM), (EMERGENCY, "news2-emergency", Priority.HIGH)],
)  # fmt: skip
def test_each_band_is_an_alarm_after_a_minute_with_its_parts_as_evidence(values, rule, priority):
    bed = bed_of_somebody_seen().steady(values, 55)
    assert bed.alarms == []
    bed.steady(values, 20)
    (alarm,) = bed.alarms
    assert (alarm.rule, alarm.priority, alarm.technical) == (rule, priority, False)
    total, *parts = alarm.evidence
    assert total.value == latest(bed).total
    assert "NEWS2" in total.note
    assert "NEWS2 response" in alarm.advice
    assert len(parts) == 7
    breathing = next(one for one in parts if one.quantity == "respiration rate")
    assert breathing.value == values[codes.RESPIRATION_RATE]
    assert "points" in breathing.note
    assert "old" in breathing.note


def test_a_partial_score_raises_by_what_is_known_and_its_evidence_names_what_is_not():
    bed = Bed().steady({codes.RESPIRATION_RATE: 26.0, codes.SPO2: 85.0, codes.HEART_RATE: 140}, 70)
    (alarm,) = bed.alarms
    assert alarm.rule == "news2-emergency"
    assert "at least 9" in alarm.evidence[0].note
    missing = [one.quantity for one in alarm.evidence if one.note.startswith("not known")]
    assert set(missing) == {"systolic pressure", "temperature", "oxygen", "consciousness"}


def test_a_rise_and_a_fall_pass_through_the_bands_one_alarm_at_a_time():
    bed = bed_of_somebody_seen().steady(URGENT, 70).steady(EMERGENCY, 70)
    bed.steady(URGENT, 400).steady(WELL, 400)
    assert bed.steps == [
        ("news2-urgent", "raised"), ("news2-emergency", "raised"), ("news2-urgent", "cleared"),
        ("news2-urgent", "raised"), ("news2-emergency", "cleared"), ("news2-urgent", "cleared"),
    ]  # fmt: skip


def test_a_pulse_at_the_edge_of_a_band_is_one_alarm_and_not_a_hundred():
    bed = bed_of_somebody_seen().steady(URGENT, 70)
    for _ in range(100):
        bed.steady(URGENT | {codes.HEART_RATE: 90.0}, 5).steady(URGENT, 5)
    assert bed.steps == [("news2-urgent", "raised")]


@pytest.mark.parametrize(
    "unreliable",
    [{"state": State.SEARCHING}, {"quality": 0.2}, {"state": State.QUESTIONABLE}],
)
def test_unreliable_values_never_end_an_alarm(unreliable):
    bed = bed_of_somebody_seen().steady(URGENT, 70)
    bed.steady(WELL, 3600, **unreliable)
    assert bed.standing == {"news2-urgent"}


@pytest.mark.parametrize("gone", [codes.RESPIRATION_RATE, codes.SPO2, codes.HEART_RATE])
def test_a_sensor_that_goes_takes_its_points_and_not_the_alarm(gone):
    bed = bed_of_somebody_seen().steady(URGENT, 70)
    bed.steady({code: value for code, value in URGENT.items() if code != gone}, 3600, 5.0)
    assert latest(bed).total is None
    assert bed.standing == {"news2-urgent"}
    bed.steady(WELL, 400)
    assert bed.standing == set()


def test_what_has_become_stale_is_missing_and_old_values_say_their_age():
    bed = bed_of_somebody_seen().steady(WELL, 10)
    bed.steady({codes.HEART_RATE: 70.0}, HOLDS_FOR_S["spo2_percent"] + 10, 5.0)
    assert set(latest(bed).missing) == {"respiration_per_min", "spo2_percent"}
    bed.steady({codes.HEART_RATE: 70.0}, HOLDS_FOR_S["systolic_mmhg"], 60.0)
    assert set(latest(bed).missing) == {
        "respiration_per_min", "spo2_percent", "systolic_mmhg", "temperature_c",
    }  # fmt: skip


def test_what_was_told_runs_out():
    bed = Bed()
    bed.warning.tell(SEEN, bed.now, 3600.0)
    bed.steady(WELL, 60)
    assert latest(bed).total == 0
    bed.steady(WELL, 3600, 5.0)
    assert set(latest(bed).missing) == {"oxygen", "consciousness"}


def test_what_the_configuration_says_stands_in_and_what_a_person_tells_goes_first():
    bed = Bed(oxygen=True).steady(WELL, 10)
    assert latest(bed).points["oxygen"] == 2
    bed.warning.tell({"oxygen": "no"}, bed.now, 60.0)
    bed.steady(WELL, 10)
    assert latest(bed).points["oxygen"] == 0
    bed.steady(WELL, 120)
    assert latest(bed).points["oxygen"] == 2


@pytest.mark.parametrize(("scale", "points"), [(1, 3), (2, 0)])
def test_the_scale_is_the_subjects(scale, points):
    bed = bed_of_somebody_seen(spo2_scale=scale).steady(WELL | {codes.SPO2: 90.0}, 10)
    assert latest(bed).points["spo2_percent"] == points


def test_a_person_who_does_not_answer_is_an_alarm_at_once_and_stays_when_the_word_runs_out():
    bed = Bed()
    bed.warning.tell({"consciousness": "U", "oxygen": "no"}, bed.now, 600.0)
    bed.steady(WELL, 70)
    assert bed.standing == {"news2-single-3"}
    bed.steady(WELL, 3600, 5.0)
    assert bed.standing == {"news2-single-3"}
    bed.warning.tell({"consciousness": "A"}, bed.now, 3600.0)
    bed.steady(WELL, 400)
    assert bed.standing == set()


@pytest.mark.parametrize(
    "wrong", [{"consciousness": "X"}, {"oxygen": "maybe"}, {"mood": "good"},
              {"oxygen": "yes", "consciousness": ""}],
)  # fmt: skip
def test_what_can_not_be_told_is_refused_as_a_whole(wrong):
    bed = Bed()
    with pytest.raises(ValueError, match=r"expected|can be told"):
        bed.warning.tell(wrong, bed.now)
    assert bed.warning.observed.oxygen(bed.now) is None


@pytest.mark.parametrize("state", [State.BELOW_RANGE, State.ABOVE_RANGE])
def test_a_pulse_beyond_what_the_sensor_can_tell_has_the_points_of_the_open_band(state):
    bed = Bed()
    bed.steady({codes.HEART_RATE: None}, 10, state=state)
    assert latest(bed).points == {"pulse_per_min": 3}


def test_the_pulse_of_an_oximeter_serves_where_there_is_no_ecg():
    bed = Bed().steady({codes.PULSE_RATE: 120.0}, 10)
    assert latest(bed).points == {"pulse_per_min": 2}
    bed.steady({codes.PULSE_RATE: 120.0, codes.HEART_RATE: 70.0}, 10)
    assert latest(bed).points == {"pulse_per_min": 0}


@pytest.mark.parametrize("keep", [True, False], ids=["state kept", "state lost"])
def test_a_restart_goes_on_with_the_same_alarm_and_ends_it_by_known_values(keep):
    bed = bed_of_somebody_seen().steady(URGENT, 70)
    bed.restart(keep=keep).steady(URGENT, 400)
    assert bed.steps == [("news2-urgent", "raised")]
    bed.steady(WELL, 400)
    assert bed.steps == [("news2-urgent", "raised"), ("news2-urgent", "cleared")]


def test_where_it_is_not_known_what_an_alarm_rests_on_only_a_complete_score_ends_it():
    bed = bed_of_somebody_seen().steady(URGENT, 70)
    bed.restart(keep=False).steady(WELL, 400)
    assert bed.standing == {"news2-urgent"}  # consciousness and oxygen are not known any more
    bed.warning.tell(SEEN, bed.now)
    bed.steady(WELL, 400)
    assert bed.standing == set()


def test_what_was_told_outlives_a_restart_for_the_rest_of_its_time():
    bed = Bed()
    bed.warning.tell(SEEN, bed.now, 3600.0)
    bed.restart(away_s=1800.0).steady(WELL, 10)
    assert latest(bed).total == 0
    bed.restart(away_s=1800.0).steady(WELL, 10)
    assert latest(bed).total is None


def test_what_was_told_is_forgotten_when_the_clock_went_back():
    bed = bed_of_somebody_seen()
    bed.restart(away_s=-3600.0).steady(WELL, 10)
    assert latest(bed).total is None


def test_the_event_of_a_score_names_points_ages_and_what_is_missing():
    bed = Bed().steady(EMERGENCY, 10)
    (event,) = [one for one in bed.events if one.detail.get("finding") == "news2"]
    assert json.loads(event.detail["points"])["spo2_percent"] == 3
    assert set(json.loads(event.detail["age_s"])) == set(json.loads(event.detail["points"]))
    assert event.detail["missing"] == "oxygen consciousness"
    assert "total" not in event.detail


@pytest.mark.parametrize("step_s", [1.0, 2.0, 5.0])
def test_how_often_the_hub_ticks_changes_no_alarm(step_s):
    bed = bed_of_somebody_seen()
    for values in (WELL, URGENT, WELL, EMERGENCY, WELL):
        bed.steady(values, 400, step_s)
    # The smoothed saturation arrives seconds later: an emergency may pass through "urgent".
    assert bed.steps[:2] == [("news2-urgent", "raised"), ("news2-urgent", "cleared")]
    assert bed.steps_of("news2-emergency") == [
        ("news2-emergency", "raised"), ("news2-emergency", "cleared"),
    ]  # fmt: skip
    assert bed.standing.isdisjoint({"news2-urgent", "news2-emergency", "news2-single-3"})


def test_a_step_of_the_wall_clock_changes_no_score():
    bed = bed_of_somebody_seen().steady(URGENT, 70)
    bed.utc_ahead_s += 30 * 365 * 86_400.0
    bed.steady(URGENT, 70)
    bed.utc_ahead_s -= 60 * 365 * 86_400.0
    bed.steady(URGENT, 70)
    assert bed.steps == [("news2-urgent", "raised")]
    assert latest(bed).total == 5


def test_a_hole_in_the_ticks_makes_no_stay():
    bed = bed_of_somebody_seen().steady(URGENT, 40)
    bed.now_s += 100
    bed.steady(URGENT, 40)
    assert bed.alarms == []


def test_the_score_is_off_where_it_does_not_apply():
    bed = Bed(news2=False).steady(EMERGENCY, 200)
    assert "news2-emergency" not in bed.standing
    assert bed.warning.score is None


def test_the_watch_scores_as_the_function_does():
    bed = bed_of_somebody_seen().steady(URGENT, 10)
    by_hand = score(
        respiration_per_min=22, spo2_percent=93, systolic_mmhg=120, pulse_per_min=95,
        temperature_c=37.0, oxygen=False, consciousness="A",
    )  # fmt: skip
    assert latest(bed) == by_hand
    assert by_hand.risk is Risk.MEDIUM
    assert Phase.RAISED == "raised"
