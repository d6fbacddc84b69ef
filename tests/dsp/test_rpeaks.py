import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.rpeaks import LATENCY_S, Detector, detect

RATES_HZ = [100.0, 130.0, 200.0, 250.0, 360.0, 500.0, 1000.0]


def pushed(signal, rate_hz, cuts):
    detector = Detector(rate_hz)
    parts = [detector.push_refined(block) for block in np.split(signal, cuts)]
    return np.concatenate((*parts, detector.flush_refined()))


def assert_beats(found, ecg, tolerance_s=0.012):
    assert found.size == ecg.beats_s.size
    assert np.abs(found / ecg.rate_hz - ecg.beats_s).max() <= tolerance_s


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_finds_exactly_the_beats_at_every_rate(make_ecg, rate_hz):
    ecg = make_ecg(rate_hz)
    assert_beats(detect(ecg.signal_mv, rate_hz), ecg)


@pytest.mark.parametrize("rr_s", [0.3, 0.5, 0.85, 1.4, 1.9])
def test_finds_exactly_the_beats_from_30_to_200_a_minute(make_ecg, rr_s):
    ecg = make_ecg(250.0, rr_s=rr_s)
    assert_beats(detect(ecg.signal_mv, 250.0), ecg)


@pytest.mark.parametrize("gain", [1e-4, 1e-2, 37.0, 1e4])
def test_gain_changes_nothing(make_ecg, gain):
    ecg = make_ecg(250.0)
    expected = detect(ecg.signal_mv, 250.0)
    assert np.array_equal(detect(gain * ecg.signal_mv, 250.0), expected)


def test_inversion_changes_nothing(make_ecg):
    ecg = make_ecg(360.0)
    expected = detect(ecg.signal_mv, 360.0)
    assert np.array_equal(detect(-ecg.signal_mv, 360.0), expected)


@pytest.mark.parametrize("offset_mv", [-300.0, 5.0, 1000.0])
def test_an_offset_changes_nothing(make_ecg, offset_mv):
    ecg = make_ecg(250.0)
    expected = detect(ecg.signal_mv, 250.0)
    assert np.array_equal(detect(ecg.signal_mv + offset_mv, 250.0), expected)


def test_a_step_of_the_offset_costs_no_beat(make_ecg):
    ecg = make_ecg(250.0)
    step_s = (ecg.beats_s[20] + ecg.beats_s[21]) / 2.0
    signal = ecg.signal_mv + 3.0 * (np.arange(ecg.signal_mv.size) > step_s * 250.0)
    found = detect(signal, 250.0) / 250.0
    nearest = np.abs(found[np.newaxis, :] - ecg.beats_s[:, np.newaxis]).min(axis=1)
    assert nearest.max() < 0.02
    assert found.size <= ecg.beats_s.size + 1


@pytest.mark.parametrize("signal", [[], [0.3], np.zeros(5000), np.full(5000, -2.5)])
def test_a_flat_signal_has_no_beats(signal):
    assert detect(signal, 250.0).size == 0


def hard_signal():
    """Transient, beats, noise, a pause, a change of gain, early beats: every rule has to act."""
    rate_hz = 200.0
    random = np.random.default_rng(11)
    signal = 0.03 * random.standard_normal(round(40.0 * rate_hz))
    t = np.arange(signal.size) / rate_hz
    signal += 12.0 * np.exp(-t / 0.3) * np.sin(2.0 * np.pi * 7.0 * t)
    beats_s = np.concatenate((np.arange(1.0, 15.0, 0.8), np.arange(19.0, 39.0, 0.55)))
    for number, beat_s in enumerate(beats_s):
        early_s = 0.25 if number % 7 == 6 else 0.0
        size = 0.25 if 20 <= number < 35 else 1.0
        signal += size * np.exp(-0.5 * ((t - beat_s + early_s) / 0.012) ** 2)
        signal += 0.3 * size * np.exp(-0.5 * ((t - beat_s - 0.25) / 0.04) ** 2)
    noisy = (t > 26.0) & (t < 30.0)
    signal[noisy] += 0.4 * random.standard_normal(noisy.sum())
    return signal, rate_hz


HARD, HARD_RATE_HZ = hard_signal()
HARD_EXPECTED = pushed(HARD, HARD_RATE_HZ, [])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, HARD.size), max_size=60).map(sorted))
def test_any_split_gives_bit_for_bit_the_batch_result(cuts):
    assert np.array_equal(pushed(HARD, HARD_RATE_HZ, cuts), HARD_EXPECTED)


@pytest.mark.parametrize("block", [1, 2, 7, 73, 1000])
def test_blocks_of_any_size_give_bit_for_bit_the_batch_result(block):
    cuts = range(block, HARD.size, block)
    assert np.array_equal(pushed(HARD, HARD_RATE_HZ, cuts), HARD_EXPECTED)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([100.0, 130.0, 333.0, 1000.0]))
def test_random_input_split_at_random_gives_the_batch_result(seed, rate_hz):
    random = np.random.default_rng(seed)
    signal = np.cumsum(random.standard_normal(4000)) * random.choice([0.0, 1.0], size=4000)
    cuts = np.sort(random.integers(0, signal.size, 20))
    assert np.array_equal(pushed(signal, rate_hz, cuts), pushed(signal, rate_hz, []))


