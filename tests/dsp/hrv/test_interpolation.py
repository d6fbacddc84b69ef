import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.dsp.hrv import Interpolation

STEPS = st.lists(st.floats(0.2, 3.0), min_size=4, max_size=40)


def grid(steps):
    x = np.cumsum(steps)
    return x, np.linspace(x[0], x[-1], 101)


@given(STEPS, st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_a_cubic_is_its_own_spline(steps, coefficients):
    x, wanted = grid(steps)
    found = Interpolation.CUBIC.at(wanted, x, np.polyval(coefficients, x))
    scale = 1.0 + np.abs(np.polyval(np.abs(coefficients), x)).max()
    np.testing.assert_allclose(found, np.polyval(coefficients, wanted), atol=1e-9 * scale)


@given(STEPS, st.integers(0, 1000))
def test_the_spline_is_that_of_scipy(steps, seed):
    interpolate = pytest.importorskip("scipy.interpolate", reason="scipy is not installed")
    x, wanted = grid(steps)
    y = np.random.default_rng(seed).normal(0.0, 1.0, x.size)
    expected = interpolate.CubicSpline(x, y)(wanted)
    tolerance = 1e-10 * np.abs(expected).max()
    np.testing.assert_allclose(Interpolation.CUBIC.at(wanted, x, y), expected, atol=tolerance)


@pytest.mark.parametrize("interpolation", Interpolation)
def test_it_goes_through_the_points(interpolation):
    x, y = np.array([0.0, 1.0, 2.5, 3.0, 7.0]), np.array([1.0, -2.0, 0.0, 5.0, 4.0])
    np.testing.assert_allclose(interpolation.at(x, x, y), y, atol=1e-12)
