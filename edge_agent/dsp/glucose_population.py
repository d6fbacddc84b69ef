"""What other people have taught: where a person's forecasts begin.

Learnt offline (``edge-agent validate learn glucose``) and shipped as constants, once for each pace
of sensor (:mod:`~edge_agent.dsp.glucose_weights`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.glucose_features import CLOCK_FEATURES, DOSE_FEATURES, Pace

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

HORIZONS_MIN = (15.0, 30.0, 60.0)
ALARM_MIN = 40.0
"""The low-glucose alarm looks at the least glucose of so many minutes."""

BASE_LESSONS = 300.0
"""The population counts as much as so many of a person's own lessons."""

_CLOCK_INFORMATION, _DOSE_INFORMATION = 500.0, 0.3
_LEAST_INFORMATION = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Weights and error sizes for one pace of sensor.

    ``weights`` (4, k): of the change until each horizon (mg/dL) and of the logarithm of the least
    glucose of the alarm's minutes over the present one. ``moments`` (b, b): mean products of the
    features of glucose alone. ``scale`` (3, 13): of the logarithm of an error's size for each
    horizon. ``below``, ``above`` and ``deviation`` (3, 5): tails and standard deviation for each
    level, in mean absolute errors. ``alarm_low_mgdl``: the foreseen least glucose that raises the
    alarm. ``low_odds``: logit of a low = first + second * log(foreseen least / 70).
    ``crossing_power``: how much likelier it is to cross a line at some time than at the likeliest.
    """

    pace: Pace
    weights: Matrix
    moments: Matrix
    scale: Matrix
    below: Matrix
    above: Matrix
    deviation: Matrix
    alarm_low_mgdl: float
    low_odds: tuple[float, float]
    crossing_power: float

    def information(self) -> Matrix:
        """Return how well the weights are known, shape (k, k), in lessons.

        When a day begins on a hub's clock is unknown, so the clock's weights begin at zero; those
        of food and insulin are a person's own, and learnt fast.
        """
        return information(self.pace, self.moments)


def information(pace: Pace, moments: Matrix) -> Matrix:
    """Return the information (k, k) of a prior with these moments (b, b) of the base features."""
    known = np.diag(
        np.concatenate(
            (
                np.zeros(pace.base),
                np.full(CLOCK_FEATURES, _CLOCK_INFORMATION),
                np.full(DOSE_FEATURES, _DOSE_INFORMATION),
            )
        )
    )
    known[: pace.base, : pace.base] = BASE_LESSONS * moments
    known.flat[:: pace.size + 1] += _LEAST_INFORMATION
    return np.asarray(known)


def symmetric(upper: Sequence[float]) -> Matrix:
    """Return the symmetric matrix whose upper triangle, row by row, is ``upper``."""
    size = round((math.sqrt(8.0 * len(upper) + 1.0) - 1.0) / 2.0)
    rows, columns = np.triu_indices(size)
    matrix = np.empty((size, size))
    matrix[rows, columns] = upper
    matrix[columns, rows] = upper
    return matrix
