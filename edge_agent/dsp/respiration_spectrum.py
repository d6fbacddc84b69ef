"""How much of a beat-by-beat series a sinusoid explains, frequency by frequency.

A least-squares spectrum (N. R. Lomb, Astrophys Space Sci 39 (1976) 447-462, doi 10.1007/BF00648343;
J. D. Scargle, Astrophys J 263 (1982) 835-853, doi 10.1086/160554). Beats are unevenly spaced and
some are missing; this needs neither interpolation nor resampling (P. Laguna et al., IEEE Trans
Biomed Eng 45 (1998) 698-715, doi 10.1109/10.678605). What differs: a constant and a straight line
are fitted along with each sinusoid, so a drift doesn't leak into slow breathing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge_agent.dsp.qrs_energy import Signal

LOWEST_PER_MIN = 4.0
HIGHEST_PER_MIN = 60.0

_STEP_PER_MIN = 0.25
_FITTED = 4  # constant, line, sine, cosine
_PER_CYCLE = 3.0  # frequencies that count as independent
_CHANCE_ALONE = 0.01
_CHANCE_TOGETHER = 0.25
_LEAST_VALUES = 10
_ROUNDING = 1e-18  # of a constant series, in squares


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """A frequency (per minute), and the share (0 to 1) of the variance that it explains.

    ``is_sure`` where noise alone would reach that share in one of a hundred windows; otherwise it
    would in one of four, and the peak means something only beside another of the same frequency
    and of another origin: of two such, noise makes a pair in at most one of a hundred windows.
    """

    per_min: float
    share: float
    is_sure: bool


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one modulation at the times of beats (s), both shape (n,)."""

    at_s: Signal
    values: Signal


def significant_peaks(together: list[Series], most_per_min: float) -> list[Peak]:
    """Return up to two frequencies that series of one origin share, the stronger first.

    The spectra are averaged. The second frequency is looked for in what the first one leaves; its
    share is of the whole too. Only maxima inside 4 to ``most_per_min`` count.
    """
    grid = np.arange(LOWEST_PER_MIN, min(HIGHEST_PER_MIN, most_per_min), _STEP_PER_MIN)
    left = [one for one in together if one.values.size >= _LEAST_VALUES]
    found: list[Peak] = []
    if not left or grid.size < _LEAST_VALUES:
        return found
    shortest = min(left, key=lambda one: one.values.size)
    unexplained = 1.0
    for _ in range(2):
        top = _highest(grid, np.mean([spectrum(one, grid) for one in left], axis=0))
        if top is None or top[1] < _least_share(shortest, grid, _CHANCE_TOGETHER):
            break
        per_min, share = top
        is_sure = share >= _least_share(shortest, grid, _CHANCE_ALONE)
        found.append(Peak(per_min=per_min, share=unexplained * share, is_sure=is_sure))
        unexplained *= 1.0 - share
        left = [_without(one, per_min) for one in left]
    return found


def spectrum(series: Series, per_min: Signal) -> Signal:
    """Return the share of the variance about its straight line that each frequency explains."""
    values, sine, cosine = _projected(series, per_min)
    total = float(values @ values)
    if total <= _ROUNDING * float(np.sum(series.values**2)):
        return np.zeros(per_min.size)
    ss, cc, sc = (
        np.sum(a * b, axis=1) for a, b in ((sine, sine), (cosine, cosine), (sine, cosine))
    )
    sv, cv = sine @ values, cosine @ values
    determinant = ss * cc - sc**2
    explained = cc * sv**2 - 2.0 * sc * sv * cv + ss * cv**2
    safe = determinant > 1e-9 * ss * cc
    shares = np.divide(explained, determinant * total, out=np.zeros_like(ss), where=safe)
    return np.asarray(np.clip(shares, 0.0, 1.0))


def _projected(series: Series, per_min: Signal) -> tuple[Signal, Signal, Signal]:
    """Values, sines and cosines, each less the straight line that fits it best."""
    t = series.at_s - series.at_s.mean()
    phase = 2.0 * math.pi / 60.0 * per_min[:, np.newaxis] * t
    slope_base = t / math.sqrt(float(t @ t))

    def less_line(rows: Signal) -> Signal:
        level = rows - rows.mean(axis=1, keepdims=True)
        return np.asarray(level - (level @ slope_base)[:, np.newaxis] * slope_base)

    return (
        less_line(series.values[np.newaxis])[0],
        less_line(np.sin(phase)),
        less_line(np.cos(phase)),
    )


def _without(series: Series, per_min: float) -> Series:
    """Return what is left of a series when its line and one sinusoid are taken off."""
    values, sine, cosine = _projected(series, np.array([per_min]))
    design = np.stack((sine[0], cosine[0]), axis=1)
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    return Series(series.at_s, values - fitted)


def _highest(grid: Signal, shares: Signal) -> tuple[float, float] | None:
    """Return frequency (between grid points, by a parabola) and share of the highest maximum.

    What rises towards an edge of the grid has its maximum elsewhere and is none.
    """
    inner = shares[1:-1]
    tops = 1 + np.flatnonzero((inner > shares[:-2]) & (inner >= shares[2:]))
    if not tops.size:
        return None
    top = int(tops[np.argmax(shares[tops])])
    left, middle, right = shares[top - 1 : top + 2].tolist()
    bend = left - 2.0 * middle + right
    offset = 0.5 * (left - right) / bend if bend < 0.0 else 0.0
    return float(grid[top]) + offset * _STEP_PER_MIN, middle


def _least_share(series: Series, grid: Signal, chance: float) -> float:
    """Share that white noise exceeds somewhere on the grid with the given chance.

    Of n values the share at one frequency exceeds r by chance with (1 - r) ** ((n - 4) / 2). Three
    times as many frequencies count as independent as cycles separate the ends of the grid in the
    window: so a chance of 1 % was one of 0.9 to 1.1 % in 3,000 windows of noise.
    """
    length_s = float(series.at_s[-1] - series.at_s[0])
    independent = max(1.0, _PER_CYCLE * (grid[-1] - grid[0]) / 60.0 * length_s)
    free = (series.values.size - _FITTED) / 2.0
    return 1.0 - float((chance / independent) ** (1.0 / free))
