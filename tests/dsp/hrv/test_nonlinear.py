import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.hrv import dfa, nonlinear, poincare, sample_entropy, time_domain
from tests.dsp.hrv.series import lively

NAN = float("nan")


def plain_sample_entropy(series, tolerance):
    """The definition, pair by pair; a template counts when its continuation is known too."""
    places = [at for at in range(len(series) - 2) if not np.isnan(series[at : at + 3]).any()]
    pairs = together = 0
    for number, one in enumerate(places):
        for other in places[:number]:
            apart = np.abs(series[one : one + 3] - series[other : other + 3])
            pairs += bool(apart[:2].max() <= tolerance)
            together += bool(apart.max() <= tolerance)
    return math.log(pairs / together) if together else None


@settings(max_examples=30)
@given(st.lists(st.one_of(st.just(NAN), st.integers(600, 640).map(float)), min_size=1, max_size=40))
def test_sample_entropy_is_its_definition(series):
    series = np.array(series)
    known = series[~np.isnan(series)]
    expected = None
    if known.size >= 4:
        expected = plain_sample_entropy(series, 0.2 * known.std(ddof=1))
    found = sample_entropy(series)
    assert found == (None if expected is None else pytest.approx(expected))


def test_noise_is_less_foreseeable_than_a_wave():
    random = np.random.default_rng(3)
    wave = 800.0 + 50.0 * np.sin(np.arange(400) / 5.0)
    noise = random.normal(800.0, 50.0, 400)
    assert sample_entropy(wave) < 0.3
    assert sample_entropy(noise) > 1.5


def test_sd1_is_the_deviation_of_differences_over_root_two():
    series = lively(300)
    sd1, sd2 = poincare(series)
    assert sd1 == pytest.approx(time_domain(series).sdsd_ms / math.sqrt(2.0))
    assert sd2 == pytest.approx(np.std(series[1:] + series[:-1], ddof=1) / math.sqrt(2.0))
    figures = nonlinear(series)
    assert figures.sd1_sd2 == pytest.approx(sd1 / sd2)
    assert figures.ellipse_ms2 == pytest.approx(math.pi * sd1 * sd2)


def test_dfa_of_noise_is_a_half_and_of_its_sum_three_halves():
    noise = np.random.default_rng(2).normal(0.0, 10.0, 20_000)
    assert dfa(800.0 + noise, 16, 64) == pytest.approx(0.5, abs=0.05)
    assert dfa(800.0 + np.cumsum(noise), 16, 64) == pytest.approx(1.5, abs=0.05)


def test_dfa_needs_three_boxes_of_the_largest_size():
    assert dfa(lively(191), 16, 64) is None
    assert dfa(lively(192), 16, 64) is not None
    halves = np.concatenate((lively(100), [NAN], lively(100)))
    assert dfa(halves, 16, 64) is None, "no box reaches across a gap"


@settings(max_examples=20)
@given(st.integers(0, 50), st.floats(0.2, 5.0), st.floats(-200.0, 200.0))
def test_scale_and_offset_change_what_they_should(seed, scale, offset):
    series = lively(300, seed)
    one, other = nonlinear(series), nonlinear(scale * series + offset)
    for name in ("sd1_ms", "sd2_ms"):
        assert getattr(other, name) == pytest.approx(scale * getattr(one, name), rel=1e-9)
    for name in ("sd1_sd2", "dfa_alpha1", "dfa_alpha2"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-6)
    # A pair that lies just at the tolerance may fall to either side by rounding.
    assert other.sample_entropy == pytest.approx(one.sample_entropy, abs=0.01)


@given(st.integers(1, 298))
def test_nothing_is_compared_across_a_gap(at):
    series = lively(300)
    apart = np.concatenate((series[:at], [NAN], series[at:]))
    pairs = np.column_stack((series[:-1], series[1:]))
    pairs = np.delete(pairs, at - 1, axis=0)
    across = (pairs[:, 0] - pairs[:, 1]) / math.sqrt(2.0)
    assert poincare(apart)[0] == pytest.approx(across.std(ddof=1))


def test_a_heart_without_variation_has_the_figures_that_are_defined():
    figures = nonlinear(np.full(300, 800.0))
    assert (figures.sd1_ms, figures.sd2_ms, figures.ellipse_ms2) == (0.0, 0.0, 0.0)
    assert (figures.sd1_sd2, figures.dfa_alpha1, figures.dfa_alpha2) == (None, None, None)
    assert figures.sample_entropy == 0.0


@pytest.mark.parametrize("series", [[], [NAN] * 5, [800.0], [800.0, NAN, 810.0]])
def test_too_little_gives_nothing(series):
    figures = nonlinear(series)
    assert figures.sd1_ms is figures.sample_entropy is figures.dfa_alpha1 is None


def test_sample_entropy_is_a_figure_of_minutes():
    assert nonlinear(lively(5001)).sample_entropy is None
