"""Where in its QRS a beat lies: the extreme of the raw signal, on the side that is this person's.

A QRS that swings up and down alike would be marked now at its top and now at its bottom, tens of
milliseconds apart, and heart-rate variability would show what isn't there. So the side is chosen by
this beat's swings and by those of the beats before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.qrs_energy import Candidate, Scales, Signal, sliding_sum

_COARSE_S = 0.04  # band-passed swing around the energy's maximum
_FINE_S = 0.05  # raw extreme around that swing
_SMOOTH_S = 0.04  # two moving sums: wider than the narrow scale, that notches don't decide
_FORGET = 0.3
_LARGEST_LEAN = 1.0
_CUSTOM = 0.25  # what the sides of the beats before weigh against this one's swings
_HALF_SAMPLE = 0.499  # a refined position rounds to the sample it belongs to
_LEAST = 1e-300


class PeakLocator:
    """Finds the R peaks of settled beats in the raw signal at ``rate_hz``."""

    def __init__(self, rate_hz: float, factor: int) -> None:
        working = rate_hz / factor
        self._factor = factor
        self._coarse = max(1, round(_COARSE_S * working))
        self._fine = max(1, round(_FINE_S * rate_hz))
        self._smooth = 2 * round(_SMOOTH_S * working / 2.0) + 1
        self._reach = self._coarse + 2 * (self._smooth // 2) + 1
        self._side = 0.0

    def locate(self, beats: list[Candidate], raw: Signal, raw_from: int) -> Signal:
        """Return the positions (samples and fractions) of beats, shape (n,), given in order.

        ``raw``, shape (m,), holds the signal around them; its first sample is ``raw_from``.
        """
        if not beats:
            return np.empty(0)
        centre = np.array([one[0] for one in beats])
        swing = self._swings(centre, raw, raw_from)
        rows = np.arange(centre.size)
        side = self._sides(swing)
        best = (swing * side).argmax(axis=0)
        middle = (centre - self._coarse + best) * self._factor + self._factor // 2
        start = middle - self._fine - 1
        near = _windows(raw, start - raw_from, 2 * self._fine + 3) * side[:, np.newaxis]
        top = 1 + near[:, 1:-1].argmax(axis=1)
        shift = _vertex(near[rows, top - 1], near[rows, top], near[rows, top + 1])
        return np.asarray(np.maximum(0.0, start + top + shift))

    def _swings(self, centre: NDArray[np.intp], raw: Signal, raw_from: int) -> Scales:
        """Band-passed signal around the beats, shape (2 coarse + 1, n)."""
        factor = self._factor
        first = (centre - self._reach) * factor - raw_from
        around = _windows(raw, first, (2 * self._reach + 1) * factor).T
        low = around[::factor]
        for phase in range(1, factor):
            low = low + around[phase::factor]
        band = (low[1:] - low[:-1]).astype(np.float32)
        for _ in range(2):
            band = sliding_sum(band, self._smooth)
        return np.asarray(band[:-1] - band[1:])

    def _sides(self, swing: Scales) -> Signal:
        """Return 1 for a beat that points up, -1 for one that points down, shape (n,)."""
        up = np.maximum(swing.max(axis=0), _LEAST, dtype=np.float64)
        down = np.maximum(-swing.min(axis=0), _LEAST, dtype=np.float64)
        leans = np.clip(np.log(up / down), -_LARGEST_LEAN, _LARGEST_LEAN).tolist()
        sides = []
        for lean in leans:
            side = 1.0 if lean + _CUSTOM * self._side >= 0.0 else -1.0
            self._side += _FORGET * (side - self._side)
            sides.append(side)
        return np.array(sides)


def _windows(raw: Signal, start: NDArray[np.intp], length: int) -> Signal:
    """Return so many samples from each of ``start`` on, shape (n, length)."""
    return np.asarray(raw[start[:, np.newaxis] + np.arange(length)])


def _vertex(left: Signal, middle: Signal, right: Signal) -> Signal:
    """Offsets (samples, within half a one) of the vertices of parabolas through three points."""
    bend = left - 2.0 * middle + right
    curved = bend < 0.0
    offset = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=curved)
    return np.clip(offset, -_HALF_SAMPLE, _HALF_SAMPLE)
