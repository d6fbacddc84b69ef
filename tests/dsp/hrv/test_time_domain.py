import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.hrv import RollingTimeDomain, time_domain
from edge_agent.dsp.rr import normal_only
from tests.dsp.hrv.series import lively

NAN = float("nan")


def test_alternating_intervals_have_closed_forms():
    n, half = 20, 30.0
    figures = time_domain([800.0 + half, 800.0 - half] * (n // 2))
    assert figures.n == n
    assert figures.n_differences == n - 1
    assert figures.mean_nn_ms == pytest.approx(800.0)
    assert figures.mean_hr_per_min == pytest.approx(75.0)
    assert figures.sdnn_ms == pytest.approx(half * math.sqrt(n / (n - 1)))
    assert figures.rmssd_ms == pytest.approx(2 * half)
    mean_step = -2 * half / (n - 1)
    spread = ((n - 1) * (2 * half) ** 2 - (n - 1) * mean_step**2) / (n - 2)
    assert figures.sdsd_ms == pytest.approx(math.sqrt(spread))
    assert figures.pnn50_percent == 100.0


def test_a_ramp_has_steps_but_no_spread_of_steps():
    figures = time_domain(700.0 + 10.0 * np.arange(11))
    assert figures.rmssd_ms == pytest.approx(10.0)
    assert figures.sdsd_ms == pytest.approx(0.0, abs=1e-9)
    assert figures.sdnn_ms == pytest.approx(10.0 * math.sqrt(11.0))
    assert figures.pnn50_percent == 0.0


def test_pnn50_counts_differences_of_more_than_50_ms():
    figures = time_domain([800.0, 850.0, 901.0, 850.0, 850.0])
    assert figures.pnn50_percent == pytest.approx(50.0)


def test_no_difference_is_taken_across_a_gap():
    figures = time_domain([800.0, 810.0, NAN, 1200.0, 1210.0])
    assert (figures.n, figures.n_differences, figures.n_excluded) == (4, 2, 1)
    assert figures.rmssd_ms == pytest.approx(10.0)


def test_figures_that_are_not_defined_are_none():
    assert time_domain([]) is None
    assert time_domain([NAN, NAN]) is None
    lone = time_domain([800.0, NAN, 900.0])
    assert (lone.rmssd_ms, lone.sdsd_ms, lone.pnn50_percent) == (None, None, None)
    assert lone.sdnn_ms == pytest.approx(math.sqrt(5000.0))
    assert time_domain([800.0]).sdnn_ms is None


def test_intervals_must_be_one_dimensional():
    with pytest.raises(ValueError, match="one-dimensional"):
        time_domain(np.zeros((2, 2)))


FIGURES = ("mean_nn_ms", "mean_hr_per_min", "sdnn_ms", "rmssd_ms", "sdsd_ms", "pnn50_percent")


@settings(max_examples=50)
@given(st.lists(st.one_of(st.none(), st.floats(300.0, 1500.0)), min_size=1, max_size=120))
def test_the_rolling_value_equals_the_batch_over_its_window(rr_ms):
    rolling, at_s, times = RollingTimeDomain(window_s=30.0), 1e6, []
    for interval in rr_ms:
        at_s += (interval or 1000.0) / 1000.0
        times.append(at_s)
        rolling.push(at_s, interval)
    normal = normal_only([NAN if one is None else one for one in rr_ms])
    batch = time_domain(normal[np.array(times) > at_s - 30.0])
    value = rolling.value()
    if batch is None:
        assert value is None
        return
    assert (value.n, value.n_excluded) == (batch.n, batch.n_excluded)
    for name in FIGURES:
        ours, expected = getattr(value, name), getattr(batch, name)
        assert (ours is None) == (expected is None)
        if ours is not None:
            assert ours == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_ectopic_beats_do_not_reach_the_rolling_figures():
    rolling, at_s = RollingTimeDomain(), 0.0
    for number in range(60):
        rr_ms = {30: 500.0, 31: 1100.0}.get(number, 800.0 + 10.0 * (number % 2))
        at_s += rr_ms / 1000.0
        rolling.push(at_s, rr_ms)
    figures = rolling.value()
    assert figures.rmssd_ms == pytest.approx(10.0)
    assert figures.n_excluded == 2


def test_a_beat_out_of_order_is_ignored():
    rolling = RollingTimeDomain()
    rolling.push(10.0, 800.0)
    rolling.push(9.0, 900.0)
    assert rolling.value().n == 1


def test_there_is_no_value_before_the_first_interval():
    rolling = RollingTimeDomain()
    assert rolling.value() is None
    rolling.push(1.0, None)
    assert rolling.value() is None


def test_pnn20_counts_differences_of_more_than_20_ms():
    assert time_domain([800.0, 820.0, 841.0, 800.0, 800.0]).pnn20_percent == pytest.approx(50.0)


def test_the_triangular_index_is_all_over_the_fullest_bin():
    assert time_domain(np.full(50, 800.0)).triangular_index == 1.0
    bins = np.repeat([100, 101, 102], [10, 20, 10]) * 1000.0 / 128.0 + 1.0
    assert time_domain(bins).triangular_index == pytest.approx(2.0)


@given(st.integers(0, 100), st.floats(0.3, 3.0))
def test_figures_in_ms_scale_with_the_intervals(seed, scale):
    series = lively(100, seed)
    one, other = time_domain(series), time_domain(scale * series)
    for name in ("mean_nn_ms", "sdnn_ms", "rmssd_ms", "sdsd_ms"):
        assert getattr(other, name) == pytest.approx(scale * getattr(one, name), rel=1e-9)


@given(st.integers(1, 98))
def test_a_gap_takes_one_difference_away_and_changes_no_other(at):
    series = lively(99)
    steps = np.delete(np.diff(series), at - 1)
    figures = time_domain(np.concatenate((series[:at], [NAN], series[at:])))
    assert figures.rmssd_ms == pytest.approx(np.sqrt(np.mean(steps**2)))
    assert figures.sdnn_ms == pytest.approx(np.std(series, ddof=1))


def test_the_rolling_figures_tell_of_missing_beats():
    rolling = RollingTimeDomain()
    for at_s in (0.8, 1.6, 2.4):
        rolling.push(at_s, 800.0)
    rolling.push(6.4, None)
    rolling.push(7.2, 800.0)
    figures = rolling.value()
    assert (figures.n, figures.n_excluded, figures.n_missing) == (4, 1, 4)
    assert time_domain([800.0]).n_missing is None
