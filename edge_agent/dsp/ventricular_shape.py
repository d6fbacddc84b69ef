"""The shape of single beats: cut out, aligned by their steepest part, measured.

Every beat is brought to the same grid of 8 ms, so that what follows is the same for every sampling
rate. It is not aligned at its R peak, which jumps between waves of similar height (R and S of one
shape, the two humps of a notched QRS), but at the centre of gravity of the squared slope around it.
Nothing here depends on where a stream was cut: a beat is measured from its own samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

STEP_S = 0.008

BEFORE_S = 0.448
AFTER_S = 0.728
"""A beat is measured from the samples this far before and after its peak."""

_FIRST, _LAST = -42, 77  # the aligned wave in steps from its centre: -0.336 to 0.616 s
_CENTRE_FULL_S, _CENTRE_NONE_S = 0.04, 0.12  # slopes count in full up to here, no more from there
_CENTRE_FURTHEST_S = 0.096
_CENTRE_ROUNDS = 3
_TINY = 1e-30


def span(start_s: float, end_s: float) -> slice:
    """Columns of an aligned wave from ``start_s`` to ``end_s`` (s after its centre), both in."""
    return slice(round(start_s / STEP_S) - _FIRST, round(end_s / STEP_S) - _FIRST + 1)


CENTRE = -_FIRST
WAVE_STEPS = _LAST - _FIRST + 1
QRS = span(-0.12, 0.16)
QRS_STEPS = QRS.stop - QRS.start
WHOLE = span(-0.304, 0.4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Measures of n beats, amplitudes in the unit of the signal.

    ``wave``, shape (n, 120), is the aligned beat less its median; ``qrs``, shape (n, 36), its QRS
    less the mean of that; ``centre_s`` how long after the peak its centre lies. ``height`` is the
    QRS from lowest to highest, ``area`` the sum of the rectified QRS in ``wave``, ``slope`` the
    steepest step.
    """

    centre_s: Vector
    wave: Matrix
    qrs: Matrix
    height: Vector
    area: Vector
    slope: Vector


class Cutter:
    """Cuts beats out of a signal of ``rate_hz`` and measures them.

    ``before`` and ``after`` are the samples it needs to either side of a peak.
    """

    def __init__(self, rate_hz: float) -> None:
        self._smooth = max(1, round(STEP_S * rate_hz))
        steps = np.arange(-round(BEFORE_S / STEP_S) + 1, round(AFTER_S / STEP_S))
        self.before = math.ceil(BEFORE_S * rate_hz) + self._smooth
        self.after = math.ceil(AFTER_S * rate_hz) + self._smooth
        at = self.before + steps * STEP_S * rate_hz - (self._smooth - 1) / 2.0
        self._index = np.floor(at).astype(np.intp)
        self._share = at - self._index
        self._zero = int(-steps[0])

    def cut(self, windows: Matrix) -> Shapes:
        """Measure beats, shape (n, before + 1 + after), whose peaks lie at column ``before``."""
        low = self._brought_to_grid(windows)
        centre_s = self._centre(low)
        at = self._zero + centre_s[:, np.newaxis] / STEP_S + np.arange(_FIRST, _LAST + 1)
        index = np.floor(at).astype(np.intp)
        share = at - index
        rows = np.arange(low.shape[0])[:, np.newaxis]
        return _measure(centre_s, low[rows, index] * (1.0 - share) + low[rows, index + 1] * share)

    def _brought_to_grid(self, windows: Matrix) -> Matrix:
        """Mean of the samples within one step around each step, between samples by a line."""
        low = np.zeros((windows.shape[0], self._index.size))
        for late in range(self._smooth):
            low += windows[:, self._index + late] * (1.0 - self._share)
            low += windows[:, self._index + late + 1] * self._share
        return low / self._smooth

    def _centre(self, low: Matrix) -> Vector:
        """Centre of gravity (s after the peak) of the squared slope close to it."""
        energy = np.diff(low, axis=1) ** 2
        at = (np.arange(energy.shape[1]) + 0.5 - self._zero) * STEP_S
        centre_s = np.zeros(low.shape[0])
        for _ in range(_CENTRE_ROUNDS):
            away = np.abs(at - centre_s[:, np.newaxis])
            fade = (_CENTRE_NONE_S - away) / (_CENTRE_NONE_S - _CENTRE_FULL_S)
            near = energy * np.clip(fade, 0.0, 1.0)
            centre_s = np.sum(near * at, axis=1) / np.maximum(np.sum(near, axis=1), _TINY)
            centre_s = np.clip(centre_s, -_CENTRE_FURTHEST_S, _CENTRE_FURTHEST_S)
        return centre_s


def _measure(centre_s: Vector, aligned: Matrix) -> Shapes:
    wave = aligned - np.median(aligned[:, WHOLE], axis=1, keepdims=True)
    qrs = aligned[:, QRS] - np.mean(aligned[:, QRS], axis=1, keepdims=True)
    return Shapes(
        centre_s=centre_s,
        wave=wave,
        qrs=qrs,
        height=np.ptp(qrs, axis=1),
        area=np.sum(np.abs(wave[:, QRS]), axis=1),
        slope=np.max(np.abs(np.diff(qrs, axis=1)), axis=1),
    )
