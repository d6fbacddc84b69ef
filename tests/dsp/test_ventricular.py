from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.rpeaks import Detector, detect
from edge_agent.dsp.ventricular import BeatClass, VentricularStream, classify

RATE_HZ = 250.0
SINUS = (  # centre (s from the beat), width (s), height (mV)
    *((-0.17, 0.022, 0.12), (-0.025, 0.009, -0.12), (0.0, 0.011, 1.0)),
    *((0.027, 0.010, -0.22), (0.26, 0.045, 0.28)),
)
ECTOPIC = ((-0.02, 0.035, 1.4), (0.06, 0.035, -0.6), (0.30, 0.060, -0.5))  # wide, no P, T opposed
OTHER_ECTOPIC = ((0.0, 0.040, -1.2), (0.29, 0.060, 0.5))


@dataclass(frozen=True)
class Rhythm:
    signal_mv: np.ndarray
    peaks: np.ndarray
    letters: str


def rhythm(letters, rate_hz=RATE_HZ, *, rr_s=0.8, noise_mv=0.02, seed=4, jitter=0.03):
    """N: sinus, V and W: early wide beats with a pause after, A: an early narrow beat."""
    random = np.random.default_rng(seed)
    at_s, times = 0.6, []
    for letter in letters:
        times.append(at_s - (0.32 * rr_s if letter in "VWA" else 0.0))
        at_s += rr_s * (1.0 + jitter * random.standard_normal())
    t = np.arange(round((at_s + 0.8) * rate_hz)) / rate_hz
    signal = noise_mv * random.standard_normal(t.size) + 0.1 * np.sin(2.0 * np.pi * 0.25 * t)
    shapes = {"N": SINUS, "A": SINUS, "V": ECTOPIC, "W": OTHER_ECTOPIC}
    for letter, beat in zip(letters, times, strict=True):
        for centre, width, height in shapes[letter]:
            signal += height * np.exp(-0.5 * ((t - beat - centre) / width) ** 2)
    return Rhythm(signal, np.rint(np.array(times) * rate_hz), letters)


def called(letters):
    return letters.replace("A", "N").replace("W", "V")


def kinds(beats):
    marks = {
        BeatClass.VENTRICULAR: "V",
        BeatClass.NOT_VENTRICULAR: "N",
        BeatClass.UNCLASSIFIED: "?",
    }
    return "".join(marks[beat.kind] for beat in beats)


MIXED = "NNNNNNNNNNNNVNNNNNANNNWNNNNVVNNNNNVNNANNNNVNVNVNVNNNNVVVNNNNNN"


@pytest.mark.parametrize("rate_hz", [100.0, 130.0, 250.0, 360.0, 1000.0])
def test_wide_early_beats_are_ventricular_and_narrow_early_ones_are_not(rate_hz):
    ecg = rhythm(MIXED, rate_hz)
    assert kinds(classify(ecg.signal_mv, rate_hz, ecg.peaks)) == called(MIXED)


def test_beats_that_the_detector_finds_do_as_well():
    ecg = rhythm(MIXED)
    found = detect(ecg.signal_mv, RATE_HZ)
    assert found.size == len(MIXED)
    assert kinds(classify(ecg.signal_mv, RATE_HZ, found)) == called(MIXED)


def test_in_bigeminy_the_sinus_beats_are_the_reference():
    letters = "NV" * 30
    ecg = rhythm(letters)
    assert kinds(classify(ecg.signal_mv, RATE_HZ, ecg.peaks)) == letters


def test_wide_beats_are_nothing_special_where_every_beat_is_wide():
    random = np.random.default_rng(8)
    at_s = 0.6 + np.cumsum(0.8 * (1.0 + 0.03 * random.standard_normal(40)))
    t = np.arange(round((at_s[-1] + 1.0) * RATE_HZ)) / RATE_HZ
    signal = 0.02 * random.standard_normal(t.size)
    for beat in at_s:
        for centre, width, height in ((-0.18, 0.022, 0.12), *ECTOPIC):
            signal += height * np.exp(-0.5 * ((t - beat - centre) / width) ** 2)
    assert kinds(classify(signal, RATE_HZ, np.rint(at_s * RATE_HZ))) == "N" * 40


@pytest.mark.parametrize("gain", [-1.0, 1e-4, -37.0, 1e4])
def test_gain_and_polarity_change_nothing(gain):
    ecg = rhythm(MIXED)
    expected = classify(ecg.signal_mv, RATE_HZ, ecg.peaks)
    scaled = classify(gain * ecg.signal_mv, RATE_HZ, ecg.peaks)
    assert probabilities(scaled) == pytest.approx(probabilities(expected), abs=1e-6)


def test_an_offset_changes_nothing():
    ecg = rhythm(MIXED)
    expected = classify(ecg.signal_mv, RATE_HZ, ecg.peaks)
    moved = classify(ecg.signal_mv + 300.0, RATE_HZ, ecg.peaks)
    assert probabilities(moved) == pytest.approx(probabilities(expected), abs=1e-6)