def test_beats_rise_and_keep_the_blanking_apart():
    assert np.diff(HARD_EXPECTED).min() > 0.1 * HARD_RATE_HZ
    assert HARD_EXPECTED.min() >= 0.0
    assert HARD_EXPECTED.max() <= HARD.size - 1


def test_a_beat_is_never_later_than_the_stated_latency():
    detector = Detector(HARD_RATE_HZ)
    for end in range(1, HARD.size + 1):
        for position in detector.push_refined(HARD[end - 1 : end]):
            assert end - position <= LATENCY_S * HARD_RATE_HZ


def test_memory_does_not_grow_with_the_stream(make_ecg):
    ecg = make_ecg(1000.0, beats=60)
    detector = Detector(1000.0)
    sizes = set()
    for start in range(0, ecg.signal_mv.size - 200, 200):
        detector.push(ecg.signal_mv[start : start + 200])
        sizes.add(detector._finder.raw.size)
    assert max(sizes) < 6000  # a beat is located when it is settled, seconds later
    assert len(detector._decision._queue) == 0


@pytest.mark.parametrize("times", [3.0, 10.0, 20.0])
def test_a_start_transient_blinds_for_seconds_only(make_ecg, times):
    ecg = make_ecg(130.0)
    t = np.arange(ecg.signal_mv.size) / 130.0
    signal = ecg.signal_mv + times * np.exp(-t / 0.25) * np.sin(2.0 * np.pi * 8.0 * t + 1.0)
    found = detect(signal, 130.0) / 130.0
    expected = ecg.beats_s[ecg.beats_s > 6.0]
    assert found[found > 5.8] == pytest.approx(expected, abs=0.012)


def test_a_fall_of_amplitude_to_a_third_is_followed(make_ecg):
    ecg = make_ecg(250.0, noise_mv=0.005)
    fall = ecg.beats_s[20] - 0.3
    signal = np.where(np.arange(ecg.signal_mv.size) / 250.0 < fall, 1.0, 1 / 3) * ecg.signal_mv
    found = detect(signal, 250.0) / 250.0
    assert found[found > fall + 4.0].size == (ecg.beats_s > fall + 4.0).sum()


@pytest.mark.parametrize("rest_mv", [0.01, 0.1])
def test_noise_in_a_standstill_is_no_heartbeat(make_ecg, rest_mv):
    ecg = make_ecg(250.0)
    random = np.random.default_rng(5)
    standstill = rest_mv * random.standard_normal(round(15.0 * 250.0))
    found = detect(np.concatenate((ecg.signal_mv, standstill)), 250.0)
    assert found.size == ecg.beats_s.size


def test_p_waves_in_a_standstill_are_no_heartbeats_for_ten_seconds(make_ecg):
    ecg = make_ecg(250.0)
    t = np.arange(round(9.0 * 250.0)) / 250.0
    p_waves = sum(0.15 * np.exp(-0.5 * ((t - at) / 0.022) ** 2) for at in np.arange(0.4, 9, 0.8))
    noise = 0.01 * np.random.default_rng(6).standard_normal(t.size)
    found = detect(np.concatenate((ecg.signal_mv, p_waves + noise)), 250.0)
    assert found.size == ecg.beats_s.size


def test_tall_t_waves_at_175_a_minute_are_not_counted(make_ecg):
    ecg = make_ecg(130.0, rr_s=60.0 / 175.0, t_wave=0.5, beats=120)
    found = detect(ecg.signal_mv, 130.0)
    assert abs(found.size - ecg.beats_s.size) <= 1


def test_refined_peaks_lie_closer_than_samples_at_130_hz(make_ecg):
    ecg = make_ecg(130.0, noise_mv=0.0, beats=100)
    refined_s = pushed(ecg.signal_mv, 130.0, []) / 130.0
    whole_s = detect(ecg.signal_mv, 130.0) / 130.0
    error = np.std(refined_s - ecg.beats_s)
    assert error < 0.0006
    assert error < 0.35 * np.std(whole_s - ecg.beats_s)


def nearest_s(ecg, found):
    """How far (s) each beat is from what was found, and what was found from a beat."""
    apart = np.abs(found[:, np.newaxis] / ecg.rate_hz - ecg.beats_s)
    return apart.min(axis=0), apart.min(axis=1)


@pytest.mark.parametrize("new_rate_hz", [100.0, 130.0, 180.0, 500.0, 1000.0])
def test_resampling_changes_no_beat(make_ecg, new_rate_hz):
    ecg = make_ecg(360.0, noise_mv=0.02)
    at = np.arange(0.0, ecg.signal_mv.size - 1.0, 360.0 / new_rate_hz)
    resampled = np.interp(at, np.arange(ecg.signal_mv.size), ecg.signal_mv)
    expected_s = detect(ecg.signal_mv, 360.0) / 360.0
    found_s = detect(resampled, new_rate_hz) / new_rate_hz
    assert found_s == pytest.approx(expected_s, abs=0.012)


