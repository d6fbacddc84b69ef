"""What tells atrial fibrillation from other rhythms in a window of RR intervals.

In fibrillation no interval can be told from those before. Other irregular rhythms leave a trace:
sinus arrhythmia is smooth, single ectopic beats leave the rest alike, bigeminy repeats. Five
features ask for these, all relative to the median interval, so that the rate itself doesn't count.

``entropy``
    Sample entropy of the intervals, for templates of one interval: D. E. Lake and J. R. Moorman,
    Am J Physiol Heart Circ Physiol 300 (2011) H319-H325, doi 10.1152/ajpheart.00561.2010. What
    differs: the tolerance is 10 % of the median interval instead of 30 ms and replaces their
    correction for the rate; half a match is added, so that no window is infinite.
``irregularity``
    Share of pairs of intervals that differ by more than 4 % of the median, once the intervals
    around compensated ectopic beats are evened out. After A. Petrėnas, V. Marozas and L. Sörnmo,
    Comput Biol Med 65 (2015) 184-191, doi 10.1016/j.compbiomed.2015.01.019, who count pairs
    further apart than 30 ms among eight intervals behind a median filter of three. What differs:
    a short interval and the longer one behind it become their mean. It undoes bigeminy and
    trigeminy too, and spares fibrillation more than the median does.
``repetition``
    Sum of the squared rank correlations of intervals one to four beats apart, as in the test of
    G. M. Ljung and G. E. P. Box, Biometrika 65 (1978) 297-303, doi 10.1093/biomet/65.2.297, less
    what chance gives. High in bigeminy, in trigeminy and in sinus arrhythmia.
``spread`` and ``step``
    Logarithms of the median absolute deviation and of the median step from beat to beat.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]

NAMES = ("entropy", "irregularity", "repetition", "spread", "step")

FEWEST_INTERVALS = 6

_ALIKE = 0.1  # of the median interval
_APART = 0.04
_SHORTER = 0.9  # than the next interval
_SHORT = 0.93  # of the median
_LAGS = (1, 2, 3, 4)
_LEAST_SPREAD = 0.003  # of the median: some sensors round to 1/128 s


def features(rr_ms: ArrayLike) -> Vector:
    """Return the features, shape (5,), of intervals that follow each other without a gap.

    ``rr_ms`` has shape (n,), n >= :data:`FEWEST_INTERVALS`.
    """
    intervals = np.asarray(rr_ms, dtype=np.float64)
    relative = intervals / np.median(intervals)
    return np.array(
        (
            _entropy(relative),
            _irregularity(_evened(relative)),
            _repetition(relative),
            math.log(_LEAST_SPREAD + float(np.median(np.abs(relative - 1.0)))),
            math.log(_LEAST_SPREAD + float(np.median(np.abs(np.diff(relative))))),
        )
    )


def _entropy(relative: Vector) -> float:
    alike = np.abs(relative[:, np.newaxis] - relative) <= _ALIKE
    longer = alike[:-1, :-1] & alike[1:, 1:]
    others = relative.size - 1  # each interval is like itself
    pairs = (np.count_nonzero(alike[:-1, :-1]) - others) / 2
    repeated = (np.count_nonzero(longer) - others) / 2
    return -math.log((repeated + 0.5) / (pairs + 1.0))


def _irregularity(relative: Vector) -> float:
    apart = np.abs(relative[:, np.newaxis] - relative) > _APART
    return np.count_nonzero(apart) / (relative.size * (relative.size - 1))


def _evened(relative: Vector) -> Vector:
    evened = relative.tolist()
    place = 0
    while place < len(evened) - 1:
        short, longer = evened[place], evened[place + 1]
        if short < _SHORTER * longer and short < _SHORT:
            evened[place] = evened[place + 1] = (short + longer) / 2.0
            place += 1
        place += 1
    return np.array(evened)


def _repetition(relative: Vector) -> float:
    ranks = np.argsort(np.argsort(relative, kind="stable"), kind="stable")
    centred = ranks - (relative.size - 1) / 2.0
    power = float(centred @ centred)
    found = sum((float(centred[lag:] @ centred[:-lag]) / power) ** 2 for lag in _LAGS)
    return found - len(_LAGS) / relative.size
