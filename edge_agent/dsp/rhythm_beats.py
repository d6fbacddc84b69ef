"""Which of the detector's beats are beats enough to end a silence.

In a ventricular standstill P waves go on, and a detector that waits for long enough takes them for
beats; so it may the T wave of the last beat. Both are smaller than what came before, and look
different. A wave is no beat when it is

* smaller than a third of the smaller of the recent beats, or
* smaller than 0.6 of that and unlike each of the last sixteen beats (correlation under 0.85 over
  80 ms to either side of the peak).

Ten such waves in a row are beats after all: an electrode may have moved.

Record 108 of the MIT-BIH Arrhythmia Database needs the second rule: its P waves are nearly half as
large as its beats, and correlate with one or the other of them by up to 0.82.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal

SHAPE_S = 0.08
"""The shape of a beat reaches so far to either side of its peak."""

_SMALL, _SMALLER = 1.0 / 3.0, 0.6
_ALIKE = 0.85
_SIZES = 32
_FEWEST_SIZES = 8
_LOWER = 0.2  # of the sizes lie below the one that counts
_SHAPES = 16
_LAGS = (-2, -1, 0, 1, 2)  # samples
_IN_A_ROW = 10


class KnownBeats:
    """What the recent beats of a lead looked like."""

    def __init__(self) -> None:
        self._sizes: deque[float] = deque(maxlen=_SIZES)
        self._shapes: deque[Signal] = deque(maxlen=_SHAPES)
        self._refused = 0

    @property
    def usual_size_mV(self) -> float | None:
        """Size, peak to peak, of the smaller ones; ``None`` until eight have been seen."""
        if len(self._sizes) < _FEWEST_SIZES:
            return None
        return sorted(self._sizes)[int(_LOWER * len(self._sizes))]

    def is_beat(self, shape_mV: ArrayLike) -> bool:
        """Tell whether the wave with this shape, (n,), is a beat; learn from it if it is.

        All shapes have the same length; one of another length is no longer known, and is a beat.
        """
        shape = np.asarray(shape_mV, dtype=np.float64)
        if shape.size == 0:
            return True
        size = float(shape.max() - shape.min())
        if self._is_small(size, shape):
            self._refused += 1
            if self._refused < _IN_A_ROW:
                return False
            self.forget()
        self._refused = 0
        self._sizes.append(size)
        self._shapes.append(_unit(shape))
        return True

    def resembles(self, shape_mV: ArrayLike) -> bool:
        """Tell whether the wave would be a beat, and learn nothing from it."""
        shape = np.asarray(shape_mV, dtype=np.float64)
        return shape.size > 0 and not self._is_small(float(shape.max() - shape.min()), shape)

    def forget(self) -> None:
        """Compare with nothing seen before: the gain may have changed."""
        self._sizes.clear()
        self._shapes.clear()
        self._refused = 0

    def _is_small(self, size: float, shape: Signal) -> bool:
        usual = self.usual_size_mV
        if usual is None or size >= _SMALLER * usual:
            return False
        return size < _SMALL * usual or not self._is_alike(_unit(shape))

    def _is_alike(self, unit: Signal) -> bool:
        same = [one for one in self._shapes if one.size == unit.size]
        if not same:
            return True
        known = np.stack(same)
        return any(float(_correlations(known, unit, lag).max()) >= _ALIKE for lag in _LAGS)


def _correlations(known: Signal, unit: Signal, lag: int) -> Signal:
    """Correlate each row of ``known`` with ``unit``, moved by ``lag`` samples."""
    size = unit.size - abs(lag)
    first, other = max(0, lag), max(0, -lag)
    rows, one = known[:, first : first + size], unit[other : other + size]
    rows = rows - rows.mean(axis=1, keepdims=True)
    one = one - one.mean()
    lengths = np.sqrt((rows * rows).sum(axis=1)) * math.sqrt(float((one * one).sum()))
    products: Signal = rows @ one
    correlations: Signal = np.divide(
        products, lengths, out=np.zeros_like(products), where=lengths > 0.0
    )
    return correlations


def _unit(shape: Signal) -> Signal:
    level: Signal = shape - shape.mean()
    length = math.sqrt(float((level * level).sum()))
    return np.divide(level, length) if length > 0.0 else level
