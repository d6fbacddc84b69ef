import numpy as np
import pytest

from edge_agent.dsp import rhythm_ventricular
from edge_agent.dsp.rhythm_finding import Kind, Standing
from edge_agent.dsp.rhythm_ventricular import VentricularWatch
from edge_agent.dsp.ventricular import BeatClass, ClassifiedBeat

RATE_HZ = 250.0


def ecg(kinds, rr_s):
    """Narrow beats with P waves, and wide ones without; one letter a beat: N or V."""
    beats_s = 1.0 + np.concatenate(([0.0], np.cumsum(rr_s)))[: len(kinds)]
    t = np.arange(round((beats_s[-1] + 3.0) * RATE_HZ)) / RATE_HZ
    signal = 0.005 * np.random.default_rng(1).standard_normal(t.size)
    narrow = ((-0.17, 0.022, 0.12), (0.0, 0.011, 1.0), (0.03, 0.01, -0.2), (0.26, 0.045, 0.28))
    wide = ((0.0, 0.04, 1.6), (0.22, 0.07, -0.6))
    for at_s, kind in zip(beats_s, kinds, strict=True):
        for centre, width, height in wide if kind == "V" else narrow:
            signal += height * np.exp(-0.5 * ((t - at_s - centre) / width) ** 2)
    return signal, beats_s.tolist()


def play(kinds, rr_s, *, block=50, gap_after=None, unreliable=()):
    signal, beats_s = ecg(kinds, rr_s)
    watch, found = VentricularWatch(RATE_HZ), []
    waiting = list(beats_s)
    for start in range(0, signal.size, block):
        end_s = min(start + block, signal.size) / RATE_HZ
        settled = [one for one in waiting if one + 0.5 <= end_s]
        del waiting[: len(settled)]
        reliable = [beats_s.index(one) not in unreliable for one in settled]
        found += watch.push(
            signal[start : start + block], start / RATE_HZ, settled, reliable=reliable
        )
        if gap_after is not None and end_s >= gap_after:
            return watch, found + watch.gap(end_s)
    return watch, found


def rhythm_with_run(run_beats, run_rr_s):
    kinds = "N" * 40 + "V" * run_beats + "N" * 40
    rr_s = [0.8] * 39 + [0.5] + [run_rr_s] * (run_beats - 1) + [1.0] + [0.8] * 39
    return kinds, rr_s


def test_five_wide_beats_at_150_a_minute_are_a_tachycardia_while_they_go_on():
    kinds, rr_s = rhythm_with_run(9, 0.4)
    _, found = play(kinds, rr_s)
    steps = [one for one in found if one.kind is Kind.VENTRICULAR_TACHYCARDIA]
    begun, ended = steps
    onset_s = 1.0 + 39 * 0.8 + 0.5
    assert (begun.standing, begun.onset_s) == (Standing.BEGUN, pytest.approx(onset_s, abs=0.05))
    assert begun.known_s <= onset_s + 5 * 0.4 + 1.0
    assert begun.value == pytest.approx(150.0, rel=0.05)
    assert (ended.standing, ended.beats) == (Standing.ENDED, 9)
    assert ended.offset_s == pytest.approx(onset_s + 8 * 0.4, abs=0.05)
    assert Kind.VENTRICULAR_RUN in {one.kind for one in found}


def test_a_slow_run_is_a_run_and_no_tachycardia():
    kinds, rr_s = rhythm_with_run(5, 0.9)
    _, found = play(kinds, rr_s)
    assert {one.kind for one in found} == {Kind.VENTRICULAR_RUN}


