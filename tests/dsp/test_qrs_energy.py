import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp import qrs_energy
from edge_agent.dsp.qrs_energy import CandidateFinder

RATES_HZ = [100.0, 130.0, 200.0, 360.0, 1000.0]


def found_in(signal, rate_hz, cuts=()):
    """Candidates, and what follows each of them as soon as it is known."""
    finder = CandidateFinder(rate_hz)
    every, later = [], {}
    for block in np.split(np.asarray(signal, dtype=float), cuts):
        every += finder.push(block)
        ask(finder, every, later)
    every += finder.flush()
    ask(finder, every, later)
    return every, later


def ask(finder, every, later):
    """Ask about those without an answer so far, and again about those of the last seconds."""
    oldest = finder.horizon - 6.0 * finder.working_rate_hz
    for one in every:
        if one[0] >= oldest or one[0] not in later:
            told = finder.later(one)
            assert later.get(one[0]) in (None, told)
            if told is not None:
                later[one[0]] = told


def hum(t, frequency_hz, size):
    return size * np.sin(2.0 * np.pi * frequency_hz * t)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("value", [0.0, 0.1 * 1e7, -1e-4])
def test_a_constant_signal_gives_exactly_nothing(rate_hz, value):
    finder = CandidateFinder(rate_hz)
    assert finder.push(np.full(5000, value)) + finder.flush() == []
    assert not finder.narrow_band(np.full(500, value)).any()


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_every_beat_has_a_candidate_near_its_r_peak(make_ecg, rate_hz):
    ecg = make_ecg(rate_hz)
    finder = CandidateFinder(rate_hz)
    every = finder.push(ecg.signal_mv) + finder.flush()
    at_s = np.array([one[0] for one in every]) / finder.working_rate_hz
    assert np.abs(at_s[:, np.newaxis] - ecg.beats_s).min(axis=0).max() < 0.03


def test_candidates_dominate_their_neighbourhood(make_ecg):
    ecg = make_ecg(250.0)
    finder = CandidateFinder(250.0)
    found = finder.push(ecg.signal_mv) + finder.flush()
    apart = np.diff([one[0] for one in found])
    assert apart.min() > 0.1 * finder.working_rate_hz


@pytest.mark.parametrize("gain", [1e-4, 1.0 / 3.0, 1e4, -1.0])
def test_gain_moves_no_candidate_and_shifts_the_sizes_by_its_logarithm(make_ecg, gain):
    ecg = make_ecg(360.0)
    plain, later = found_in(ecg.signal_mv, 360.0)
    scaled, later_scaled = found_in(gain * ecg.signal_mv, 360.0)
    assert [one[0] for one in scaled] == [one[0] for one in plain]
    shift = math.log(abs(gain))
    sizes = np.array([one[1:3] for one in plain])
    assert np.array([one[1:3] for one in scaled]) == pytest.approx(sizes + shift, abs=1e-3)
    before = np.array([one[3:5] for one in plain])
    assert np.array([one[3:5] for one in scaled]) == pytest.approx(before, abs=1e-2)
    assert later_scaled.keys() == later.keys()
    for at, told in later.items():
        assert later_scaled[at] == pytest.approx(told, abs=1e-2)


def test_slow_drift_is_hardly_seen(make_ecg):
    ecg = make_ecg(250.0, noise_mv=0.0)
    t = np.arange(ecg.signal_mv.size) / 250.0
    plain, _ = found_in(ecg.signal_mv, 250.0)
    drifting, _ = found_in(ecg.signal_mv + hum(t, 0.3, 2.0), 250.0)
    sizes = np.sort([one[1] for one in plain])[-ecg.beats_s.size :]
    assert np.sort([one[1] for one in drifting])[-ecg.beats_s.size :] == pytest.approx(
        sizes, abs=0.05
    )


def test_the_scales_tell_a_wide_wave_from_a_narrow_one():
    t = np.arange(1500) / 360.0
    narrow = np.exp(-0.5 * ((t - 2.0) / 0.010) ** 2)
    wide = np.exp(-0.5 * ((t - 2.0) / 0.040) ** 2)
    largest = [max(found_in(wave, 360.0)[0], key=lambda one: one[1]) for wave in (narrow, wide)]
    of_narrow, of_wide = (one[1] - one[2] for one in largest)
    assert of_narrow > of_wide + 1.0


