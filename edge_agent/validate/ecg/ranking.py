"""How well a figure tells two classes apart, whatever the limit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]


def area_under_curve(values: Vector, positive: Flags) -> float:
    """Return the area under the ROC curve: how often a positive has the larger value.

    Ties count half. NaN without both classes. J. A. Hanley and B. J. McNeil, Radiology 143 (1982)
    29-36, doi 10.1148/radiology.143.1.7063747.
    """
    high, low = values[positive], np.sort(values[~positive])
    if not high.size or not low.size:
        return math.nan
    below = np.searchsorted(low, high, side="left")
    not_above = np.searchsorted(low, high, side="right")
    return float(np.mean(0.5 * (below + not_above)) / low.size)


def curve(values: Vector, positive: Flags) -> tuple[Vector, Vector]:
    """Return false positive rate and true positive rate for every limit, from none to all."""
    limits = np.concatenate(([np.inf], np.unique(values)[::-1]))
    called = values[np.newaxis, :] >= limits[:, np.newaxis]
    false = np.mean(called[:, ~positive], axis=1) if (~positive).any() else np.zeros(limits.size)
    true = np.mean(called[:, positive], axis=1) if positive.any() else np.zeros(limits.size)
    return np.asarray(false), np.asarray(true)
