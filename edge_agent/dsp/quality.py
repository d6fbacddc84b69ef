"""Signal quality of a window of one ECG lead: attached, clipped, to be relied on or not.

Asked in this order:

* *attached*: not dead up to its end for 1.5 s and half of the window, and at a rail for less than
  half of it. :mod:`edge_agent.dsp.quality_line` has the criterion, and tells a lead-off from a
  heart that stands still.
* *clipped*: samples at the converter's full scale, or (where that is not known) runs of equal
  samples at the largest or smallest value. The index falls by their share, and by that of stretches
  in which the converter held its value for as long as a lead-off.
* *noisy*: the mean of three parts, template match, agreement of two detectors and contrast
  (:mod:`edge_agent.dsp.quality_parts`), under 0.7.
* *implausible*: hum over 0.5 mV that makes up half of the power, or a swing over 20 mV: an open
  input that picks up its surroundings, or an electrode that has just been put on.

Measured: of MIT-BIH DS1 with electrode-motion, muscle and base-line noise mixed in at 12 to -6 dB,
three quarters of the 10-s windows are questionable in which more than 15 % of the beats are missed
or invented (electrode motion 50 %, muscle 90 %, base line 87 %), 9 % of those with at most 5 %, and
none of the windows without added noise, frequent ectopic beats included. What has no beats alike
is noise to such an index: 20 of 23 windows of ventricular flutter (record 207) too.

So questionable must not silence everything. While a signal is, held back is what rests on each beat
being one: brady- and tachycardia and the extreme ones, ventricular tachycardia and runs, bi- and
trigeminy, atrial fibrillation, and the limits of the heart rate. These neither begin nor end. Not
held back are ventricular flutter, pause, asystole and the flat line.

Not judged for noise are windows under 5 s, with fewer than four whole beats, or in which nothing
swings over 0.1 mV within 0.15 s: a heart that is slow or stands still must not pass for a bad
signal, whatever the detector finds in the quiet it leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.quality_line import DEAD_S, FLAT_MV, is_dead, largest_swing
from edge_agent.dsp.quality_parts import (
    Beats,
    Spectrum,
    clipped_share,
    judge_beats,
    run_lengths,
    spectrum,
)
from edge_agent.model import State

LEAST_INDEX = 0.7

_CLIPPED_BAD = 0.05
_CLIPPED_OFF = 0.5
_STRIP_WINDOW_S = 10.0
_HUM_SHARE, _HUM_SWING_MV = 0.5, 0.5
_LARGEST_SWING_MV = 20.0
_QUIET_MV = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a judgement rests on; see :mod:`edge_agent.dsp.quality_parts`.

    ``beats`` is ``None`` where noise was not judged. ``clipped_share`` and ``held_share``
    (equal samples for 1.5 s and more) are shares of the window,
    ``swing_mV`` is its peak-to-peak amplitude.
    """

    beats: Beats | None
    spectrum: Spectrum
    swing_mV: float
    clipped_share: float
    held_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Quality from 0 (useless) to 1 (nothing to object), and the state it gives a reading.

    ``MEASURED``; ``QUESTIONABLE`` (clipped, noisy or implausible); ``NOT_ATTACHED`` (dead, or
    at the rail for most of the time); ``SENSOR_FAULT`` (no samples, or samples that are no
    numbers). ``parts`` is ``None`` where there was nothing to take apart.
    """

    index: float
    state: State
    parts: Parts | None = None


def assess(
    block_mV: ArrayLike,
    rate_hz: float,
    *,
    full_scale_mV: float | None = None,
    flat_mV: float | None = FLAT_MV,
) -> Quality:
    """Judge a block of one lead, shape (n,), at ``rate_hz``.

    ``full_scale_mV`` is the magnitude at which the converter clips, where it is known. ``flat_mV``
    is the swing of a dead line; ``None`` says that the samples are in an unknown unit: then only
    equal samples are dead, and no amplitude is quiet or implausible.
    """
    block = np.asarray(block_mV, dtype=np.float64)
    if block.size == 0 or not np.isfinite(block).all():
        return Quality(index=0.0, state=State.SENSOR_FAULT)
    flat = 0.0 if flat_mV is None else flat_mV
    latest = block[-max(round(DEAD_S * rate_hz), block.size // 2) :]
    clipped = clipped_share(block, rate_hz, full_scale_mV)
    if clipped > _CLIPPED_OFF or is_dead(latest, flat_mV=flat, full_scale_mV=full_scale_mV):
        return Quality(index=0.0, state=State.NOT_ATTACHED)
    is_quiet = flat_mV is not None and largest_swing(block, rate_hz) < _QUIET_MV
    parts = Parts(
        beats=None if is_quiet else judge_beats(block, rate_hz),
        spectrum=spectrum(block, rate_hz),
        swing_mV=float(np.ptp(block)),
        clipped_share=clipped,
        held_share=_held_share(block, rate_hz),
    )
    index = (1.0 - clipped) * (1.0 - parts.held_share)
    if parts.beats is not None:
        index *= parts.beats.index
    bad = clipped > _CLIPPED_BAD or _is_noisy(parts) or (flat_mV is not None and _is_absurd(parts))
    return Quality(index=index, state=State.QUESTIONABLE if bad else State.MEASURED, parts=parts)


def strip_index(signal_mV: ArrayLike, rate_hz: float) -> float:
    """Return the quality (0 to 1) of a whole strip, shape (n,), of any unit.

    The mean over windows of 10 s, every 5 s and one at the end; a shorter strip is one window. A
    window without enough beats to judge it by counts as 0: nothing vouches for it.

    :raises ValueError: no samples, not one-dimensional, NaN or infinity.
    """
    signal = np.asarray(signal_mV, dtype=np.float64)
    if signal.ndim != 1 or signal.size == 0 or not np.isfinite(signal).all():
        raise ValueError(f"strip of shape {signal.shape}: a row of numbers without NaN expected")
    length = round(_STRIP_WINDOW_S * rate_hz)
    last = max(0, signal.size - length)
    starts = [*range(0, last, length // 2), last]
    judged = [assess(signal[start : start + length], rate_hz, flat_mV=None) for start in starts]
    vouched = [one.index for one in judged if one.parts is not None and one.parts.beats is not None]
    return sum(vouched) / len(judged)


class QualityStream:
    """Judges the last ``window_s`` seconds of a stream, once every ``step_s`` seconds of it.

    What :func:`assess` is told, it is told here. Steps are counted in samples, so the judgements
    do not depend on the blocks. A gap needs a new stream.
    """

    def __init__(
        self,
        rate_hz: float,
        *,
        window_s: float = 10.0,
        step_s: float = 1.0,
        full_scale_mV: float | None = None,
        flat_mV: float | None = FLAT_MV,
    ) -> None:
        self._rate_hz = rate_hz
        self._full_scale = full_scale_mV
        self._flat = flat_mV
        self._window = round(window_s * rate_hz)
        self._step = max(1, round(step_s * rate_hz))
        self._recent: Signal = np.empty(0)
        self._unjudged = 0
        self._latest: Quality | None = None

    def push(self, block_mV: ArrayLike) -> Quality | None:
        """Take in samples, shape (n,); return the latest judgement, ``None`` before the first."""
        block = np.asarray(block_mV, dtype=np.float64)
        while block.size:
            part = block[: self._step - self._unjudged]
            block = block[part.size :]
            self._recent = np.concatenate((self._recent, part))[-self._window :]
            self._unjudged += part.size
            if self._unjudged == self._step:
                self._unjudged = 0
                self._latest = assess(
                    self._recent,
                    self._rate_hz,
                    full_scale_mV=self._full_scale,
                    flat_mV=self._flat,
                )
        return self._latest


def _is_noisy(parts: Parts) -> bool:
    return parts.held_share > 0.0 or (parts.beats is not None and parts.beats.index < LEAST_INDEX)


def _is_absurd(parts: Parts) -> bool:
    """Whether no body gives such a signal; the limits hold for millivolts."""
    hum = parts.spectrum
    humming = hum.hum_share > _HUM_SHARE and hum.hum_swing_mV > _HUM_SWING_MV
    return humming or parts.swing_mV > _LARGEST_SWING_MV


def _held_share(block: Signal, rate_hz: float) -> float:
    """Share of the block in runs of equal samples as long as a lead-off.

    Only equal samples count: a slow wander about a heart that stands still may be as flat as an
    open input at its turning points, and must stay a good signal.
    """
    runs = 1 + run_lengths(np.diff(block) == 0.0)
    return float(runs[runs >= DEAD_S * rate_hz].sum()) / block.size
