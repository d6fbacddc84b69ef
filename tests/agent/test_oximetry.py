"""Oximeters at the hub: desaturations and nights that reach the summary, a pulse that lies."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from edge_agent import codes
from edge_agent.alarms.shipped import finding_rules
from edge_agent.clock import ClockRecord, VirtualClock
from edge_agent.dsp.desaturation import oxygenation
from edge_agent.kept_nights import WRITE_EVERY_S
from edge_agent.model import Boottime, Event, Observation, Phase, State
from edge_agent.oximeter_watch import OximeterWatch
from edge_agent.pipeline import Pipeline

S = 1_000_000_000
CLOCK = ClockRecord.take(VirtualClock())
SILENT_S = 1900


def told(code, value, at_s, sensor="ox", **kwargs):
    at = Boottime(round(at_s * S))
    return Observation(code=code, value=value, at=at, sensor=sensor, **kwargs)


def night(hours=2.0, dips=8, seed=1):
    """One value a second: dips of 4 to 9 % on 96 %."""
    rng = np.random.default_rng(seed)
    spo2 = np.full(round(hours * 3600), 96.0)
    for place in range(dips):
        begin = round((place + 0.5) * spo2.size / dips)
        depth = rng.integers(4, 10)
        shape = np.concatenate((np.linspace(0, depth, 20), np.linspace(depth, 0, 10)))
        spo2[begin : begin + 30] -= np.round(shape)
    return spo2


def followed(readings, end_s, watch=None):
    watch = watch or OximeterWatch()
    found = [one for reading in readings for one in watch.take(reading)]
    return found + watch.tick(Boottime(round(end_s * S)))


def figures(found):
    return {one.code: one for one in found if isinstance(one, Observation)}


def desaturations(found):
    return [one for one in found if isinstance(one, Event)]


def spo2_readings(values, start_s=0.0):
    return [told(codes.SPO2, value, start_s + second) for second, value in enumerate(values)]


def test_a_night_that_is_over_gives_its_figures_and_each_desaturation_its_evidence():
    spo2 = night(5.0, dips=10)
    found = followed(spo2_readings(spo2), spo2.size + SILENT_S)
    expected, told_figures = oxygenation(spo2), figures(found)
    assert told_figures[codes.ODI3].value == pytest.approx(expected.odi3_per_h)
    assert told_figures[codes.ODI4].value == pytest.approx(expected.odi4_per_h)
    assert told_figures[codes.T90].value == pytest.approx(expected.t90_percent)
    assert told_figures[codes.SPO2_NADIR].value == expected.nadir_percent
    assert told_figures[codes.OXIMETRY_HOURS].value == pytest.approx(5.0)
    assert told_figures[codes.ODI3].at == (spo2.size - 1) * S
    assert all(one.is_reliable for one in told_figures.values())
    events = desaturations(found)
    assert len(events) == len(expected.desaturations) == 10
    first = events[0].detail
    assert (first["finding"], first["unit"]) == ("desaturation", "%")
    assert first["value"] == expected.desaturations[0].nadir_percent
    assert first["onset_ns"] < first["nadir_ns"] < first["offset_ns"] == events[0].at


def test_figures_of_less_than_four_hours_inform_and_are_not_to_be_relied_on():
    spo2 = night(2.0)
    found = figures(followed(spo2_readings(spo2), spo2.size + SILENT_S))
    assert not any(one.is_reliable for one in found.values())
    assert found[codes.OXIMETRY_HOURS].value == pytest.approx(2.0)


def test_a_finger_for_a_minute_is_no_night():
    assert followed(spo2_readings(night(0.02, dips=0)), 5000) == []


def test_who_wears_it_for_ever_gets_figures_every_twelve_hours():
    """Every fourth second, to be done sooner."""
    readings = [told(codes.SPO2, 96, at) for at in range(0, 25 * 3600, 4)]
    watch = OximeterWatch()
    found = [one for reading in readings for one in watch.take(reading)]
    assert [one.at // S for one in found if one.code == codes.ODI3] == [43196, 86396]


@pytest.mark.parametrize(
    "state", [State.NOT_ATTACHED, State.SEARCHING, State.QUESTIONABLE, State.SENSOR_FAULT]
)
def test_what_the_status_bits_doubt_is_in_no_figure(state):
    spo2 = night(2.0, dips=0)
    number = 60.0 if state is State.QUESTIONABLE else None
    readings = [
        told(codes.SPO2, number, at, state=state, quality=0.0)
        if 3000 <= at < 3100
        else told(codes.SPO2, value, at)
        for at, value in enumerate(spo2)
    ]
    found = figures(followed(readings, spo2.size + SILENT_S))
    assert found[codes.SPO2_NADIR].value == 96
    assert found[codes.T90].value == 0
    held = 3.0  # the last value stands for three seconds
    settling = 3.0 if state is State.QUESTIONABLE else 0.0
    assert found[codes.OXIMETRY_HOURS].value * 3600 == spo2.size - 100 + held - settling


def test_a_weak_pulse_is_in_no_figure_and_still_raises_the_alarm():
    readings = []
    for at, value in enumerate(night(2.0, dips=0)):
        weak = 3000 <= at < 3100
        readings.append(told(codes.PERFUSION_INDEX, 0.1 if weak else 2.0, at))
        quality = 0.6 if weak else 1.0
        readings.append(told(codes.SPO2, 80 if weak else value, at, quality=quality))
    found = figures(followed(readings, 7200 + SILENT_S))
    assert found[codes.SPO2_NADIR].value == 96


def test_readings_from_a_sensors_memory_are_no_night_under_way():
    spo2 = night(2.0)
    readings = [told(codes.SPO2, value, at, backfilled=True) for at, value in enumerate(spo2)]
    assert followed(readings, spo2.size + SILENT_S) == []


@hypothesis_settings(max_examples=15)
@given(cut=st.integers(0, 7199), shift_s=st.integers(-5000, 5000))
def test_a_restart_gives_what_a_gap_at_the_same_place_gives(cut, shift_s):
    """Whatever boot time is afterwards; nothing is found across the cut, and it has no length."""
    spo2 = night(2.0)
    before, after = OximeterWatch(), OximeterWatch()
    for reading in spo2_readings(spo2[:cut]):
        before.take(reading)
    kept = json.loads(json.dumps(before.state(Boottime(cut * S))))
    start_s = 10_000 + cut + shift_s
    after.restore(kept, Boottime(start_s * S))
    found = figures(
        followed(spo2_readings(spo2[cut:], start_s), start_s + 7200 - cut + SILENT_S, after)
    )
    parts = [oxygenation(one) for one in (spo2[:cut], spo2[cut:]) if one.size]
    hours = sum(one.hours for one in parts)
    assert found[codes.OXIMETRY_HOURS].value == pytest.approx(hours)
    for code, name in ((codes.ODI3, "odi3_per_h"), (codes.T90, "t90_percent")):
        expected = sum(getattr(one, name) * one.hours for one in parts) / hours
        assert found[code].value == pytest.approx(expected)


def rates(pulse, heart, seconds, start_s=0):
    for at in range(start_s, start_s + seconds):
        yield told(codes.HEART_RATE, heart, at, "strap")
        yield told(codes.PULSE_RATE, pulse, at)


def feed(pipeline, readings):
    return [alarm for one in readings for alarm in pipeline.take(one, one.at)]


def test_a_pulse_that_is_not_the_hearts_is_a_technical_alarm_with_both_rates():
    pipeline = Pipeline(finding_rules(), Boottime(0))
    assert feed(pipeline, rates(70, 72, 120)) == []
    raised = feed(pipeline, rates(140, 72, 120, 120))
    assert [(one.rule, one.technical, one.phase) for one in raised] == [
        ("pulse-disagreement", True, Phase.RAISED)
    ]
    assert 140 < raised[0].at / S < 170
    assert raised[0].evidence[0].unit == "/min"
    cleared = feed(pipeline, rates(72, 72, 120, 240))
    assert [one.phase for one in cleared] == [Phase.CLEARED]
    events = pipeline.summary.take(CLOCK)["event"]
    begun = next(json.loads(one["detail"]) for one in events if '"begun"' in one["detail"])
    assert (begun["finding"], begun["heart_per_min"]) == ("pulse-disagreement", 72.0)


def test_an_alarm_of_disagreement_from_before_a_restart_ends_when_the_rates_agree():
    first = Pipeline(finding_rules(), Boottime(0))
    feed(first, rates(140, 72, 120))
    second = Pipeline(finding_rules(), Boottime(0))
    second.alarms.restore(first.alarms.state(Boottime(120 * S)), Boottime(0))
    steps = feed(second, rates(72, 72, 60))
    assert [one.phase for one in steps] == [Phase.CLEARED]


def test_a_disagreement_that_nobody_can_judge_any_more_ends():
    pipeline = Pipeline(finding_rules(), Boottime(0))
    feed(pipeline, rates(140, 72, 120))
    assert pipeline.tick(Boottime(600 * S)) == []
    (step,) = pipeline.tick(Boottime(730 * S))
    assert (step.phase, "missing" in step.evidence[0].note) == (Phase.CLEARED, True)


async def test_a_night_survives_the_restart_of_the_hub(bedside):
    rng = random.Random(3)

    async def wear(agent, minutes):
        for _ in range(minutes):
            for _ in range(15):
                at = bedside.clock.boottime()
                value = rng.choice((95, 96))
                agent.receive(Observation(code=codes.SPO2, value=value, at=at, sensor="ox"))
                await bedside.clock.advance(4)
            await bedside.stored(agent)

    async with bedside.hub() as agent:
        await wear(agent, 40)
    async with bedside.hub() as agent:
        await wear(agent, 40)
        await bedside.clock.advance(SILENT_S)
        hours = agent.beds[0].pipeline.twin.variable(codes.OXIMETRY_HOURS, bedside.clock.boottime())
        assert hours.value == pytest.approx(80 / 60, abs=0.01)


async def test_a_night_that_ended_while_the_hub_was_off_is_told_and_not_gone_on_with(bedside):
    async with bedside.hub() as agent:
        for at, value in enumerate(night(1.5)):
            agent.beds[0].pipeline.take(told(codes.SPO2, value, at - 5400), Boottime(0))
        await bedside.clock.advance(WRITE_EVERY_S + 1)
    bedside.clock.step_utc(10 * 3600)
    async with bedside.hub() as agent:
        await bedside.clock.advance(2)
        hours = agent.beds[0].pipeline.twin.variable(codes.OXIMETRY_HOURS, bedside.clock.boottime())
        assert hours.value == pytest.approx(1.5)
        assert agent.beds[0].pipeline.oximeters.state(bedside.clock.boottime()) == {}


async def test_a_kept_night_of_another_version_is_told_and_costs_nothing_else(bedside, caplog):
    from edge_agent.store.local_state import LocalState

    LocalState.open(bedside.folder / "state").write("oximetry-001122334455", b'{"nights": 3}')
    async with bedside.hub() as agent:
        await bedside.clock.advance(2)
        assert agent.beds[0].pipeline.oximeters.state(bedside.clock.boottime()) == {}
    assert "of another version" in caplog.text
