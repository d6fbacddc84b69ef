import numpy as np
import pytest

from edge_agent.dsp.quality_beats import BeatQualityStream, beat_qualities
from edge_agent.dsp.rpeaks import Detector, detect

RATE_HZ = 250.0


@pytest.fixture(scope="module")
def ecg(make_ecg):
    return make_ecg(RATE_HZ)


@pytest.fixture(scope="module")
def peaks(ecg):
    return np.rint(ecg.beats_s * RATE_HZ).astype(int)


def with_ectopic_beats(ecg, which):
    signal = ecg.signal_mv.copy()
    t = np.arange(signal.size) / RATE_HZ
    for beat_s in ecg.beats_s[which]:
        near = np.abs(t - beat_s) < 0.3
        signal[near] = -1.5 * np.exp(-0.5 * ((t[near] - beat_s) / 0.05) ** 2)
    return signal


def test_the_beats_of_a_good_signal_are_good(ecg, peaks):
    judged = beat_qualities(ecg.signal_mv, RATE_HZ, peaks)
    assert [one.peak for one in judged] == peaks.tolist()
    assert min(one.index for one in judged) > 0.8
    assert judged[0].match is None
    assert judged[0].amplitude is None
    assert min(one.match for one in judged[1:]) > 0.95


def test_a_first_ectopic_beat_matches_nothing_and_is_not_doubtful(ecg, peaks):
    judged = beat_qualities(with_ectopic_beats(ecg, [20]), RATE_HZ, peaks)
    assert judged[20].match < 0.3
    assert not judged[20].is_doubtful


def test_ectopic_beats_match_from_the_second_one_on(ecg, peaks):
    judged = beat_qualities(with_ectopic_beats(ecg, slice(10, None, 5)), RATE_HZ, peaks)
    assert min(one.match for one in judged[15::5]) > 0.9
    assert min(one.match for one in judged[11:15]) > 0.9


def test_what_is_found_in_noise_is_doubtful():
    noise = np.random.default_rng(4).standard_normal(5000)
    judged = beat_qualities(noise, RATE_HZ, detect(noise, RATE_HZ))
    assert np.mean([one.is_doubtful for one in judged]) > 0.9


def test_a_burst_of_noise_makes_its_own_beats_doubtful_only(ecg, peaks):
    signal = ecg.signal_mv.copy()
    first, last = peaks[20] - 100, peaks[24] + 100
    signal[first:last] += np.random.default_rng(6).standard_normal(last - first)
    doubtful = [one.is_doubtful for one in beat_qualities(signal, RATE_HZ, peaks)]
    assert sum(doubtful[20:25]) >= 4
    assert not any(doubtful[:19])
    assert not any(doubtful[26:])


def test_a_spike_far_from_the_usual_height_shows_in_its_amplitude(ecg, peaks):
    signal = ecg.signal_mv.copy()
    signal[peaks[20] - 2 : peaks[20] + 3] += 12.0
    judged = beat_qualities(signal, RATE_HZ, peaks)
    assert judged[20].amplitude < 0.15
    assert judged[21].amplitude > 0.8


@pytest.mark.parametrize("full_scale_mv", [None, 0.5])
def test_a_beat_at_the_rail_has_no_headroom(ecg, peaks, full_scale_mv):
    signal = ecg.signal_mv.copy()
    signal[peaks[20] - 25 : peaks[20] + 25] = 3.0
    judged = beat_qualities(
        np.clip(signal, -0.49, None), RATE_HZ, peaks[19:22], full_scale_mV=full_scale_mv
    )
    assert judged[1].headroom < 0.1
    assert judged[1].is_doubtful


@pytest.mark.parametrize("factor", [1e-4, -1.0, 1e4])
def test_gain_polarity_and_offset_do_not_matter(make_ecg, peaks, factor):
    signal = make_ecg(RATE_HZ, noise_mv=0.05).signal_mv
    plain = beat_qualities(signal, RATE_HZ, peaks)
    other = beat_qualities(factor * (signal + 0.4), RATE_HZ, peaks)
    assert [one.index for one in other] == pytest.approx([one.index for one in plain], abs=1e-6)


def test_a_constant_gives_doubtful_beats_and_no_error():
    judged = beat_qualities(np.full(1000, 0.7), RATE_HZ, [300, 600])
    assert [one.index for one in judged] == [0.0, 0.0]


@pytest.mark.parametrize("block", [1, 7, 50, 333, 5000])
def test_every_split_gives_the_same(make_ecg, block):
    signal = make_ecg(RATE_HZ, noise_mv=0.1, beats=20).signal_mv
    detector, stream = Detector(RATE_HZ), BeatQualityStream(RATE_HZ)
    judged = []
    for at in range(0, signal.size, block):
        part = signal[at : at + block]
        judged += stream.push(part, detector.push(part))
    judged += stream.flush(detector.flush())
    assert judged == beat_qualities(signal, RATE_HZ, detect(signal, RATE_HZ))


def test_memory_is_bounded(ecg):
    stream = BeatQualityStream(RATE_HZ)
    for _ in range(60):
        stream.push(ecg.signal_mv[:250])
    assert stream._windows._raw.size < 5 * RATE_HZ


@pytest.mark.parametrize("bad", [[[1.0]], [1.0, np.nan], [np.inf]])
def test_samples_that_are_no_numbers_are_refused(bad):
    with pytest.raises(ValueError, match="block of shape"):
        BeatQualityStream(RATE_HZ).push(bad)


@pytest.mark.parametrize("peaks", [[-3], [1000], [500, 500], [600, 500]])
def test_peaks_out_of_place_are_refused(ecg, peaks):
    with pytest.raises(ValueError, match="peak"):
        BeatQualityStream(RATE_HZ).push(ecg.signal_mv[:1000], peaks)


def test_a_peak_long_gone_is_refused(ecg):
    stream = BeatQualityStream(RATE_HZ)
    for at in range(0, 2500, 250):
        stream.push(ecg.signal_mv[at : at + 250])
    with pytest.raises(ValueError, match="peak 300"):
        stream.push([], [300])


def test_a_stream_without_samples_has_no_beats():
    assert BeatQualityStream(RATE_HZ).flush() == []
