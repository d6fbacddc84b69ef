"""What tells atrial fibrillation from other rhythms in a window of RR intervals.

In fibrillation no interval can be told from the one before. Other irregular rhythms leave a
pattern: sinus arrhythmia is smooth, single ectopic beats leave the rest alike, bigeminy repeats.
Each feature asks for one of these, relative to the heart's rate where the rate would show.

Sources and what differs from each:

* coefficient of sample entropy: D. E. Lake and J. R. Moorman, Am J Physiol Heart Circ Physiol 300
  (2011) H319-H325, doi 10.1152/ajpheart.00561.2010. Templates of one interval, a fixed tolerance
  of 30 ms; half a match is added, so that a window without any has a finite value.
* irregularity of median-filtered intervals: A. Petrėnas, V. Marozas and L. Sörnmo, Comput Biol Med
  65 (2015) 184-191, doi 10.1016/j.compbiomed.2015.01.019. The share of pairs that differ, of the
  whole window instead of eight intervals with exponential averages, against 4 % of the median
  interval instead of 30 ms.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]

NAMES = ("sample_entropy", "irregularity")

_TOLERANCE_S = 0.03
_PAIR_SHARE = 0.04  # of the median interval


def features(rr_ms: ArrayLike) -> Vector:
    """Return the features, in the order of :data:`NAMES`, of intervals that follow each other.

    ``rr_ms`` has shape (n,), n >= 4, without gaps.
    """
    intervals = np.asarray(rr_ms, dtype=np.float64) / 1000.0
    filtered = _median_of_three(intervals)
    return np.array((_sample_entropy(intervals), _irregularity(filtered, intervals)))


def _sample_entropy(intervals: Vector) -> float:
    alike = np.abs(intervals[:, np.newaxis] - intervals) <= _TOLERANCE_S
    first, second = np.triu_indices(intervals.size - 1, 1)
    matches = alike[first, second]
    longer = matches & alike[first + 1, second + 1]
    chance = (longer.sum() + 0.5) / (matches.sum() + 1.0)
    return float(-np.log(chance) + np.log(2.0 * _TOLERANCE_S) - np.log(intervals.mean()))


def _irregularity(filtered: Vector, intervals: Vector) -> float:
    first, second = np.triu_indices(filtered.size, 1)
    apart = np.abs(filtered[first] - filtered[second])
    return float(np.mean(apart > _PAIR_SHARE * np.median(intervals)))


def _median_of_three(intervals: Vector) -> Vector:
    middle = np.median(sliding_window_view(intervals, 3), axis=1)
    return np.concatenate((intervals[:1], middle, intervals[-1:]))
