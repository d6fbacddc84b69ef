import itertools

import pytest

from edge_agent.dsp.rhythm_finding import Kind, Standing
from edge_agent.dsp.rhythm_rate import RateLimit, RateWatch

SLOW = RateLimit(kind=Kind.EXTREME_BRADYCARDIA, beats=5, until=5, below=40.0)
FAST = RateLimit(kind=Kind.EXTREME_TACHYCARDIA, beats=17, until=17, above=140.0)


def play(limit, intervals_ms, distrusted=()):
    watch, found = RateWatch(limit), []
    beats = [0.0, *itertools.accumulate(one / 1000.0 for one in intervals_ms)]
    for number, (at_s, rr_ms) in enumerate(zip(beats, [None, *intervals_ms], strict=True)):
        found += watch.push(at_s, rr_ms, trusted=number not in distrusted)
    return found


def test_a_slow_heart_is_told_with_its_fifth_slow_beat():
    begun, ended = play(SLOW, [800] * 10 + [1700] * 6 + [800] * 15)
    assert (begun.kind, begun.standing) == (Kind.EXTREME_BRADYCARDIA, Standing.BEGUN)
    assert begun.known_s == pytest.approx(8.0 + 4 * 1.7)
    assert begun.onset_s == pytest.approx(8.0)
    assert begun.value == pytest.approx(60 / 1.7)
    assert ended.standing is Standing.ENDED
    assert ended.offset_s < 8.0 + 6 * 1.7 + 9 * 0.8


def test_a_fast_heart_is_told_with_its_seventeenth_fast_beat():
    begun, ended = play(FAST, [800] * 5 + [400] * 30 + [800] * 35)
    assert begun.onset_s == pytest.approx(4.0, abs=0.9)
    assert begun.known_s <= 4.0 + 16 * 0.4 + 0.4
    assert (ended.standing, ended.value) == (Standing.ENDED, pytest.approx(150.0))


def test_one_missed_beat_makes_no_slow_heart():
    assert play(SLOW, [1250] * 8 + [2500] + [1250] * 8) == []


def test_a_heart_that_drops_every_second_beat_is_slow():
    assert play(SLOW, [1100, 2200] * 6)[0].kind is Kind.EXTREME_BRADYCARDIA


def test_between_limit_and_a_little_inside_it_nothing_flutters():
    swaying = [1510, 1490] * 20
    findings = play(SLOW, [1600] * 5 + swaying)
    assert [one.standing for one in findings] == [Standing.BEGUN]


def test_beats_that_may_be_noise_neither_raise_nor_end_anything():
    assert play(SLOW, [1700] * 9, distrusted={3, 7}) == []
    slow_then_noise = play(SLOW, [1700] * 6 + [500] * 30, distrusted=set(range(7, 40)))
    assert [one.standing for one in slow_then_noise] == [Standing.BEGUN]


def test_a_gap_begins_anew():
    watch = RateWatch(SLOW)
    at_s, found = 0.0, []
    for rr_ms in [None, 1700, 1700, 1700, None, 1700, 1700, 1700, None, 1700]:
        at_s += 1.7
        found += watch.push(at_s, rr_ms)
    assert found == []
