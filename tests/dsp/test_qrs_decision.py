"""The rules one by one, on candidates made by hand: indices count hundredths of a second.

The network is made by hand too, so that nothing here depends on what was learnt.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.dsp.qrs_decision import BeatDecision
from edge_agent.dsp.qrs_energy import Later
from edge_agent.dsp.qrs_likelihood import EVIDENCE, Network

RATE_HZ = 100.0
REGULAR = [100 + 80 * number for number in range(12)]
LAST = REGULAR[-1]
LATER_SAMPLES = 40  # how long it takes until it is known what follows a candidate
QUIET, LOUD = -2.5, -0.3  # what lies around a candidate, as logarithm of the ratio to it


NAMES = {"early": "under_0.8", "late": "over_1.1"}  # of evidence, where they are no words of Python


def candidate(at, size=1.0, around=QUIET):
    narrow = wide = math.log(size)
    return (at, narrow, wide, around, around)


def rule(bias=0.0, **slopes):
    """Log-odds = bias + the sum of slope times evidence; rectifiers are kept out of the way."""
    aside = 100.0
    hidden = np.zeros((len(slopes), len(EVIDENCE)))
    for unit, name in enumerate(slopes):
        hidden[unit, EVIDENCE.index(NAMES.get(name, name))] = 1.0
    out = np.array(list(slopes.values()))
    return Network(
        hidden=hidden,
        offsets=np.full(len(slopes), aside),
        out=out,
        bias=float(bias - aside * out.sum()),
    )


LARGE = rule(6.0, narrow=10.0)
"""A beat is what has more than 55 % of the usual size."""


class Hand:
    """A decision that is fed by hand; what follows a candidate is known 0.4 s after it."""

    def __init__(self, rules=LARGE, following=None):
        self.horizon = 0
        self.following = following or {}
        self.decision = BeatDecision(RATE_HZ, self.later, network=rules)

    def later(self, one):
        if self.horizon <= one[0] + LATER_SAMPLES:
            return None
        size = self.following.get(one[0], QUIET)
        return Later(size, size)

    def push(self, candidates, horizon):
        self.horizon = horizon
        return [one[0] for one in self.decision.push(candidates, horizon)]

    def flush(self):
        self.horizon += LATER_SAMPLES + 1
        return [one[0] for one in self.decision.flush(self.horizon)]


def rhythm(*, regular=REGULAR, rest=0.05):
    beats = [candidate(at) for at in regular]
    return sorted([*beats, *(candidate(at + 45, rest) for at in regular[:-1])])


def after_regular_beats(rules=LARGE, **more):
    """A decision that has settled all the regular beats, at the moment of the last of them."""
    hand = Hand(rules, **more)
    settled = hand.push(rhythm(), LAST + 1)
    assert settled == REGULAR
    return hand


def decided(extra, rules=LARGE, *, until=None, **more):
    """Indices of the beats after the regular ones, all told at once."""
    every = sorted([*rhythm(), *extra])
    hand = Hand(rules, **more)
    found = hand.push(every, max(until or 0, every[-1][0] + 1)) + hand.flush()
    assert found[: len(REGULAR)] == REGULAR
    return found[len(REGULAR) :]


# ------------------------------------------------------------------ one story


def test_the_first_beats_come_out_when_three_seconds_have_been_heard():
    hand = Hand()
    assert hand.push([one for one in rhythm() if one[0] < 299], 300) == []
    assert hand.push([], 301) == [100, 180, 260]


def test_regular_beats_are_found_and_rests_are_not():
    assert decided([]) == []


def test_an_obvious_beat_is_settled_before_it_is_known_what_follows():
    hand = after_regular_beats()
    assert hand.push([candidate(LAST + 80)], LAST + 81) == [LAST + 80]


def test_what_is_obviously_none_keeps_nothing_waiting():
    hand = after_regular_beats()
    settled = hand.push([candidate(LAST + 45, 0.05), candidate(LAST + 80)], LAST + 81)
    assert settled == [LAST + 80]


@pytest.mark.parametrize(
    "doubtful",
    [
        candidate(LAST + 80, 0.45),  # small
        candidate(LAST + 80, 2.5),  # large
        candidate(LAST + 80, around=LOUD),  # noise before it
        candidate(LAST + 38),  # perhaps a T wave
    ],
    ids=["small", "large", "noise before it", "early"],
)
def test_a_doubtful_candidate_waits_for_what_follows_and_holds_up_the_next(doubtful):
    hand = after_regular_beats(rule(20.0))
    at = doubtful[0]
    after = candidate(at + 30, 0.05)
    assert hand.push([doubtful, after], at + LATER_SAMPLES) == []
    assert hand.push([], at + LATER_SAMPLES + 1) == [at]


def test_what_follows_decides_on_a_doubtful_candidate():
    doubtful = candidate(LAST + 80, 0.45)
    rules = rule(-10.0, narrow_later=-10.0)
    assert decided([doubtful], rules, following={doubtful[0]: -2.0}) == [LAST + 80]
    assert decided([doubtful], rules, following={doubtful[0]: 0.0}) == []


def test_nothing_within_the_refractory_time_is_a_beat_whatever_speaks_for_it():
    assert decided([candidate(LAST + 17, 3.0)], rule(20.0)) == []
    assert decided([candidate(LAST + 19, 3.0)], rule(20.0)) == [LAST + 19]


def test_a_tiny_candidate_is_looked_at_when_a_beat_is_overdue():
    tiny = 0.14
    assert decided([candidate(LAST + 110, tiny)], rule(20.0)) == []
    assert decided([candidate(LAST + 130, tiny)], rule(20.0)) == [LAST + 130]


def test_a_minute_candidate_is_none_even_when_a_beat_is_overdue():
    assert decided([candidate(LAST + 130, 0.09)], rule(20.0)) == []


# ------------------------------------------------------------------ competing stories


IN_TIME = rule(6.0, narrow=5.0, early=-10.0, late=-12.0)
"""A beat comes in its time, neither early nor late; the smaller, the less sure."""


def test_two_stories_are_kept_until_the_next_candidate_tells():
    hand = after_regular_beats(IN_TIME)
    doubtful = LAST + 62
    assert hand.push([candidate(doubtful, 0.4)], doubtful + 60) == []


def test_the_next_beat_in_its_time_speaks_against_an_extra_one_before_it():
    extra = candidate(LAST + 62, 0.33)
    assert decided([extra], IN_TIME) == [LAST + 62]
    assert decided([extra, candidate(LAST + 80)], IN_TIME) == [LAST + 80]


def test_the_next_beat_too_late_without_it_speaks_for_a_small_one_before():
    small = candidate(LAST + 66, 0.29)
    assert decided([small], IN_TIME) == []
    assert decided([small, candidate(LAST + 146)], IN_TIME) == [LAST + 66, LAST + 146]


def test_of_two_candidates_too_close_to_be_two_beats_the_likelier_is_one():
    rules = rule(1.0, narrow=3.0)
    close = [candidate(LAST + 75, 0.6, around=LOUD), candidate(LAST + 85, 0.9, around=LOUD)]
    assert decided(close, rules) == [LAST + 85]
    close = [candidate(LAST + 75, 0.9, around=LOUD), candidate(LAST + 85, 0.6, around=LOUD)]
    assert decided(close, rules) == [LAST + 75]


def test_a_doubt_ends_after_two_seconds_to_the_sample():
    hand = after_regular_beats(IN_TIME)
    doubtful = LAST + 90
    assert hand.push([candidate(doubtful, 0.4)], doubtful + 200) == []
    assert hand.push([], doubtful + 201) == [doubtful]


def test_a_beat_in_doubt_is_not_lost_at_the_end():
    hand = after_regular_beats(IN_TIME)
    hand.push([candidate(LAST + 90, 0.4)], LAST + 100)
    assert hand.flush() == [LAST + 90]


def test_a_recording_of_less_than_three_seconds_has_its_beats_too():
    hand = Hand()
    assert hand.push([candidate(at) for at in (40, 120, 200)], 230) == []
    assert hand.flush() == [40, 120, 200]


def test_however_long_the_doubt_stories_do_not_pile_up():
    hand, stories, waiting = Hand(rule(0.05)), [], []
    for at in range(30, 60_000, 30):
        hand.push([candidate(at, around=LOUD)], at + 1)
        stories.append(len(hand.decision._stories))
        waiting.append(max(len(one.beats) for one in hand.decision._stories))
    assert max(stories) <= 10
    assert max(waiting) <= 10
    assert len(hand.decision._queue) <= 2


# ------------------------------------------------------------------ learning again


def small_beats(size, around=QUIET, count=8):
    return [candidate(LAST + 80 + 80 * number, size, around) for number in range(count)]


def test_smaller_beats_are_learnt_after_three_seconds_and_looked_for_back_to_then():
    small = small_beats(0.21)
    hand = after_regular_beats()
    so_far = [one for one in small if one[0] < LAST + 300]
    assert hand.push(so_far, LAST + 300) == []
    assert hand.push([], LAST + 301) == [one[0] for one in so_far]
    assert decided(small) == [one[0] for one in small]


def test_the_detector_is_not_blinded_by_a_transient_before_the_beats():
    hand = Hand()
    transient = [candidate(30 + 12 * number, 30.0, LOUD) for number in range(12)]
    beats = [candidate(at) for at in range(200, 1400, 80)]
    found = hand.push([*transient, *beats], 1400) + hand.flush()
    assert [at for at in found if at > 700] == [one[0] for one in beats if one[0] > 700]


def test_noise_in_a_standstill_is_not_learnt():
    assert decided(small_beats(0.21, LOUD, count=30)) == []


def test_waves_under_a_fifth_of_the_beats_are_not_learnt_for_ten_seconds():
    faint = small_beats(0.15, count=20)
    found = decided(faint)
    assert found
    assert found[0] >= LAST + 1000 - 300


def test_waves_over_a_fifth_of_the_beats_are_learnt_sooner():
    assert decided(small_beats(0.25, count=5))


def test_usual_size_and_last_beat_are_known_from_the_first_beat_on():
    hand = Hand()
    hand.push([candidate(100)], 101)
    assert hand.decision.usual_size is None
    assert hand.decision.last_settled is None
    hand.push(rhythm()[1:], LAST + 1)
    assert hand.decision.usual_size == pytest.approx(0.0, abs=0.1)
    assert hand.decision.last_settled == LAST


def test_every_doubtful_candidate_is_told_once_for_each_time_it_is_weighed():
    told = {}
    decision = BeatDecision(
        RATE_HZ, lambda _: Later(QUIET, QUIET), network=LARGE, told=told.__setitem__
    )
    decision.push([*rhythm(), candidate(LAST + 80, 0.45)], LAST + 200)
    evidence = dict(zip(EVIDENCE, told[LAST + 80], strict=True))
    assert evidence["narrow"] == pytest.approx(math.log(0.45), abs=0.05)
    assert evidence["narrow_later"] == QUIET
    assert LAST not in told  # it was obvious


# ------------------------------------------------------------------ no arrival matters


def drawn(seed):
    """Beats, noise, pauses and changes of size, at random."""
    random = np.random.default_rng(seed)
    every, at, level = [], 0, 1.0
    while at < 6000:
        at += int(random.integers(11, random.choice([30, 60, 120])))
        if random.random() < 0.03:
            at += int(random.integers(100, 600))
        if random.random() < 0.05:
            level = float(np.exp(random.uniform(-2.0, 1.5)))
        size = level * float(np.exp(random.choice([-3.0, -1.0, 0.0]) + random.normal(0.0, 0.3)))
        every.append(candidate(at, size, float(random.choice([QUIET, -1.0, LOUD]))))
    return every


DOUBTFUL = rule(2.0, narrow=2.0, early=-6.0, narrow_later=-0.5, late=1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 700))
def test_candidates_and_time_in_any_portion_give_the_same_beats(seed, longest):
    every = drawn(seed)
    end = every[-1][0] + 500
    random = np.random.default_rng(seed)
    at_once, bit_by_bit = Hand(DOUBTFUL), Hand(DOUBTFUL)
    expected = at_once.push(every, end)
    found, horizon, place = [], 0, 0
    while horizon < end:
        horizon = min(end, horizon + int(random.integers(1, longest + 1)))
        first = place
        while place < len(every) and every[place][0] < horizon:
            place += 1
        found += bit_by_bit.push(every[first:place], horizon)
    assert found == expected
    assert bit_by_bit.flush() == at_once.flush()
    assert len(expected) > 5


def test_beats_come_out_in_rising_order_and_apart():
    for seed in range(20):
        every = drawn(seed)
        hand = Hand(DOUBTFUL)
        found = hand.push(every, every[-1][0] + 1) + hand.flush()
        assert np.diff(found).min() >= 18
