"""The shape of single beats: cut out, aligned by their steepest part, measured.

Every beat is brought to the same grid of 8 ms, so that all that follows is the same for every
sampling rate. It is not aligned at its R peak, which jumps between waves of similar height (R and S
of one shape, the two humps of a notched QRS), but at the centre of gravity of the squared slope
around it. Nothing here depends on where a stream was cut: a beat is measured from its own samples.
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
QRS = span(-0.12, 0.16)
WHOLE = span(-0.304, 0.4)
_ENERGY = span(-0.16, 0.192)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """Measures of n beats; lengths in s, amplitudes in the unit of the signal.

    ``wave``, shape (n, 120), is the aligned beat less its median; ``qrs`` the QRS part of it less
    its mean. ``energy_width_s`` holds 80 % of the QRS's squared slope, ``slope_spread_s`` is the
    standard deviation of that squared slope in time, ``area_spread_s`` that of the rectified QRS.
    """

    centre_s: Vector
    wave: Matrix
    qrs: Matrix
    energy_width_s: Vector
    slope_spread_s: Vector
    area_spread_s: Vector
    height: Vector
    area: Vector
    slope: Vector


class Cutter:
    """Cuts beats out of a signal of ``rate_hz`` and measures them."""

    def __init__(self, rate_hz: float) -> None:
        self._smooth = max(1, round(STEP_S * rate_hz))
        steps = np.arange(-round(BEFORE_S / STEP_S) + 1, round(AFTER_S / STEP_S))
        at = steps * STEP_S * rate_hz - (self._smooth - 1) / 2.0
        self.before = math.ceil(BEFORE_S * rate_hz) + self._smooth
        self.after = math.ceil(AFTER_S * rate_hz) + self._smooth
        at += self.before
        self._index = np.floor(at).astype(np.intp)
        self._share = at - self._index
        self._zero = int(-steps[0])

    def cut(self, windows: Matrix) -> Shapes:
        """Measure beats, shape (n, before + 1 + after), whose peaks lie at column ``before``."""
        low = windows[:, self._index] * (1.0 - self._share)
        low += windows[:, self._index + 1] * self._share
        for late in range(1, self._smooth):
            low += windows[:, self._index + late] * (1.0 - self._share)
            low += windows[:, self._index + late + 1] * self._share
        low /= self._smooth
        centre = self._centre(low)
        at = self._zero + centre[:, np.newaxis] / STEP_S + np.arange(_FIRST, _LAST + 1)
        index = np.floor(at).astype(np.intp)
        share = at - index
        rows = np.arange(low.shape[0])[:, np.newaxis]
        return _measure(centre, low[rows, index] * (1.0 - share) + low[rows, index + 1] * share)

    def _centre(self, low: Matrix) -> Vector:
        """Centre of gravity (s after the peak) of the squared slope close to it."""
        energy = np.diff(low, axis=1) ** 2
        at = (np.arange(energy.shape[1]) + 0.5 - self._zero) * STEP_S
        centre = np.zeros(low.shape[0])
        for _ in range(_CENTRE_ROUNDS):
            away = np.abs(at - centre[:, np.newaxis])
            fade = (_CENTRE_NONE_S - away) / (_CENTRE_NONE_S - _CENTRE_FULL_S)
            near = energy * np.clip(fade, 0.0, 1.0)
            centre = np.sum(near * at, axis=1) / np.maximum(np.sum(near, axis=1), _TINY)
            centre = np.clip(centre, -_CENTRE_FURTHEST_S, _CENTRE_FURTHEST_S)
        return centre


def _measure(centre: Vector, aligned: Matrix) -> Shapes:
    wave = aligned - np.median(aligned[:, WHOLE], axis=1, keepdims=True)
    qrs = aligned[:, QRS] - np.mean(aligned[:, QRS], axis=1, keepdims=True)
    slopes = np.diff(aligned, axis=1)
    energy = _slope_energy(slopes)
    total = np.maximum(np.sum(energy, axis=1), _TINY)
    rectified = np.abs(wave[:, QRS])
    area = np.sum(rectified, axis=1)
    return Shapes(
        centre_s=centre,
        wave=wave,
        qrs=qrs,
        energy_width_s=_crossing(energy, total, 0.9) - _crossing(energy, total, 0.1),
        slope_spread_s=_spread(energy, total),
        area_spread_s=_spread(rectified, np.maximum(area, _TINY)),
        height=np.ptp(qrs, axis=1),
        area=area,
        slope=np.max(np.abs(slopes[:, QRS]), axis=1),
    )


def _slope_energy(slopes: Matrix) -> Matrix:
    """Squared smoothed slope around the QRS, less twice its median, which is that of noise."""
    smooth = (slopes[:, :-2] + 2.0 * slopes[:, 1:-1] + slopes[:, 2:]) / 4.0
    energy = smooth**2
    floor = np.median(energy[:, WHOLE], axis=1, keepdims=True)
    return np.maximum(energy[:, _ENERGY] - 2.0 * floor, 0.0)


def _crossing(energy: Matrix, total: Vector, share: float) -> Vector:
    """When (s from the first column) the running sum of ``energy`` reaches ``share`` of it."""
    rows = np.arange(energy.shape[0])
    running = np.cumsum(energy, axis=1) / total[:, np.newaxis]
    at = np.minimum(np.sum(running < share, axis=1), energy.shape[1] - 1)
    before = np.where(at > 0, running[rows, np.maximum(at - 1, 0)], 0.0)
    rise = np.maximum(running[rows, at] - before, 1e-9)
    return np.asarray((at + np.clip((share - before) / rise, 0.0, 1.0)) * STEP_S)


def _spread(weight: Matrix, total: Vector) -> Vector:
    at = np.arange(weight.shape[1]) * STEP_S
    mean = np.sum(weight * at, axis=1) / total
    square = np.sum(weight * (at - mean[:, np.newaxis]) ** 2, axis=1) / total
    return np.asarray(np.sqrt(square))
