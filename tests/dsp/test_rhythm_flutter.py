import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.rhythm_contact import Contact, ContactStep, ContactStream
from edge_agent.dsp.rhythm_finding import Kind, Standing
from edge_agent.dsp.rhythm_flutter import FlutterWatch
from edge_agent.validate.ecg.recordings import read

ONSET_S, OFFSET_S = 20.0, 34.0


def flutter(rate_hz, *, waves_hz=3.6, size_mv=1.5, onset_s=0.0, offset_s=20.0):
    """Waves whose rate and size wander, as annotated flutter's do."""
    t = np.arange(round((offset_s - onset_s) * rate_hz)) / rate_hz
    phase = 2.0 * np.pi * waves_hz * t + 0.8 * np.sin(1.3 * t)
    size = 0.5 * size_mv * (1.0 + 0.25 * np.sin(2.1 * t))
    return size * (np.sin(phase) + 0.15 * np.sin(2.0 * phase + 0.7))


def with_flutter(make_ecg, rate_hz, **how):
    signal = make_ecg(rate_hz, beats=70).signal_mv.copy()
    first, last = round(ONSET_S * rate_hz), round(OFFSET_S * rate_hz)
    signal[first:last] = flutter(rate_hz, onset_s=ONSET_S, offset_s=OFFSET_S, **how)[: last - first]
    return signal


def play(signal, rate_hz, *, cuts=None, steps=()):
    watch, found = FlutterWatch(rate_hz), []
    if cuts is None:
        cuts = range(round(0.2 * rate_hz), signal.size, round(0.2 * rate_hz))
    for part, start in zip(np.split(signal, cuts), [0, *cuts], strict=True):
        now_s = (start + part.size) / rate_hz
        due = [one for one in steps if start / rate_hz < one.at_s <= now_s]
        found += watch.push(part, start / rate_hz, due)
    return found


@pytest.mark.parametrize("rate_hz", [100.0, 130.0, 250.0, 360.0, 1000.0])
@pytest.mark.parametrize("waves_hz", [2.8, 3.6, 5.5])
def test_flutter_is_told_within_seven_seconds_and_ended(make_ecg, rate_hz, waves_hz):
    begun, ended = play(with_flutter(make_ecg, rate_hz, waves_hz=waves_hz), rate_hz)
    assert (begun.kind, begun.standing) == (Kind.VENTRICULAR_FLUTTER, Standing.BEGUN)
    assert ONSET_S + 4.0 <= begun.known_s <= ONSET_S + 7.0
    assert begun.value == pytest.approx(60.0 * waves_hz, rel=0.15)
    assert (ended.standing, ended.onset_s) == (Standing.ENDED, begun.onset_s)
    assert OFFSET_S - 1.5 <= ended.offset_s <= OFFSET_S + 3.0


@pytest.mark.parametrize("rr_s", [0.3, 0.4, 0.6, 0.85, 1.5])
def test_beats_are_none_however_fast(make_ecg, rr_s):
    signal = make_ecg(250.0, beats=60, rr_s=rr_s, t_wave=0.1 if rr_s < 0.5 else 0.3).signal_mv
    assert play(signal, 250.0) == []


def test_small_waves_are_none():
    assert play(flutter(250.0, size_mv=0.3), 250.0) == []


@pytest.mark.parametrize("waves_hz", [0.3, 1.5, 9.0, 50.0])
def test_waves_that_are_too_slow_or_too_fast_are_none(waves_hz):
    assert play(flutter(250.0, waves_hz=waves_hz), 250.0) == []


def test_noise_is_none():
    rng = np.random.default_rng(3)
    white = rng.standard_normal(30_000)
    assert play(white, 250.0) == []
    assert play(np.cumsum(white) * 0.1, 250.0) == []


def test_a_lead_that_is_off_shows_none():
    steps = [ContactStep(0.2 * n, Contact.HUM) for n in range(1, 100)]
    assert play(flutter(250.0), 250.0, steps=steps) == []


