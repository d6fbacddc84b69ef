import random

import numpy as np
import pytest

from edge_mocks.ecg import RrSeries, SyntheticEcg

SEED = 7


def source(seed=SEED, **kwargs):
    return SyntheticEcg(random.Random(seed), **kwargs)


@pytest.mark.parametrize("rate_per_min", [45, 66, 110, 160])
def test_every_known_beat_is_a_local_maximum_of_the_signal(rate_per_min):
    ecg = source(heart_rate_per_min=rate_per_min, noise_uv=0)
    signal = ecg.read(130 * 60)
    beats = ecg.beat_times
    assert len(beats) == pytest.approx(rate_per_min, abs=2)
    for beat in beats[1:-1] * 130:
        around = signal[round(beat) - 20 : round(beat) + 21]
        assert abs(np.argmax(around) - 20) <= 1
        assert np.max(around) > 500


def test_the_r_peak_has_the_wanted_height_in_microvolts():
    ecg = source(noise_uv=0, rr_std_s=0, amplitude_uv=1500)
    signal = ecg.read(130 * 60)
    assert np.percentile(signal, 99.9) - np.median(signal) == pytest.approx(1500, rel=0.15)


def test_any_split_of_the_reads_gives_the_same_signal():
    whole = source(noise_uv=0).read(1000)
    pieces = source(noise_uv=0)
    parts = [pieces.read(n) for n in (1, 72, 73, 354, 500)]
    assert np.max(np.abs(np.concatenate(parts) - whole)) <= 1


def test_a_seed_repeats_the_ecg_and_another_gives_another():
    assert np.array_equal(source(1).read(500), source(1).read(500))
    assert not np.array_equal(source(1).read(500), source(2).read(500))


def test_no_beat_is_known_before_it_has_been_read():
    ecg = source()
    assert len(ecg.beat_times) == 0
    ecg.read(130 * 5)
    assert ecg.beat_times[-1] < 5


def test_rr_intervals_have_the_mean_the_spread_and_the_two_bands_asked_for():
    series = RrSeries(random.Random(SEED), mean_s=0.9, std_s=0.05, lf_hf=2.0)
    sampled = np.array([series.at(second / 4) for second in range(4 * 4096)])
    assert np.mean(sampled) == pytest.approx(0.9, abs=0.005)
    assert np.std(sampled) == pytest.approx(0.05, rel=0.1)
    power = np.abs(np.fft.rfft(sampled - np.mean(sampled))) ** 2
    hz = np.fft.rfftfreq(len(sampled), 0.25)
    low = power[(hz > 0.04) & (hz < 0.15)].sum()
    high = power[(hz >= 0.15) & (hz < 0.4)].sum()
    assert low / high == pytest.approx(2.0, rel=0.2)
