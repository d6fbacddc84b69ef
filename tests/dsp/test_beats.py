import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.beats import BeatStream
from edge_agent.dsp.rpeaks import LATENCY_S


def stream(ecg, cuts, *, rate_hz=None, start_s=0.0):
    stream = BeatStream(ecg.rate_hz)
    true_hz = rate_hz or ecg.rate_hz
    beats, first = [], 0
    for block in np.split(ecg.signal_mv, cuts):
        beats += stream.push(block, start_s + first / true_hz, rate_hz=rate_hz)
        first += block.size
    return beats + stream.flush()


@pytest.fixture(scope="module")
def ecg(make_ecg):
    return make_ecg(130.0)


def test_gives_the_time_of_each_beat_and_the_interval_before_it(ecg):
    beats = stream(ecg, range(73, ecg.signal_mv.size, 73), start_s=1000.0)
    assert [beat.at_s - 1000.0 for beat in beats] == pytest.approx(ecg.beats_s, abs=0.004)
    assert beats[0].rr_ms is None
    rr_ms = [beat.rr_ms for beat in beats[1:]]
    assert rr_ms == pytest.approx(1000.0 * np.diff(ecg.beats_s), abs=5.0)


def test_any_split_gives_the_same_beats(ecg):
    whole = stream(ecg, [])

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.integers(0, ecg.signal_mv.size), max_size=30).map(sorted))
    def same(cuts):
        parts = stream(ecg, cuts)
        assert [beat.at_s for beat in parts] == pytest.approx([beat.at_s for beat in whole])
        assert [beat.rr_ms for beat in parts[1:]] == pytest.approx(
            [beat.rr_ms for beat in whole[1:]], abs=1e-6
        )

    same()


def test_single_samples_give_the_same_beats(ecg):
    assert len(stream(ecg, range(1, ecg.signal_mv.size))) == ecg.beats_s.size


def test_the_true_rate_scales_times_and_intervals(ecg):
    nominal = stream(ecg, range(73, ecg.signal_mv.size, 73))
    slower = stream(ecg, range(73, ecg.signal_mv.size, 73), rate_hz=129.35)
    ratio = 130.0 / 129.35
    for one, other in zip(nominal[1:], slower[1:], strict=True):
        assert other.rr_ms == pytest.approx(one.rr_ms * ratio)
        assert other.at_s == pytest.approx(one.at_s * ratio)


def test_an_uneven_arrival_of_blocks_does_not_reach_the_intervals(ecg):
    even, uneven, random = BeatStream(130.0), BeatStream(130.0), np.random.default_rng(4)
    expected, found = [], []
    for first in range(0, ecg.signal_mv.size, 73):
        block = ecg.signal_mv[first : first + 73]
        expected += even.push(block, first / 130.0)
        found += uneven.push(block, first / 130.0 + random.uniform(0.0, 0.02))
    assert [beat.rr_ms for beat in found] == [beat.rr_ms for beat in expected]


def test_no_interval_spans_a_gap_and_waiting_beats_are_not_lost(ecg):
    beats = BeatStream(130.0)
    before = beats.push(ecg.signal_mv, 0.0)
    after = beats.push(ecg.signal_mv, 500.0, follows_gap=True) + beats.flush()
    found = before + after
    assert len(found) == 2 * ecg.beats_s.size
    first_after = ecg.beats_s.size
    assert found[first_after].at_s == pytest.approx(500.0 + ecg.beats_s[0], abs=0.01)
    assert [place for place, beat in enumerate(found) if beat.rr_ms is None] == [0, first_after]


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_gaps_anywhere_give_the_beats_of_each_part_by_itself(ecg, data):
    """Whatever is told as a gap: no interval spans it, and no part knows of another."""
    cuts = sorted(data.draw(st.lists(st.integers(1, ecg.signal_mv.size - 1), max_size=4)))
    parts = np.split(ecg.signal_mv, cuts)
    beats, found, expected, start_s = BeatStream(130.0), [], [], 0.0
    for count, part in enumerate(parts):
        found += beats.push(part, start_s, follows_gap=count > 0)
        alone = BeatStream(130.0)
        expected += alone.push(part, start_s) + alone.flush()
        start_s += part.size / 130.0 + 30.0
    found += beats.flush()
    assert found == expected


def test_provisional_beats_have_times_and_vanish_with_a_gap(ecg):
    beats = BeatStream(130.0)
    seen = []
    for first in range(0, ecg.signal_mv.size, 13):
        beats.push(ecg.signal_mv[first : first + 13], 1000.0 + first / 130.0)
        seen += beats.provisional_s
    of_beats = np.abs(np.array(seen)[:, np.newaxis] - 1000.0 - ecg.beats_s).min(axis=0)
    assert of_beats[ecg.beats_s > 5.0].max() < 0.03
    beats.push(ecg.signal_mv[:13], 2000.0, follows_gap=True)
    assert beats.provisional_s == ()


def test_memory_does_not_grow_with_the_stream(ecg):
    beats, kept = BeatStream(130.0), []
    for place in range(ecg.signal_mv.size):
        beats.push(ecg.signal_mv[place : place + 1], place / 130.0)
        kept.append(len(beats._blocks))
    assert max(kept) < LATENCY_S * 130.0 + 2
    assert kept[-1] == kept[len(kept) // 2]
