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
def test_nothing_is_found_across_an_unclassified_beat(letters):
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
    assert not run.sustained
    assert finder.current == []


def test_thirty_seconds_of_tachycardia_are_sustained():
    at_s = [0.4 * beat for beat in range(77)]
    (run,) = episodes(at_s, [BeatClass.VENTRICULAR] * 77)
    assert run.sustained
    (run,) = episodes(at_s[:75], [BeatClass.VENTRICULAR] * 75)
    assert not run.sustained


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
