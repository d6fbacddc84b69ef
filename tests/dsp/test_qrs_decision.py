"""The rules one by one, on candidates made by hand: indices count hundredths of a second."""

from edge_agent.dsp.qrs_decision import BeatDecision
from edge_agent.dsp.qrs_energy import Candidate

RATE_HZ = 100.0
REGULAR = [100 + 80 * number for number in range(12)]
LAST = REGULAR[-1]


def candidate(at, size=1.0, floor=0.02):
    return Candidate(at=at, size=size, floor=floor, peak=float(at))


FEW = REGULAR[:5]  # too few for a rhythm to count as regular


def decided(extra, *, regular=REGULAR, rest=0.05):
    """Indices of the beats among regular ones of size 1 with rests between, and ``extra``."""
    beats = [candidate(at) for at in regular]
    rests = [candidate(at + 45, rest) for at in regular]
    every = sorted([*beats, *rests, *extra])
    decision = BeatDecision(RATE_HZ)
    found = decision.push(every, every[-1].at + 1)
    return [one.at for one in found + decision.flush(every[-1].at + 1)]


def test_regular_beats_are_found_and_rests_are_not():
    assert decided([]) == REGULAR


def test_a_larger_peak_within_the_blanking_replaces_the_beat():
    assert decided([candidate(LAST + 20, 1.5)]) == [*REGULAR[:-1], LAST + 20]


def test_a_replaced_beat_leaves_no_trace_in_interval_and_level():
    decision, plain = BeatDecision(RATE_HZ), BeatDecision(RATE_HZ)
    start = [candidate(at) for at in REGULAR[:-1]]
    decision.push([*start, candidate(LAST - 10, 0.9), candidate(LAST)], LAST + 1)
    plain.push([*start, candidate(LAST)], LAST + 1)
    assert decision._levels == plain._levels


def test_a_smaller_peak_within_the_blanking_is_ignored():
    assert decided([candidate(LAST + 20, 0.9)]) == REGULAR


def test_a_wave_within_360_ms_needs_half_the_size_of_its_beat():
    assert decided([candidate(FEW[-1] + 33, 0.48)], regular=FEW) == FEW
    assert decided([candidate(FEW[-1] + 33, 0.55)], regular=FEW) == [*FEW, FEW[-1] + 33]


def test_after_360_ms_a_smaller_wave_is_a_beat():
    assert decided([candidate(FEW[-1] + 40, 0.48)], regular=FEW) == [*FEW, FEW[-1] + 40]


def test_an_early_beat_must_be_the_larger_the_noisier_it_is():
    early = [candidate(LAST + 50, 0.7)]
    assert decided(early, rest=0.05) == [*REGULAR, LAST + 50]
    assert decided(early, rest=0.3) == REGULAR
    assert decided([candidate(LAST + 50, 1.6)], rest=0.3) == [*REGULAR, LAST + 50]


def test_a_beat_in_time_needs_no_such_size():
    assert decided([candidate(LAST + 80, 0.6)], rest=0.3) == [*REGULAR, LAST + 80]


def test_a_small_beat_is_searched_for_when_one_is_overdue():
    small, later = candidate(LAST + 80, 0.3), candidate(LAST + 160)
    assert decided([small]) == REGULAR
    assert decided([small, later]) == [*REGULAR, LAST + 80, LAST + 160]


def test_the_search_takes_nothing_that_is_too_small():
    tiny, later = candidate(LAST + 80, 0.15), candidate(LAST + 160)
    assert decided([tiny, later]) == [*REGULAR, LAST + 160]


def test_smaller_beats_are_learnt_after_three_seconds_and_looked_for_back_to_then():
    small = [LAST + 80 + 80 * number for number in range(8)]
    assert decided([candidate(at, 0.21, floor=0.01) for at in small]) == [*REGULAR, *small]


def test_what_does_not_stand_out_of_its_surroundings_is_not_learnt():
    noise = [LAST + 80 + 80 * number for number in range(8)]
    assert decided([candidate(at, 0.21, floor=0.1) for at in noise]) == REGULAR


def test_what_is_under_a_fifth_of_the_beats_is_not_learnt_for_ten_seconds():
    faint = [LAST + 80 + 80 * number for number in range(20)]
    found = decided([candidate(at, 0.15, floor=0.001) for at in faint])
    assert all(at >= LAST + 1000 - 300 for at in found[len(REGULAR) :])
    assert len(found) > len(REGULAR)


def test_candidates_and_time_in_any_portion_give_the_same_beats():
    small, later = candidate(LAST + 80, 0.3), candidate(LAST + 160)
    every = [*(candidate(at) for at in REGULAR), small, later]
    at_once = BeatDecision(RATE_HZ).push(every, LAST + 400)
    decision, bit_by_bit = BeatDecision(RATE_HZ), []
    for horizon in range(LAST + 401):
        bit_by_bit += decision.push([one for one in every if one.at == horizon - 1], horizon)
    assert bit_by_bit == at_once
