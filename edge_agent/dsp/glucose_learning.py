"""What one person's past teaches about the trend's errors, and how far off forecasts are.

Both learn online and only from what has been observed: an error counts when its horizon is over.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

_DRIFT = 2e-6  # per lesson, back to the prior
_PRIOR_VARIANCE = 0.02  # of a weight, in units of the variance of one error
_TAIL = 0.05
_TAIL_STEP = 0.02  # relative, per forecast that left its tail
_FIRST_TAIL = 2.2  # mean absolute errors; 2.06 for a normal distribution
_SCALE_PRIOR_COUNT = 10.0
_SCALE_MEMORY = 500.0  # forecasts
_LEVEL_EDGES = (85.0, 120.0, 180.0)  # mg/dL
_SPEED_EDGES = (0.4, 1.2)  # mg/dL/min


class Correction:
    """Recursive least squares from zero: ``predict`` gives 0 until errors have been seen.

    L. Ljung, System Identification, 2nd ed. 1999, section 11.2. What differs: instead of being
    multiplied by a forgetting factor, the covariance drifts back to where it began. Old lessons
    fade all the same, and directions that no reading excites can't grow without bound.
    """

    def __init__(self, size: int) -> None:
        self._weights: Vector = np.zeros(size)
        self._covariance = np.eye(size) * _PRIOR_VARIANCE

    def predict(self, features: Vector) -> float:
        """Return the error (mg/dL) to be expected of the plain forecast."""
        return float(self._weights @ features)

    def learn(self, features: Vector, error: float) -> None:
        """Take in the error (mg/dL) that the plain forecast made with these features."""
        projected = self._covariance @ features
        gain = projected / (1.0 + features @ projected)
        self._weights += gain * (error - self._weights @ features)
        self._covariance -= np.outer(gain, projected)
        self._covariance *= 1.0 - _DRIFT
        self._covariance.flat[:: features.size + 1] += _DRIFT * _PRIOR_VARIANCE


class Spread:
    """Tracks how far off forecasts are, by level and speed, as two tails of 5 % each.

    The width of a tail is a running mean absolute error of similar forecasts times a factor, and
    the factor follows how often the tail is left (adaptive conformal inference, I. Gibbs and
    E. Candès, NeurIPS 2021, arXiv 2106.00263).
    """

    def __init__(self) -> None:
        bands, speeds = len(_LEVEL_EDGES) + 1, len(_SPEED_EDGES) + 1
        self._sum = np.zeros((bands, speeds))
        self._count = np.zeros((bands, speeds))
        self._low = np.full(bands, _FIRST_TAIL)
        self._high = np.full(bands, _FIRST_TAIL)

    def tails(self, mean: float, speed: float, expected: float) -> tuple[float, float]:
        """Return how far below and above ``mean`` the 5 % and 95 % points lie, in mg/dL.

        ``expected`` is the mean absolute error to be assumed before any was seen.
        """
        band, kind = _cell(mean, speed)
        total = self._sum[band, kind] + _SCALE_PRIOR_COUNT * expected
        scale = float(total / (self._count[band, kind] + _SCALE_PRIOR_COUNT))
        return float(self._low[band]) * scale, float(self._high[band]) * scale

    def learn(self, mean: float, speed: float, expected: float, truth: float) -> None:
        """Take in what came of a forecast."""
        below, above = self.tails(mean, speed, expected)
        band, kind = _cell(mean, speed)
        self._low[band] *= math.exp(_TAIL_STEP * (float(truth < mean - below) - _TAIL))
        self._high[band] *= math.exp(_TAIL_STEP * (float(truth > mean + above) - _TAIL))
        if self._count[band, kind] >= _SCALE_MEMORY:
            keep = 1.0 - 1.0 / _SCALE_MEMORY
            self._sum[band, kind] *= keep
            self._count[band, kind] *= keep
        self._sum[band, kind] += abs(truth - mean)
        self._count[band, kind] += 1.0


def _cell(mean: float, speed: float) -> tuple[int, int]:
    band = sum(mean >= edge for edge in _LEVEL_EDGES)
    return band, sum(abs(speed) >= edge for edge in _SPEED_EDGES)