def test_a_slow_run_that_speeds_up_is_a_tachycardia_from_its_fast_part_on():
    kinds = "N" * 40 + "V" * 38 + "N" * 40
    rr_s = [0.8] * 39 + [0.5] + [0.75] * 29 + [0.4] * 8 + [1.0] + [0.8] * 39
    _, found = play(kinds, rr_s)
    begun, ended = (one for one in found if one.kind is Kind.VENTRICULAR_TACHYCARDIA)
    run_s = 1.0 + 39 * 0.8 + 0.5
    fast_s = run_s + 29 * 0.75
    assert begun.onset_s == pytest.approx(fast_s, abs=0.05)
    assert begun.known_s <= fast_s + 4 * 0.4 + 1.5
    assert begun.value == pytest.approx(150.0, rel=0.05)
    assert (ended.standing, ended.beats) == (Standing.ENDED, 9)
    _, run = (one for one in found if one.kind is Kind.VENTRICULAR_RUN)
    assert (run.onset_s, run.beats) == (pytest.approx(run_s, abs=0.05), 38)
    for block in (7, 250):
        again = [one for one in play(kinds, rr_s, block=block)[1] if one.standing is Standing.ENDED]
        assert [(one.kind, round(one.onset_s, 6), one.beats) for one in again] == [
            (one.kind, round(one.onset_s, 6), one.beats)
            for one in found
            if one.standing is Standing.ENDED
        ]


def test_bigeminy_is_found_and_counted_into_the_load():
    kinds = "N" * 40 + "VN" * 10 + "N" * 20
    rr_s = [0.8] * 39 + [0.5, 1.1] * 10 + [0.8] * 20
    watch, found = play(kinds, rr_s)
    assert [one.standing for one in found if one.kind is Kind.BIGEMINY] == [
        Standing.BEGUN,
        Standing.ENDED,
    ]
    assert watch.load(60.0).percent == pytest.approx(100.0 * 10 / 80, abs=1.5)


def test_a_regular_heart_has_no_finding_and_no_load():
    watch, found = play("N" * 60, [0.8] * 59)
    assert found == []
    assert watch.load(50.0).percent == 0.0


def test_a_gap_ends_nothing_that_has_been_told():
    kinds, rr_s = rhythm_with_run(12, 0.4)
    _, found = play(kinds, rr_s, gap_after=1.0 + 39 * 0.8 + 0.5 + 10 * 0.4)
    told = [one for one in found if one.kind is Kind.VENTRICULAR_TACHYCARDIA]
    assert [one.standing for one in told] == [Standing.BEGUN]


@pytest.mark.parametrize("block", [7, 250])
def test_blocks_do_not_change_what_is_found(block):
    kinds, rr_s = rhythm_with_run(9, 0.4)

    def ended(size):
        return [
            (one.kind, round(one.onset_s, 6), round(one.offset_s, 6), one.beats)
            for one in play(kinds, rr_s, block=size)[1]
            if one.standing is Standing.ENDED
        ]

    assert ended(block) == ended(50)


@pytest.mark.parametrize("unreliable", [(48,), (46, 49, 50), (45, 47)])
@pytest.mark.parametrize("block", [7, 50, 250])
def test_beats_that_cannot_be_classified_end_no_tachycardia(unreliable, block):
    kinds, rr_s = rhythm_with_run(16, 0.4)
    _, found = play(kinds, rr_s, block=block, unreliable=unreliable)
    onset_s = 1.0 + 39 * 0.8 + 0.5
    for kind in (Kind.VENTRICULAR_TACHYCARDIA, Kind.VENTRICULAR_RUN):
        begun, ended = (one for one in found if one.kind is kind)
        assert (begun.standing, ended.standing) == (Standing.BEGUN, Standing.ENDED)
        assert begun.onset_s == ended.onset_s == pytest.approx(onset_s, abs=0.05)
        assert ended.beats == 16 - len(unreliable)
        assert ended.offset_s == pytest.approx(onset_s + 15 * 0.4, abs=0.05)
        assert ended.value == pytest.approx(150.0, rel=0.05)


def test_a_beat_that_is_not_ventricular_ends_a_tachycardia_after_one_that_is_not_known():
    kinds, rr_s = rhythm_with_run(9, 0.4)
    _, found = play(kinds, rr_s, unreliable=(49,))
    ended = [one for one in found if one.standing is Standing.ENDED]
    assert {one.kind for one in ended} == {Kind.VENTRICULAR_TACHYCARDIA, Kind.VENTRICULAR_RUN}
    assert {one.beats for one in ended} == {9}


