import pickle

import numpy as np
import pytest

from edge_agent.dsp.ventricular import BeatClass
from edge_agent.dsp.ventricular_runs import EpisodeFinder, Pattern, episodes

KINDS = {
    "V": BeatClass.VENTRICULAR,
    "N": BeatClass.NOT_VENTRICULAR,
    "?": BeatClass.UNCLASSIFIED,
}


def found(letters, rr_s=0.5):
    at_s = rr_s * np.arange(len(letters))
    return [
        (one.pattern, one.onset_s / rr_s, one.offset_s / rr_s, one.beats)
        for one in episodes(at_s.tolist(), [KINDS[letter] for letter in letters])
    ]


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("NNNNN", []),
        ("NNVNN", []),
        ("NVVN", [(Pattern.COUPLET, 1, 2, 2)]),
        ("NVVVN", [(Pattern.TACHYCARDIA, 1, 3, 3)]),
        ("NVVVVVVV", [(Pattern.TACHYCARDIA, 1, 7, 7)]),
        ("VNVN", []),
        ("NVNVNVNN", [(Pattern.BIGEMINY, 1, 5, 3)]),
        ("VNVNVNV", [(Pattern.BIGEMINY, 0, 6, 4)]),
        ("VNNVNNVNNN", [(Pattern.TRIGEMINY, 0, 6, 3)]),
        ("VNNVNNVNVN", [(Pattern.TRIGEMINY, 0, 6, 3)]),
        ("VNVNVVN", [(Pattern.BIGEMINY, 0, 4, 3), (Pattern.COUPLET, 4, 5, 2)]),
    ],
)
def test_patterns_are_found_from_first_to_last_ventricular_beat(letters, expected):
    assert found(letters) == expected


@pytest.mark.parametrize("letters", ["VV?VN", "VNVN?NVN", "V?V", "?????"])
def test_beats_too_few_to_stand_are_not_joined_across_an_unclassified_beat(letters):
    assert [one[0] for one in found(letters)] in ([], [Pattern.COUPLET])
    assert all(one[3] == 2 for one in found(letters))


def test_three_in_a_row_are_a_tachycardia_only_over_100_a_minute():
    assert found("NVVVN", rr_s=0.61)[0][0] is Pattern.RUN
    assert found("NVVVN", rr_s=0.59)[0][0] is Pattern.TACHYCARDIA


def test_a_tachycardia_alarms_from_the_fifth_beat_while_it_goes_on():
    finder = EpisodeFinder()
    alarms = []
    for beat in range(8):
        finder.push(0.4 * beat, BeatClass.VENTRICULAR)
        alarms.append(any(one.alarming for one in finder.current))
    assert alarms == [False] * 4 + [True] * 4
    (run,) = finder.gap()
    assert run.rate_per_min == pytest.approx(150.0)
    assert finder.current == []


def test_the_rate_of_bigeminy_counts_all_its_beats():
    (episode,) = episodes([0.0, 1.0, 2.0, 3.0, 4.0], [KINDS[one] for one in "VNVNV"])
    assert episode.rate_per_min == pytest.approx(60.0)


@pytest.mark.parametrize("cycle", ["V", "VN", "VNN"])
def test_a_pattern_that_lasts_takes_no_more_memory(cycle):
    def size_after(cycles):
        finder = EpisodeFinder()
        for beat, letter in enumerate(cycle * cycles):
            finder.push(0.5 + 0.7 * beat, KINDS[letter])
        (going_on,) = finder.current
        assert going_on.beats == cycles
        return len(pickle.dumps(finder))

    assert size_after(20_000) <= size_after(200) + 16


def alarms_at(rr_s):
    """Which of the ventricular beats, from 0 on, at these intervals see a tachycardia alarm."""
    finder, standing = EpisodeFinder(), []
    for beat, at_s in enumerate(np.cumsum([0.0, *rr_s]).tolist()):
        finder.push(at_s, BeatClass.VENTRICULAR)
        if any(one.alarming for one in finder.current):
            standing.append(beat)
    return standing


def in_a_row(rr_s):
    at_s = np.cumsum([0.0, *rr_s]).tolist()
    return episodes(at_s, [BeatClass.VENTRICULAR] * len(at_s))


def test_a_slow_ventricular_rhythm_that_speeds_up_alarms_at_its_fifth_fast_beat():
    assert alarms_at([0.75] * 600 + [1 / 3] * 20)[0] == 600 + 4
    run, fast = in_a_row([0.75] * 600 + [1 / 3] * 20)
    assert (run.pattern, run.onset_s, run.beats) == (Pattern.RUN, 0.0, 621)
    assert (fast.pattern, fast.beats) == (Pattern.TACHYCARDIA, 21)
    assert fast.onset_s == pytest.approx(450.0)
    assert fast.rate_per_min == pytest.approx(180.0)
    assert fast.offset_s == run.offset_s


