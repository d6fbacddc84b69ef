"""What breathing changes in the shape of a heartbeat: height and area of its QRS complex.

Breathing turns the heart's axis against the electrodes and changes the impedance of the chest, so
QRS complexes grow and shrink with it: "ECG-derived respiration", G. B. Moody et al., Comput
Cardiol 12 (1985) 113-116. Height is that of R over the level just before the QRS complex, so a base
line that sways with breathing doesn't reach it; R is located between samples by a parabola. Area is
that of the QRS complex to either side of that level, rectified; it suffers little from a low
sampling rate. What differs from Moody: both are taken from one lead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.quality_beat_windows import BeatWindow, BeatWindows

_BEFORE_R_S, _AFTER_R_S = 0.12, 0.1
_LEVEL_TO_S = 0.06
_HALF_QRS_S = 0.06
_SEARCH_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatShape:
    """Height (mV, negative for a beat that points down) and area (mV s) of the beat at ``peak``."""

    peak: int
    height_mV: float
    area_mv_s: float


def beat_shapes(signal_mV: ArrayLike, rate_hz: float, peaks: ArrayLike) -> list[BeatShape]:
    """Measure the beats whose R peaks lie at ``peaks`` (sample indices, rising) of one lead, (n,).

    :raises ValueError: as :meth:`BeatShapeStream.push` does.
    """
    stream = BeatShapeStream(rate_hz)
    return stream.push(signal_mV, np.asarray(peaks).tolist()) + stream.flush()


class BeatShapeStream:
    """Measures beats as they come; the same for every split, with bounded memory."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._windows = BeatWindows(rate_hz, before_s=_BEFORE_R_S, after_s=_AFTER_R_S)

    def push(self, block_mV: ArrayLike, peaks: Iterable[float] = ()) -> list[BeatShape]:
        """Take in samples, shape (n,), and peaks found up to now; return the beats now whole.

        :raises ValueError: as :meth:`~edge_agent.dsp.quality_beat_windows.BeatWindows.push` does.
        """
        return [self._measure(beat) for beat in self._windows.push(block_mV, peaks)]

    def flush(self, peaks: Iterable[float] = ()) -> list[BeatShape]:
        """Return the beats that waited for later samples. The stream ends: push no more."""
        return [self._measure(beat) for beat in self._windows.flush(peaks)]

    def _measure(self, beat: BeatWindow) -> BeatShape:
        r, rate = self._windows.before, self._rate_hz
        level = float(np.median(beat.samples[: r - round(_LEVEL_TO_S * rate)]))
        over = beat.samples - level
        reach = max(1, round(_SEARCH_S * rate))
        near = over[r - reach : r + reach + 1]
        top = r - reach + int(np.argmax(np.abs(near)))
        half = round(_HALF_QRS_S * rate)
        area = float(np.sum(np.abs(over[r - half : r + half + 1]))) / rate
        left, middle, right = over[top - 1 : top + 2].tolist()
        return BeatShape(peak=beat.peak, height_mV=_vertex(left, middle, right), area_mv_s=area)


def _vertex(left: float, middle: float, right: float) -> float:
    """Height of the parabola through three neighbours, where it bends as the middle one stands."""
    bend = left - 2.0 * middle + right
    if bend * middle >= 0.0:
        return middle
    return middle - 0.125 * (left - right) ** 2 / bend
