"""Intervals and deviations for a plain forecast, so that its CRPS can be compared."""

from __future__ import annotations

import numpy as np

from edge_agent.validate.glucose.recordings import Trace, Vector

_LEVEL_EDGES = (85.0, 120.0, 180.0)
_SPEED_EDGES = (0.4, 0.8, 1.2)
_FIRST_DEVIATION, _PRIOR_COUNT, _MEMORY = 20.0, 10.0, 500.0


def deviations(trace: Trace, mean: Vector, truths: Vector, horizon_min: float) -> Vector:
    """Return the causal standard deviation of a forecast's errors (n,), in mg/dL.

    A running root mean square in 16 cells of level by speed.
    """
    before = np.interp(trace.at_min - 15.0, trace.at_min, trace.mgdl)
    speed = np.abs(trace.mgdl - before) / 15.0
    cell = 4 * np.searchsorted(_LEVEL_EDGES, trace.mgdl) + np.searchsorted(_SPEED_EDGES, speed)
    total = np.full(16, _PRIOR_COUNT * _FIRST_DEVIATION**2)
    count = np.full(16, _PRIOR_COUNT)
    found, due = np.empty(mean.size), 0
    for row, at in enumerate(trace.at_min.tolist()):
        while due < row and trace.at_min[due] + horizon_min <= at:
            if not np.isnan(truths[due]):
                here = cell[due]
                if count[here] >= _MEMORY:
                    total[here] *= 1.0 - 1.0 / _MEMORY
                    count[here] *= 1.0 - 1.0 / _MEMORY
                total[here] += (truths[due] - mean[due]) ** 2
                count[here] += 1.0
            due += 1
        found[row] = np.sqrt(total[cell[row]] / count[cell[row]])
    return found
