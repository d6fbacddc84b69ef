import numpy as np
import pytest

from edge_agent.dsp.quality_line import is_dead, largest_swing

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


def test_a_beat_swings_by_its_height_and_a_wander_does_not(make_ecg):
    signal = make_ecg(RATE_HZ, noise_mv=0.0).signal_mv
    wander = np.sin(2.0 * np.pi * 0.1 * np.arange(signal.size) / RATE_HZ)
    assert largest_swing(signal, RATE_HZ) == pytest.approx(1.2, abs=0.05)
    assert largest_swing(wander, RATE_HZ) < 0.1
    assert largest_swing(signal[:5], RATE_HZ) == 0.0
