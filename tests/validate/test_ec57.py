import math
from dataclasses import replace

import numpy as np
import pytest

from edge_agent.validate.ecg import ec57

RATE_HZ = 100.0


def samples(*values):
    return np.array(values, dtype=np.int64)


def score(reference, detected, *, seconds=60.0, excluded=()):
    length = round(seconds * RATE_HZ)
    return ec57.score("r", samples(*reference), samples(*detected), RATE_HZ, length, excluded)


def counts(one):
    return one.true_positives, one.false_positives, one.false_negatives


@pytest.mark.parametrize(
    ("reference", "detected", "pairs"),
    [
        ([100, 200], [100, 200], [(0, 0), (1, 1)]),
        ([100], [115], [(0, 0)]),
        ([100], [116], []),
        ([100], [90, 99], [(0, 1)]),  # the nearer of two detections
        ([100], [99, 110], [(0, 0)]),
        ([90, 100], [99], [(1, 0)]),  # the nearer of two beats
        ([100, 107], [90, 105], [(0, 0), (1, 1)]),  # the nearer one is wanted by the next beat
        ([100, 200], [], []),
        ([], [100], []),
    ],
)
def test_pairs_are_one_to_one_within_the_tolerance_and_the_nearer_one_wins(
    reference, detected, pairs
):
    assert ec57.pair(samples(*reference), samples(*detected), 15) == pairs


def test_pairs_are_the_same_with_time_reversed_when_beats_lie_apart():
    random = np.random.default_rng(4)
    beats = np.cumsum(random.integers(60, 120, 200))
    found = np.sort(beats + random.integers(-30, 30, 200))
    forwards = ec57.pair(beats, found, 15)
    backwards = ec57.pair(-beats[::-1], -found[::-1], 15)
    assert sorted((199 - i, 199 - j) for i, j in backwards) == forwards


def test_figures_follow_from_the_counts():
    one = score([100, 200, 300, 400], [101, 199, 250, 300])
    assert counts(one) == (3, 1, 1)
    assert one.sensitivity == one.positive_predictivity == one.f1 == 75.0


def test_location_error_keeps_a_constant_offset_and_jitter_does_not():
    one = score([100, 200, 300], [104, 204, 205 + 100])
    assert one.errors_ms.tolist() == [40.0, 40.0, 50.0]
    assert one.error_ms == pytest.approx(130.0 / 3)
    assert one.jitter_ms == pytest.approx(10.0 / 3)


def test_five_minutes_of_learning_are_left_out_of_long_records_only():
    beats = range(100, 70_000, 100)
    found = [beat for beat in beats if beat >= 40_000]
    missed = sum(30_000 <= beat < 40_000 for beat in beats)
    assert counts(score(beats, found, seconds=700.0)) == (len(found), 0, missed)
    assert score(range(100, 60_000, 100), [], seconds=600.0).false_negatives == 599


@pytest.mark.parametrize("spans", [list, iter])
def test_flutter_is_left_out(spans):
    one = score([100, 200, 300], [100, 250, 300], excluded=spans([(150, 260)]))
    assert counts(one) == (2, 0, 0)


def test_without_a_beat_nothing_is_defined():
    one = score([], [])
    assert math.isnan(one.sensitivity)
    assert math.isnan(one.f1)
    assert math.isnan(one.jitter_ms)


def test_gross_pools_counts_and_removes_the_offset_of_each_record():
    first, second = score([100, 200], [101, 201]), score([100, 200, 300], [90, 190])
    total = ec57.gross([first, second])
    assert counts(total) == (4, 0, 1)
    assert total.jitter_ms == 0.0
    assert total.error_ms == pytest.approx((10 + 10 + 100 + 100) / 4)


def test_interval_of_f1_spans_it_and_repeats():
    each = enumerate(([100], [100, 200, 300], [100, 200, 250]))
    scores = [replace(score([100, 200, 300], found), record=str(n)) for n, found in each]
    low, high = ec57.f1_interval(scores, seed=1)
    assert low < ec57.gross(scores).f1 < high
    assert (low, high) == ec57.f1_interval(scores, seed=1)
    assert all(math.isnan(end) for end in ec57.f1_interval(scores[:1], seed=1))
