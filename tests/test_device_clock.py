import random

import pytest

from edge_agent.clock import NS_PER_S
from edge_agent.device_clock import DeviceClock
from edge_agent.model import Boottime

EPOCH_NS = 10**17


def place(fit, true_s, *, late_s=0.0, ppm=0.0, ahead_s=0.0):
    """Align a frame measured at ``true_s``; return by how many seconds it is misplaced."""
    device_ns = EPOCH_NS + round((true_s * (1 + ppm * 1e-6) + ahead_s) * NS_PER_S)
    return fit.align(device_ns, Boottime(round((true_s + late_s) * NS_PER_S))) / NS_PER_S - true_s


@pytest.mark.parametrize("ppm", [-50, 0, 50])
@pytest.mark.parametrize("seed", range(3))
def test_samples_lie_within_10_ms_of_the_truth_at_50_ppm_and_200_ms_of_jitter_seed(ppm, seed):
    """A strap's frames, 0.56 s apart, for two hours; the first two minutes are for learning."""
    fit, rng = DeviceClock(), random.Random(seed)
    errors = [
        place(fit, index * 0.5615, late_s=rng.uniform(0, 0.2), ppm=ppm) for index in range(12_800)
    ]
    assert max(map(abs, errors[214:])) < 0.010
    assert fit.resets == 0


def test_no_sample_is_placed_after_its_frame_arrived():
    fit, rng = DeviceClock(), random.Random(5)
    for index in range(5000):
        late_s = rng.expovariate(10)
        assert place(fit, index * 0.56, late_s=late_s, ppm=30) <= late_s + 1e-6


def test_frames_held_back_by_a_stall_keep_their_places():
    fit = DeviceClock()
    for index in range(200):
        place(fit, index * 0.56)
    errors = [place(fit, index * 0.56, late_s=(250 - index) * 0.56) for index in range(200, 250)]
    assert max(map(abs, errors)) < 0.001
    assert fit.resets == 0


@pytest.mark.parametrize("ahead_s", [-3600.0, -6.0, 5.0, 86_400.0])
def test_a_clock_that_was_set_is_fitted_anew_at_once(ahead_s):
    fit = DeviceClock()
    for index in range(300):
        place(fit, index * 0.56)
    errors = [place(fit, index * 0.56, ahead_s=ahead_s) for index in range(300, 310)]
    assert max(map(abs, errors)) < 0.001
    assert fit.resets == 1


def test_a_clock_set_back_by_a_little_is_told_from_a_stall_within_half_a_minute():
    fit = DeviceClock()
    for index in range(300):
        place(fit, index * 0.56)
    errors = [place(fit, index * 0.56, ahead_s=-3.0) for index in range(300, 400)]
    assert abs(errors[0]) > 1
    assert max(map(abs, errors[54:])) < 0.001
    assert fit.resets == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ahead_s", [-0.9, -0.5, -0.1, 0.1, 0.5, 0.9])
def test_a_clock_set_by_less_than_a_second_is_found_out_within_a_minute_seed(ahead_s, seed):
    fit, rng = DeviceClock(), random.Random(seed)
    for index in range(700):
        place(fit, index * 0.5615, late_s=rng.uniform(0, 0.2), ppm=50)
    errors = [
        place(fit, index * 0.5615, late_s=rng.uniform(0, 0.2), ppm=50, ahead_s=ahead_s)
        for index in range(700, 2500)
    ]
    assert max(map(abs, errors[321:])) < 0.010  # a minute to find out, two to learn again
    assert 1 <= fit.resets <= 2


def test_a_clock_that_the_sensor_itself_reports_as_new_is_learnt_at_once():
    fit = DeviceClock()
    for index in range(300):
        place(fit, index * 0.56)
    fit.restart()
    errors = [place(fit, index * 0.56, ahead_s=-0.9) for index in range(300, 310)]
    assert max(map(abs, errors)) < 0.001
    assert fit.resets == 0


def test_a_millisecond_counter_that_wraps_is_fitted_anew():
    fit, wrap_ms = DeviceClock(), 1 << 32
    for index in range(100):
        at_ms = (wrap_ms - 5_000 + index * 100) % wrap_ms
        hub = fit.align(at_ms * 1_000_000, Boottime(index * 100_000_000))
        assert hub == index * 100_000_000
    assert fit.resets == 1


def test_two_streams_of_one_sensor_that_overtake_each_other_are_no_reset():
    fit, rng = DeviceClock(), random.Random(6)
    for index in range(1000):
        place(fit, index * 0.56, late_s=rng.uniform(0, 0.2))
        error = place(fit, index * 0.56 - 0.3, late_s=0.3 + rng.uniform(0, 0.2))
        assert index < 250 or abs(error) < 0.010
    assert fit.resets == 0


def test_a_first_frame_that_came_very_late_is_forgotten():
    fit = DeviceClock()
    place(fit, 0, late_s=0.9)
    assert abs(place(fit, 1)) < 0.001
