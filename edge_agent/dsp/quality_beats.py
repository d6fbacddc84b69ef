"""Signal quality of each beat: a heartbeat that can be relied on, or a piece of noise.

Six parts, each from 0 to 1, over 0.3 s before the R peak to 0.4 s after:

* *match*: correlation with the most alike of up to six shapes that the lead has shown so far. A
  beat under 0.8 with all of them begins a shape of its own, so ectopic beats match from their
  second one on; the shape seen least often makes room.
* *contrast*: 1 minus the swing before the beat (its straight line removed) over the beat's height.
* *smoothness*: 1 minus six times the root mean square of what varies within 50 ms, outside the QRS
  complex, over the height: muscle noise and hum.
* *steadiness*: 1 minus how far the base line's trend before the beat moves in 0.3 s, over the
  height.
* *amplitude*: the height against the median of the last eight reliable beats, the smaller over
  the larger.
* *headroom*: 1 minus five times the share of samples at a rail.

The index is the mean of the first five, times the headroom. The mean, because no part is enough: a
first ectopic beat matches nothing and is clean otherwise, an artefact of an electrode looks clean
and doesn't match. The parts are those of template and energy methods (C. Orphanidou et al., doi
10.1109/JBHI.2014.2338351; G. D. Clifford et al., doi 10.1088/0967-3334/33/9/1419), taken beat by
beat; several shapes, the weights (equal) and the limit are this module's own.

Measured on the first ten minutes of the records of MIT-BIH DS1 (``edge-agent validate ecg --only
quality``): of the beats that are there 0.2 % are doubtful. With noise at 12, 6 and 0 dB from 5:00
on, of the false detections in muscle noise 28, 66 and 80 % are doubtful, in electrode motion (whose
artefacts have the form of beats) 17, 22 and 18 %, in base-line noise 3, 7 and 4 %; of the true
beats 0.6, 4.3 and 11.4 %, 0.5, 2.7 and 7.1 %, and 0.2 to 0.3 %.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.quality_beat_windows import BeatWindow, BeatWindows
from edge_agent.dsp.quality_parts import clipped_share, unit_rows, without_line
from edge_agent.dsp.quality_second_detector import moving_mean

LEAST_INDEX = 0.5
"""A beat below it is doubtful."""

_BEFORE_R_S, _AFTER_R_S = 0.3, 0.4
_HALF_QRS_S = 0.08
_SHAPE_FROM_S = 0.2
_REST_TO_S = 0.1
_SMOOTH_S = 0.05
_NOISE_SWINGS = 6.0  # the swing of noise, in root mean squares
_CLIPPED_GAIN = 5.0
_SAME_SHAPE = 0.8
_MOST_SHAPES = 6
_FORGET = 0.125
_HEIGHTS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatQuality:
    """Quality of the beat at sample ``peak``: the index and its parts, 0 to 1.

    ``match`` and ``amplitude`` are ``None`` for a first beat: there is nothing to compare it with.
    """

    peak: int
    index: float
    match: float | None
    contrast: float
    smoothness: float
    steadiness: float
    amplitude: float | None
    headroom: float

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing should be derived from this beat."""
        return self.index < LEAST_INDEX


def beat_qualities(
    signal_mV: ArrayLike,
    rate_hz: float,
    peaks: ArrayLike,
    *,
    full_scale_mV: float | None = None,
) -> list[BeatQuality]:
    """Judge the beats whose R peaks lie at ``peaks`` (sample indices, rising) of one lead, (n,).

    :raises ValueError: as :meth:`BeatQualityStream.push` does.
    """
    stream = BeatQualityStream(rate_hz, full_scale_mV=full_scale_mV)
    return stream.push(signal_mV, np.asarray(peaks).tolist()) + stream.flush()


