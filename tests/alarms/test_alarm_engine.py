import numpy as np
import pytest

from edge_agent import codes
from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.rules import LimitRule
from edge_agent.alarms.shipped import limit_rules, stale_rules
from edge_agent.model import (
    Boottime,
    Event,
    EventKind,
    Observation,
    Phase,
    Priority,
    State,
    Waveform,
)  # fmt: skip

S = 1_000_000_000
RULE = LimitRule(
    name="spo2-low", title="SpO2 low", code=codes.SPO2, priority=Priority.HIGH,
    low=90, delay_s=5, hysteresis=1,
)  # fmt: skip


def spo2(at_s, value, **kwargs):
    at = Boottime(round(at_s * S))
    return Observation(code=codes.SPO2, value=value, at=at, sensor="ox", **kwargs)


def play(engine, readings):
    return [
        alarm for reading in readings for alarm in engine.judge(reading, getattr(reading, "at", 0))
    ]


def engine_with(*rules):
    return AlarmEngine(rules, Boottime(0))


def test_a_value_beyond_the_limit_for_the_delay_raises_one_alarm_with_evidence():
    engine = engine_with(RULE)
    alarms = play(engine, [spo2(second, 85) for second in range(20)])
    assert [(alarm.phase, alarm.at) for alarm in alarms] == [(Phase.RAISED, 5 * S)]
    evidence = alarms[0].evidence[0]
    assert (evidence.value, evidence.limit, evidence.unit, evidence.sensor) == (85, 90, "%", "ox")
    assert engine.active == tuple(alarms)


def test_a_dip_shorter_than_the_delay_raises_nothing():
    readings = [spo2(second, 85 if second % 5 else 97) for second in range(60)]
    assert play(engine_with(RULE), readings) == []


def test_an_alarm_clears_only_past_the_hysteresis_and_keeps_its_episode():
    engine = engine_with(RULE)
    raised = play(engine, [spo2(second, 85) for second in range(6)])
    at_the_limit = play(engine, [spo2(second, 90.5) for second in range(6, 60)])
    assert at_the_limit == []
    cleared = play(engine, [spo2(second, 95) for second in range(60, 70)])
    assert [alarm.phase for alarm in cleared] == [Phase.CLEARED]
    assert cleared[0].episode == raised[0].episode
    assert engine.active == ()


@pytest.mark.parametrize(
    "unreliable",
    [
        {"state": State.QUESTIONABLE},
        {"state": State.SEARCHING},
        {"quality": 0.2},
    ],
)
def test_unreliable_data_never_raises_an_all_clear(unreliable):
    engine = engine_with(RULE)
    play(engine, [spo2(second, 85) for second in range(6)])
    assert play(engine, [spo2(second, 99, **unreliable) for second in range(6, 600)]) == []
    assert len(engine.active) == 1


def test_one_doubtful_value_breaks_the_way_back_to_clear():
    engine = engine_with(RULE)
    play(engine, [spo2(second, 85) for second in range(6)])
    readings = [spo2(second, 97, quality=0.1 if second % 4 == 0 else 1) for second in range(8, 80)]
    assert play(engine, readings) == []


def test_backfilled_values_never_alarm_as_if_live():
    readings = [spo2(second, 60, backfilled=True) for second in range(60)]
    assert play(engine_with(RULE), readings) == []


def test_a_sensor_that_says_only_low_meets_a_low_limit_and_not_a_high_one():
    low = LimitRule(name="g", title="t", code=codes.GLUCOSE, priority=Priority.HIGH, low=70)
    high = LimitRule(name="h", title="t", code=codes.GLUCOSE, priority=Priority.HIGH, high=250)
    reading = Observation(
        code=codes.GLUCOSE, value=None, at=Boottime(S), sensor="cgm", state=State.BELOW_RANGE
    )
    alarms = engine_with(low, high).judge(reading, Boottime(S))
    assert [alarm.rule for alarm in alarms] == ["g"]
    assert alarms[0].evidence[0].note == "below-range"


def stale_engine():
    return AlarmEngine(stale_rules([("ox", (codes.SPO2,), 10.0)]), Boottime(0))


def test_a_sensor_that_never_came_is_reported():
    engine = stale_engine()
    assert engine.tick(Boottime(10 * S)) == []
    (alarm,) = engine.tick(Boottime(11 * S))
    assert alarm.technical
    assert alarm.evidence[0].value == 11
    assert engine.tick(Boottime(12 * S)) == []


def test_a_sensor_that_vanishes_is_reported_with_the_reason_and_comes_back():
    engine = stale_engine()
    engine.judge(spo2(5, 97), Boottime(5 * S))
    gone = Event(
        kind=EventKind.DISCONNECTED, at=Boottime(6 * S), sensor="ox", detail={"reason": "unplugged"}
    )
    engine.judge(gone, gone.at)
    assert engine.tick(Boottime(15 * S)) == []
    (alarm,) = engine.tick(Boottime(16 * S))
    assert alarm.evidence[0].note == "unplugged"
    (cleared,) = engine.judge(spo2(20, 97), Boottime(20 * S))
    assert (cleared.phase, cleared.episode) == (Phase.CLEARED, alarm.episode)