def through_a_gap(kinds, rr_s, *, gap_s, lost=3):
    """Take ``lost`` beats out of the middle of the run; what is left is ``gap_s`` (s) apart."""
    signal, beats_s = ecg(kinds, rr_s)
    middle = kinds.index("V") + kinds.count("V") // 2
    stop_s, go_s = beats_s[middle] + 0.3, beats_s[middle + lost] + 0.3
    later_s = gap_s - (go_s - stop_s)
    watch, found = VentricularWatch(RATE_HZ), []
    for first_s, last_s, shift_s in ((0.0, stop_s, 0.0), (go_s, signal.size / RATE_HZ, later_s)):
        if shift_s:
            found += watch.push([], first_s + shift_s, [])  # beats settled by the gap, if any
            found += watch.gap(first_s + shift_s)
        for start in range(round(first_s * RATE_HZ), round(last_s * RATE_HZ), 50):
            end = min(start + 50, round(last_s * RATE_HZ))
            settled = [one + shift_s for one in beats_s if start <= RATE_HZ * one < end]
            found += watch.push(signal[start:end], start / RATE_HZ + shift_s, settled)
    return [one for one in found if one.kind is Kind.VENTRICULAR_TACHYCARDIA]


@pytest.mark.parametrize("run_beats", [16, 60])
@pytest.mark.parametrize("gap_s", [2.0, 30.0, 299.0])
def test_a_tachycardia_that_runs_on_through_a_gap_goes_on(gap_s, run_beats):
    kinds, rr_s = rhythm_with_run(run_beats, 0.4)
    begun, ended = through_a_gap(kinds, rr_s, gap_s=gap_s)
    assert (begun.standing, ended.standing) == (Standing.BEGUN, Standing.ENDED)
    last_s = 1.0 + 39 * 0.8 + 0.5 + 0.4 * (run_beats - 1)
    assert ended.offset_s == pytest.approx(last_s + gap_s - 3 * 0.4, abs=0.05)
    assert ended.beats == run_beats - 3


def test_one_that_begins_after_a_gap_is_told_by_what_was_known_before_it():
    kinds, rr_s = rhythm_with_run(9, 0.4)
    signal, beats_s = ecg(kinds, rr_s)
    run = round((beats_s[40] - 0.25) * RATE_HZ)
    watch = VentricularWatch(RATE_HZ)
    watch.push(signal[:run], 0.0, beats_s[:40])
    watch.gap(60.0)
    found = watch.push(signal[run:], 60.0, [60.0 + one - run / RATE_HZ for one in beats_s[40:]])
    assert Kind.VENTRICULAR_TACHYCARDIA in {one.kind for one in found}


def test_after_a_long_gap_the_beats_are_learnt_anew():
    kinds, rr_s = rhythm_with_run(60, 0.4)
    _, ended = through_a_gap(kinds, rr_s, gap_s=302.0)
    assert ended.standing is Standing.ENDED
    assert ended.beats < 60 // 2 + 2


class KnownClasses:
    """Stands in for the classifier: says of the beats what it is told to."""

    def __init__(self, letters):
        self._kinds = iter(letters)

    def push(self, block_mV, peaks, *, reliable=None):
        kinds = {"V": BeatClass.VENTRICULAR, "N": BeatClass.NOT_VENTRICULAR}
        return [
            ClassifiedBeat(position=one, kind=kinds[next(self._kinds)], ventricular_probability=0.5)
            for one in peaks
        ]

    def flush(self):
        return []


@pytest.mark.parametrize(("after", "ended_s"), [("VVVN", 104.0 + 2 * 0.4), ("NVVV", 1.0 + 7 * 0.4)])
def test_a_gap_ends_a_tachycardia_only_with_a_beat_that_is_not_ventricular(
    monkeypatch, after, ended_s
):
    monkeypatch.setattr(
        rhythm_ventricular, "VentricularStream", lambda _: KnownClasses("V" * 8 + after)
    )
    watch = VentricularWatch(RATE_HZ)
    found = watch.push(np.zeros(1250), 0.0, [1.0 + 0.4 * beat for beat in range(8)])
    assert watch.gap(5.0) == []
    found += watch.push(np.zeros(1250), 103.0, [104.0 + 0.4 * beat for beat in range(4)])
    begun, ended = (one for one in found if one.kind is Kind.VENTRICULAR_TACHYCARDIA)
    assert (begun.standing, ended.standing) == (Standing.BEGUN, Standing.ENDED)
    assert begun.onset_s == ended.onset_s == 1.0
    assert ended.offset_s == pytest.approx(ended_s)