class BeatQualityStream:
    """Judges beats as they come; the same for every split, with bounded memory.

    A beat comes out when 0.4 s after its R peak have been pushed. Before the first sample and after
    the last the signal is taken to be constant. A gap needs a new stream.
    """

    def __init__(self, rate_hz: float, *, full_scale_mV: float | None = None) -> None:
        self._rate_hz = rate_hz
        self._full_scale = full_scale_mV
        self._windows = BeatWindows(rate_hz, before_s=_BEFORE_R_S, after_s=_AFTER_R_S)
        self._shapes = _Shapes()
        self._heights: deque[float] = deque(maxlen=_HEIGHTS)

    @property
    def usual_height_mV(self) -> float | None:
        """Median height (peak to peak) of the last eight beats that are not doubtful, if any."""
        return median(self._heights) if self._heights else None

    def push(self, block_mV: ArrayLike, peaks: Iterable[float] = ()) -> list[BeatQuality]:
        """Take in samples, shape (n,), and peaks found up to now; return the beats now whole.

        Peaks count from the first sample ever pushed and come in rising order, each once.

        :raises ValueError: as :meth:`~edge_agent.dsp.quality_beat_windows.BeatWindows.push` does.
        """
        return [self._judge(beat) for beat in self._windows.push(block_mV, peaks)]

    def flush(self, peaks: Iterable[float] = ()) -> list[BeatQuality]:
        """Return the beats that waited for later samples. The stream ends: push no more."""
        return [self._judge(beat) for beat in self._windows.flush(peaks)]

    def _judge(self, window: BeatWindow) -> BeatQuality:
        beat, rate, r = window.samples, self._rate_hz, self._windows.before
        half = round(_HALF_QRS_S * rate)
        height = float(np.ptp(beat[r - half : r + half + 1]))
        line = _trend(beat[: r - round(_REST_TO_S * rate)])
        rest = without_line(beat[np.newaxis, : r - round(_REST_TO_S * rate)])
        fast = beat - moving_mean(beat, round(_SMOOTH_S * rate))
        outside = np.concatenate((fast[: r - half], fast[r + half + 1 :]))
        match = self._shapes.match(beat[r - round(_SHAPE_FROM_S * rate) :])
        usual = self.usual_height_mV
        clipped = clipped_share(beat, rate, self._full_scale)
        headroom = max(0.0, 1.0 - _CLIPPED_GAIN * clipped)
        contrast = _less(float(np.ptp(rest)), height)
        smoothness = _less(_NOISE_SWINGS * float(np.sqrt(np.mean(outside**2))), height)
        steadiness = _less(abs(line) * r, height)
        amplitude = None if usual is None else _ratio(height, usual)
        known = (match, contrast, smoothness, steadiness, amplitude)
        index = headroom * fmean(part for part in known if part is not None)
        if index >= LEAST_INDEX:
            self._heights.append(height)
        return BeatQuality(
            peak=window.peak,
            index=index,
            match=match,
            contrast=contrast,
            smoothness=smoothness,
            steadiness=steadiness,
            amplitude=amplitude,
            headroom=headroom,
        )


class _Shapes:
    """The shapes of beats that a lead has shown: unit vectors, and how often each was seen."""

    def __init__(self) -> None:
        self._units: list[Signal] = []
        self._seen: list[int] = []

    def match(self, beat: Signal) -> float | None:
        """Return the correlation (0 to 1) with the most alike shape, and learn from the beat."""
        unit = unit_rows(beat[np.newaxis])[0]
        if not self._units:
            self._begin(unit)
            return None
        alike = [float(np.sum(one * unit)) for one in self._units]
        best = int(np.argmax(alike))
        if alike[best] >= _SAME_SHAPE:
            mixed = self._units[best] + _FORGET * (unit - self._units[best])
            self._units[best] = unit_rows(mixed[np.newaxis])[0]
            self._seen[best] += 1
        else:
            self._begin(unit)
        return min(1.0, max(0.0, alike[best]))

    def _begin(self, unit: Signal) -> None:
        if len(self._units) == _MOST_SHAPES:
            rarest = int(np.argmin(self._seen))
            del self._units[rarest], self._seen[rarest]
        self._units.append(unit)
        self._seen.append(1)


def _trend(rest: Signal) -> float:
    """Slope of the straight line through ``rest``, per sample."""
    t = np.arange(rest.size) - (rest.size - 1) / 2.0
    return float(np.sum(t * rest) / np.sum(t * t))


def _less(swing: float, height: float) -> float:
    """Return 1 less what share of the height the swing is, at least 0."""
    return max(0.0, 1.0 - swing / height) if height > 0.0 else 0.0


def _ratio(one: float, other: float) -> float:
    return min(one, other) / max(one, other) if max(one, other) > 0.0 else 0.0
