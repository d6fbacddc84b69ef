"""Made-up variants of labelled rhythms, which teach what a few recordings can't hold.

Recordings with annotated fibrillation come from few persons, and many of those without it have no
ectopic beats. A model that never saw bigeminy takes it for fibrillation. So a training set is
joined by changed copies of its own intervals: regular ones with ectopic beats (single, in couplets,
in bigeminy, in trigeminy) or with a deeper sinus arrhythmia; fibrillation that is less irregular,
as drugs make it; and short episodes put between regular stretches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_SHORTEST_MS = 220.0
_LOCAL = 31  # intervals of a running mean
_NEIGHBOURS = 9
_ECTOPIC = 0.12  # of the median of the neighbours
_MOST_ECTOPIC = 0.05  # share of the intervals, of a rhythm without ectopic beats


def is_free_of_ectopy(rr_ms: Vector) -> bool:
    """Whether under 5 % of the intervals leave the median of their neighbours by 12 %."""
    if rr_ms.size < _NEIGHBOURS:
        return False
    padded = np.pad(rr_ms, _NEIGHBOURS // 2, mode="edge")
    usual = np.median(sliding_window_view(padded, _NEIGHBOURS), axis=1)
    return bool(np.mean(np.abs(rr_ms - usual) > _ECTOPIC * usual) < _MOST_ECTOPIC)


def with_ectopy(rr_ms: Vector, random: np.random.Generator) -> Vector:
    """Return a copy with ectopic beats, whose kind changes every 16 to 63 beats."""
    changed = rr_ms.copy()
    place = 0
    while place < rr_ms.size - 4:
        end = min(rr_ms.size, place + int(random.integers(16, 64)))
        period = int(random.choice((0, 0, 2, 3)))  # 0: at random
        _ectopic_span(changed, place, end - 3, period, random)
        place = end
    return np.maximum(changed, _SHORTEST_MS)


def with_spread(rr_ms: Vector, factor: float) -> Vector:
    """Return a copy whose deviations from the running mean are ``factor`` times as large."""
    padded = np.pad(rr_ms, _LOCAL // 2, mode="edge")
    mean = np.convolve(padded, np.full(_LOCAL, 1.0 / _LOCAL), "valid")
    return np.maximum(mean + factor * (rr_ms - mean), _SHORTEST_MS)


def paroxysms(
    regular: Sequence[Vector],
    fibrillating: Sequence[Vector],
    random: np.random.Generator,
    *,
    episodes: int = 20,
) -> tuple[Vector, NDArray[np.bool_]]:
    """Return intervals with short episodes (12 to 59 beats), and which of them are in one."""
    parts: list[Vector] = []
    labels: list[NDArray[np.bool_]] = []
    for _ in range(episodes):
        for source, shortest, af in ((regular, 20, False), (fibrillating, 12, True)):
            whole = source[int(random.integers(len(source)))]
            start = int(random.integers(max(1, whole.size - 60)))
            part = whole[start : start + int(random.integers(shortest, 60))]
            parts.append(part)
            labels.append(np.full(part.size, af))
    return np.concatenate(parts), np.concatenate(labels)


def _ectopic_span(
    rr_ms: Vector, start: int, end: int, period: int, random: np.random.Generator
) -> None:
    chance = float(random.uniform(0.0, 0.5))
    coupling = float(random.uniform(0.5, 0.85))  # of the interval it shortens
    jitter = float(random.uniform(0.01, 0.06))
    pause = 1.0 + float(random.uniform(0.0, 1.1)) * (1.0 - coupling)
    couplets = float(random.uniform(0.0, 0.4))
    place = start
    while place < end:
        due = random.random() < (0.93 if period else chance)
        if not due or (period and (place - start) % period):
            place += 1
            continue
        usual = rr_ms[place]
        rr_ms[place] = usual * np.clip(random.normal(coupling, jitter), 0.4, 0.95)
        if not period and random.random() < couplets:
            place += 1
            rr_ms[place] = usual * np.clip(random.normal(coupling, jitter), 0.4, 0.95)
        rr_ms[place + 1] *= pause * random.normal(1.0, jitter / 2.0)
        place += 2