@pytest.mark.parametrize("rate_hz", [130.0, 250.0, 1000.0])
@pytest.mark.parametrize("hum_hz", [50.0, 60.0])
def test_hum_of_the_mains_changes_no_beat(make_ecg, rate_hz, hum_hz):
    ecg = make_ecg(rate_hz)
    t = np.arange(ecg.signal_mv.size) / rate_hz
    found = detect(ecg.signal_mv + 0.2 * np.sin(2.0 * np.pi * hum_hz * t), rate_hz)
    assert_beats(found, ecg, tolerance_s=0.02)


@pytest.mark.parametrize("rate_hz", [130.0, 360.0])
@pytest.mark.parametrize("top_mv", [0.3, 0.6])
def test_saturation_of_the_r_waves_costs_no_beat(make_ecg, rate_hz, top_mv):
    ecg = make_ecg(rate_hz)
    found = detect(np.clip(ecg.signal_mv, -0.2, top_mv), rate_hz)
    assert_beats(found, ecg, tolerance_s=0.04)  # a plateau has no peak: its edges are located


def test_seconds_of_saturation_cost_no_beat_after_them(make_ecg):
    ecg = make_ecg(250.0)
    t = np.arange(ecg.signal_mv.size) / 250.0
    stuck = (t > 12.0) & (t < 16.0)
    found = detect(np.where(stuck, 5.0, ecg.signal_mv), 250.0)
    of_beats, of_found = nearest_s(ecg, found)
    outside = (ecg.beats_s < 11.5) | (ecg.beats_s > 18.0)
    assert of_beats[outside].max() < 0.02
    # The edges are the largest waves of all, and may be taken for a beat each.
    assert (of_found > 0.02).sum() <= 2


@pytest.mark.parametrize("step_mv", [-2.0, 0.5, 1.0, 5.0])
def test_steps_of_the_baseline_cost_no_beat(make_ecg, step_mv):
    ecg = make_ecg(250.0, beats=80)
    t = np.arange(ecg.signal_mv.size) / 250.0
    steps_s = (ecg.beats_s[20:70:10] + ecg.beats_s[21:71:10]) / 2.0
    level = step_mv * np.searchsorted(steps_s, t)
    of_beats, of_found = nearest_s(ecg, detect(ecg.signal_mv + level, 250.0))
    assert of_beats.max() < 0.02
    assert (of_found > 0.02).sum() <= steps_s.size


@pytest.mark.parametrize("seed", range(3))
def test_drift_of_the_baseline_changes_no_beat(make_ecg, seed):
    ecg = make_ecg(250.0)
    random = np.random.default_rng(seed)
    t = np.arange(ecg.signal_mv.size) / 250.0
    drift = sum(
        random.uniform(0.5, 2.0) * np.sin(2.0 * np.pi * hz * t + random.uniform(0.0, 6.0))
        for hz in (0.05, 0.15, 0.3)
    )
    assert_beats(detect(ecg.signal_mv + drift, 250.0), ecg, tolerance_s=0.02)


@pytest.mark.parametrize("polarity", [1.0, -1.0])
def test_a_lead_that_falls_off_and_comes_back_costs_no_beat_after_five_seconds(make_ecg, polarity):
    ecg = make_ecg(250.0, beats=60)
    t = np.arange(ecg.signal_mv.size) / 250.0
    off = (t > 20.0) & (t < 26.0)
    signal = polarity * np.where(off, 0.0, ecg.signal_mv)
    of_beats, of_found = nearest_s(ecg, detect(signal, 250.0))
    outside = (ecg.beats_s < 19.5) | (ecg.beats_s > 31.0)
    assert of_beats[outside].max() < 0.02
    assert (of_found > 0.02).sum() <= 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_refused_block_leaves_the_stream_as_it_was(make_ecg, bad):
    ecg = make_ecg(250.0)
    detector = Detector(250.0)
    half = ecg.signal_mv.size // 2
    found = detector.push(ecg.signal_mv[:half]).tolist()
    with pytest.raises(ValueError, match="NaN or infinity"):
        detector.push([0.0, bad, 0.1])
    found += [*detector.push(ecg.signal_mv[half:]), *detector.flush()]
    assert np.array_equal(found, detect(ecg.signal_mv, 250.0))


def test_an_end_right_after_an_r_peak_loses_no_beat(make_ecg):
    ecg = make_ecg(250.0)
    for after_s in (0.06, 0.1, 0.2):
        end = round((ecg.beats_s[-1] + after_s) * 250.0)
        found = detect(ecg.signal_mv[:end], 250.0)
        assert found.size == ecg.beats_s.size


def test_samples_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        Detector(250.0).push([0.0, np.nan])
    with pytest.raises(ValueError, match="one-dimensional"):
        Detector(250.0).push(np.zeros((4, 2)))


@pytest.mark.parametrize("rate_hz", [0.0, 60.0, 1024.0, float("nan")])
def test_rates_outside_100_to_1000_hz_are_refused(rate_hz):
    with pytest.raises(ValueError, match="100 to 1000 Hz"):
        Detector(rate_hz)
