"""Learns the network that weighs QRS candidates, from recordings with known beats.

A candidate's evidence depends on what was decided before it. So recordings are run through the
detector as it stands, what it was told at each candidate is labelled by the known beats, and the
network is fitted to that, round after round (data-set aggregation: S. Ross and others, Proc
AISTATS 2011, PMLR 15:627-635). Fitted by Adam (D. P. Kingma and J. Ba, arXiv 1412.6980) with
decoupled weight decay and a cosine schedule. Nothing here runs on a hub.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.qrs_decision import BeatDecision
from edge_agent.dsp.qrs_energy import WORKING_RATE_HZ, Candidate, CandidateFinder, Signal
from edge_agent.dsp.qrs_likelihood import EVIDENCE, Network

_NEAR_S = 0.12  # a candidate this close to a beat may be that beat
_DOUBTFUL_S = 0.15  # one that is not, but closer than this, is not counted
_CHUNK = 16_384

_BATCH = 1024
_EPOCHS = (12, 6)  # of the first round, and of each later one
_RATES = (3e-3, 2e-3)
_DECAY = 0.004
_MOMENTA = (0.9, 0.99)
_ROUNDS_KEPT = 3

Batch = tuple[Signal, Signal, Signal]
"""Evidence, shape (n, k); labels, shape (n,); weights, shape (n,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One lead with known beats.

    ``beats`` are their sample indices, shape (n,); ``left_out`` spans of samples in which beats
    can't be told (flutter); ``weight`` says how much the whole lesson counts.
    """

    signal_mV: Signal
    rate_hz: float
    beats: NDArray[np.int64]
    left_out: tuple[tuple[int, int], ...] = ()
    weight: float = 1.0


def learn(
    lessons: Sequence[Lesson],
    *,
    rounds: int = 8,
    hidden: int = 24,
    seed: int = 1,
    report: Callable[[int, Network], None] | None = None,
) -> Network:
    """Return a network learnt from ``lessons`` in so many rounds; the same for the same seed.

    :raises ValueError: lessons in which no candidate is in doubt, so that nothing can be learnt.
    """
    random = np.random.default_rng(seed)
    network = _beginner(hidden, random)
    gathered: list[Batch] = []
    for number in range(rounds):
        parts = [examples(one, network) for one in lessons]
        if not parts:
            raise ValueError("no lessons: there is nothing to learn from")
        joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
        gathered = [*gathered, (joined[0], joined[1], joined[2])][-_ROUNDS_KEPT:]
        batch = [np.concatenate(part) for part in zip(*gathered, strict=True)]
        if batch[1].size == 0:
            raise ValueError("no candidate in doubt: there is nothing to learn from")
        later = min(number, 1)
        network = _fitted(
            network, (batch[0], batch[1], batch[2]), random,
            epochs=_EPOCHS[later], rate=_RATES[later],
        )  # fmt: skip
        if report is not None:
            report(number, network)
    return network


def examples(lesson: Lesson, network: Network) -> Batch:
    """Return what the detector is told about each candidate of a lesson, and the truth."""
    told: dict[int, list[float]] = {}
    finder = CandidateFinder(lesson.rate_hz)
    decision = BeatDecision(
        finder.working_rate_hz, finder.later, network=network, told=told.__setitem__
    )
    found: list[Candidate] = []
    for start in range(0, lesson.signal_mV.size, _CHUNK):
        new = finder.push(lesson.signal_mV[start : start + _CHUNK])
        decision.push(new, finder.horizon)
        found += new
    new = finder.flush()
    decision.flush(finder.horizon)
    labels = dict(zip([one[0] for one in found + new], _labels(found + new, lesson), strict=True))
    used = [at for at in told if labels.get(at, -1) >= 0]
    rows = np.array([told[at] for at in used]).reshape(-1, len(EVIDENCE))
    weights = np.full(len(used), lesson.weight / max(1, lesson.beats.size))
    return rows, np.array([float(labels[at]) for at in used]), weights


def _labels(candidates: list[Candidate], lesson: Lesson) -> list[int]:
    """1 for a beat (the largest candidate near it), 0 for none, -1 for what doesn't count."""
    factor = max(1, round(lesson.rate_hz / WORKING_RATE_HZ))
    peaks = np.array([one[0] * factor + factor // 2 for one in candidates])
    sizes = np.array([one[1] + one[2] for one in candidates])
    labels = np.zeros(peaks.size, dtype=int)
    near, doubtful = _NEAR_S * lesson.rate_hz, _DOUBTFUL_S * lesson.rate_hz
    for beat in lesson.beats:
        first, last = np.searchsorted(peaks, (beat - doubtful, beat + doubtful))
        if first == last:
            continue
        around = slice(first, last)
        labels[around] = np.where(labels[around] == 1, 1, -1)
        fits = np.abs(peaks[around] - beat) <= near
        size = np.where(fits, sizes[around], sizes[around] - (1e3 if fits.any() else 0.0))
        labels[first + int(size.argmax())] = 1
    for first, last in lesson.left_out:
        inside = (peaks >= first - 2 * doubtful) & (peaks <= last + 2 * doubtful)
        labels[inside] = -1
    return [int(one) for one in labels]


def _beginner(hidden: int, random: np.random.Generator) -> Network:
    """A network that takes for a beat what is nearly as large as the usual one, and not early."""
    weights = np.zeros((hidden, len(EVIDENCE)))
    weights[:, :] = 1e-3 * random.standard_normal(weights.shape)
    offsets = np.zeros(hidden)
    out = np.zeros(hidden)
    for unit, (name, sign) in enumerate(
        (("narrow", 1.0), ("wide", 1.0), ("narrow", -1.0), ("wide", -1.0), ("under_0.6", 1.0))
    ):
        weights[unit, EVIDENCE.index(name)] = sign
        out[unit] = 2.0 * sign if name in ("narrow", "wide") else -8.0
    return Network(weights, offsets, out, 3.0)


def _fitted(
    network: Network, batch: Batch, random: np.random.Generator, *, epochs: int, rate: float
) -> Network:
    """Return ``network`` after so many passes over the examples."""
    rows, labels, weights = batch
    weights = weights / weights.mean()
    scale = np.sqrt(np.average(rows**2, axis=0, weights=weights)) + 1e-9
    rows = rows / scale
    values = [
        network.hidden * scale, network.offsets.copy(), network.out.copy(), np.array(network.bias),
    ]  # fmt: skip
    if not np.any(np.abs(network.out[5:]) > 0.0):
        spread = 1.0 / np.sqrt(rows.shape[1])
        values[0][5:] = spread * random.standard_normal(values[0][5:].shape)
        values[2][5:] = 0.1 * random.standard_normal(values[2][5:].shape)
    first = [np.zeros_like(one) for one in values]
    second = [np.zeros_like(one) for one in values]
    size = min(_BATCH, labels.size)
    steps = epochs * (labels.size // size)
    done = 0
    for _ in range(epochs):
        order = random.permutation(labels.size)
        for start in range(0, labels.size - size + 1, size):
            some = order[start : start + size]
            slopes = _slopes(values, rows[some], labels[some], weights[some])
            done += 1
            pace = rate * 0.5 * (1.0 + np.cos(np.pi * done / steps))
            for which, slope in enumerate(slopes):
                first[which] += (1.0 - _MOMENTA[0]) * (slope - first[which])
                second[which] += (1.0 - _MOMENTA[1]) * (slope**2 - second[which])
                mean = first[which] / (1.0 - _MOMENTA[0] ** done)
                root = np.sqrt(second[which] / (1.0 - _MOMENTA[1] ** done)) + 1e-8
                decay = _DECAY if which in (0, 2) else 0.0
                values[which] = values[which] * (1.0 - pace * decay) - pace * mean / root
    return replace(
        network, hidden=values[0] / scale, offsets=values[1], out=values[2], bias=float(values[3])
    )


def _slopes(values: list[Signal], rows: Signal, labels: Signal, weights: Signal) -> list[Signal]:
    """Gradient of the weighted cross-entropy by each of the values."""
    hidden, offsets, out, bias = values
    sums = rows @ hidden.T + offsets
    active = np.maximum(sums, 0.0)
    odds = np.clip(active @ out + bias, -30.0, 30.0)
    error = (1.0 / (1.0 + np.exp(-odds)) - labels) * weights / labels.size
    back = np.outer(error, out) * (sums > 0.0)
    return [back.T @ rows, back.sum(axis=0), error @ active, np.asarray(error.sum())]
