"""Nonlinear figures of heart-rate variability: Poincaré plot, sample entropy, DFA.

* SD1 and SD2: standard deviations (n - 1) of the points (one NN interval, the next) projected on
  the minor and the major diagonal. M. Brennan et al., IEEE Trans Biomed Eng 48 (2001) 1342-1347,
  doi 10.1109/10.959330. The area is that of the ellipse with these half axes.
* Sample entropy: -ln(A / B), where of all pairs of different templates of two intervals (B) those
  stay together for the third (A): no two of their intervals further apart than ``r`` (Chebyshev).
  J. S. Richman and J. R. Moorman, Am J Physiol 278 (2000) H2039-H2049,
  doi 10.1152/ajpheart.2000.278.6.H2039. Two intervals, r = 0.2 standard deviations (n - 1).
* DFA: slope of the log of the fluctuation on the log of the box size, over every whole size from
  4 to 16 beats (alpha 1) and from 16 to 64 (alpha 2). C.-K. Peng et al., Chaos 5 (1995) 82-87,
  doi 10.1063/1.166141. Boxes don't overlap; each loses its straight line.

Gaps: no pair, template or box reaches across one. What differs from the papers for it: the boxes
of all unbroken stretches are taken together, their profiles less the mean of the whole, and DFA
wants at least three boxes of the largest size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.hrv.time_domain import one_row
from edge_agent.dsp.qrs_energy import Signal

ALPHA1_BEATS, ALPHA2_BEATS = (4, 16), (16, 64)
TOLERANCE_SD = 0.2
MOST_FOR_ENTROPY = 5000
"""Sample entropy compares each with each: of more intervals than this :func:`nonlinear` has none.
It is a figure of minutes; over a day it would mostly show that the heart rate changes."""

_LEAST_BOXES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Nonlinear:
    """SD1, SD2 (ms), their ratio and ellipse (ms²), sample entropy, and the slopes of DFA.

    ``None`` where there are too few intervals, or no variation that could be measured.
    """

    sd1_ms: float | None
    sd2_ms: float | None
    sd1_sd2: float | None
    ellipse_ms2: float | None
    sample_entropy: float | None
    dfa_alpha1: float | None
    dfa_alpha2: float | None


def nonlinear(nn_ms: ArrayLike) -> Nonlinear:
    """Return the figures of the NN intervals ``nn_ms``, shape (n,); NaN is a gap or left out.

    :raises ValueError: when ``nn_ms`` is not one-dimensional.
    """
    nn = one_row(nn_ms)
    sd1, sd2 = poincare(nn)
    few_enough = np.count_nonzero(~np.isnan(nn)) <= MOST_FOR_ENTROPY
    return Nonlinear(
        sd1_ms=sd1,
        sd2_ms=sd2,
        sd1_sd2=sd1 / sd2 if sd1 is not None and sd2 else None,
        ellipse_ms2=None if sd1 is None or sd2 is None else math.pi * sd1 * sd2,
        sample_entropy=sample_entropy(nn) if few_enough else None,
        dfa_alpha1=dfa(nn, *ALPHA1_BEATS),
        dfa_alpha2=dfa(nn, *ALPHA2_BEATS),
    )


def poincare(nn_ms: ArrayLike) -> tuple[float | None, float | None]:
    """Return SD1 and SD2 (ms) of the intervals, shape (n,); ``None`` of fewer than two pairs."""
    nn = one_row(nn_ms)
    is_pair = ~np.isnan(nn[:-1] + nn[1:])
    one, following = nn[:-1][is_pair], nn[1:][is_pair]
    if one.size < 2:
        return None, None
    across, along = (one - following) / math.sqrt(2.0), (one + following) / math.sqrt(2.0)
    return float(across.std(ddof=1)), float(along.std(ddof=1))


def sample_entropy(nn_ms: ArrayLike, *, tolerance_sd: float = TOLERANCE_SD) -> float | None:
    """Return the sample entropy for templates of two, or ``None`` where no pair stays together.

    ``nn_ms`` has shape (n,), ``tolerance_sd`` is r in standard deviations.
    """
    nn = one_row(nn_ms)
    known = nn[~np.isnan(nn)]
    if known.size < 4:
        return None
    tolerance = tolerance_sd * float(known.std(ddof=1))
    pairs = together = 0
    for lag in range(1, nn.size - 2):
        distance = np.abs(nn[lag:] - nn[:-lag])
        is_close = distance <= tolerance
        both = is_close[:-2] & is_close[1:-1] & ~np.isnan(distance[2:])
        pairs += int(np.count_nonzero(both))
        together += int(np.count_nonzero(both & is_close[2:]))
    return math.log(pairs / together) if together else None


def dfa(nn_ms: ArrayLike, smallest: int, largest: int) -> float | None:
    """Return the slope of detrended fluctuations over boxes of ``smallest`` to ``largest`` beats.

    ``None`` with fewer than three boxes of the largest size, or without any fluctuation.
    """
    nn = one_row(nn_ms)
    centred = nn - np.nanmean(nn) if not np.isnan(nn).all() else nn
    edges = np.flatnonzero(np.isnan(centred))
    stretches = np.split(centred, np.sort(np.concatenate((edges, edges + 1))))
    profiles = [np.cumsum(one) for one in stretches if not np.isnan(one).any()]
    sizes = np.arange(smallest, largest + 1)
    if sum(one.size // largest for one in profiles) < _LEAST_BOXES:
        return None
    squares = np.array([_mean_square_fluctuation(profiles, int(size)) for size in sizes])
    if not squares.min() > 0.0:
        return None
    return float(np.polyfit(np.log(sizes), 0.5 * np.log(squares), 1)[0])


def _mean_square_fluctuation(profiles: list[Signal], size: int) -> float:
    boxes = np.concatenate([
        one[: one.size // size * size].reshape(-1, size) for one in profiles
    ])  # fmt: skip
    boxes = boxes - boxes.mean(axis=1, keepdims=True)
    ramp = np.arange(size) - (size - 1) / 2.0
    slopes = boxes @ ramp / float(ramp @ ramp)
    return float(np.mean((boxes - slopes[:, np.newaxis] * ramp) ** 2))
