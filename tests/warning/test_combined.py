"""Combined findings, and glucose crises with a lead time."""

import pytest

from edge_agent import codes
from edge_agent.alarms.rules import FindingRule
from edge_agent.model import Boottime, State
from edge_agent.warning.combinations import COMBINATIONS
from edge_agent.warning.crisis import HIGH, LOW, Ahead, CrisisWatch, outlook
from edge_agent.warning.rules import warning_rules
from tests.warning.bed import Bed

CALM = {codes.SPO2: 97.0, codes.RESPIRATION_RATE: 15.0, codes.HEART_RATE: 70.0}
WORSE = {codes.SPO2: 92.0, codes.RESPIRATION_RATE: 21.0, codes.HEART_RATE: 70.0}
STALE_AIR, GOOD_AIR = {codes.ROOM_CO2: 2200.0}, {codes.ROOM_CO2: 600.0}


def bed():
    return Bed(news2=False)


def test_falling_oxygen_with_quick_breathing_is_an_alarm_with_each_part():
    one = bed().steady(CALM, 1800, 5.0).steady(WORSE, 600, 5.0)
    assert one.standing == {"breathing-worse"}
    said, *parts = one.alarms[0].evidence
    assert said.note.startswith("The oxygen saturation falls, and breathing quickens.")
    fall = next(part for part in parts if part.quantity.startswith("SpO2"))
    assert fall.value == pytest.approx(-5.0)
    assert fall.limit == 3.0
    assert "adds 2 of 2" in fall.note


@pytest.mark.parametrize(
    ("air", "expected"),
    [(STALE_AIR, "breathing-worse-in-stale-air"), (GOOD_AIR, "breathing-worse")],
)
def test_stale_air_makes_another_alarm_and_only_one(air, expected):
    one = bed().steady(CALM | air, 1800, 5.0).steady(WORSE | air, 600, 5.0)
    assert one.standing == {expected}


def test_oxygen_alone_or_breathing_alone_is_none():
    for only in (codes.SPO2, codes.RESPIRATION_RATE):
        one = bed().steady(CALM, 1800, 5.0).steady(CALM | {only: WORSE[only]}, 900, 5.0)
        assert one.alarms == []


def test_unreliable_values_never_begin_a_combination():
    one = bed().steady(CALM, 1800, 5.0).steady(WORSE, 900, 5.0, state=State.QUESTIONABLE)
    assert one.alarms == []


def test_a_combination_whose_data_become_unreliable_is_technical_and_not_over():
    one = bed().steady(CALM, 1800, 5.0).steady(WORSE, 400, 5.0)
    one.steady(CALM, 900, 5.0, quality=0.1)
    assert one.standing == {"breathing-worse", "breathing-worse-blind"}
    blind = next(alarm for alarm in one.alarms if alarm.rule == "breathing-worse-blind")
    assert blind.technical
    assert "SpO2" in blind.evidence[0].note


def test_a_combination_ends_by_values_that_are_known():
    one = bed().steady(CALM, 1800, 5.0).steady(WORSE, 400, 5.0).steady(CALM, 900, 5.0)
    assert one.standing == set()
    assert one.findings() == [("breathing-worse", "begun"), ("breathing-worse", "ended")]


def test_a_restart_goes_on_with_the_combination_and_raises_it_once():
    one = bed().steady(CALM, 1800, 5.0).steady(WORSE, 400, 5.0).restart()
    one.steady(WORSE, 900, 5.0)
    assert "breathing-worse" in one.standing  # a trend needs half an hour to be judged again
    one.steady(WORSE, 2400, 5.0)
    assert one.steps_of("breathing-worse")[0] == ("breathing-worse", "raised")
    assert one.standing == set()


def test_an_oximeter_that_another_does_not_bear_out_is_disbelieved():
    one = bed()

    def each(_):
        one.give(codes.SPO2, 84.0, "finger")
        one.give(codes.SPO2, 97.0, "ear")

    one.wait(120, each)
    assert one.standing == {"oximeter-disbelieved"}
    assert one.alarms[0].technical


