import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.beats import BeatStream
from edge_agent.dsp.rhythm import RhythmLimits, RhythmStream
from edge_agent.dsp.rhythm_finding import Kind, Standing
from edge_agent.validate.ecg.recordings import read
from tests.dsp import cut_ecg

SILENT = {Kind.PAUSE, Kind.ASYSTOLE}
BLOCK_S = 0.2


def play(signal_mv, rate_hz, *, cuts=None, limits=None, gap_at=None, off=None):
    beats = BeatStream(rate_hz)
    rhythm = RhythmStream(rate_hz, limits or RhythmLimits())
    if cuts is None:
        cuts = range(round(BLOCK_S * rate_hz), signal_mv.size, round(BLOCK_S * rate_hz))
    found = []
    for part, start in zip(np.split(signal_mv, cuts), [0, *cuts], strict=True):
        start_s = start / rate_hz
        gap = gap_at is not None and start == gap_at
        settled = beats.push(part, start_s, follows_gap=gap)
        found += rhythm.push(
            part, start_s, settled, provisional_s=beats.provisional_s, follows_gap=gap,
            attached=off is None or not off[0] <= start_s < off[1],
        )  # fmt: skip
    return found


def of(findings, kinds, standing=Standing.BEGUN):
    return [one for one in findings if one.kind in kinds and one.standing is standing]


def cut_synthetic(make_ecg, rate_hz, middle, *, noise_mv=0.01, **how):
    ecg = make_ecg(rate_hz, beats=60, noise_mv=noise_mv, **how)
    beats = np.rint(ecg.beats_s * rate_hz).astype(int)
    return cut_ecg.silenced(ecg.signal_mv, rate_hz, beats[30], beats[31], middle)


def assert_told_in_time(cut, findings, limits=None):
    limits = limits or RhythmLimits()
    for kind, limit_s in ((Kind.PAUSE, limits.pause_s), (Kind.ASYSTOLE, limits.asystole_s)):
        (begun,) = of(findings, {kind})
        assert begun.onset_s == pytest.approx(cut.last_s, abs=0.03)
        assert begun.known_s <= cut.last_s + limit_s + 0.4
        (ended,) = of(findings, {kind}, Standing.ENDED)
        assert ended.offset_s == pytest.approx(cut.next_s, abs=0.1)


@pytest.mark.parametrize("rate_hz", [100.0, 130.0, 250.0, 360.0, 500.0, 1000.0])
def test_a_standstill_is_told_at_every_rate(make_ecg, rate_hz):
    cut = cut_synthetic(make_ecg, rate_hz, cut_ecg.looped(7.0, rate_hz))
    assert_told_in_time(cut, play(cut.signal_mv, rate_hz))


@pytest.mark.parametrize("gain", [0.2, -1.0, 5.0])
def test_gain_and_polarity_change_nothing(make_ecg, gain):
    cut = cut_synthetic(make_ecg, 250.0, cut_ecg.looped(7.0, 250.0))
    assert_told_in_time(cut, play(gain * cut.signal_mv, 250.0))


def test_p_waves_that_go_on_without_beats_do_not_hide_a_standstill(make_ecg):
    cut = cut_synthetic(make_ecg, 250.0, cut_ecg.looped(14.0, 250.0))
    t = np.arange(cut.signal_mv.size) / 250.0
    signal = cut.signal_mv.copy()
    for at_s in np.arange(cut.last_s + 0.7, cut.next_s - 0.5, 0.85):
        signal += 0.15 * np.exp(-0.5 * ((t - at_s) / 0.022) ** 2)
    (begun,) = of(play(signal, 250.0), {Kind.ASYSTOLE})
    assert begun.known_s <= cut.last_s + 4.4


OFF = {
    "constant": cut_ecg.constant,
    "rail": cut_ecg.rail,
    "faint hum": lambda seconds, rate_hz: cut_ecg.hum(seconds, rate_hz, 0.03),
    "huge hum": lambda seconds, rate_hz: cut_ecg.hum(seconds, rate_hz, 2.0),
    "recovering": cut_ecg.recovering,
}


@pytest.mark.parametrize("rate_hz", [130.0, 360.0])
@pytest.mark.parametrize("how", OFF, ids=list(OFF))
def test_a_lead_that_is_off_is_told_as_such_and_never_as_a_standstill(make_ecg, how, rate_hz):
    cut = cut_synthetic(make_ecg, rate_hz, OFF[how](12.0, rate_hz))
    counted = np.round(cut.signal_mv / 0.005) * 0.005
    findings = play(counted, rate_hz)
    assert of(findings, SILENT) == []
    (begun,) = of(findings, {Kind.FLAT_LINE})
    assert cut.last_s < begun.known_s < cut.next_s
    (ended,) = of(findings, {Kind.FLAT_LINE}, Standing.ENDED)
    assert cut.next_s - 0.5 < ended.offset_s < cut.next_s + 2.0