def test_a_tachycardia_is_over_when_its_last_five_beats_are_slow_and_the_run_goes_on():
    rr_s = [0.4] * 600 + [0.75] * 20
    standing = alarms_at(rr_s)
    assert standing == list(range(4, standing[-1] + 1))
    assert 600 <= standing[-1] < 604
    fast, run = in_a_row(rr_s)
    assert (fast.pattern, fast.onset_s, fast.beats) == (Pattern.TACHYCARDIA, 0.0, standing[-1] + 1)
    assert (run.pattern, run.onset_s, run.beats) == (Pattern.RUN, 0.0, 621)


def test_one_long_interval_does_not_end_a_tachycardia():
    assert alarms_at([0.4] * 20 + [0.9] + [0.4] * 20) == list(range(4, 42))


def test_a_run_of_five_beats_is_judged_by_all_of_them():
    assert [one.pattern for one in in_a_row([0.65, 0.5, 0.65, 0.5])] == [Pattern.TACHYCARDIA]
    assert [one.pattern for one in in_a_row([0.5, 0.65, 0.65, 0.65])] == [Pattern.RUN]


@pytest.mark.parametrize("seed", range(20))
def test_tachycardias_in_a_run_lie_in_it_and_apart_whatever_its_rate_does(seed):
    random = np.random.default_rng(seed)
    rr_s = np.repeat(random.uniform(0.3, 0.95, 60), random.integers(1, 9, 60))
    rr_s = (rr_s * random.uniform(0.9, 1.1, rr_s.size)).tolist()
    *_, run = (one for one in in_a_row(rr_s) if one.pattern is Pattern.RUN)
    fast = [one for one in in_a_row(rr_s) if one.pattern is Pattern.TACHYCARDIA]
    assert run.beats == len(rr_s) + 1
    assert len(fast) > 1
    assert all(one.beats >= 3 for one in fast)
    edges = [edge for one in fast for edge in (one.onset_s, one.offset_s)]
    assert edges == sorted(edges)
    assert run.onset_s <= edges[0]
    assert edges[-1] <= run.offset_s
    standing = set(alarms_at(rr_s))
    for beat in range(4, len(rr_s) + 1):
        last = rr_s[beat - 4 : beat]
        if max(last) < 0.6:
            assert beat in standing
        if sum(last) >= 4 * 0.6 and last[-1] >= 0.6:
            assert beat not in standing


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("VVVVV?VVVN", [(Pattern.TACHYCARDIA, 0, 8, 8)]),
        ("VVV???VVN", [(Pattern.TACHYCARDIA, 0, 7, 5)]),
        ("VVVVV?NVVV", [(Pattern.TACHYCARDIA, 0, 4, 5), (Pattern.TACHYCARDIA, 7, 9, 3)]),
        ("VVVVV?VVNV?V", [(Pattern.TACHYCARDIA, 0, 7, 7)]),
        ("VNVNV?VNVNN", [(Pattern.BIGEMINY, 0, 8, 5)]),
        ("VNVNVN?NVNVNN", [(Pattern.BIGEMINY, 0, 10, 5)]),
        ("VNVNV?NNVNVN", [(Pattern.BIGEMINY, 0, 4, 3)]),
        ("VNVNVN?VVN", [(Pattern.BIGEMINY, 0, 7, 4), (Pattern.COUPLET, 7, 8, 2)]),
        ("VNNVNNVN?NVNNVNNN", [(Pattern.TRIGEMINY, 0, 13, 5)]),
        ("VNNVNNV?NNNV", [(Pattern.TRIGEMINY, 0, 6, 3)]),
    ],
)
def test_what_stands_is_held_over_unclassified_beats_until_one_that_does_not_belong(
    letters, expected
):
    assert found(letters) == expected


def test_an_unclassified_beat_ends_no_alarm():
    finder, alarms = EpisodeFinder(), ""
    for beat, letter in enumerate("VVVVVV?VVV??VVN"):
        finder.push(0.4 * beat, KINDS[letter])
        alarms += "A" if any(one.alarming for one in finder.current) else "."
    assert alarms == "....AAAAAAAAAA."


@pytest.mark.parametrize("held_s", [0.1, 0.8, 60.0])
def test_the_time_of_beats_that_are_not_known_is_in_no_rate(held_s):
    finder = EpisodeFinder()
    for beat in range(6):
        finder.push(0.4 * beat, BeatClass.VENTRICULAR)
    assert finder.hold() == []
    for beat in range(6):
        finder.push(2.0 + held_s + 0.4 * beat, BeatClass.VENTRICULAR)
        (going_on,) = finder.current
        assert going_on.alarming
        assert going_on.rate_per_min == pytest.approx(150.0)
    assert going_on.beats == 12


def test_a_tachycardia_that_comes_back_slow_from_unclassified_beats_is_over():
    at_s = np.cumsum([0.0] + [0.4] * 9 + [0.9] * 8).tolist()
    kinds = [KINDS[letter] for letter in "VVVVVVVVV?VVVVVVVV"]
    fast, run = episodes(at_s, kinds)
    assert (fast.pattern, run.pattern) == (Pattern.TACHYCARDIA, Pattern.RUN)
    assert fast.beats <= 9 + 3
    assert run.beats == 17
