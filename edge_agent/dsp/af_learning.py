"""Learns to tell atrial fibrillation from labelled beats, and counts how well it is told.

``edge-agent validate ecg`` learns on one data set and scores on the other; the shipped weights
(:mod:`~edge_agent.dsp.af_weights`) are learnt on all of them with the same function.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.af import CENTRE_BEATS, LEAST_INTERVALS, AfBeat
from edge_agent.dsp.af_features import NAMES, features
from edge_agent.dsp.af_variants import is_free_of_ectopy, paroxysms, with_ectopy, with_spread
from edge_agent.dsp.logistic import Logistic, fit
from edge_agent.dsp.rr import LONGEST_MS, SHORTEST_MS

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]

_STRIDE = 4  # neighbouring windows tell nearly the same
_MILDER = 0.8
_DEEPER = (1.5, 3.0)
_ECTOPIC_COPIES = 2
_PAROXYSMAL_COPIES = 24


_DRAWS = 4  # of each variant


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledBeats:
    """Beats of one recording; all arrays have shape (n,).

    ``rr_ms`` is the interval that ended with the beat, NaN for a gap; ``af`` what the annotators
    say; ``counts`` is false for beats to leave out (of learning: atrial flutter, which the
    intervals can't tell from fibrillation).
    """

    name: str
    at_s: Vector
    rr_ms: Vector
    af: Flags
    counts: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Beats by truth and finding. Beats without an answer count for neither figure."""

    true_positives: int
    false_negatives: int
    false_positives: int
    true_negatives: int
    unanswered: int

    @property
    def sensitivity(self) -> float | None:
        """Share of the fibrillating beats that were found, or ``None`` without any."""
        return _share(self.true_positives, self.false_negatives)

    @property
    def specificity(self) -> float | None:
        """Share of the other beats that were left alone, or ``None`` without any."""
        return _share(self.true_negatives, self.false_positives)


def learn(sets: Sequence[Sequence[LabelledBeats]], *, seed: int = 1) -> Logistic:
    """Learn a model of rhythm from data sets of recordings; each set counts as much as another.

    Fibrillation and the rest count alike, each as a thousand beats over all sets. A recording
    counts as the square root of its beats, so that a long one doesn't rule. ``seed`` draws the
    variants (:mod:`~edge_agent.dsp.af_variants`), each of them several times: with one draw of each
    a record's specificity hung on the seed by a percent.

    :raises ValueError: a set without fibrillation, or with nothing else.
    """
    examples: list[_Examples] = []
    weights = []
    for records in sets:
        af = np.concatenate([one.af[one.counts] for one in records])
        if af.all() or not af.any():
            raise ValueError("data set all alike: fibrillation and other rhythms are needed")
        random = np.random.default_rng(seed)
        of_set = [one for _ in range(_DRAWS) for one in _examples(records, random)]
        weights.append(_balanced(of_set) / len(sets))
        examples += of_set
    rows = np.vstack([one.rows for one in examples])
    labels = np.concatenate([one.af for one in examples])
    return fit(rows, labels, sample_weights=np.concatenate(weights))


def tally(beats: Iterable[AfBeat], records: LabelledBeats) -> Tally:
    """Compare the settled beats of one recording, one for each labelled beat, with the truth."""
    counts = {(af, found): 0 for af in (True, False) for found in (True, False, None)}
    truth = zip(records.af.tolist(), records.counts.tolist(), strict=True)
    for beat, (af, scored) in zip(beats, truth, strict=True):
        if scored:
            counts[af, beat.af] += 1
    return Tally(
        true_positives=counts[True, True],
        false_negatives=counts[True, False],
        false_positives=counts[False, True],
        true_negatives=counts[False, False],
        unanswered=counts[True, None] + counts[False, None],
    )


def gross(tallies: Iterable[Tally]) -> Tally:
    """Pool the beats of several recordings."""
    each = list(tallies)
    return Tally(
        true_positives=sum(one.true_positives for one in each),
        false_negatives=sum(one.false_negatives for one in each),
        false_positives=sum(one.false_positives for one in each),
        true_negatives=sum(one.true_negatives for one in each),
        unanswered=sum(one.unanswered for one in each),
    )


@dataclass(frozen=True, slots=True)
class _Examples:
    source: str
    rows: Vector
    af: Flags


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Intervals that follow each other, with their labels."""

    source: str
    rr_ms: Vector
    af: Flags
    counts: Flags


def _examples(records: Sequence[LabelledBeats], random: np.random.Generator) -> list[_Examples]:
    stretches = [one for record in records for one in _stretches(record)]
    return [_judged(one) for one in [*stretches, *_variants(stretches, random)]]


def _stretches(record: LabelledBeats) -> list[_Stretch]:
    known = (record.rr_ms >= SHORTEST_MS) & (record.rr_ms <= LONGEST_MS)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], known, [False]))))
    return [
        _Stretch(
            record.name, record.rr_ms[start:end], record.af[start:end], record.counts[start:end]
        )
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if end - start >= LEAST_INTERVALS
    ]


def _variants(stretches: list[_Stretch], random: np.random.Generator) -> list[_Stretch]:
    fibrillating, regular, variants = [], [], []
    for source, rr_ms, af in _homogeneous(stretches):
        if af:
            fibrillating.append(rr_ms)
            copies = [with_spread(rr_ms, _MILDER)]
        elif is_free_of_ectopy(rr_ms):
            regular.append(rr_ms)
            copies = [with_ectopy(rr_ms, random) for _ in range(_ECTOPIC_COPIES)]
            copies.append(with_spread(rr_ms, float(random.uniform(*_DEEPER))))
        else:
            copies = []
        name = f"variants of {source}"
        variants += [_Stretch(name, one, np.full(one.size, af), _all(one)) for one in copies]
    if regular and fibrillating:
        for _ in range(_PAROXYSMAL_COPIES):
            rr_ms, labels = paroxysms(regular, fibrillating, random)
            variants.append(_Stretch("paroxysms", rr_ms, labels, _all(rr_ms)))
    return variants


def _homogeneous(stretches: list[_Stretch]) -> Iterable[tuple[str, Vector, bool]]:
    for one in stretches:
        cuts = np.flatnonzero(np.diff(one.af) | np.diff(one.counts)) + 1
        for part in np.split(np.arange(one.af.size), cuts):
            if part.size >= 2 * CENTRE_BEATS and one.counts[part[0]]:
                yield one.source, one.rr_ms[part], bool(one.af[part[0]])


def _judged(stretch: _Stretch) -> _Examples:
    places = np.arange(0, stretch.af.size, _STRIDE)
    places = places[stretch.counts[places]]
    rows = [
        features(stretch.rr_ms[max(0, place + 1 - CENTRE_BEATS) : place + 1 + CENTRE_BEATS])
        for place in places.tolist()
    ]
    table = np.array(rows).reshape(-1, len(NAMES))
    return _Examples(stretch.source, table, stretch.af[places])


def _balanced(examples: list[_Examples]) -> Vector:
    """Weights: both classes alike, and a source by the square root of its examples."""
    sources = np.concatenate([np.full(one.af.size, one.source) for one in examples])
    af = np.concatenate([one.af for one in examples])
    weights = np.zeros(af.size)
    for label in (True, False):
        for source in np.unique(sources):
            chosen = (sources == source) & (af == label)
            if chosen.any():
                weights[chosen] = 1.0 / np.sqrt(chosen.sum())
        weights[af == label] *= 1000.0 / weights[af == label].sum()
    return weights


def _all(values: Vector) -> Flags:
    return np.ones(values.size, dtype=bool)


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None
