"""Learns the classifier of strips from labelled strips, and judges strips it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.af_features import Vector
from edge_agent.dsp.af_learning import LabelledBeats
from edge_agent.dsp.af_strip import STRIP_DECISION, strip_features
from edge_agent.dsp.logistic import Logistic, fit
from edge_agent.dsp.rpeaks import Detector


def learn_strips(rows: ArrayLike, af: ArrayLike) -> Logistic:
    """Learn from features, shape (n, 4), and labels, shape (n,), as often as they come.

    Noisy strips belong among those without fibrillation: they teach what noise looks like.
    """
    return fit(rows, af)


def held_out(
    strips: Sequence[tuple[ArrayLike, float]],
    af: ArrayLike,
    *,
    strata: Sequence[str],
    folds: int = 5,
    seed: int = 1,
) -> list[float | None]:
    """Return the probability of each strip by a model that was learnt without its fold.

    ``strips`` are signals (mV) with their rates; ``strata`` (the labels) are spread evenly over
    the folds, in an order that ``seed`` draws. ``None``: too few beats, in no fold.
    """
    found = [strip_features(signal, rate_hz) for signal, rate_hz in strips]
    usable = np.array([index for index, row in enumerate(found) if row is not None], dtype=np.intp)
    rows = np.array([row for row in found if row is not None])
    labels = np.asarray(af, dtype=bool)[usable]
    fold = _folds([strata[index] for index in usable], folds, np.random.default_rng(seed))
    answers: list[float | None] = [None] * len(strips)
    for held in range(folds):
        model = learn_strips(rows[fold != held], labels[fold != held])
        for index, probability in zip(
            usable[fold == held].tolist(), model.probability(rows[fold == held]), strict=True
        ):
            answers[index] = float(probability)
    return answers


def f1_of_strips(probabilities: Sequence[float | None], af: Sequence[bool]) -> float:
    """Return F1 of fibrillation at the threshold in use; a strip without answer is not found."""
    found = [one is not None and one >= STRIP_DECISION for one in probabilities]
    hits = sum(said and true for said, true in zip(found, af, strict=True))
    wanted = sum(found) + sum(af)
    return 2.0 * hits / wanted if wanted else 0.0


def strip_beats(name: str, signal_mV: ArrayLike, rate_hz: float, *, af: bool) -> LabelledBeats:
    """Return the detected beats of a strip, all with its label, to learn the rhythm from."""
    detector = Detector(rate_hz)
    found = np.concatenate((detector.push_refined(signal_mV), detector.flush_refined())) / rate_hz
    rr_ms: Vector = np.full(found.size, np.nan)
    rr_ms[1:] = 1000.0 * np.diff(found)
    return LabelledBeats(
        name=name,
        at_s=found,
        rr_ms=rr_ms,
        af=np.full(found.size, af),
        counts=np.ones(found.size, dtype=bool),
    )


def _folds(strata: Sequence[str], folds: int, random: np.random.Generator) -> Vector:
    fold = np.zeros(len(strata))
    for stratum in sorted(set(strata)):
        members = random.permutation(np.flatnonzero(np.array(strata) == stratum))
        fold[members] = np.arange(members.size) % folds
    return fold
