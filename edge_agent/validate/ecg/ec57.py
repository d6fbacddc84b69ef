"""Beat-by-beat comparison with annotations by the rules of ANSI/AAMI EC57 (as WFDB ``bxb``).

A beat and a detection within 150 ms of each other make a pair, each in one pair at most. The first
five minutes are for learning and are not scored (records of ten minutes and less: all is scored),
nor are spans of ventricular flutter. Gross figures pool the counts of all records.

The location error is that of paired beats. Its median over a record is a habit (of the detector's
filter, or of who annotated); what is left of the error without it is the jitter.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.validate.ecg import people

Samples = NDArray[np.int64]
Errors = NDArray[np.float64]

TOLERANCE_S = 0.15
LEARNING_S = 300.0

_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Counts of one record or of many, and the errors (ms) of their pairs.

    ``errors_ms`` are detected minus annotated; in ``jitters_ms`` each record's median is removed.
    """

    record: str
    true_positives: int
    false_positives: int
    false_negatives: int
    errors_ms: Errors
    jitters_ms: Errors

    @property
    def sensitivity(self) -> float:
        """Share of the annotated beats that were found, in percent."""
        return _percent(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def positive_predictivity(self) -> float:
        """Share of the detections that are beats, in percent."""
        return _percent(self.true_positives, self.true_positives + self.false_positives)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two, in percent."""
        wrong = self.false_positives + self.false_negatives
        return _percent(2 * self.true_positives, 2 * self.true_positives + wrong)

    @property
    def error_ms(self) -> float:
        """Mean distance between beat and detection."""
        return _mean(np.abs(self.errors_ms))

    @property
    def jitter_ms(self) -> float:
        """Mean distance after each record's median error is removed."""
        return _mean(np.abs(self.jitters_ms))


def pair(reference: Samples, detected: Samples, tolerance: int) -> list[tuple[int, int]]:
    """Return (index of the beat, index of the detection) of every pair, in time order.

    Both in rising order and in the unit of ``tolerance``.
    """
    beats, found = reference.tolist(), detected.tolist()
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(beats) and j < len(found):
        apart = found[j] - beats[i]
        if apart > tolerance or (apart >= -tolerance and _prefers_next(found, j, beats, i)):
            i += 1
        elif apart < -tolerance or _prefers_next(beats, i, found, j):
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _prefers_next(ours: Sequence[int], i: int, theirs: Sequence[int], j: int) -> bool:
    """Whether ``theirs[j + 1]`` suits ``ours[i]`` better than ``theirs[j]`` and is free for it."""
    if j + 1 == len(theirs):
        return False
    distance = abs(theirs[j + 1] - ours[i])
    if distance >= abs(theirs[j] - ours[i]):
        return False
    return i + 1 == len(ours) or abs(theirs[j + 1] - ours[i + 1]) >= distance


def score(
    record: str,
    reference: Samples,
    detected: Samples,
    rate_hz: float,
    length: int,
    excluded: Iterable[tuple[int, int]] = (),
) -> Score:
    """Score ``detected`` against ``reference``, both in samples at ``rate_hz``, rising.

    ``length`` is the record's in samples; spans in ``excluded`` (first, last) are not scored.
    """
    pairs = np.array(
        pair(reference, detected, round(TOLERANCE_S * rate_hz)), dtype=np.int64
    ).reshape(-1, 2)
    first, spans = scored_from(rate_hz, length), tuple(excluded)
    scored_beat = _inside(reference, first, length, spans)
    scored_found = _inside(detected, first, length, spans)
    beat_paired, found_paired = np.zeros(reference.size, bool), np.zeros(detected.size, bool)
    beat_paired[pairs[:, 0]] = True
    found_paired[pairs[:, 1]] = True
    counted = pairs[scored_beat[pairs[:, 0]]]
    apart = detected[counted[:, 1]] - reference[counted[:, 0]]
    errors: Errors = apart.astype(np.float64) * (1000.0 / rate_hz)
    return Score(
        record=record,
        true_positives=int(np.sum(beat_paired & scored_beat)),
        false_positives=int(np.sum(~found_paired & scored_found)),
        false_negatives=int(np.sum(~beat_paired & scored_beat)),
        errors_ms=errors,
        jitters_ms=errors - float(np.median(errors)) if errors.size else errors,
    )


def scored_from(rate_hz: float, length: int) -> int:
    """Return the first sample that is scored."""
    return int(LEARNING_S * rate_hz) if length > 2 * LEARNING_S * rate_hz else 0


def gross(scores: Sequence[Score], name: str = "gross") -> Score:
    """Pool the scores of several records."""
    empty = [np.empty(0)]
    return Score(
        record=name,
        true_positives=sum(one.true_positives for one in scores),
        false_positives=sum(one.false_positives for one in scores),
        false_negatives=sum(one.false_negatives for one in scores),
        errors_ms=np.concatenate([one.errors_ms for one in scores] or empty),
        jitters_ms=np.concatenate([one.jitters_ms for one in scores] or empty),
    )


def f1_interval(scores: Sequence[Score], seed: int) -> tuple[float, float]:
    """Return the 95 % interval of the gross F1 when people are drawn anew with replacement.

    Each comes with all their records: it says how far the figure would move with other people of
    the same kind. NaN with less than two of them.
    B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), the percentile method.
    """
    places = people.places(one.record for one in scores)
    count = max(places, default=-1) + 1
    if count < 2:
        return math.nan, math.nan
    hits, wrong = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.add.at(hits, places, [one.true_positives for one in scores])
    np.add.at(wrong, places, [one.false_positives + one.false_negatives for one in scores])
    drawn = np.random.default_rng(seed).integers(0, count, (_DRAWS, count))
    twice = 2 * hits[drawn].sum(axis=1)
    low, high = np.percentile(100.0 * twice / (twice + wrong[drawn].sum(axis=1)), (2.5, 97.5))
    return float(low), float(high)


def _inside(
    at: Samples, first: int, length: int, excluded: Sequence[tuple[int, int]]
) -> NDArray[np.bool_]:
    inside = (at >= first) & (at < length)
    for begin, end in excluded:
        inside &= (at < begin) | (at > end)
    return inside


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else math.nan


def _mean(values: Errors) -> float:
    return float(values.mean()) if values.size else math.nan
