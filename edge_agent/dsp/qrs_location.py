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
_FORGET = 0.1
_LARGEST_LEAN = 1.0
_CUSTOM = 0.5  # what the beats before weigh against this one
_HALF_SAMPLE = 0.499  # a refined position rounds to the sample it belongs to
_KEPT_S = 9.0  # longer than a beat takes to be settled
_LEAST = 1e-300


class PeakLocator:
    """Keeps the last seconds of the raw signal, and finds the R peaks of settled beats in them."""

    def __init__(self, rate_hz: float, factor: int) -> None:
        working = rate_hz / factor
        self._factor = factor
        self._coarse = max(1, round(_COARSE_S * working))
        self._fine = max(1, round(_FINE_S * rate_hz))
        self._smooth = 2 * round(_SMOOTH_S * working / 2.0) + 1
        self._reach = self._coarse + 2 * (self._smooth // 2) + 1
        self._kept = round(_KEPT_S * rate_hz)
        self._edge = (self._reach + self._coarse + 1) * factor + self._fine + 2
        self._blocks: list[Signal] = []
        self._first = self._size = 0
        self._lean = 0.0

    def push(self, block: Signal) -> None:
        """Take in samples, shape (n,)."""
        if block.size == 0:
            return
        if not self._blocks:
            self._blocks.append(np.full(self._edge, block[0]))
            self._first, self._size = -self._edge, self._edge
        self._blocks.append(block)
        self._size += block.size
        if self._size > 2 * self._kept + block.size:
            self._join()

    def _join(self) -> Signal:
        """Return the samples at hand in one piece; what is too old has gone."""
        if len(self._blocks) > 1:
            joined = np.concatenate(self._blocks)
            kept = joined[max(0, joined.size - self._kept - self._blocks[-1].size) :]
            self._first += joined.size - kept.size
            self._blocks, self._size = [kept], kept.size
        return self._blocks[0]

    def finish(self) -> None:
        """Let the last sample stand for what would have followed."""
        if self._blocks:
            self.push(np.full(self._edge, self._blocks[-1][-1]))

    def locate(self, beats: list[Candidate]) -> Signal:
        """Return the positions (samples and fractions) of beats, shape (n,), given in order."""
        if not beats:
            return np.empty(0)
        centre = np.array([one[0] for one in beats])
        swing = self._swings(centre)
        rows = np.arange(centre.size)
        side = self._sides(swing)
        best = (swing * side).argmax(axis=0)
        middle = (centre - self._coarse + best) * self._factor + self._factor // 2
        start = middle - self._fine - 1
        near = self._windows(start, 2 * self._fine + 3) * side[:, np.newaxis]
        top = 1 + near[:, 1:-1].argmax(axis=1)
        shift = _vertex(near[rows, top - 1], near[rows, top], near[rows, top + 1])
        return np.asarray(np.maximum(0.0, start + top + shift))

    def _swings(self, centre: NDArray[np.intp]) -> Scales:
        """Band-passed signal around the beats, shape (2 coarse + 1, n)."""
        factor = self._factor
        first = (centre - self._reach) * factor
        raw = self._windows(first, (2 * self._reach + 1) * factor).T
        low = raw[::factor]
        for phase in range(1, factor):
            low = low + raw[phase::factor]
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
            sides.append(1.0 if lean + _CUSTOM * self._lean >= 0.0 else -1.0)
            self._lean += _FORGET * (lean - self._lean)
        return np.array(sides)

    def _windows(self, start: NDArray[np.intp], length: int) -> Signal:
        return np.asarray(self._join()[(start - self._first)[:, np.newaxis] + np.arange(length)])


def _vertex(left: Signal, middle: Signal, right: Signal) -> Signal:
    """Offsets (samples, within half a one) of the vertices of parabolas through three points."""
    bend = left - 2.0 * middle + right
    curved = bend < 0.0
    offset = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=curved)
    return np.clip(offset, -_HALF_SAMPLE, _HALF_SAMPLE)
