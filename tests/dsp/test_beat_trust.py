import numpy as np
import pytest

from edge_agent.dsp.beat_trust import BeatTrust
from edge_agent.dsp.beats import Beat, BeatStream

RATE_HZ = 250.0
LOOK_S = 0.4


def judged(signal, *, block=50, trusted=True, invented_s=()):
    """Feed a signal as a hub does; ``invented_s`` are beats that no detector found."""
    stream, trust, found = BeatStream(RATE_HZ), BeatTrust(RATE_HZ), []
    to_come = sorted(invented_s)
    for start in range(0, signal.size, block):
        part = signal[start : start + block]
        beats = stream.push(part, start / RATE_HZ)
        end_s = (start + part.size) / RATE_HZ
        while to_come and to_come[0] < end_s - 0.4:
            beats.append(Beat(at_s=to_come.pop(0), rr_ms=400.0))
        beats.sort(key=lambda one: one.at_s)
        found += trust.push(part, start / RATE_HZ, beats, trusted=trusted)
    return found + trust.gap(stream.flush(), trusted=trusted)


def test_good_beats_are_reliable_and_keep_their_intervals(make_ecg):
    ecg = make_ecg(RATE_HZ, noise_mv=0.01)
    found = judged(ecg.signal_mv)
    assert [one.reliable for one in found] == [True] * ecg.beats_s.size
    assert [one.rr_ms for one in found][1:] == pytest.approx(1e3 * np.diff(ecg.beats_s), abs=9.0)
    assert found[0].rr_ms is None


@pytest.mark.parametrize("block", [7, 73, 1000])
def test_any_split_gives_the_same(make_ecg, block):
    ecg = make_ecg(RATE_HZ, noise_mv=0.05)
    expected = [(one.reliable, one.rr_ms) for one in judged(ecg.signal_mv)]
    found = judged(ecg.signal_mv, block=block)
    assert [one.reliable for one in found] == [reliable for reliable, _ in expected]
    known = [(one.rr_ms, rr) for one, (_, rr) in zip(found, expected, strict=True) if rr]
    assert all(ours == pytest.approx(rr) for ours, rr in known)


def test_a_beat_that_is_none_is_doubtful_and_takes_both_its_intervals_with_it(make_ecg):
    ecg = make_ecg(RATE_HZ, beats=30, noise_mv=0.02)
    # A place between two beats, long after the T wave of the first.
    invented = ecg.beats_s[20] + 0.55
    found = judged(ecg.signal_mv, invented_s=[invented])
    place = next(n for n, one in enumerate(found) if one.at_s == invented)
    assert not found[place].reliable
    assert found[place].rr_ms is None
    assert found[place + 1].reliable
    assert found[place + 1].rr_ms is None
    assert all(one.reliable for n, one in enumerate(found) if n != place)


def test_in_a_signal_that_is_not_trusted_no_beat_is(make_ecg):
    found = judged(make_ecg(RATE_HZ).signal_mv, trusted=False)
    assert found
    assert not any(one.reliable or one.rr_ms for one in found)


def test_a_beat_is_judged_when_what_follows_is_known_and_at_a_gap(make_ecg):
    ecg = make_ecg(RATE_HZ)
    trust = BeatTrust(RATE_HZ)
    beat = Beat(at_s=float(ecg.beats_s[3]), rr_ms=850.0)
    upto = round((beat.at_s + LOOK_S) * RATE_HZ)
    assert trust.push(ecg.signal_mv[: upto - 10], 0.0, [beat], trusted=True) == []
    assert (
        len(
            trust.push(ecg.signal_mv[upto - 10 : upto + 2], (upto - 10) / RATE_HZ, [], trusted=True)
        )
        == 1
    )
    waiting = Beat(at_s=float(ecg.beats_s[4]), rr_ms=850.0)
    more = ecg.signal_mv[upto + 2 : round((waiting.at_s + 0.1) * RATE_HZ)]
    assert trust.push(more, (upto + 2) / RATE_HZ, [], trusted=True) == []
    (last,) = trust.gap([waiting], trusted=True)
    assert last.rr_ms == 850.0
    after = trust.push(ecg.signal_mv, 100.0, [Beat(at_s=101.0, rr_ms=800.0)], trusted=True)
    assert [one.rr_ms for one in after] == [None]