def test_a_lead_that_the_sensor_says_is_off_is_no_standstill(make_ecg):
    cut = cut_synthetic(make_ecg, 250.0, cut_ecg.looped(12.0, 250.0))
    findings = play(cut.signal_mv, 250.0, off=(cut.last_s + 0.4, cut.next_s - 0.2))
    assert of(findings, SILENT) == []
    assert len(of(findings, {Kind.FLAT_LINE})) == 1


def test_the_strip_shows_the_silence_and_is_small(make_ecg):
    cut = cut_synthetic(make_ecg, 500.0, cut_ecg.looped(7.0, 500.0))
    findings = play(cut.signal_mv + 250.0, 500.0)
    (begun,) = of(findings, {Kind.ASYSTOLE})
    strip = begun.strip
    assert strip.samples_uV.dtype == np.int16
    assert strip.rate_hz <= 130.0
    assert 7.5 <= strip.end_s - strip.start_s <= 8.1
    assert strip.start_s < cut.last_s < strip.end_s <= begun.known_s + 0.01
    top_s = strip.start_s + int(np.argmax(strip.samples_uV)) / strip.rate_hz
    beats_s = cut.last_s - top_s
    assert beats_s >= -0.02
    assert strip.samples_uV.max() > 700
    (ended,) = of(findings, {Kind.ASYSTOLE}, Standing.ENDED)
    assert np.array_equal(ended.strip.samples_uV, strip.samples_uV)


def test_ordinary_rhythm_gives_no_finding(make_ecg):
    assert play(make_ecg(250.0, beats=120).signal_mv, 250.0) == []


@pytest.mark.parametrize(
    ("rr_s", "kinds"),
    [
        (1.7, {Kind.BRADYCARDIA, Kind.EXTREME_BRADYCARDIA}),
        (1.4, {Kind.BRADYCARDIA}),
        (0.4, {Kind.TACHYCARDIA, Kind.EXTREME_TACHYCARDIA}),
    ],
)
def test_slow_and_fast_hearts_are_found(make_ecg, rr_s, kinds):
    ecg = make_ecg(250.0, beats=40, rr_s=rr_s, t_wave=0.15)
    assert {one.kind for one in play(ecg.signal_mv, 250.0)} == kinds


def test_a_gap_in_the_samples_is_no_pause(make_ecg):
    ecg = make_ecg(250.0, beats=60)
    first, second = ecg.signal_mv[:6000], ecg.signal_mv[7500:]
    beats, rhythm, found = BeatStream(250.0), RhythmStream(250.0), []
    for signal, offset_s in ((first, 0.0), (second, 30.0)):
        for start in range(0, signal.size, 50):
            gap = offset_s > 0.0 and start == 0
            part, start_s = signal[start : start + 50], offset_s + start / 250.0
            settled = beats.push(part, start_s, follows_gap=gap)
            early = beats.provisional_s
            found += rhythm.push(part, start_s, settled, provisional_s=early, follows_gap=gap)
    assert found == []


@pytest.mark.parametrize("block", [[0.1, np.nan], [[0.1], [0.2]]])
def test_what_is_no_signal_is_refused(block):
    with pytest.raises(ValueError, match="one lead"):
        RhythmStream(250.0).push(block, 0.0)


def make_split_signal():
    rng = np.random.default_rng(7)
    rate_hz = 130.0
    beats_s = np.concatenate((np.arange(1.0, 12.0, 0.8), np.arange(17.0, 25.0, 0.8), [29.5, 30.3]))
    t = np.arange(round(34.0 * rate_hz)) / rate_hz
    signal = 0.01 * rng.standard_normal(t.size)
    for at_s in beats_s:
        signal += np.exp(-0.5 * ((t - at_s) / 0.012) ** 2)
    return signal, rate_hz


SPLIT, SPLIT_RATE_HZ = make_split_signal()


def ended(cuts):
    return [
        (one.kind, round(one.onset_s, 9), round(one.offset_s, 9), round(one.value, 9))
        for one in play(SPLIT, SPLIT_RATE_HZ, cuts=cuts)
        if one.standing is Standing.ENDED
    ]


@settings(max_examples=25)
@given(st.lists(st.integers(0, SPLIT.size), max_size=80).map(sorted))
def test_what_is_found_in_the_end_is_the_same_for_any_split(cuts):
    found = sorted(ended(cuts))
    assert found == sorted(ended([]))
    assert [one[0] for one in found].count(Kind.PAUSE) == 2


LONG_HZ = 130.0
BLOCK_SIZES = st.one_of(
    st.integers(1, 26), st.integers(26, 260), st.integers(260, round(60.0 * LONG_HZ))
)


