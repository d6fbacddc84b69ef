import numpy as np
import pytest

from edge_agent.dsp.quality_second_detector import agreement, moving_mean, slope_peaks


@pytest.mark.parametrize("rate_hz", [100.0, 130.0, 250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("rr_s", [0.35, 0.85, 1.4])
def test_it_finds_the_beats_of_a_clean_signal(make_ecg, rate_hz, rr_s):
    ecg = make_ecg(rate_hz, rr_s=rr_s, beats=12)
    found = slope_peaks(ecg.signal_mv, rate_hz)
    assert agreement(found, ecg.beats_s * rate_hz, rate_hz) == 1.0


@pytest.mark.parametrize("factor", [1e-4, -1.0, 1e4])
def test_gain_polarity_and_offset_do_not_matter(make_ecg, factor):
    signal = make_ecg(250.0).signal_mv
    plain = slope_peaks(signal, 250.0)
    np.testing.assert_array_equal(slope_peaks(factor * (signal + 0.5), 250.0), plain)


@pytest.mark.parametrize("signal", [[], [0.1] * 20, np.full(1000, 3.0)])
def test_nothing_too_little_and_a_constant_have_no_beats(signal):
    assert slope_peaks(signal, 250.0).size == 0


def test_agreement_is_the_share_that_both_found():
    assert agreement([100, 350, 600], [110, 340, 600, 900], 250.0) == 0.75
    assert agreement([100, 350], [100, 380], 250.0) == pytest.approx(1 / 3)
    assert agreement([1, 2], [], 250.0) == agreement([], [], 250.0) == 0.0


def test_a_beat_vouches_for_one_beat_only():
    assert agreement([100, 110], [105], 250.0) == 0.5


def test_the_moving_mean_repeats_the_edges():
    np.testing.assert_allclose(moving_mean(np.array([0.0, 3.0, 6.0]), 3), [1.0, 3.0, 5.0])
