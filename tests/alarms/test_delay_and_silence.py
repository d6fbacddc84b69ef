"""A delay that runs over a restart, and one alarm for one cause."""

import json

import pytest

from edge_agent import codes
from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.rules import FindingRule, LimitRule, StaleRule
from edge_agent.model import (
    Boottime,
    Event,
    EventKind,
    Observation,
    Phase,
    Priority,
    State,
)

S = 10**9
LOW = LimitRule(
    name="spo2-low", title="SpO2 low", code=codes.SPO2, priority=Priority.HIGH, low=90.0,
    delay_s=20.0, hysteresis=2.0,
)  # fmt: skip
FLAT = FindingRule(
    name="flat-line", title="ECG line is flat", finding="flat-line", priority=Priority.MEDIUM,
    advice="Look at the person.", technical=True, covers_silence=True,
)  # fmt: skip
STALE = StaleRule(
    name="stale-patch", title="no usable values", sensor="patch", codes=(codes.HEART_RATE,),
    after_s=30.0,
)  # fmt: skip


def spo2(value, at_s):
    return Observation(code=codes.SPO2, value=value, at=Boottime(at_s * S), sensor="ox")


def restarted(engine, at_s, new_at_s, rules=(LOW,)):
    kept = json.loads(json.dumps(engine.state(Boottime(at_s * S))))
    fresh = AlarmEngine(rules, Boottime(new_at_s * S))
    fresh.restore(kept, Boottime(new_at_s * S))
    return fresh


@pytest.mark.parametrize("new_at_s", [0, 12, 5000])
def test_a_delay_runs_on_over_a_restart(new_at_s):
    engine = AlarmEngine([LOW], Boottime(0))
    for at_s in range(12):
        assert engine.judge(spo2(85, at_s), Boottime(at_s * S)) == []
    engine = restarted(engine, 12, new_at_s)
    told = [engine.judge(spo2(85, new_at_s + more), Boottime(0)) for more in range(9)]
    assert [len(one) for one in told] == [0] * 8 + [1]


def test_a_delay_does_not_run_over_a_hole_because_of_a_restart_in_it():
    engine = AlarmEngine([LOW], Boottime(0))
    engine.judge(spo2(85, 0), Boottime(0))
    engine = restarted(engine, 60, 60)
    assert engine.judge(spo2(85, 61), Boottime(61 * S)) == []


def test_a_state_without_delays_of_an_older_version_is_taken_up():
    engine = AlarmEngine([LOW], Boottime(0))
    kept = engine.state(Boottime(0))
    del kept["delays"]
    AlarmEngine([LOW], Boottime(0)).restore(kept, Boottime(0))


def finding(standing, at_s):
    detail = {"finding": "flat-line", "standing": standing}
    return Event(kind=EventKind.FINDING, at=Boottime(at_s * S), sensor="patch", detail=detail)


def off(at_s):
    return Observation(code=codes.HEART_RATE, value=None, at=Boottime(at_s * S), sensor="patch",
                       state=State.NOT_ATTACHED)  # fmt: skip


def rules_raised(engine):
    return {alarm.rule for alarm in engine.active}


def test_a_line_that_is_flat_and_gives_nothing_is_one_alarm_not_two():
    engine = AlarmEngine([FLAT, STALE], Boottime(0))
    engine.judge(finding("begun", 5), Boottime(5 * S))
    for at_s in range(6, 120):
        engine.judge(off(at_s), Boottime(at_s * S))
        engine.tick(Boottime(at_s * S))
        assert rules_raised(engine) == {"flat-line"}


def test_a_flat_line_whose_sensor_falls_silent_is_told_too():
    engine = AlarmEngine([FLAT, STALE], Boottime(0))
    engine.judge(finding("begun", 5), Boottime(5 * S))
    engine.judge(off(6), Boottime(6 * S))
    for at_s in range(7, 120):
        engine.tick(Boottime(at_s * S))
    assert rules_raised(engine) == {"flat-line", "stale-patch"}


def test_silence_is_told_once_the_flat_line_that_covered_it_is_over():
    engine = AlarmEngine([FLAT, STALE], Boottime(0))
    engine.judge(finding("begun", 5), Boottime(5 * S))
    for at_s in range(6, 50):
        engine.judge(off(at_s), Boottime(at_s * S))
    engine.judge(finding("ended", 50), Boottime(50 * S))
    (step,) = engine.tick(Boottime(51 * S))
    assert (step.rule, step.phase) == ("stale-patch", Phase.RAISED)


def test_who_has_seen_an_alarm_is_kept_and_told_with_its_end():
    engine = AlarmEngine([LOW], Boottime(0))
    for at_s in range(21):
        engine.judge(spo2(85, at_s), Boottime(at_s * S))
    (alarm,) = engine.active
    (step,) = engine.acknowledge(alarm.episode, Boottime(22 * S), "nurse")
    assert (step.phase, step.by) == (Phase.ACKNOWLEDGED, "nurse")
    engine = restarted(engine, 23, 23)
    assert engine.active[0].by == "nurse"
    told = [step for at_s in range(24, 60) for step in engine.judge(spo2(97, at_s), Boottime(0))]
    assert [(one.phase, one.by) for one in told] == [(Phase.CLEARED, "nurse")]