def make_long_signal():
    """Two minutes and a half: P waves that go on alone, a jump of the line, a lead that is off."""
    rng = np.random.default_rng(11)
    beats_s = np.concatenate([
        np.arange(1.0, 20.0, 0.8), np.arange(32.0, 50.0, 0.8), np.arange(56.1, 80.0, 0.8),
        np.arange(86.0, 110.0, 0.8), np.arange(115.3, 148.0, 0.8),
    ])  # fmt: skip
    p_waves_s = np.arange(20.9, 31.0, 0.7)
    t = np.arange(round(150.0 * LONG_HZ)) / LONG_HZ
    signal = 0.01 * rng.standard_normal(t.size)
    for times, size, width in ((beats_s, 1.0, 0.012), (p_waves_s, 0.3, 0.02)):
        for at_s in times:
            signal += size * np.exp(-0.5 * ((t - at_s) / width) ** 2)
    signal += 4.0 * (t > 54.0)
    signal[(t > 80.6) & (t < 85.5)] = signal[np.searchsorted(t, 80.6)]
    return signal


LONG = make_long_signal()


def ended_in_blocks(sizes):
    ends = np.cumsum(sizes)
    return ended_of(play(LONG, LONG_HZ, cuts=ends[ends < LONG.size].tolist()))


def ended_of(findings):
    ended = of(findings, Kind, Standing.ENDED)
    return sorted((str(one.kind), one.onset_s, one.offset_s, one.value) for one in ended)


LONG_ENDED = ended_of(play(LONG, LONG_HZ))


def assert_as_in_short_blocks(found):
    assert [one[0] for one in found] == [one[0] for one in LONG_ENDED]
    for one, expected in zip(found, LONG_ENDED, strict=True):
        assert one[1:] == pytest.approx(expected[1:], abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(BLOCK_SIZES, min_size=1, max_size=60))
def test_what_ends_is_the_same_in_blocks_of_a_sample_to_a_minute(sizes):
    assert_as_in_short_blocks(ended_in_blocks(sizes))


@pytest.mark.parametrize("block_s", [1.0 / LONG_HZ, 0.5, 5.0, 20.0, 60.0, 150.0])
def test_what_ends_is_the_same_in_even_blocks(block_s):
    size = round(block_s * LONG_HZ)
    found = ended_in_blocks([size] * (LONG.size // size + 1))
    assert_as_in_short_blocks(found)
    assert [one[0] for one in found].count("pause") == 3
    assert [one[0] for one in found].count("flat-line") == 1


def test_in_a_long_block_every_finding_has_its_strip():
    begun = of(play(LONG, LONG_HZ, cuts=[]), SILENT)
    assert begun
    for one in begun:
        assert one.strip.start_s <= one.onset_s < one.strip.end_s


def record_cuts(folder, name, middle_of, count):
    record = read(folder, name)
    signal, beats = record.signal_mV, record.beats
    roomy = np.flatnonzero(np.diff(beats) >= 0.7 * 360.0)
    roomy = roomy[(roomy > 60) & (roomy < beats.size - 60)]
    for place in roomy[:: roomy.size // count][:count]:
        cut = cut_ecg.silenced(
            signal, 360.0, beats[place], beats[place + 1], middle_of(signal, 7.0, 360.0)
        )
        yield np.round(cut.signal_mv / 0.005) * 0.005, cut


STANDSTILLS = {
    "looped": lambda signal, seconds, rate_hz: cut_ecg.looped(seconds, rate_hz),
    "stretched": lambda signal, seconds, rate_hz: cut_ecg.stretched(seconds, rate_hz),
    "faint": cut_ecg.faint,
}


@pytest.mark.parametrize("how", STANDSTILLS, ids=list(STANDSTILLS))
def test_standstills_cut_into_recordings_are_told_in_time(shared_recordings, how):
    folder = shared_recordings / "ecg" / "mitdb"
    for name in ("101", "115", "209", "223"):
        for signal, cut in record_cuts(folder, name, STANDSTILLS[how], 3):
            findings = play(signal, 360.0)
            begun = [one for one in of(findings, {Kind.ASYSTOLE}) if one.onset_s > cut.last_s - 0.5]
            assert begun, name
            assert begun[0].known_s <= cut.last_s + 4.4, name


@pytest.mark.parametrize("how", OFF, ids=list(OFF))
def test_leads_taken_off_in_recordings_are_no_standstills(shared_recordings, how):
    folder = shared_recordings / "ecg" / "mitdb"
    for name in ("101", "115", "209", "223"):
        off = OFF[how](12.0, 360.0)
        for signal, cut in record_cuts(folder, name, lambda *_, off=off: off, 2):
            findings = play(signal, 360.0)
            assert of(findings, SILENT) == [], name
            assert [one.onset_s > cut.last_s for one in of(findings, {Kind.FLAT_LINE})] == [True]
