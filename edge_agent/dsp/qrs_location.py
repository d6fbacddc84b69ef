"""Where in its QRS a beat lies: the extreme of the raw signal, on the side that is this person's.

A QRS that swings up and down alike would be marked now at its top and now at its bottom, tens of
milliseconds apart, and heart-rate variability would show what isn't there. So the side is chosen by
this beat's swings and by those of the beats before.
"""

from __future__ import annotations

import math

import numpy as np

from edge_agent.dsp.qrs_energy import Candidate, Scales, Signal, sliding_sum

_COARSE_S = 0.04  # band-passed swing around the energy's maximum
_FINE_S = 0.05  # raw extreme around that swing
_SMOOTH_S = 0.04  # two moving sums: wider than the narrow scale, that notches don't decide
_FORGET = 0.3
_CUSTOM = 0.25  # what the sides of the beats before weigh against this one's swings
_HALF_SAMPLE = 0.499  # a refined position rounds to the sample it belongs to
_LEAST = 1e-300


class PeakLocator:
    """Finds the R peaks of settled beats in the raw signal at ``rate_hz``."""

    def __init__(self, rate_hz: float, factor: int) -> None:
        working = rate_hz / factor
        coarse = max(1, round(_COARSE_S * working))
        fine = max(1, round(_FINE_S * rate_hz))
        self._factor = factor
        self._smooth = 2 * round(_SMOOTH_S * working / 2.0) + 1
        reach = coarse + 2 * (self._smooth // 2) + 1
        # Offsets of the samples that are looked at, one beat a column.
        self._around = np.arange(-reach * factor, (reach + 1) * factor)[:, np.newaxis]
        self._near = np.arange(2 * fine + 3)[:, np.newaxis]
        self._first_near = factor // 2 - coarse * factor - fine - 1
        self._side = 0.0

    def locate(self, beats: list[Candidate], raw: Signal, raw_from: int) -> Signal:
        """Return the positions (samples and fractions) of beats, shape (n,), given in order.

        ``raw``, shape (m,), holds the signal around them; its first sample is ``raw_from``.
        """
        if not beats:
            return np.empty(0)
        first = np.array([one[0] for one in beats]) * self._factor
        swing = self._swings(raw.take(first - raw_from + self._around))
        side = self._sides(swing)
        swing *= side
        start = first + swing.argmax(axis=0) * self._factor + self._first_near
        near = raw.take(start - raw_from + self._near)
        near *= side
        top = near[1:-1].argmax(axis=0)
        column = np.arange(len(beats))
        shift = _vertex(near[top, column], near[top + 1, column], near[top + 2, column])
        return np.asarray(np.maximum(0.0, start + 1 + top + shift))

    def _swings(self, around: Signal) -> Scales:
        """Band-passed signal around the beats, shape (2 coarse + 1, n)."""
        factor = self._factor
        low = around[::factor]
        for phase in range(1, factor):
            low = low + around[phase::factor]
        band = (low[1:] - low[:-1]).astype(np.float32)
        for _ in range(2):
            band = sliding_sum(band, self._smooth)
        return np.asarray(band[:-1] - band[1:])

    def _sides(self, swing: Scales) -> Scales:
        """Return 1 for a beat that points up, -1 for one that points down, shape (n,)."""
        sides = []
        for up, down in zip(swing.max(axis=0).tolist(), swing.min(axis=0).tolist(), strict=True):
            side = 1.0 if up * math.exp(_CUSTOM * self._side) >= -down else -1.0
            self._side += _FORGET * (side - self._side)
            sides.append(side)
        return np.array(sides, dtype=np.float32)


def _vertex(left: Signal, middle: Signal, right: Signal) -> Signal:
    """Offsets (samples, within half a one) of the vertices of parabolas through three points."""
    bend = left - 2.0 * middle + right
    offset = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=bend < 0.0)
    return np.minimum(np.maximum(offset, -_HALF_SAMPLE), _HALF_SAMPLE)
