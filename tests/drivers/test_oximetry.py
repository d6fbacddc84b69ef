"""How an oximeter's numbers become readings, and how its pulse wave is placed in time."""

import itertools

import pytest

from edge_agent.codes import PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.model import Boottime, Observation, State, Waveform
from edge_drivers.oximetry import Oximetry, PlethTime, SampleBySample

AT = Boottime(10**12)


def told(**fields):
    one = Oximetry(**{"spo2_percent": 97, "pulse_per_min": 72} | fields)
    return {reading.code: reading for reading in one.observations(AT, "finger")}


@pytest.mark.parametrize("state", [State.NOT_ATTACHED, State.SEARCHING, State.SENSOR_FAULT])
def test_numbers_held_from_before_are_left_away(state):
    readings = told(state=state, perfusion_percent=3.0)
    assert set(readings) == {SPO2, PULSE_RATE}
    assert {(one.value, one.state, one.quality) for one in readings.values()} == {(None, state, 0)}


def test_missing_number_of_a_sensor_that_measures_is_a_search():
    readings = told(pulse_per_min=None, perfusion_percent=0.3, quality=0.6)
    assert readings[PULSE_RATE].state is State.SEARCHING
    assert (readings[SPO2].value, readings[SPO2].quality) == (97.0, 0.6)
    assert readings[PERFUSION_INDEX].value == 0.3


@pytest.mark.parametrize("fields", [{"spo2_percent": 101}, {"state": State.QUESTIONABLE}])
def test_number_that_nobody_can_believe_or_that_the_sensor_doubts_is_questionable(fields):
    one = told(**fields)[SPO2]
    assert (one.state, one.quality) == (State.QUESTIONABLE, 0.0)
    assert one.value is not None


def placed(arrivals_s, rate_hz=60.0, count=20, cut=()):
    time = PlethTime("finger", rate_hz)
    return [
        time.block(
            [0] * count, State.MEASURED, Boottime(AT + round(at_s * 1e9)), is_cut=index in cut
        )
        for index, at_s in enumerate(arrivals_s)
    ]


def ahead_s(wave, at_s):
    """How far a block's last sample lies after its arrival."""
    last = wave.start + (len(wave.samples) - 1) / wave.rate_hz * 1e9
    return (last - AT) / 1e9 - at_s


@pytest.mark.parametrize("true_hz", [58.0, 59.9, 60.0, 61.0, 62.0])
def test_wave_of_a_sensor_that_is_off_its_rate_keeps_up_without_gap_or_overlap(true_hz):
    arrivals_s = [index * 20 / true_hz for index in range(600)]
    waves = placed(arrivals_s)
    for before, after in itertools.pairwise(waves):
        assert after.start == before.end
        assert not after.follows_gap
    lags_s = [ahead_s(wave, at_s) for wave, at_s in zip(waves, arrivals_s, strict=True)]
    assert max(map(abs, lags_s)) < 0.6
    assert waves[-1].rate_hz == pytest.approx(true_hz, rel=0.003)


def test_blocks_of_one_read_do_not_overlap_and_the_wave_comes_back_to_its_arrival():
    arrivals_s = [0.0] * 4 + [index / 3 for index in range(1, 300)]
    waves = placed(arrivals_s)
    assert all(after.start == before.end for before, after in itertools.pairwise(waves))
    assert ahead_s(waves[3], 0.0) == pytest.approx(1.0)
    assert abs(ahead_s(waves[-1], arrivals_s[-1])) < 0.1


def test_lost_octets_and_a_pause_leave_a_gap():
    waves = placed([0.0, 0.334, 1.2, 1.534, 5.0, 5.334], cut={2})
    assert [wave.follows_gap for wave in waves] == [False, False, True, False, True, False]
    assert abs(ahead_s(waves[2], 1.2)) < 1e-6
    assert abs(ahead_s(waves[4], 5.0)) < 1e-6


def samples(states, cut=()):
    gatherer = SampleBySample("finger", 60.0, 4)
    return [
        output
        for index, state in enumerate(states)
        for output in gatherer.add(
            index,
            Oximetry(spo2_percent=90 + index, pulse_per_min=72, state=state),
            Boottime(AT + index),
            is_cut=index in cut,
        )
    ]


def test_block_ends_when_full_and_its_numbers_are_those_of_its_last_sample():
    outputs = samples([State.MEASURED] * 9)
    waves = [one.samples.tolist() for one in outputs if isinstance(one, Waveform)]
    assert waves == [[0, 1, 2, 3], [4, 5, 6, 7]]
    spo2 = [one for one in outputs if isinstance(one, Observation) and one.code is SPO2]
    assert [(one.value, one.at) for one in spo2] == [(93.0, AT + 3), (97.0, AT + 7)]


def test_block_ends_when_the_state_changes_or_samples_are_lost():
    out = State.NOT_ATTACHED
    outputs = samples([State.MEASURED, State.MEASURED, out, out, out, out, out], cut={5})
    waves = [one for one in outputs if isinstance(one, Waveform)]
    assert [(one.samples.tolist(), one.state) for one in waves] == [
        ([0, 1], State.MEASURED),
        ([2, 3, 4], out),
    ]