def probabilities(beats):
    return [beat.ventricular_probability for beat in beats]


def streamed(signal, rate_hz, cuts):
    """Samples in blocks, with the beats the detector has settled by then."""
    detector, stream, beats = Detector(rate_hz), VentricularStream(rate_hz), []
    for block in np.split(signal, cuts):
        beats += stream.push(block, detector.push_refined(block))
    return beats + stream.push([], detector.flush_refined()) + stream.flush()


LONG = rhythm(MIXED * 3, 120.0, seed=9)
LONG_BATCH = streamed(LONG.signal_mv, 120.0, [])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, LONG.signal_mv.size), max_size=40).map(sorted))
def test_any_split_gives_the_batch_result(cuts):
    beats = streamed(LONG.signal_mv, 120.0, cuts)
    assert [beat.position for beat in beats] == [beat.position for beat in LONG_BATCH]
    assert kinds(beats) == kinds(LONG_BATCH)
    assert probabilities(beats) == pytest.approx(probabilities(LONG_BATCH), abs=1e-9)


def streamed_with_gap(gap, cuts):
    stream, beats = VentricularStream(120.0), []
    for signal in (LONG.signal_mv[:gap], LONG.signal_mv[gap:]):
        detector = Detector(120.0)
        for block in np.split(signal, [one for one in cuts if one < signal.size]):
            beats += stream.push(block, detector.push_refined(block))
        beats += stream.push([], detector.flush_refined()) + stream.flush()
    return beats


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, LONG.signal_mv.size), max_size=20).map(sorted), st.integers(1, 9999))
def test_any_split_around_a_gap_gives_the_same(cuts, gap):
    found, expected = streamed_with_gap(gap, cuts), streamed_with_gap(gap, [])
    assert probabilities(found) == pytest.approx(probabilities(expected), abs=1e-9)


@pytest.mark.parametrize("block", [1, 73])
def test_blocks_of_any_size_give_the_batch_result(block):
    signal = LONG.signal_mv[: 120 * 60]
    expected = streamed(signal, 120.0, [])
    beats = streamed(signal, 120.0, range(block, signal.size, block))
    assert probabilities(beats) == pytest.approx(probabilities(expected), abs=1e-9)


def test_every_beat_comes_out_once_in_order_and_a_few_at_the_end():
    ecg = rhythm(MIXED)
    stream = VentricularStream(RATE_HZ)
    at_once = stream.push(ecg.signal_mv, ecg.peaks)
    rest = stream.flush()
    assert [beat.position for beat in at_once + rest] == ecg.peaks.tolist()
    assert len(rest) <= 2


def test_a_beat_comes_out_with_the_next_one():
    ecg = rhythm("N" * 40, jitter=0.0)
    stream, start = VentricularStream(RATE_HZ), 0
    for number, peak in enumerate(ecg.peaks.astype(int).tolist()):
        beats = stream.push(ecg.signal_mv[start : peak + 1], [peak])
        start = peak + 1
        if number > 16:
            assert [beat.position for beat in beats] == [ecg.peaks[number - 1]]


def test_a_stream_of_few_beats_is_classified_when_it_ends():
    ecg = rhythm("NNNVNN")
    stream = VentricularStream(RATE_HZ)
    assert stream.push(ecg.signal_mv, ecg.peaks) == []
    assert kinds(stream.flush()) == "NNNVNN"
    assert stream.flush() == []


@pytest.mark.parametrize("letters", ["V" * 12 + "NN", "VNNV", "V"])
@pytest.mark.parametrize("before", [MIXED, "N" * 9])
def test_after_a_gap_beats_are_compared_with_those_of_before(before, letters):
    ecg, later = rhythm(before), rhythm(letters, seed=5, rr_s=0.6)
    stream = VentricularStream(RATE_HZ)
    stream.push(ecg.signal_mv, ecg.peaks)
    stream.flush()
    beats = stream.push(later.signal_mv, later.peaks) + stream.flush()
    assert [one.position for one in beats] == later.peaks.tolist()
    assert kinds(beats) == letters


def test_after_a_gap_a_beat_comes_out_with_the_next_one():
    ecg, later = rhythm(MIXED), rhythm("NNV")
    stream = VentricularStream(RATE_HZ)
    stream.push(ecg.signal_mv, ecg.peaks)
    stream.flush()
    assert kinds(stream.push(later.signal_mv, later.peaks)) == "NN"
    assert kinds(stream.flush()) == "V"


def test_the_time_of_a_gap_is_no_interval():
    probable = []
    for silent in (0, 1000):  # samples after the last beat before the gap
        ecg, later = rhythm(MIXED), rhythm("NNNVNN", seed=5)
        stream = VentricularStream(RATE_HZ)
        stream.push(np.append(ecg.signal_mv, np.full(silent, ecg.signal_mv[-1])), ecg.peaks)
        stream.flush()
        probable.append(probabilities(stream.push(later.signal_mv, later.peaks) + stream.flush()))
    assert probable[0] == pytest.approx(probable[1], abs=1e-12)
    assert max(probable[0][:3]) < 0.5


