"""Logistic regression with a ridge: the one learned classifier of the ECG rooms.

Weights are learnt offline (``edge-agent validate ecg`` learns them anew on one half of the data to
score the other) and shipped as constants; on the hub only :meth:`Logistic.probability` runs.
Fitted by iteratively reweighted least squares: C. M. Bishop, Pattern Recognition and Machine
Learning (2006), section 4.3.3, with the ridge of S. le Cessie and J. C. van Houwelingen, Appl Stat
41 (1992) 191-201, doi 10.2307/2347628, which the intercept is spared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

_STEPS = 50
_CLOSE_ENOUGH = 1e-9
_FURTHEST_LOGIT = 30.0


@dataclass(frozen=True, slots=True)
class Logistic:
    """``sigmoid(intercept + weights · features)``, features in their own units."""

    intercept: float
    weights: tuple[float, ...]

    def probability(self, features: ArrayLike) -> Vector:
        """Return the probability (0 to 1) of each row of ``features``, shape (n, k)."""
        rows = np.asarray(features, dtype=np.float64)
        logit = self.intercept + rows @ np.array(self.weights)
        return _sigmoid(logit)


def fit(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    sample_weights: ArrayLike | None = None,
    ridge: float = 1.0,
) -> Logistic:
    """Fit to ``features``, shape (n, k), and ``labels`` (0 or 1), shape (n,).

    ``sample_weights``, shape (n,), say how much each row counts; ``ridge`` is the penalty on the
    squared weights of standardised features, in the unit of one row's log-likelihood.

    :raises ValueError: when all labels are alike: there is nothing to tell apart.
    """
    rows = np.asarray(features, dtype=np.float64)
    truth = np.asarray(labels, dtype=np.float64)
    counts = np.ones(truth.size) if sample_weights is None else np.asarray(sample_weights, float)
    if truth.size == 0 or truth.min() == truth.max():
        raise ValueError("labels all alike: both classes are needed to tell them apart")
    mean = np.average(rows, axis=0, weights=counts)
    scale = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=counts))
    scale[scale == 0.0] = 1.0
    design = np.column_stack((np.ones(truth.size), (rows - mean) / scale))
    penalty = ridge * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    beta = np.zeros(design.shape[1])
    loss = _loss(design, truth, counts, penalty, beta)
    for _ in range(_STEPS):
        chance = _sigmoid(design @ beta)
        spread = counts * np.maximum(chance * (1.0 - chance), 1e-9)
        gradient = design.T @ (counts * (truth - chance)) - penalty @ beta
        hessian = (design * spread[:, np.newaxis]).T @ design + penalty
        step = np.linalg.lstsq(hessian, gradient)[0]
        # A full step may overshoot where classes are nearly separable, and never come back.
        while (after := _loss(design, truth, counts, penalty, beta + step)) > loss:
            step = step / 2.0
            if np.abs(step).max() < _CLOSE_ENOUGH:
                break
        beta, loss = beta + step, min(loss, after)
        if np.abs(step).max() < _CLOSE_ENOUGH:
            break
    weights = beta[1:] / scale
    return Logistic(float(beta[0] - weights @ mean), tuple(float(one) for one in weights))


def _loss(design: Matrix, truth: Vector, counts: Vector, penalty: Matrix, beta: Vector) -> float:
    """Negative log-likelihood of the labels plus half the ridge's penalty."""
    logit = design @ beta
    misfit = np.logaddexp(0.0, logit) - truth * logit
    return float(counts @ misfit + 0.5 * beta @ penalty @ beta)


def _sigmoid(logit: Vector) -> Vector:
    bounded = np.clip(logit, -_FURTHEST_LOGIT, _FURTHEST_LOGIT)
    return np.asarray(1.0 / (1.0 + np.exp(-bounded)))
