"""A second opinion on where the beats are, and how far two detectors agree.

Two detectors of different make agree on clean beats and part on noise: the index bSQI of Q. Li,
R. G. Mark and G. D. Clifford, Physiol Meas 29 (2008) 15-32, doi 10.1088/0967-3334/29/1/002. What
differs: 100 ms count as the same beat, not 150 ms (in noise fewer agree by chance), and the second
detector is the one below, not WFDB's ``wqrs``.

:func:`slope_peaks` is made to fail otherwise than :mod:`edge_agent.dsp.rpeaks`: it looks at the
slope over 20 ms in place of a band-passed energy, and has one threshold for its whole window and
no memory, no rule for T waves, no search-back. On windows of 10 s of MIT-BIH DS1 (every second
record) it reached an F1 of 99.2 %: good enough to vouch for a beat, not to find one alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.qrs_energy import WORKING_RATE_HZ, Signal

TOLERANCE_S = 0.1

_SLOPE_S = 0.02
_SMOOTH_S = 0.1
_PIECE_S = 1.5  # holds a beat at 40 a minute; slower still, half of the pieces do
_THRESHOLD_SHARE = 0.55  # of the median of the pieces' largest slopes
_REFRACTORY_S = 0.25


def slope_peaks(window_mV: ArrayLike, rate_hz: float) -> NDArray[np.intp]:
    """Return sample indices of the QRS complexes of ``window_mV``, shape (n,), a few seconds long.

    They mark the steepest 0.1 s, to some 10 ms, and not the R peak. Gain, polarity and offset do
    not matter.
    """
    window = np.asarray(window_mV, dtype=np.float64)
    factor = max(1, round(rate_hz / WORKING_RATE_HZ))
    rate = rate_hz / factor
    lag = max(1, round(_SLOPE_S * rate))
    piece = round(_PIECE_S * rate)
    low = window[: window.size // factor * factor].reshape(-1, factor).mean(axis=1)
    if low.size < lag + piece:
        return np.empty(0, dtype=np.intp)
    steep = moving_mean(np.abs(low[lag:] - low[:-lag]), round(_SMOOTH_S * rate))
    pieces = steep[: steep.size // piece * piece].reshape(-1, piece)
    threshold = _THRESHOLD_SHARE * float(np.median(pieces.max(axis=1)))
    middle = steep[1:-1]
    is_top = (middle > steep[:-2]) & (middle >= steep[2:]) & (middle > threshold)
    tops = 1 + np.flatnonzero(is_top)
    kept = _largest_apart(tops.tolist(), steep[tops].tolist(), round(_REFRACTORY_S * rate))
    return (np.array(kept, dtype=np.intp) + lag // 2) * factor + factor // 2


def agreement(one: ArrayLike, other: ArrayLike, rate_hz: float) -> float:
    """Return the share (0 to 1) of all beats of two detectors, sample indices, that both found.

    No beats at all are no agreement: 0.
    """
    first, second = np.asarray(one).tolist(), np.asarray(other).tolist()
    tolerance = TOLERANCE_S * rate_hz
    both = i = j = 0
    while i < len(first) and j < len(second):
        apart = second[j] - first[i]
        if abs(apart) <= tolerance:
            both, i, j = both + 1, i + 1, j + 1
        elif apart < 0:
            j += 1
        else:
            i += 1
    every = len(first) + len(second) - both
    return both / every if every else 0.0


def moving_mean(x: Signal, length: int) -> Signal:
    """Return the mean of the odd number of neighbours nearest to ``length``, edges repeated."""
    half = length // 2
    sums = np.cumsum(np.concatenate(([0.0], np.pad(x, half, mode="edge"))))
    return np.asarray((sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1))


def _largest_apart(places: list[int], sizes: list[float], apart: int) -> list[int]:
    """Of places closer than ``apart``, each to the one kept before, keep the larger."""
    kept: list[int] = []
    last_size = 0.0
    for place, size in zip(places, sizes, strict=True):
        if not kept or place - kept[-1] >= apart:
            kept.append(place)
            last_size = size
        elif size > last_size:
            kept[-1] = place
            last_size = size
    return kept