def test_what_is_forgotten_in_a_gap_is_compared_with_no_longer():
    ecg, later = rhythm(MIXED), rhythm("N" * 20 + "VNNN", seed=5)
    stream = VentricularStream(RATE_HZ)
    stream.push(-3.0 * ecg.signal_mv, ecg.peaks)
    stream.flush()
    stream.forget()
    beats = stream.push(later.signal_mv, later.peaks) + stream.flush()
    assert beats == classify(later.signal_mv, RATE_HZ, later.peaks)


def test_beats_in_noise_are_unclassified_and_no_reference_for_others():
    ecg = rhythm(MIXED)
    noisy = np.arange(len(MIXED)) % 7 == 3
    signal = ecg.signal_mv.copy()
    random = np.random.default_rng(3)
    for peak in ecg.peaks[noisy].astype(int):
        signal[peak - 20 : peak + 20] += 2.0 * random.standard_normal(40)
    beats = classify(signal, RATE_HZ, ecg.peaks, reliable=(~noisy).tolist())
    expected = "".join("?" if bad else c for bad, c in zip(noisy, called(MIXED), strict=True))
    assert kinds(beats) == expected
    assert all(beat.ventricular_probability is None for beat in np.array(beats)[noisy])
    assert not any(beat.ventricular for beat in np.array(beats)[noisy])


def test_where_nothing_is_reliable_nothing_is_said():
    ecg = rhythm("NNNVNNNNVNNN")
    beats = classify(ecg.signal_mv, RATE_HZ, ecg.peaks, reliable=[False] * 12)
    assert kinds(beats) == "?" * 12


@pytest.mark.parametrize("signal", [np.zeros(4000), np.full(4000, 3.0)])
def test_marks_on_a_flat_line_give_numbers_still(signal):
    beats = classify(signal, RATE_HZ, np.arange(200.0, 3800.0, 200.0))
    assert np.isfinite(probabilities(beats)).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_any_marks_on_any_signal_give_probabilities(seed):
    random = np.random.default_rng(seed)
    signal = np.cumsum(random.standard_normal(5000)) * 10.0 ** random.integers(-4, 5)
    peaks = np.unique(random.integers(0, signal.size, random.integers(1, 60)))
    found = probabilities(classify(signal, 130.0, peaks))
    assert len(found) == peaks.size
    assert all(0.0 <= one <= 1.0 for one in found)


def test_memory_does_not_grow_with_the_stream():
    ecg = rhythm("N" * 60)
    stream = VentricularStream(RATE_HZ)
    sizes = set()
    for start in range(0, ecg.signal_mv.size - 250, 250):
        inside = (ecg.peaks >= start) & (ecg.peaks < start + 250)
        stream.push(ecg.signal_mv[start : start + 250], ecg.peaks[inside])
        features = stream._features
        sizes.add(features._samples.size)
        assert len(features._waiting) + len(features._measured) <= 20
    assert max(sizes) < 17.0 * RATE_HZ


def test_beats_may_come_ten_seconds_late():
    ecg = rhythm(MIXED)
    late, stream, beats = round(10.0 * RATE_HZ), VentricularStream(RATE_HZ), []
    for start in range(0, ecg.signal_mv.size, 500):
        known = (ecg.peaks >= start - late) & (ecg.peaks < start + 500 - late)
        beats += stream.push(ecg.signal_mv[start : start + 500], ecg.peaks[known])
    beats += stream.push([], ecg.peaks[ecg.peaks >= start + 500 - late]) + stream.flush()
    assert kinds(beats) == called(MIXED)
    expected = classify(ecg.signal_mv, RATE_HZ, ecg.peaks)
    assert probabilities(beats) == pytest.approx(probabilities(expected), abs=1e-9)


def test_no_beats_and_no_samples_give_nothing():
    assert classify([], RATE_HZ, []) == []
    assert classify(np.zeros(1000), RATE_HZ, []) == []


def test_what_cannot_be_is_refused():
    stream = VentricularStream(RATE_HZ)
    with pytest.raises(ValueError, match="NaN"):
        stream.push([0.0, np.nan])
    with pytest.raises(ValueError, match="rising order"):
        stream.push(np.zeros(100), [50, 40])
    with pytest.raises(ValueError, match="before 1"):
        VentricularStream(RATE_HZ).push(np.zeros(100), [100])
    with pytest.raises(ValueError, match="marks of reliability"):
        VentricularStream(RATE_HZ).push(np.zeros(100), [50], reliable=[True, False])
    with pytest.raises(ValueError, match="100 to 1000 Hz"):
        VentricularStream(60.0)
    old = VentricularStream(RATE_HZ)
    old.push(np.zeros(5000))
    with pytest.raises(ValueError, match="from"):
        old.push(np.zeros(10), [100])
