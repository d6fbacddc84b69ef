"""MAGE: mean amplitude of glycaemic excursions, from crossings of two moving averages.

Definition: F. J. Service et al., Diabetes 19 (1970) 644-655, doi 10.2337/diab.19.9.644: the mean of
the excursions from nadir to peak, and from peak to nadir, that exceed one standard deviation.
Where an excursion begins is found as by N. J. Fernandes et al., J Diabetes Sci Technol 16 (2022)
576-577, doi 10.1177/19322968211061165, with their settings: on a grid of 5 minutes a short and a
long moving average (5 and 32 points) cross; between two crossings lies one extreme of the glucose
itself. Gaps up to 45 minutes are bridged by a line, gaps over three hours part the trace; parts
count by their duration. Rising and falling excursions are averaged with equal weight.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.glycemia import Signal, checked

_GRID_S = 300.0
_BRIDGED_S = 45 * 60.0
_PARTED_S = 180 * 60.0
_SHORT, _LONG = 5, 32
_LEAST_POINTS = 7
_LEAST_SD_MGDL = 1.0


def mage(at_s: ArrayLike, mgdl: ArrayLike) -> float | None:
    """Return MAGE (mg/dL) of readings ``mgdl`` (n,) at ``at_s`` (n,), or ``None`` if undefined.

    :raises ValueError: as :func:`edge_agent.dsp.glycemia.glycemia`.
    """
    times, values = checked(at_s, mgdl)
    if values.size == 0:
        return None
    total_s = total = 0.0
    for begin, end in _parts(times):
        grid = _on_grid(times[begin:end], values[begin:end])
        seconds = (len(grid) - 1) * _GRID_S
        for amplitude in _amplitudes(grid[~np.isnan(grid)]):
            total_s, total = total_s + seconds, total + seconds * amplitude
    return total / total_s if total_s else None


def _parts(times: Signal) -> list[tuple[int, int]]:
    cuts = (np.flatnonzero(np.diff(times) > _PARTED_S) + 1).tolist()
    return list(itertools.pairwise([0, *cuts, times.size]))


def _on_grid(times: Signal, values: Signal) -> Signal:
    """Interpolate linearly; NaN where readings are too far apart."""
    first, last = np.ceil(times[0] / _GRID_S), np.floor(times[-1] / _GRID_S)
    grid_s = np.arange(first, last + 1) * _GRID_S
    if grid_s.size == 0:
        return grid_s
    grid = np.interp(grid_s, times, values)
    after = np.minimum(np.searchsorted(times, grid_s), times.size - 1)
    before = np.maximum(after - 1, 0)
    is_hole = (times[after] - times[before] > _BRIDGED_S) & (grid_s < times[after])
    return np.where(is_hole, np.nan, grid)


def _amplitudes(glucose: Signal) -> list[float]:
    """Return the mean rise and the mean fall of a part, each if there is one over 1 SD."""
    if glucose.size < _LEAST_POINTS:
        return []
    sd = float(glucose.std(ddof=1))
    if sd < _LEAST_SD_MGDL:
        return []
    extremes = _extremes(glucose)
    found = (_excursions(extremes, sd), _excursions([-one for one in extremes], sd))
    return [float(np.mean(one)) for one in found if one]


def _extremes(glucose: Signal) -> list[float]:
    """Return the peaks and nadirs, in turns, that the moving averages tell of."""
    above = _moving_average(glucose, _SHORT) > _moving_average(glucose, _LONG)
    crossings = (np.flatnonzero(np.diff(above)) + 1).tolist()
    found: list[float] = []
    last = 0
    for begin, end in itertools.pairwise([0, *crossings, glucose.size - 1]):
        # An extreme may lie before its crossing: averages come late.
        stretch = glucose[last : end + 1]
        last += int(stretch.argmax() if above[begin] else stretch.argmin())
        found.append(float(glucose[last]))
    return found


def _moving_average(glucose: Signal, points: int) -> Signal:
    """Average over the last ``points``; the first stretch has the value of its end."""
    points = min(points, glucose.size)
    sums = np.cumsum(np.concatenate(([0.0], glucose)))
    means = (sums[points:] - sums[:-points]) / points
    return np.concatenate((np.full(points - 1, means[0]), means))


def _excursions(extremes: list[float], sd: float) -> list[float]:
    """Return the rises of at least ``sd`` that a fall of as much, or the end, completes."""
    rises: list[float] = []
    nadir, peak = extremes[0], None
    for one in extremes[1:]:
        if peak is None:
            if one - nadir >= sd:
                peak = one
            nadir = min(nadir, one)
        elif peak - one >= sd:
            rises.append(peak - nadir)
            nadir, peak = one, None
        else:
            peak = max(peak, one)
    if peak is not None:
        rises.append(peak - nadir)
    return rises
