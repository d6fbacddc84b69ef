import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.hrv import (
    DAY_RECIPE,
    DEFAULT_RECIPE,
    HRV_ANALYSIS_RECIPE,
    frequency_domain,
)
from tests.dsp.hrv.series import lively, two_tones

NAN = float("nan")
RECIPES = (DEFAULT_RECIPE, DAY_RECIPE, HRV_ANALYSIS_RECIPE)
POWERS = ("vlf_ms2", "lf_ms2", "hf_ms2", "total_ms2")


@pytest.mark.parametrize("seconds", [300, 600, 1800])
@pytest.mark.parametrize("phases", [(0.0, 0.0), (1.0, 2.0), (2.0, 0.5)])
def test_two_tones_have_the_power_they_were_made_with(seconds, phases):
    figures = frequency_domain(two_tones(seconds, low_phase=phases[0], high_phase=phases[1]))
    assert figures.lf_ms2 == pytest.approx(200.0, rel=0.005)
    assert figures.hf_ms2 == pytest.approx(112.5, rel=0.015)
    assert figures.vlf_ms2 == pytest.approx(0.0, abs=0.01)
    assert figures.lf_nu == pytest.approx(64.0, abs=0.4)
    assert figures.lf_nu + figures.hf_nu == pytest.approx(100.0)
    assert figures.lf_hf == pytest.approx(figures.lf_ms2 / figures.hf_ms2)
    assert figures.total_ms2 == pytest.approx(312.5, rel=0.01)
    assert figures.ulf_ms2 is None


def test_lines_between_the_beats_lose_a_quarter_of_hf():
    figures = frequency_domain(two_tones(300), recipe=HRV_ANALYSIS_RECIPE)
    assert figures.lf_ms2 == pytest.approx(191.5, abs=1.5)
    assert figures.hf_ms2 == pytest.approx(86.0, abs=1.5)


@settings(max_examples=20)
@given(st.floats(0.1, 10.0), st.integers(0, 100), st.sampled_from(RECIPES))
def test_power_is_the_square_of_the_size_of_the_variation(scale, seed, recipe):
    variation = lively(800, seed) - 850.0
    one = frequency_domain(850.0 + 0.05 * variation, rr_ms=np.full(800, 850.0), recipe=recipe)
    other = frequency_domain(
        850.0 + 0.05 * scale * variation, rr_ms=np.full(800, 850.0), recipe=recipe
    )
    for name in POWERS:
        expected = scale**2 * getattr(one, name)
        assert getattr(other, name) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_heart_without_variation_has_no_power(recipe):
    figures = frequency_domain(np.full(800, 800.0), recipe=recipe)
    assert figures.total_ms2 == pytest.approx(0.0, abs=1e-12)
    assert (figures.lf_nu, figures.hf_nu, figures.lf_hf) == (None, None, None)


def test_nothing_known_gives_nothing():
    assert frequency_domain([]) is None
    assert frequency_domain([NAN, NAN]) is None


def test_too_little_gives_no_figure_but_says_how_little():
    series = two_tones(300)
    series[40:] = NAN
    figures = frequency_domain(series, span_s=300.0)
    assert all(getattr(figures, name) is None for name in POWERS)
    assert (figures.covered_share, figures.n_stretches) == (0.0, 0)


def test_a_gap_cuts_the_series_and_what_is_left_on_both_sides_counts():
    series = two_tones(330)
    middle = series.size // 2
    series[middle : middle + 25] = NAN  # nobody knows how long these were
    figures = frequency_domain(series, span_s=330.0)
    assert figures.n_stretches == 2
    assert figures.n_bridged == 0
    assert figures.covered_share == pytest.approx(1 - 20 / 330, abs=0.01)
    assert figures.lf_ms2 == pytest.approx(200.0, rel=0.01)
    assert figures.hf_ms2 == pytest.approx(112.5, rel=0.02)
    assert figures.vlf_ms2 is None, "no stretch is long enough to know"


def test_an_offset_between_the_sides_of_a_gap_is_no_variation():
    series = np.concatenate((two_tones(150), [NAN], two_tones(150) + 300.0))
    figures = frequency_domain(series)
    assert figures.lf_ms2 == pytest.approx(200.0, rel=0.01)
    assert figures.hf_ms2 == pytest.approx(112.5, rel=0.15)


def test_an_ectopic_beat_of_known_length_is_bridged_and_counted():
    rr_ms = two_tones(300)
    nn_ms = rr_ms.copy()
    for at in (60, 150, 240):
        rr_ms[at : at + 2] += (-250.0, 250.0)
        nn_ms[at : at + 2] = NAN
    figures = frequency_domain(nn_ms, rr_ms=rr_ms)
    assert (figures.n_stretches, figures.n_bridged) == (1, 6)
    assert figures.lf_ms2 == pytest.approx(200.0, rel=0.05)
    assert figures.hf_ms2 == pytest.approx(112.5, rel=0.05)
    cut = frequency_domain(nn_ms)
    assert (cut.n_stretches, cut.n_bridged, cut.lf_ms2) == (0, 0, None)


def test_many_ectopic_beats_leave_no_figure():
    rr_ms = two_tones(300)
    nn_ms = np.where(np.arange(rr_ms.size) % 7 == 3, NAN, rr_ms)
    figures = frequency_domain(nn_ms, rr_ms=rr_ms)
    assert figures.lf_ms2 is None
    assert figures.covered_share == pytest.approx(6 / 7, abs=0.01)


def test_a_long_hole_is_not_bridged_even_if_its_length_is_known():
    rr_ms = two_tones(300)
    nn_ms = rr_ms.copy()
    nn_ms[180:190] = NAN
    assert frequency_domain(nn_ms, rr_ms=rr_ms).n_stretches == 2


@pytest.mark.parametrize("length_ms", [0.0, -5.0, float("inf")])
def test_a_length_that_can_not_be_is_a_gap(length_ms):
    rr_ms = two_tones(400)
    nn_ms = rr_ms.copy()
    rr_ms[250], nn_ms[250] = length_ms, NAN
    figures = frequency_domain(nn_ms, rr_ms=rr_ms)
    assert figures.n_stretches == 2
    assert figures.lf_ms2 == pytest.approx(200.0, rel=0.01)


def test_windows_of_a_longer_series_are_averaged():
    recipe = dataclasses.replace(DEFAULT_RECIPE, window_s=100.0, shortest_s=60.0)
    calm, lively_part = two_tones(300), 800.0 + 2.0 * (two_tones(300) - 800.0)
    figures = frequency_domain(np.concatenate((calm, [NAN], lively_part)), recipe=recipe)
    assert figures.lf_ms2 == pytest.approx((200.0 + 800.0) / 2, rel=0.03)


def test_as_many_intervals_of_both_kinds_are_needed():
    with pytest.raises(ValueError, match="as many expected"):
        frequency_domain([800.0, 800.0], rr_ms=[800.0])
    with pytest.raises(ValueError, match="one-dimensional"):
        frequency_domain(np.zeros((2, 2)))
