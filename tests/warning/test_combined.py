"""Combined findings, and glucose crises with a lead time."""

import pytest

from edge_agent import codes
from edge_agent.alarms.rules import FindingRule
from edge_agent.dsp.glucose import Crossing
from edge_agent.model import Boottime, State
from edge_agent.warning.combinations import COMBINATIONS
from edge_agent.warning.crisis import HIGH, LOW, CrisisWatch, Foreseen
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


def foreseen(mgdl, low=None, high=None, at=1):
    return Foreseen(mgdl=mgdl, at=Boottime(at), sensor="cgm", crossings=(low, high))


def crossing(probability, in_min):
    return Crossing(probability=probability, in_min=in_min)


SAFE = crossing(0.02, 30.0)


def test_a_crisis_has_a_lead_time_and_a_probability_and_says_both():
    (event,) = CrisisWatch().look(foreseen(90.0, crossing(0.62, 21.0), SAFE), Boottime(1))
    assert event.detail["finding"] == LOW.finding
    assert event.detail["value"] == 21.0
    said = "Glucose may be below 54 mg/dL in about 20 min, 62 % likely."
    assert event.detail["sentence"] == said


def test_a_low_that_has_come_is_left_to_the_alarm_about_it():
    assert list(CrisisWatch().look(foreseen(50.0, SAFE, SAFE), Boottime(1))) == []


def test_a_high_that_nothing_else_alarms_of_is_told_when_it_is_there():
    (event,) = CrisisWatch().look(foreseen(320.0, SAFE, SAFE), Boottime(1))
    assert event.detail["finding"] == HIGH.finding
    assert event.detail["sentence"] == "Glucose is above 300 mg/dL."


def test_a_crisis_stands_until_it_is_unlikely_not_only_less_likely():
    watch = CrisisWatch()
    steps = [(0.5, 1), (0.3, 2), (0.05, 3)]
    told = [list(watch.look(foreseen(90.0, crossing(p, 20.0), SAFE, at), Boottime(at)))
            for p, at in steps]  # fmt: skip
    assert [len(one) for one in told] == [1, 0, 1]
    assert told[2][0].detail["standing"] == "ended"


def test_an_old_forecast_neither_begins_nor_ends_a_crisis():
    late = Boottime(700 * 10**9)
    likely = foreseen(80.0, crossing(0.9, 10.0), SAFE)
    assert list(CrisisWatch().look(likely, late)) == []
    watch = CrisisWatch()
    assert len(list(watch.look(likely, Boottime(1)))) == 1
    assert list(watch.look(foreseen(80.0, SAFE, SAFE, at=2), late)) == []


def test_a_falling_glucose_is_a_crisis_ahead_through_the_whole_hub():
    one = bed()
    levels = [180.0] * 24 + [180.0 - 6 * step for step in range(21)]
    for level in levels:
        one.give(codes.GLUCOSE, level, "cgm")
        one.wait(300, step_s=10.0)
    raised = next(alarm for alarm in one.alarms if alarm.rule == LOW.finding)
    assert "Glucose may be below 54 mg/dL in about" in raised.evidence[0].note
    assert {part.quantity for part in raised.evidence[1:]} == {
        codes.GLUCOSE.refid, codes.GLUCOSE_IN_15_MIN.refid, codes.GLUCOSE_IN_30_MIN.refid,
    }  # fmt: skip