def test_a_lead_that_comes_off_in_a_flutter_gives_no_all_clear(make_ecg):
    rate_hz, off_s, on_s = 250.0, 15.0, 30.0
    waves = flutter(rate_hz, offset_s=off_s)
    off = np.zeros(round((on_s - off_s) * rate_hz))
    beats = make_ecg(rate_hz, beats=30).signal_mv
    signal = np.concatenate((waves, off, beats))
    steps = [
        ContactStep(0.2 * n, Contact.FLAT if off_s < 0.2 * n <= on_s else Contact.ATTACHED)
        for n in range(1, round(5.0 * signal.size / rate_hz))
    ]
    begun, ended = play(signal, rate_hz, steps=steps)
    assert begun.known_s < off_s
    # Three windows of four seconds, a second apart, wholly on the line that lives again.
    assert (ended.standing, ended.onset_s) == (Standing.ENDED, begun.onset_s)
    assert on_s + 6.0 <= ended.known_s <= on_s + 8.0


def test_calm_before_and_after_a_dead_line_does_not_add_up():
    rate_hz = 250.0
    signal = np.concatenate((flutter(rate_hz, offset_s=10.0), np.zeros(round(10.0 * rate_hz))))
    dead = [ContactStep(at_s, Contact.FLAT) for at_s in (12.6, 13.0, 17.6, 18.0)]
    assert [one.standing for one in play(signal, rate_hz, steps=dead)] == [Standing.BEGUN]


def test_a_gap_joins_nothing_and_what_stands_stands():
    watch, signal = FlutterWatch(250.0), flutter(250.0, offset_s=4.5)
    assert watch.push(signal, 0.0) == []
    watch.gap()
    assert watch.push(signal, 10.0) == []
    (begun,) = watch.push(signal, 14.5)
    watch.gap()
    found = watch.push(np.zeros(2500), 30.0)
    assert [(one.standing, one.onset_s) for one in found] == [(Standing.ENDED, begun.onset_s)]


@settings(max_examples=20)
@given(st.lists(st.integers(0, 10_000), max_size=60).map(sorted))
def test_what_is_found_is_the_same_for_any_split(cuts):
    rate_hz = 250.0
    rng = np.random.default_rng(5)
    signal = 0.05 * rng.standard_normal(10_000)
    signal[2500:6500] += flutter(rate_hz, offset_s=16.0)

    def told(cuts):
        found = play(signal, rate_hz, cuts=cuts)
        return [(one.standing, round(one.onset_s, 6), round(one.known_s, 6)) for one in found]

    assert told(cuts) == told([])
    assert len(told([])) == 2


@pytest.mark.parametrize("rate_hz", [128.0, 130.0, 250.0, 360.0, 1000.0])
@pytest.mark.parametrize("start_s", [0.0, 1234.567, 86_400.1])
def test_a_line_that_was_dead_gives_the_same_for_any_split(rate_hz, start_s):
    signal = np.zeros(round(60.0 * rate_hz))
    for first_s in (5.0, 25.0, 43.4):
        first = round(first_s * rate_hz)
        waves = flutter(rate_hz, offset_s=12.0)
        signal[first : first + waves.size] += waves

    def told(block):
        watch, contact, found = FlutterWatch(rate_hz), ContactStream(rate_hz), []
        for first in range(0, signal.size, block):
            part, at_s = signal[first : first + block], start_s + first / rate_hz
            found += watch.push(part, at_s, contact.push(part, at_s))
        return [(one.standing, round(one.onset_s, 6), round(one.known_s, 6)) for one in found]

    whole = told(signal.size)
    assert len(whole) >= 1
    for block in (26, 37, 50, 91):
        assert told(block) == whole


def test_annotated_flutter_is_told_and_nothing_else(shared_recordings):
    folder = shared_recordings / "ecg" / "mitdb"
    spans = [(40.7, 51.0), (54.8, 60.4), (242.1, 246.4), (247.9, 261.5), (269.5, 280.9)]
    told = [one for one in play(read(folder, "207").signal_mV[: 360 * 600], 360.0)
            if one.standing is Standing.BEGUN]  # fmt: skip
    assert all(any(start < one.known_s < end + 4.0 for start, end in spans) for one in told)
    assert all(any(start < one.known_s < end + 4.0 for one in told) for start, end in spans)
    for name in ("106", "203"):
        assert play(read(folder, name).signal_mV, 360.0) == []
