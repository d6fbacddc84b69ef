import numpy as np
import pytest

from edge_agent.dsp.quality import QualityStream, assess, strip_index
from edge_agent.dsp.quality_parts import judge_beats
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
    levels = [
        judge_beats(make_ecg(250.0, noise_mv=one).signal_mv, 250.0).template for one in NOISES
    ]
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
    assert judge_beats(ecg.signal_mv[:1000], 250.0) is None
    assert judge_beats(np.zeros(2500), 250.0) is None


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


def test_a_good_signal_shows_what_it_is_judged_by(ecg):
    parts = assess(ecg.signal_mv[:2500], 250.0).parts
    assert parts.beats.template > 0.95
    assert parts.beats.agreement == 1.0
    assert parts.beats.contrast > 0.8
    assert parts.clipped_share == parts.held_share == 0.0
    assert parts.swing_mV == pytest.approx(1.2, abs=0.2)
    assert parts.spectrum.hum_share < 0.01


def bigeminy(ecg, signal):
    t = np.arange(signal.size) / 250.0
    for beat_s in ecg.beats_s[1::2]:
        near = np.abs(t - beat_s) < 0.3
        signal[near] = -1.5 * np.exp(-0.5 * ((t[near] - beat_s) / 0.05) ** 2)
    return signal


def test_two_shapes_of_beats_in_turns_are_no_noise(ecg):
    quality = assess(bigeminy(ecg, ecg.signal_mv.copy())[:2500], 250.0)
    assert quality.state is State.MEASURED
    assert quality.parts.beats.template > 0.9


@pytest.mark.parametrize("factor", [1e-4, -1.0, 1e4])
def test_gain_polarity_and_offset_do_not_matter_in_an_unknown_unit(make_ecg, factor):
    signal = make_ecg(250.0, noise_mv=0.1).signal_mv[:2500]
    plain = assess(signal, 250.0, flat_mV=None)
    other = assess(factor * (signal + 0.7), 250.0, flat_mV=None)
    assert other.state is plain.state is State.MEASURED
    assert other.index == pytest.approx(plain.index, abs=1e-6)


def test_a_constant_is_not_attached_in_an_unknown_unit_too():
    assert assess(np.full(500, 1e-4), 250.0, flat_mV=None).state is State.NOT_ATTACHED


def test_what_is_found_in_the_quiet_of_a_standstill_is_no_noise():
    steps = np.trunc(80.0 * np.sin(np.arange(2500) / 800.0)) / 1000.0
    assert judge_beats(steps, 250.0) is not None
    assert assess(steps, 250.0).parts.beats is None


def test_a_lead_that_has_come_off_is_not_attached_and_back_again_questionable(ecg):
    good = ecg.signal_mv[:2500].copy()
    off, back = good.copy(), good.copy()
    off[-1300:] = 0.3
    back[500:1250] = 0.3
    assert assess(off, 250.0).state is State.NOT_ATTACHED
    quality = assess(back, 250.0)
    assert quality.state is State.QUESTIONABLE
    assert quality.parts.held_share == pytest.approx(0.3, abs=0.001)


def test_a_heart_that_stands_still_is_measured(ecg):
    signal = ecg.signal_mv[:2500].copy()
    signal[200:] = 0.008 * np.random.default_rng(5).standard_normal(2300)
    quality = assess(signal, 250.0)
    assert (quality.state, quality.index) == (State.MEASURED, 1.0)
    assert quality.parts.beats is None


def test_an_open_input_full_of_hum_is_questionable_and_little_hum_is_not(ecg):
    hum = np.sin(2.0 * np.pi * 50.0 * np.arange(2500) / 250.0)
    open_input = assess(2.0 * hum, 250.0)
    assert open_input.state is State.QUESTIONABLE
    assert open_input.parts.spectrum.hum_share > 0.9
    assert open_input.parts.spectrum.hum_swing_mV == pytest.approx(4.0, rel=0.01)
    assert assess(0.02 * hum, 250.0).state is State.MEASURED
    assert assess(0.02 * hum + ecg.signal_mv[:2500], 250.0).state is State.MEASURED


def test_a_swing_no_body_gives_is_questionable(ecg):
    swaying = ecg.signal_mv[:2500] + 15.0 * np.sin(2.0 * np.pi * 0.2 * np.arange(2500) / 250.0)
    assert assess(swaying, 250.0).state is State.QUESTIONABLE


def test_a_strip_falls_with_its_noise_and_short_ones_have_an_index_too(make_ecg):
    strips = [make_ecg(250.0, noise_mv=noise).signal_mv for noise in NOISES]
    indices = [strip_index(strip, 250.0) for strip in strips]
    assert indices == sorted(indices, reverse=True)
    assert strip_index(strips[0][:1500], 250.0) > 0.9
    assert strip_index(np.zeros(2500), 250.0) == 0.0
    assert strip_index(1e4 * strips[1], 250.0) == pytest.approx(indices[1], abs=1e-6)


@pytest.mark.parametrize("bad", [[], [[0.1, 0.2]], [0.1, np.nan]])
def test_what_is_no_strip_is_refused(bad):
    with pytest.raises(ValueError, match="strip of shape"):
        strip_index(bad, 250.0)


def test_too_noisy_strips_of_a_hand_held_device_are_told_from_the_rest(shared_recordings):
    """PhysioNet challenge 2017: 300 Hz, 1000 units/mV, 24 octets of header."""
    folder = shared_recordings / "ecg" / "cinc2017"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    noisy, others = [], []
    for line in (folder / "REFERENCE.csv").read_text().splitlines():
        name, label = line.split(",")
        counts = np.frombuffer((folder / f"{name}.mat").read_bytes()[24:], dtype="<i2")
        (noisy if label == "~" else others).append(strip_index(counts / 1000.0, 300.0))
    wins = np.array(others)[:, np.newaxis] - np.array(noisy)
    assert np.mean((wins > 0.0) + 0.5 * (wins == 0.0)) >= 0.97
