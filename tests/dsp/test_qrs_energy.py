import numpy as np
import pytest
from scipy import ndimage, signal

from edge_agent.dsp import qrs_energy
from edge_agent.dsp.qrs_energy import CandidateFinder, derivative_taps


def full_kernel(rate_hz):
    """The kernel on samples that the half kernel on first differences stands for."""
    half = derivative_taps(rate_hz)
    running = np.concatenate((half, -half[::-1]))
    return np.diff(running, prepend=0.0, append=0.0)


@pytest.mark.parametrize("rate_hz", [100.0, 120.0, 130.0, 170.0])
def test_kernel_is_the_second_derivative_of_a_gaussian(rate_hz):
    kernel = full_kernel(rate_hz)
    impulse = np.zeros(kernel.size)
    impulse[kernel.size // 2] = 1.0
    sigma = qrs_energy._SIGMA_S * rate_hz
    expected = -ndimage.gaussian_filter1d(impulse, sigma, order=2, truncate=20.0, mode="constant")
    expected -= expected.mean()
    expected /= np.sqrt(np.sum(expected**2))
    assert kernel == pytest.approx(expected, abs=0.02)


def test_pass_band_is_that_of_a_qrs():
    frequencies = np.array([0.0, 1.0, 16.7, 50.0])
    _, response = signal.freqz(full_kernel(120.0), worN=frequencies, fs=120.0)
    at_zero, at_1_hz, centre, mains = np.abs(response)
    assert at_zero == pytest.approx(0.0, abs=1e-12)
    assert at_1_hz < 0.02 * centre
    assert mains < 0.05 * centre
    grid, everywhere = signal.freqz(full_kernel(120.0), worN=2048, fs=120.0)
    assert grid[np.argmax(np.abs(everywhere))] == pytest.approx(16.7, abs=1.0)


@pytest.mark.parametrize("rate_hz", [130.0, 360.0, 1000.0])
def test_band_is_decimation_and_convolution(rate_hz):
    finder = CandidateFinder(rate_hz)
    raw = np.random.default_rng(3).standard_normal(2000)
    factor = round(rate_hz / finder.working_rate_hz)
    low = raw[: raw.size // factor * factor].reshape(-1, factor).sum(axis=1)
    expected = signal.convolve(low, full_kernel(finder.working_rate_hz), mode="valid")
    assert finder._band(raw) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("length", [1, 2, 3, 7, 12, 17, 64])
def test_sliding_combines_every_window_of_neighbours(length):
    x = np.random.default_rng(length).standard_normal(100)
    windows = np.lib.stride_tricks.sliding_window_view(x, length)
    sums = qrs_energy._sliding(np.add, x, length)
    maxima = qrs_energy._sliding(np.maximum, x, length)
    assert sums == pytest.approx(windows.sum(axis=1), abs=1e-12)
    assert np.array_equal(maxima, windows.max(axis=1))


def test_candidates_dominate_their_neighbourhood(make_ecg):
    ecg = make_ecg(250.0)
    finder = CandidateFinder(250.0)
    found = finder.push(ecg.signal_mv) + finder.flush()
    apart = np.diff([one.at for one in found])
    assert apart.min() > 0.1 * finder.working_rate_hz
    assert all(one.size > one.floor >= 0.0 for one in found)


def test_a_constant_signal_has_no_candidates_however_large():
    finder = CandidateFinder(360.0)
    assert finder.push(np.full(5000, 0.1 * 1e7)) + finder.flush() == []