def test_readings_without_a_number_do_not_hide_that_the_finger_is_out():
    engine = stale_engine()
    for second in range(30):
        engine.judge(spo2(second, None, state=State.NOT_ATTACHED), Boottime(second * S))
    (alarm,) = engine.tick(Boottime(30 * S))
    assert "not-attached" in alarm.evidence[0].note


def test_a_battery_report_does_not_hide_an_ecg_that_stopped():
    engine = AlarmEngine(stale_rules([("patch", (codes.ECG,), 10.0)]), Boottime(0))
    block = Waveform(
        code=codes.ECG, samples=np.ones(3, np.int32), unit_per_count=1.0, rate_hz=130.0,
        start=Boottime(0), sensor="patch",
    )  # fmt: skip
    engine.judge(block, Boottime(0))
    battery = Observation(code=codes.BATTERY, value=80, at=Boottime(9 * S), sensor="patch")
    engine.judge(battery, battery.at)
    assert len(engine.tick(Boottime(11 * S))) == 1


def test_the_most_urgent_alarm_comes_first():
    rules = limit_rules(
        heart_rate_low_per_min=45, heart_rate_high_per_min=130, spo2_low_percent=90,
        glucose_low_mgdl=70, spo2_delay_s=0, delay_s=0,
    )  # fmt: skip
    engine = AlarmEngine(rules, Boottime(0))
    forecast = Observation(code=codes.GLUCOSE_IN_30_MIN, value=60, at=Boottime(1), sensor="cgm")
    engine.judge(forecast, forecast.at)
    engine.judge(spo2(1, 80), Boottime(S))
    assert [alarm.rule for alarm in engine.active] == ["spo2-low", "glucose-low-forecast"]


def test_one_alarm_names_every_quantity_that_is_missing_and_clears_when_all_are_back():
    rules = stale_rules([("patch", (codes.ECG, codes.HEART_RATE), 10.0)])
    engine = AlarmEngine(rules, Boottime(0))

    def rate(at_s):
        return Observation(code=codes.HEART_RATE, value=60, at=Boottime(at_s * S), sensor="patch")

    def block(at_s):
        return Waveform(
            code=codes.ECG, samples=np.ones(3, np.int32), unit_per_count=1.0, rate_hz=130.0,
            start=Boottime(at_s * S), sensor="patch",
        )  # fmt: skip

    for second in range(20):  # the ECG goes on, and no beat is found in it
        engine.judge(block(second), Boottime(second * S))
    (alarm,) = engine.tick(Boottime(20 * S))
    assert [evidence.quantity for evidence in alarm.evidence] == ["time without usable heart rate"]
    (cleared,) = engine.judge(rate(21), Boottime(21 * S))
    assert cleared.episode == alarm.episode
    assert len(engine.tick(Boottime(60 * S))) == 1
    assert len(engine.active[0].evidence) == 2
    assert engine.judge(block(61), Boottime(61 * S)) == []
    assert len(engine.judge(rate(62), Boottime(62 * S))) == 1


def test_values_too_doubtful_to_judge_bring_the_technical_alarm_and_never_silence():
    engine = stale_engine()
    for second in range(30):
        engine.judge(spo2(second, 78, quality=0.33), Boottime(second * S))
    (alarm,) = engine.tick(Boottime(30 * S))
    assert "quality is 0.33" in alarm.evidence[0].note


def test_a_normal_value_of_one_sensor_neither_hides_nor_clears_the_alarm_of_another():
    def reading(sensor, at_s, value):
        at = Boottime(at_s * S)
        return Observation(code=codes.SPO2, value=value, at=at, sensor=sensor)

    engine = engine_with(RULE)
    readings = [reading(*one) for at in range(60) for one in (("a", at, 75), ("b", at, 97))]
    alarms = play(engine, readings)
    assert [(alarm.phase, alarm.evidence[0].sensor) for alarm in alarms] == [(Phase.RAISED, "a")]
    assert len(engine.active) == 1


def test_two_good_values_with_a_hole_between_them_do_not_clear():
    engine = engine_with(RULE)
    play(engine, [spo2(second, 80) for second in range(7)])
    assert play(engine, [spo2(7, 97), spo2(607, 97)]) == []
    assert [alarm.phase for alarm in play(engine, [spo2(608 + at, 97) for at in range(6)])] == [
        Phase.CLEARED
    ]


def test_two_bad_values_with_a_hole_between_them_do_not_raise():
    assert play(engine_with(RULE), [spo2(0, 80), spo2(600, 80)]) == []
