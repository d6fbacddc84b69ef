import numpy as np
import pytest

from edge_agent.dsp.rhythm_beats import KnownBeats

T = np.arange(-10, 11) / 125.0


def qrs(size=1.0, at=0.0):
    return size * (
        np.exp(-0.5 * ((T - at) / 0.011) ** 2) - 0.25 * np.exp(-0.5 * ((T - at - 0.03) / 0.01) ** 2)
    )


def hump(size):
    return size * np.exp(-0.5 * (T / 0.035) ** 2)


def after_ten_beats():
    known = KnownBeats()
    assert all(known.is_beat(qrs()) for _ in range(10))
    return known


def test_a_first_beat_is_a_beat_whatever_its_size():
    assert KnownBeats().is_beat(hump(0.01))


@pytest.mark.parametrize("size", [0.7, 1.0, 4.0])
def test_a_large_wave_is_a_beat_whatever_its_shape(size):
    assert after_ten_beats().is_beat(hump(1.25 * size))


def test_a_smaller_wave_is_a_beat_only_with_a_known_shape():
    assert after_ten_beats().is_beat(qrs(0.45, at=0.008))
    assert not after_ten_beats().is_beat(hump(0.5))


def test_a_small_wave_is_none():
    assert not after_ten_beats().is_beat(qrs(0.2))


def test_ten_small_waves_in_a_row_are_beats():
    known = after_ten_beats()
    assert [known.is_beat(qrs(0.2)) for _ in range(12)] == [False] * 9 + [True] * 3


def test_small_waves_between_beats_do_not_add_up():
    known = after_ten_beats()
    for _ in range(30):
        assert not known.is_beat(qrs(0.2))
        assert known.is_beat(qrs())


def test_beats_after_large_ones_are_not_small():
    """Normal beats after a ventricular run whose beats are three times as large."""
    known = after_ten_beats()
    assert all(known.is_beat(hump(3.0)) for _ in range(20))
    assert known.is_beat(qrs())


def test_gain_and_polarity_change_nothing():
    for gain in (-1.0, 0.01, 300.0):
        known = KnownBeats()
        waves = [qrs()] * 10 + [hump(0.5), qrs(0.45), qrs(0.2)]
        assert [known.is_beat(gain * wave) for wave in waves] == [True] * 10 + [False, True, False]


def test_a_beat_that_is_not_kept_any_more_is_a_beat():
    assert after_ten_beats().is_beat([])
