"""A disagreement of pulse and heart rate whose heart rate falls silent ends like any other."""

import pytest

from edge_agent import codes
from edge_agent.alarms.shipped import finding_rules, stale_rules
from edge_agent.dsp.pulse_agreement import PulseWatch
from edge_agent.dsp.rhythm_finding import Standing
from edge_agent.model import Boottime, Observation
from edge_agent.pipeline import Pipeline

S = 10**9


def test_it_ends_ten_minutes_after_the_last_pair_though_the_pulse_goes_on():
    watch, told = PulseWatch(), []
    for at_s in range(900):
        if at_s < 90:
            watch.push_heart_rate(at_s, 120.0)
        told += [watch.push_pulse(at_s, 70.0), watch.tick(at_s)]
    begun, ended = (one for one in told if one is not None)
    assert (begun.standing, ended.standing) == (Standing.BEGUN, Standing.ENDED)
    assert ended.known_s == pytest.approx(690, abs=10)
    assert (ended.pulse_per_min, ended.heart_per_min) == (70.0, 120.0)


def test_the_hub_goes_on_to_watch_for_sensors_that_fall_silent():
    stale = stale_rules([("oximeter", (codes.SPO2,), 10.0)])
    pipeline = Pipeline((*finding_rules(), *stale), Boottime(0))
    steps = []

    def give(code, value, at_s, sensor):
        one = Observation(code=code, value=value, at=Boottime(at_s * S), sensor=sensor)
        steps.extend(pipeline.take(one, one.at))

    for at_s in range(900):
        if at_s < 90:
            give(codes.HEART_RATE, 120.0, at_s, "patch")
        if at_s < 850:
            give(codes.SPO2, 97.0, at_s, "oximeter")
        give(codes.PULSE_RATE, 70.0, at_s, "oximeter")
        steps += pipeline.tick(Boottime(at_s * S))
    assert [(one.rule, one.phase) for one in steps] == [
        ("pulse-disagreement", "raised"), ("pulse-disagreement", "cleared"),
        ("stale-oximeter", "raised"),
    ]  # fmt: skip
