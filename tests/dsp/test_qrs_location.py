import numpy as np
import pytest

from edge_agent.dsp.qrs_location import PeakLocator, _vertex

RATE_HZ = 360.0
FACTOR = 3
BEATS_S = np.arange(1.0, 40.0, 0.8)


def ecg(up, down, *, beats_s=BEATS_S):
    """Each beat swings up by ``up``, and down by ``down`` 40 ms later."""
    t = np.arange(round((beats_s[-1] + 1.0) * RATE_HZ)) / RATE_HZ
    signal = np.zeros(t.size)
    ups, downs = np.broadcast_to(up, beats_s.size), np.broadcast_to(down, beats_s.size)
    for beat_s, high, low in zip(beats_s, ups, downs, strict=True):
        signal += high * np.exp(-0.5 * ((t - beat_s) / 0.012) ** 2)
        signal -= low * np.exp(-0.5 * ((t - beat_s - 0.04) / 0.012) ** 2)
    return signal


def located_s(signal, *, locator=None, beats_s=BEATS_S, off_s=0.0):
    locator = locator or PeakLocator(RATE_HZ, FACTOR)
    middle = np.rint((beats_s + 0.02 + off_s) * RATE_HZ / FACTOR).astype(int).tolist()
    beats = [(at, 0.0, 0.0, -2.0, -2.0) for at in middle]
    return locator.locate(beats, signal, 0) / RATE_HZ


def test_a_beat_that_points_up_is_located_at_its_top_between_samples():
    assert located_s(ecg(1.0, 0.3)) == pytest.approx(BEATS_S, abs=0.002)


def test_a_beat_that_points_down_is_located_at_its_bottom():
    assert located_s(ecg(0.3, 1.0)) == pytest.approx(BEATS_S + 0.04, abs=0.002)


def test_gain_polarity_and_offset_change_nothing():
    signal = ecg(1.0, 0.4)
    expected = located_s(signal)
    for factor in (-1.0, 1e-4, 1e4):
        assert located_s(factor * signal) == pytest.approx(expected, abs=1e-6)
    assert located_s(signal + 100.0) == pytest.approx(expected, abs=1e-6)


def test_a_beat_that_swings_up_and_down_alike_is_marked_where_those_before_it_were():
    for usual, expected_s in (((1.0, 0.6), 0.0), ((0.6, 1.0), 0.04)):
        up, down = np.full(BEATS_S.size, usual[0]), np.full(BEATS_S.size, usual[1])
        up[30], down[30] = sorted((0.95, 1.0), reverse=usual[0] < usual[1])  # against the custom
        off_s = located_s(ecg(up, down)) - BEATS_S
        assert off_s[20:] == pytest.approx(expected_s, abs=0.003)


def test_a_beat_of_another_shape_keeps_its_own_side():
    up, down = np.full(BEATS_S.size, 1.0), np.full(BEATS_S.size, 0.3)
    up[30], down[30] = 0.2, 1.5
    off_s = located_s(ecg(up, down)) - BEATS_S
    assert off_s[30] == pytest.approx(0.04, abs=0.003)
    assert np.delete(off_s, 30) == pytest.approx(0.0, abs=0.003)


def test_where_in_the_qrs_the_candidate_lies_does_not_matter():
    signal = ecg(1.0, 0.3)
    for off_s in (-0.025, 0.015):
        assert located_s(signal, off_s=off_s) == pytest.approx(BEATS_S, abs=0.003)


@pytest.mark.parametrize("portion", [1, 3, 20])
def test_beats_in_any_portion_are_located_alike(portion):
    random = np.random.default_rng(2)
    signal = ecg(1.0 + 0.3 * random.standard_normal(BEATS_S.size), 1.0)
    locator, found = PeakLocator(RATE_HZ, FACTOR), []
    for first in range(0, BEATS_S.size, portion):
        some = BEATS_S[first : first + portion]
        found += located_s(signal, locator=locator, beats_s=some).tolist()
    assert np.array_equal(found, located_s(signal))


def test_no_beats_no_places():
    assert PeakLocator(RATE_HZ, FACTOR).locate([], np.zeros(10), 0).size == 0


def test_a_parabola_is_located_between_samples():
    at = np.array([-0.3, 0.0, 0.4])
    left, middle, right = (-((offset - at) ** 2) for offset in (-1.0, 0.0, 1.0))
    assert _vertex(left, middle, right) == pytest.approx(at)
    flat = np.ones(2)
    assert np.array_equal(_vertex(flat, flat, flat), [0.0, 0.0])
