import numpy as np
import pytest

from edge_agent.dsp.quality import QualityStream, assess, beat_likeness
from edge_agent.model import State


@pytest.fixture(scope="module")
def ecg(make_ecg):
    return make_ecg(250.0)


def test_a_good_signal_is_measured_with_high_quality(ecg):
    quality = assess(ecg.signal_mv, 250.0)
    assert quality.state is State.MEASURED
    assert quality.index > 0.95


@pytest.mark.parametrize("start", range(0, 2500, 140))
def test_short_blocks_of_a_good_signal_are_measured(ecg, start):
    assert assess(ecg.signal_mv[start : start + 140], 250.0).state is State.MEASURED


@pytest.mark.parametrize("level_mv", [0.0, 1.7, -200.0])
def test_a_flat_line_means_that_nothing_is_attached(level_mv):
    noise = 0.001 * np.random.default_rng(1).standard_normal(500)
    quality = assess(level_mv + noise, 250.0)
    assert (quality.state, quality.index) == (State.NOT_ATTACHED, 0.0)


@pytest.mark.parametrize("block", [[], [0.1, np.nan, 0.2], [np.inf] * 5])
def test_no_samples_and_no_numbers_are_a_fault(block):
    quality = assess(block, 250.0)
    assert (quality.state, quality.index) == (State.SENSOR_FAULT, 0.0)


@pytest.mark.parametrize("gain", [1.0, 10.0])
def test_a_clipped_signal_is_questionable_by_the_share_that_is_clipped(ecg, gain):
    t = np.arange(ecg.signal_mv.size) / 250.0
    swaying = gain * (ecg.signal_mv + 3.0 * np.sin(2.0 * np.pi * 0.2 * t))
    rail = 2.5 * gain
    clipped = np.clip(swaying, -rail, rail)
    share = np.mean(np.abs(clipped) == rail)
    blind = assess(clipped, 250.0)
    told = assess(clipped, 250.0, full_scale_mV=rail)
    assert blind.state is told.state is State.QUESTIONABLE
    assert 0.05 < share < 0.5
    assert told.index <= 1.0 - share
    assert blind.index == pytest.approx(told.index, abs=0.05)


def test_a_signal_at_the_rail_most_of_the_time_is_not_attached(ecg):
    assert assess(np.full(500, 5.0), 250.0, full_scale_mV=5.0).state is State.NOT_ATTACHED
    stuck = np.where(np.arange(500) < 350, 5.0, ecg.signal_mv[:500])
    assert assess(stuck, 250.0, full_scale_mV=5.0).state is State.NOT_ATTACHED


def test_noise_is_questionable():
    noise = np.random.default_rng(2).standard_normal(2500)
    quality = assess(noise, 250.0)
    assert quality.state is State.QUESTIONABLE
    assert quality.index < 0.66


def test_likeness_falls_as_noise_rises(make_ecg):
    levels = [beat_likeness(make_ecg(250.0, noise_mv=noise).signal_mv, 250.0) for noise in NOISES]
    assert levels == sorted(levels, reverse=True)


NOISES = (0.0, 0.1, 0.3, 1.0)


def test_a_few_ectopic_beats_do_not_make_a_good_signal_bad(ecg):
    signal = ecg.signal_mv.copy()
    t = np.arange(signal.size) / 250.0
    for beat_s in ecg.beats_s[5::5]:
        near = np.abs(t - beat_s) < 0.3
        signal[near] = -1.5 * np.exp(-0.5 * ((t[near] - beat_s) / 0.05) ** 2)
    assert assess(signal, 250.0).state is State.MEASURED


def test_too_short_or_too_few_beats_are_not_judged_for_noise(ecg):
    assert beat_likeness(ecg.signal_mv[:1000], 250.0) is None
    assert beat_likeness(np.zeros(2500), 250.0) is None


@pytest.mark.parametrize("block", [1, 73, 250, 999])
def test_the_stream_judges_the_last_window_whatever_the_blocks(ecg, block):
    stream = QualityStream(250.0, window_s=6.0, step_s=2.0)
    judged = {}
    for first in range(0, ecg.signal_mv.size, block):
        quality = stream.push(ecg.signal_mv[first : first + block])
        judged[min(first + block, ecg.signal_mv.size) // 500] = quality
    assert judged.get(0) is None
    for steps, quality in judged.items():
        if steps:
            window = ecg.signal_mv[max(0, 500 * steps - 1500) : 500 * steps]
            assert quality == assess(window, 250.0)
