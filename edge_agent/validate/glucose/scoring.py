"""Which forecasts count, and what came true: rules shared by every section."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_agent.validate.glucose.recordings import Trace, Vector

Flags = NDArray[np.bool_]

WARM_UP_MIN = 1440.0


def eligible(trace: Trace, warm_up_min: float = WARM_UP_MIN) -> Flags:
    """Return which readings are scored origins, shape (n,).

    Four readings within 26 min, or three within 51 of a 15-min sensor, and the first day left out.
    """
    t = trace.at_min
    least, window = (4, 26.0) if trace.step_min == 5.0 else (3, 51.0)
    count = np.arange(t.size) - np.searchsorted(t, t - window) + 1
    return np.asarray((count >= least) & (t >= t[0] + warm_up_min))


def truth(trace: Trace, horizon_min: float) -> Vector:
    """Return glucose ``horizon_min`` after each reading, shape (n,).

    Linear between readings at most 12.5 (35) min apart, else NaN.
    """
    t, g = trace.at_min, trace.mgdl
    longest = 12.5 if trace.step_min == 5.0 else 35.0
    later = np.searchsorted(t, t + horizon_min)
    after = np.clip(later, 1, t.size - 1)
    gap = t[after] - t[after - 1]
    values = np.interp(t + horizon_min, t, g)
    exact = t[np.minimum(later, t.size - 1)] == t + horizon_min
    known = (later < t.size) & ((gap <= longest) | exact)
    return np.asarray(np.where(known, values, np.nan))


def least_ahead(trace: Trace, minutes: float) -> Vector:
    """Return the least reading of the ``minutes`` after each reading; NaN across a hole."""
    t, g = trace.at_min, trace.mgdl
    longest = 26.0 if trace.step_min == 5.0 else 51.0
    end = np.searchsorted(t, t + minutes, side="right")
    holes = np.concatenate(([0], np.cumsum(np.diff(t) > longest)))
    least = np.full(t.size, np.nan)
    for one in range(t.size):
        if one + 1 < end[one] < t.size and holes[end[one]] == holes[one]:
            least[one] = g[one + 1 : end[one]].min()
    return least
