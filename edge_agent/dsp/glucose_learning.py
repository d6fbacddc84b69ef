"""Learns online from one person, beginning with what others have taught.

All classes learn only from what has been observed: an error counts when its horizon is over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

LEVEL_EDGES = (80.0, 100.0, 130.0, 180.0)
"""Forecasts between two of these (mg/dL) share their tails."""

TAILS_BELOW = (0.03, 0.015, 0.01, 0.02, 0.05)
TAILS_ABOVE = (0.07, 0.085, 0.09, 0.08, 0.05)
"""Shares of true values left out below and above, for each level: a tenth together.

Where a low is near, the lower end is the one that matters: most of the tenth lies above.
"""

_KEEP = 0.9998  # of the information, per lesson: half is forgotten after 3,500 lessons
_LESSONS_A_FADE = 200
_TRUST_CHANGE_MGDL, _TRUST_HORIZON_MIN = 20.0, 60.0  # a usual change
_TRUST_PRIOR_COUNT = 100.0
_TRUST_KEEP = 1.0 - 1.0 / 2000.0
_LEAST_TRUST = 0.3
_TAIL_STEP = 0.02  # relative, per forecast that left its tail
_SCALE_PRIOR_COUNT = 50.0
_SCALE_MEMORY = 1000.0  # forecasts


class Regression:
    """Recursive least squares from a prior: ``weights`` (k,) known as well as ``information`` says.

    L. Ljung, System Identification, 2nd ed. 1999, section 11.2. Old lessons fade exponentially,
    but only down to the prior's information (S. Fortescue's forgetting would let it go to zero
    where no reading excites it, and the gain without bound): stabilised forgetting, R. Kulhavy and
    M. B. Zarrop, Int J Control 58 (1993) 905-924, doi 10.1080/00207179308923034.
    """

    def __init__(self, weights: Vector, information: Matrix) -> None:
        self.weights = weights.copy()
        self._prior = information
        self._covariance = _inverse(information)
        self._lessons = 0

    def predict(self, features: Vector) -> float:
        """Return the value to be expected with these features (k,)."""
        return float(self.weights @ features)

    def learn(self, features: Vector, value: float, *, weight: float = 1.0) -> None:
        """Take in the ``value`` that these features had; ``weight`` says how much it counts."""
        projected = self._covariance @ features
        spread = 1.0 / weight + float(features @ projected)
        self.weights += projected * ((value - self.predict(features)) / spread)
        root = projected / math.sqrt(spread)
        self._covariance -= np.multiply.outer(root, root)
        self._lessons += 1
        if self._lessons % _LESSONS_A_FADE == 0:
            keep = _KEEP**_LESSONS_A_FADE
            self._covariance = _inverse(
                keep * _inverse(self._covariance) + (1.0 - keep) * self._prior
            )

    def state(self) -> dict[str, Any]:
        """Return what was learnt, as plain values."""
        rows, columns = np.triu_indices(self.weights.size)
        return {
            "weights": self.weights.tolist(),
            "covariance": self._covariance[rows, columns].tolist(),
            "lessons": self._lessons,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` gave.

        :raises ValueError: a state of another size.
        """
        size = self.weights.size
        rows, columns = np.triu_indices(size)
        weights, upper = _vector(state["weights"], size), _vector(state["covariance"], rows.size)
        self.weights = weights
        self._covariance = np.empty((size, size))
        self._covariance[rows, columns] = upper
        self._covariance[columns, rows] = upper
        self._lessons = int(state["lessons"])


class Trust:
    """How much of the foreseen changes comes true, as a share from 0.3 to 1.

    For the few whose glucose goes other ways than that of those who taught, until their own weights
    are learnt: a running regression of the true changes on the foreseen ones.
    """

    def __init__(self, horizon_min: float) -> None:
        spread = _TRUST_CHANGE_MGDL**2 * horizon_min / _TRUST_HORIZON_MIN
        self._products = self._squares = _TRUST_PRIOR_COUNT * spread

    @property
    def share(self) -> float:
        """What a foreseen change is multiplied by."""
        return min(max(self._products / self._squares, _LEAST_TRUST), 1.0)

    def learn(self, foreseen: float, came: float) -> None:
        """Take in a foreseen change and the true one, in mg/dL."""
        self._products = _TRUST_KEEP * self._products + foreseen * came
        self._squares = _TRUST_KEEP * self._squares + foreseen**2

    def state(self) -> list[float]:
        """Return what was learnt, as plain values."""
        return [self._products, self._squares]

    def restore(self, state: Sequence[float]) -> None:
        """Take up what :meth:`state` gave.

        :raises ValueError: a state of another size.
        """
        self._products, self._squares = _vector(state, 2).tolist()


class Spread:
    """Tracks how far off forecasts are: a person's own scale, and the two tails at each level.

    The size expected of an error comes from the population; how much larger this person's are is
    a running mean. The tails follow how often they are left (adaptive conformal inference,
    I. Gibbs and E. Candès, NeurIPS 2021, arXiv 2106.00263).
    """

    def __init__(self, below: Sequence[float], above: Sequence[float]) -> None:
        self._below, self._above = list(below), list(above)
        self._sum = self._count = _SCALE_PRIOR_COUNT

    def scale(self, expected: float) -> float:
        """Return the mean absolute error (mg/dL) of this person where ``expected`` is usual."""
        return expected * self._sum / self._count

    def tails(self, mean: float, expected: float) -> tuple[float, float]:
        """Return how far below and above ``mean`` the interval reaches, in mg/dL."""
        level, scale = level_of(mean), self.scale(expected)
        return self._below[level] * scale, self._above[level] * scale

    def learn(self, mean: float, expected: float, tails: tuple[float, float], truth: float) -> None:
        """Take in what came of a forecast whose :meth:`tails` were these."""
        level = level_of(mean)
        left = float(truth < mean - tails[0]) - TAILS_BELOW[level]
        self._below[level] *= math.exp(_TAIL_STEP * left)
        left = float(truth > mean + tails[1]) - TAILS_ABOVE[level]
        self._above[level] *= math.exp(_TAIL_STEP * left)
        self._sum += abs(truth - mean) / expected
        self._count += 1.0
        if self._count > _SCALE_MEMORY:
            keep = 1.0 - 1.0 / _SCALE_MEMORY
            self._sum *= keep
            self._count *= keep

    def state(self) -> dict[str, Any]:
        """Return what was learnt, as plain values."""
        return {
            "below": list(self._below), "above": list(self._above),
            "sum": self._sum, "count": self._count,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` gave.

        :raises ValueError: a state of another size.
        """
        levels = len(LEVEL_EDGES) + 1
        self._below = _vector(state["below"], levels).tolist()
        self._above = _vector(state["above"], levels).tolist()
        self._sum, self._count = float(state["sum"]), float(state["count"])


def level_of(mgdl: float) -> int:
    """Return which of the levels a value belongs to, 0 the lowest."""
    return sum(mgdl >= edge for edge in LEVEL_EDGES)


def _inverse(matrix: Matrix) -> Matrix:
    """Return the inverse of a symmetric matrix, exactly symmetric."""
    inverse = np.linalg.inv(matrix)
    return np.asarray(0.5 * (inverse + inverse.T))


def _vector(values: Sequence[float], size: int) -> Vector:
    vector = np.array(values, dtype=np.float64)
    if vector.shape != (size,) or not np.isfinite(vector).all():
        raise ValueError(f"{vector.size} values where {size} numbers belong")
    return vector
