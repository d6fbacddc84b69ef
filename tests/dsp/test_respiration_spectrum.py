import numpy as np
import pytest

from edge_agent.dsp.respiration_spectrum import Series, significant_peaks, spectrum

RANDOM = np.random.default_rng(21)
AT_S = np.cumsum(RANDOM.uniform(0.6, 1.0, 40))


def wave(per_min, phase=0.3):
    return np.sin(2.0 * np.pi * per_min / 60.0 * AT_S + phase)


def test_a_pure_wave_is_explained_at_its_frequency():
    series = Series(AT_S, 5.0 + 0.1 * AT_S + wave(15.0))
    shares = spectrum(series, np.array([6.0, 15.0, 24.0]))
    assert shares[1] == pytest.approx(1.0, abs=1e-9)
    assert max(shares[0], shares[2]) < 0.2


def test_the_share_is_that_of_the_variance():
    noise = RANDOM.standard_normal(AT_S.size)
    t = AT_S - AT_S.mean()
    design = np.stack((np.ones_like(t), t, wave(15.0, 0.0), wave(15.0, np.pi / 2.0)), axis=1)
    values = wave(15.0) + noise
    fitted = [
        values - part @ np.linalg.lstsq(part, values, rcond=None)[0]
        for part in (design[:, :2], design)
    ]
    expected = 1.0 - np.sum(fitted[1] ** 2) / np.sum(fitted[0] ** 2)
    assert spectrum(Series(AT_S, values), np.array([15.0]))[0] == pytest.approx(expected)


def test_two_waves_are_found_the_stronger_first():
    found = significant_peaks([Series(AT_S, wave(9.0) + 0.5 * wave(21.0))], 35.0)
    assert [one.per_min for one in found] == pytest.approx([9.0, 21.0], abs=0.5)
    assert found[0].share > found[1].share
    assert sum(one.share for one in found) <= 1.0


def test_a_constant_and_a_drift_have_no_peak():
    assert significant_peaks([Series(AT_S, np.full(AT_S.size, 0.7))], 35.0) == []
    assert significant_peaks([Series(AT_S, 3.0 - 0.2 * AT_S)], 35.0) == []


def test_too_few_beats_and_a_heart_too_slow_have_no_peak():
    assert significant_peaks([Series(AT_S[:9], wave(15.0)[:9])], 35.0) == []
    assert significant_peaks([Series(AT_S, wave(15.0))], 5.0) == []
    assert significant_peaks([], 35.0) == []


def test_noise_is_sure_in_about_one_of_a_hundred_windows():
    sure = found = 0
    for _ in range(1000):
        peaks = significant_peaks([Series(AT_S, RANDOM.standard_normal(AT_S.size))], 35.0)[:1]
        found += len(peaks)
        sure += sum(one.is_sure for one in peaks)
    assert sure <= 20
    assert 180 <= found <= 300
