"""Heart-rate variability in the time domain.

Definitions of the Task Force of the ESC and NASPE (Circulation 93 (1996) 1043-1065,
doi 10.1161/01.CIR.93.5.1043), with what it leaves open settled thus: standard deviations divide by
n - 1, pNN20 and pNN50 divide by the number of differences, the mean rate is 60000 over the mean
interval. The triangular index counts in bins of 1/128 s that begin at 0. Segments of SDANN and of
the SDNN index are five minutes, cut at multiples of 300 s, and count when NN intervals fill at
least half of them. A successive difference is taken only between intervals that follow each other:
never across a gap or an interval left out. TINN is left out: no two programs agree on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal

SEGMENT_S = 300.0

_NN20_MS, _NN50_MS = 20.0, 50.0
_BIN_MS = 1000.0 / 128.0
_LEAST_FILLED = 0.5
_LEAST_SEGMENTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDomain:
    """Time-domain figures of ``n`` NN intervals and ``n_differences`` successive differences.

    A figure is ``None`` when there are too few to define it. ``n_excluded`` counts the places
    (gaps, ectopic and artefact intervals) that were left out; ``n_missing`` estimates the beats
    that gaps hold (``None``: the times of the beats were not given).
    """

    n: int
    n_differences: int
    n_excluded: int
    n_missing: int | None = None
    mean_nn_ms: float
    mean_hr_per_min: float
    sdnn_ms: float | None
    rmssd_ms: float | None
    sdsd_ms: float | None
    pnn20_percent: float | None
    pnn50_percent: float | None
    triangular_index: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LongTerm:
    """Figures over the ``n_segments`` five-minute segments of a long recording.

    ``sdann_ms`` is the standard deviation of their mean NN intervals, ``sdnn_index_ms`` the mean
    of their standard deviations.
    """

    n_segments: int
    sdann_ms: float
    sdnn_index_ms: float


def time_domain(nn_ms: ArrayLike) -> TimeDomain | None:
    """Return the figures of the NN intervals ``nn_ms``, shape (n,), or ``None`` without any.

    NaN stands for a gap or an interval left out; :func:`edge_agent.dsp.rr.normal_only` puts it
    where an interval is not normal-to-normal.

    :raises ValueError: when ``nn_ms`` is not one-dimensional.
    """
    series = one_row(nn_ms)
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
        pnn20_percent=_percent_over(steps, _NN20_MS),
        pnn50_percent=_percent_over(steps, _NN50_MS),
        triangular_index=nn.size / int(np.unique_counts(np.floor(nn / _BIN_MS)).counts.max()),
    )


def long_term(at_s: ArrayLike, nn_ms: ArrayLike) -> LongTerm | None:
    """Return the figures over five-minute segments, or ``None`` with fewer than three.

    ``at_s``, shape (n,), says when each of the NN intervals ``nn_ms`` ended; NaN as in
    :func:`time_domain`.

    :raises ValueError: when ``nn_ms`` is not one-dimensional.
    """
    series = one_row(nn_ms)
    is_kept = ~np.isnan(series)
    nn, times = series[is_kept], np.asarray(at_s, dtype=np.float64)[is_kept]
    _, of_segment = np.unique(np.floor(times / SEGMENT_S), return_inverse=True)
    segments = [nn[of_segment == one] for one in range(of_segment.max(initial=-1) + 1)]
    filled = [one for one in segments if one.sum() >= _LEAST_FILLED * 1000.0 * SEGMENT_S]
    if len(filled) < _LEAST_SEGMENTS:
        return None
    return LongTerm(
        n_segments=len(filled),
        sdann_ms=float(np.std([one.mean() for one in filled], ddof=1)),
        sdnn_index_ms=float(np.mean([one.std(ddof=1) for one in filled])),
    )


def one_row(intervals_ms: ArrayLike) -> Signal:
    """Return the intervals as an array of shape (n,).

    :raises ValueError: when they are not one-dimensional.
    """
    series = np.asarray(intervals_ms, dtype=np.float64)
    if series.ndim != 1:
        raise ValueError(f"NN intervals of shape {series.shape}: one-dimensional expected")
    return series


def _sample_deviation(values: Signal) -> float | None:
    return float(values.std(ddof=1)) if values.size > 1 else None


def _percent_over(steps: Signal, limit_ms: float) -> float | None:
    return 100.0 * float(np.mean(np.abs(steps) > limit_ms)) if steps.size else None