def test_an_oximeter_whose_pulse_is_not_the_hearts_is_disbelieved_and_one_that_agrees_is_not():
    for pulse, expected in ((45.0, {"oximeter-disbelieved"}), (91.0, set())):
        one = bed()

        def each(_, one=one, pulse=pulse):
            one.give(codes.SPO2, 84.0, "finger")
            one.give(codes.PULSE_RATE, pulse, "finger")
            one.give(codes.HEART_RATE, 90.0, "patch")

        one.wait(120, each)
        assert one.standing == expected


def test_low_pressure_with_a_fast_heart_and_fever_with_one_are_alarms():
    one = bed().steady({codes.SYSTOLIC: 92.0, codes.HEART_RATE: 118.0}, 200, 5.0)
    assert one.standing == {"low-pressure-and-fast-heart"}
    one = bed().steady({codes.BODY_TEMPERATURE: 38.6, codes.HEART_RATE: 105.0}, 700, 5.0)
    assert one.standing == {"fever-and-fast-heart"}


def test_the_wall_clock_has_no_say():
    one = bed().steady(CALM, 1800, 5.0)
    one.utc_ahead_s += 1e9
    one.steady(WORSE, 600, 5.0)
    assert one.standing == {"breathing-worse"}


def test_every_combination_can_begin_and_has_a_rule_with_advice():
    rules = {rule.name: rule for rule in warning_rules()}
    for one in COMBINATIONS:
        assert sum(condition.points for condition in one.conditions) >= one.needs
        assert isinstance(rules[one.name], FindingRule)
        assert rules[one.name].advice.endswith(".")
    assert len(rules) == len(warning_rules())


def ahead(minutes, mean, half=20.0, **kwargs):
    code = codes.GLUCOSE_IN_15_MIN if minutes == 15 else codes.GLUCOSE_IN_30_MIN
    return Ahead(code=code, horizon_min=minutes, mean=mean, low90=mean - half, high90=mean + half,
                 at=Boottime(1), sensor="cgm", **kwargs)  # fmt: skip


def test_a_crisis_has_a_lead_time_and_says_it():
    watch = CrisisWatch()
    (event,) = watch.look(90.0, (ahead(15, 72.0), ahead(30, 52.0)), Boottime(1))
    assert event.detail["finding"] == LOW.finding
    assert 15 < event.detail["value"] < 30
    assert event.detail["sentence"] == "Glucose may be below 54 mg/dL in about 20 min."


def test_the_chances_of_a_forecaster_go_before_those_of_its_interval():
    sure = (ahead(15, 120.0, chance_below=0.0), ahead(30, 110.0, chance_below=0.6))
    assert outlook(LOW, 130.0, sure).lead_min == pytest.approx(22.5)
    assert outlook(LOW, 130.0, (ahead(15, 120.0), ahead(30, 110.0))).lead_min is None


def test_what_has_come_already_is_no_forecast():
    assert list(CrisisWatch().look(50.0, (ahead(15, 45.0),), Boottime(1))) == []
    assert outlook(HIGH, 320.0, (ahead(15, 340.0),)).lead_min == 0.0


def test_an_old_forecast_neither_begins_nor_ends_a_crisis():
    low = (ahead(15, 60.0), ahead(30, 45.0))
    late = Boottime(700 * 10**9)
    assert list(CrisisWatch().look(80.0, low, late)) == []
    watch = CrisisWatch()
    assert len(list(watch.look(80.0, low, Boottime(1)))) == 1
    assert list(watch.look(80.0, (ahead(15, 120.0),), late)) == []


def test_a_falling_glucose_is_a_crisis_ahead_through_the_whole_hub():
    one = bed()
    levels = [180.0] * 24 + [180.0 - 6 * step for step in range(21)]
    for level in levels:
        one.give(codes.GLUCOSE, level, "cgm")
        one.wait(300, step_s=10.0)
    raised = next(alarm for alarm in one.alarms if alarm.rule == LOW.finding)
    assert "Glucose may be below 54 mg/dL in about" in raised.evidence[0].note
    assert {part.quantity for part in raised.evidence[1:]} == {
        codes.GLUCOSE_IN_15_MIN.refid, codes.GLUCOSE_IN_30_MIN.refid,
    }  # fmt: skip