def test_before_and_later_tell_what_lies_around_a_candidate():
    t = np.arange(2000) / 360.0

    def wave(at_s):
        return np.exp(-0.5 * ((t - at_s) / 0.012) ** 2)

    def of_largest(signal):
        every, later = found_in(signal, 360.0)
        one = min(every, key=lambda one: abs(one[0] / 120.0 - 2.5))
        return one[3], later[one[0]].narrow

    alone = of_largest(wave(2.5))
    assert alone == (-4.0, -4.0)
    preceded = of_largest(wave(2.5) + 0.5 * wave(2.25))
    assert preceded[0] > -2.0
    assert preceded[1] == -4.0
    followed = of_largest(wave(2.5) + 0.5 * wave(2.72))
    assert followed[0] == -4.0
    assert followed[1] > -2.0


# ------------------------------------------------------------------ any split


def hard(rate_hz, seconds=25.0, seed=2):
    random = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    signal = 0.05 * random.standard_normal(t.size) + np.where(t > 12.0, 2.0, 0.0)
    for beat_s in np.arange(0.7, seconds, 0.83):
        signal += np.exp(-0.5 * ((t - beat_s) / 0.012) ** 2)
    signal[(t > 15.0) & (t < 17.0)] = 0.5
    return signal


@pytest.mark.parametrize("rate_hz", [130.0, 360.0])
@pytest.mark.parametrize("block", [3, 73, 1000])
def test_blocks_of_any_size_give_the_same_candidates_and_what_follows_them(rate_hz, block):
    signal = hard(rate_hz)
    assert found_in(signal, rate_hz, range(block, signal.size, block)) == found_in(signal, rate_hz)


HARD = hard(250.0)
HARD_EXPECTED = found_in(HARD, 250.0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, HARD.size), max_size=40).map(sorted))
def test_any_split_gives_bit_for_bit_the_same(cuts):
    assert found_in(HARD, 250.0, cuts) == HARD_EXPECTED


def test_what_follows_is_not_told_before_it_is_known_and_soon_after():
    finder, waited = CandidateFinder(250.0), {}
    every = []
    for first in range(0, HARD.size, 10):
        every += finder.push(HARD[first : first + 10])
        for one in every:
            if one[0] not in waited and finder.later(one) is not None:
                waited[one[0]] = (first + 10) / 250.0 - one[0] / 125.0
    assert len(waited) > 30
    assert min(waited.values()) > 0.3
    assert max(waited.values()) < 0.65


def test_candidates_come_out_within_a_third_of_a_second():
    finder, waited = CandidateFinder(250.0), []
    for first in range(HARD.size):
        waited += [
            (first + 1) / 250.0 - one[0] / 125.0 for one in finder.push(HARD[first : first + 1])
        ]
    assert max(waited) < 0.36


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_memory_is_bounded(rate_hz):
    finder = CandidateFinder(rate_hz)
    block = np.random.default_rng(4).standard_normal(round(0.1 * rate_hz))
    raw, remembered = set(), []
    for _ in range(400):
        finder.push(block)
        raw.add(finder.raw.size)
        remembered.append(sum(len(energy) for _, energy in finder._kept_energies))
    assert max(raw) < 6.0 * rate_hz
    assert max(remembered[200:]) == pytest.approx(max(remembered[100:200]), rel=0.02)


def test_the_horizon_counts_the_decimated_samples_that_are_done():
    finder = CandidateFinder(360.0)
    finder.push(np.zeros(3600))
    assert 1200 - 60 < finder.horizon < 1200
    assert finder.recent_from < finder.horizon


# ------------------------------------------------------------------ sums and maxima


@pytest.mark.parametrize("length", [1, 2, 3, 7, 12, 17, 64])
def test_sums_and_maxima_take_in_every_window_of_neighbours(length):
    x = np.random.default_rng(length).standard_normal(100)
    windows = np.lib.stride_tricks.sliding_window_view(x, length)
    assert qrs_energy.sliding_sum(x, length) == pytest.approx(windows.sum(axis=1), abs=1e-12)
    assert np.array_equal(qrs_energy._sliding_max(x, length), windows.max(axis=1))
