"""Heart-rate variability in the time domain.

Definitions of the Task Force of the ESC and NASPE (Circulation 93 (1996) 1043-1065,
doi 10.1161/01.CIR.93.5.1043), with what it leaves open settled thus: standard deviations divide by
n - 1, pNN50 divides by the number of differences, the mean rate is 60000 over the mean interval.
A successive difference is taken only between intervals that follow each other: never across a gap
or an interval left out.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rr import Mark, Marker

_NN50_MS = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDomain:
    """Time-domain figures of ``n`` NN intervals and ``n_differences`` successive differences.

    A figure is ``None`` when there are too few to define it. ``n_excluded`` counts the places
    (gaps, ectopic and artefact intervals) that were left out.
    """

    n: int
    n_differences: int
    n_excluded: int
    mean_nn_ms: float
    mean_hr_per_min: float
    sdnn_ms: float | None
    rmssd_ms: float | None
    sdsd_ms: float | None
    pnn50_percent: float | None


def time_domain(nn_ms: ArrayLike) -> TimeDomain | None:
    """Return the figures of the NN intervals ``nn_ms``, shape (n,), or ``None`` without any.

    NaN stands for a gap or an interval left out; :func:`edge_agent.dsp.rr.normal_only` puts it
    where an interval is not normal-to-normal.

    :raises ValueError: when ``nn_ms`` is not one-dimensional.
    """
    series = np.asarray(nn_ms, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"NN intervals of shape {series.shape}: one-dimensional expected")
    nn = series[~np.isnan(series)]
    if nn.size == 0:
        return None
    steps = np.diff(series)
    steps = steps[~np.isnan(steps)]
    mean = float(nn.mean())
    return TimeDomain(
        n=nn.size,
        n_differences=steps.size,
        n_excluded=series.size - nn.size,
        mean_nn_ms=mean,
        mean_hr_per_min=60_000.0 / mean,
        sdnn_ms=_sample_deviation(nn),
        rmssd_ms=float(np.sqrt(np.mean(steps**2))) if steps.size else None,
        sdsd_ms=_sample_deviation(steps),
        pnn50_percent=100.0 * float(np.mean(np.abs(steps) > _NN50_MS)) if steps.size else None,
    )


class RollingTimeDomain:
    """Time-domain figures of the NN intervals that ended within the last ``window_s`` seconds.

    Each interval is judged when it comes (:class:`edge_agent.dsp.rr.Marker`); whatever is not
    normal-to-normal is left out and counted. The figures are those of :func:`time_domain` over
    the window, computed when asked for: 0.1 ms for five minutes, and no sums that drift.
    """

    def __init__(self, *, window_s: float = 300.0) -> None:
        self._window_s = window_s
        self._marker = Marker()
        self._beats: deque[tuple[float, float]] = deque()

    def push(self, at_s: float, rr_ms: float | None) -> None:
        """Take in the interval that ended at ``at_s``; ``None`` is a gap.

        A beat that is not later than the last is ignored.
        """
        if self._beats and at_s <= self._beats[-1][0]:
            return
        normal = rr_ms is not None and self._marker.push(rr_ms) is Mark.NORMAL
        self._beats.append((at_s, rr_ms if normal and rr_ms is not None else math.nan))
        while self._beats[0][0] <= at_s - self._window_s:
            self._beats.popleft()

    def value(self) -> TimeDomain | None:
        """Return the figures at the time of the last beat, or ``None`` without an NN interval."""
        return time_domain([nn for _, nn in self._beats])


def _sample_deviation(values: Signal) -> float | None:
    return float(values.std(ddof=1)) if values.size > 1 else None
