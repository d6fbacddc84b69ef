import numpy as np
import pytest

from edge_agent.dsp.quality_line import DEAD_S, DeadLine, could_hide_beat, is_dead, largest_swing

RATE_HZ = 250.0
RANDOM = np.random.default_rng(11)
OPEN_INPUT = 0.001 * RANDOM.standard_normal(2000)


def living_standstill(seconds, rate_hz=RATE_HZ, step_mv=0.005):
    """No beats: 4 µV of noise and a wandering base line, as a converter with 5 µV steps has it."""
    random = np.random.default_rng(3)
    n = round(seconds * rate_hz)
    wander = 0.02 * np.sin(2.0 * np.pi * 0.25 * np.arange(n) / rate_hz)
    return step_mv * np.rint((wander + 0.004 * random.standard_normal(n)) / step_mv)


@pytest.mark.parametrize("level_mv", [0.0, 1.7, -200.0])
def test_equal_samples_and_an_open_input_are_dead(level_mv):
    assert is_dead(np.full(300, level_mv))
    assert is_dead(level_mv + OPEN_INPUT[:500])


def test_a_quiet_body_is_not_dead():
    standstill = living_standstill(30.0)
    assert not any(is_dead(standstill[at : at + 125]) for at in range(0, standstill.size - 125, 25))


def test_samples_at_full_scale_are_dead_whatever_their_swing():
    railed = 5.0 + np.abs(RANDOM.standard_normal(500))
    assert is_dead(railed, full_scale_mV=5.0)
    assert not is_dead(railed)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_equal_samples_are_dead_in_every_unit_and_others_are_not(unit):
    assert is_dead(np.full(300, 1.3 * unit), flat_mV=0.0)
    assert not is_dead(unit * living_standstill(2.0), flat_mV=0.0)


@pytest.mark.parametrize("bad", [[], [[1.0]], [1.0, np.nan], [np.inf]])
def test_what_is_no_stretch_is_refused(bad):
    with pytest.raises(ValueError, match="samples"):
        is_dead(bad)


@pytest.mark.parametrize("bad", [[[1.0]], [1.0, np.nan]])
def test_the_stream_refuses_it_too(bad):
    with pytest.raises(ValueError, match="samples"):
        DeadLine(RATE_HZ).push(bad)


@pytest.mark.parametrize("rate_hz", [100.0, 130.0, 360.0, 1000.0])
def test_a_lead_that_falls_off_is_dead_for_as_long_as_it_has_been(make_ecg, rate_hz):
    ecg = make_ecg(rate_hz).signal_mv
    line = DeadLine(rate_hz)
    assert line.push(ecg[: round(10.0 * rate_hz)]) == 0.0
    dead_s = line.push(np.full(round(2.0 * rate_hz), 0.3))
    assert 1.85 <= dead_s <= 2.0
    assert line.is_dead
    assert line.push(ecg[: round(rate_hz)]) == 0.0
    assert not line.is_dead


def test_a_standstill_of_the_heart_is_never_dead(make_ecg):
    line = DeadLine(RATE_HZ)
    line.push(make_ecg(RATE_HZ).signal_mv)
    standstill = living_standstill(30.0)
    longest = max(line.push(standstill[at : at + 50]) for at in range(0, standstill.size, 50))
    assert longest < DEAD_S / 2


def test_the_word_of_the_sensor_and_its_rail_count(make_ecg):
    ecg = make_ecg(RATE_HZ).signal_mv[:500]
    assert DeadLine(RATE_HZ).push(ecg) == 0.0
    assert DeadLine(RATE_HZ).push(ecg, lead_off=True) == pytest.approx(2.0, abs=0.1)
    assert DeadLine(RATE_HZ, full_scale_mV=5.0).push(ecg + 9.0) == pytest.approx(2.0, abs=0.1)


def test_memory_is_bounded_and_so_is_the_time_told():
    line = DeadLine(RATE_HZ)
    for _ in range(40):
        dead_s = line.push(np.zeros(250))
    assert dead_s == pytest.approx(10.0, abs=0.1)
    assert max(line._high.size, line._rest.size) <= 250


@pytest.mark.parametrize("block", [1, 7, 50, 333])
def test_every_split_gives_the_same(make_ecg, block):
    signal = np.concatenate((make_ecg(RATE_HZ).signal_mv[:600], OPEN_INPUT[:400], [0.1] * 37))
    whole, split = DeadLine(RATE_HZ), DeadLine(RATE_HZ)
    for at in range(0, signal.size, block):
        told = split.push(signal[at : at + block])
        assert told == DeadLine(RATE_HZ).push(signal[: at + block])
    assert split.dead_for_s == whole.push(signal)


def test_a_beat_swings_by_its_height_and_a_wander_does_not(make_ecg):
    signal = make_ecg(RATE_HZ, noise_mv=0.0).signal_mv
    wander = np.sin(2.0 * np.pi * 0.1 * np.arange(signal.size) / RATE_HZ)
    assert largest_swing(signal, RATE_HZ) == pytest.approx(1.2, abs=0.05)
    assert largest_swing(wander, RATE_HZ) < 0.1
    assert largest_swing(signal[:5], RATE_HZ) == 0.0


def test_a_beat_can_hide_in_noise_of_its_size_and_not_in_a_quiet_line(make_ecg):
    line = DeadLine(RATE_HZ)
    line.push(make_ecg(RATE_HZ).signal_mv)
    line.push(living_standstill(4.0))
    assert not could_hide_beat(line.largest_swing_mV(3.5), 1.2)
    assert could_hide_beat(line.largest_swing_mV(8.0), 1.2)
    line.push(0.3 * RANDOM.standard_normal(500))
    assert could_hide_beat(line.largest_swing_mV(3.5), 1.2)
