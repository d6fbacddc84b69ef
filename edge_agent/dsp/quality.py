"""Signal quality of one ECG lead: attached or not, clipped or not, beats alike or not.

Three questions, in this order:

* *flat*: peak-to-peak under 10 µV means that no body is attached. Of half-second stretches of
  ambulatory ECG the flattest measured 15 µV. A noise-free simulated signal may be flat between
  beats, so a window should hold one.
* *saturated*: samples at the converter's full scale, or (where that is not known) runs of equal
  samples at the largest or smallest value, far from the median. The index falls by their share.
* *noisy*: in windows of 5 s and more, the median correlation of the beats with their mean, after
  C. Orphanidou et al., IEEE J Biomed Health Inform 19 (2015) 832-838,
  doi 10.1109/JBHI.2014.2338351, whose limit for ECG (0.66) is used too. What differs: the median
  of the correlations in place of their mean, so that a few ectopic beats don't make a good signal
  bad. Shorter windows, and windows with fewer than four whole beats, are not judged for noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rpeaks import detect
from edge_agent.model import State

FLAT_MV = 0.010
LEAST_CORRELATION = 0.66

_CLIP_S = 0.03
_CLIP_SAMPLES = 4
_CLIP_DISTANCE = 0.25  # of the peak-to-peak amplitude, from the median
_CLIPPED_BAD = 0.05
_CLIPPED_OFF = 0.5
_TEMPLATE_WINDOW_S = 5.0
_TEMPLATE_BEATS = 4
_BEFORE_R_S = 0.2
_AFTER_R_S = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Quality from 0 (useless) to 1 (nothing to object), and the state it gives a reading.

    ``MEASURED``; ``QUESTIONABLE`` (clipped or noisy); ``NOT_ATTACHED`` (flat, or at the rail for
    most of the time); ``SENSOR_FAULT`` (no samples, or samples that are no numbers).
    """

    index: float
    state: State


def assess(
    block_mV: ArrayLike,
    rate_hz: float,
    *,
    full_scale_mV: float | None = None,
) -> Quality:
    """Judge a block of one lead, shape (n,), at ``rate_hz``.

    ``full_scale_mV`` is the magnitude at which the converter clips, where it is known.
    """
    block = np.asarray(block_mV, dtype=np.float64)
    if block.size == 0 or not np.isfinite(block).all():
        return Quality(index=0.0, state=State.SENSOR_FAULT)
    clipped = _clipped_share(block, rate_hz, full_scale_mV)
    if clipped > _CLIPPED_OFF or np.ptp(block) < FLAT_MV:
        return Quality(index=0.0, state=State.NOT_ATTACHED)
    likeness = beat_likeness(block, rate_hz)
    index = (1.0 - clipped) * (1.0 if likeness is None else likeness)
    noisy = likeness is not None and likeness < LEAST_CORRELATION
    bad = noisy or clipped > _CLIPPED_BAD
    return Quality(index=index, state=State.QUESTIONABLE if bad else State.MEASURED)


def beat_likeness(signal_mV: ArrayLike, rate_hz: float) -> float | None:
    """Median correlation (0 to 1) of the beats with their mean, or ``None`` if too short."""
    signal = np.asarray(signal_mV, dtype=np.float64)
    if signal.size < _TEMPLATE_WINDOW_S * rate_hz:
        return None
    before, after = round(_BEFORE_R_S * rate_hz), round(_AFTER_R_S * rate_hz)
    peaks = detect(signal, rate_hz)
    whole = peaks[(peaks >= before) & (peaks + after <= signal.size)]
    if whole.size < _TEMPLATE_BEATS:
        return None
    beats = signal[whole[:, np.newaxis] + np.arange(-before, after)]
    beats = beats - beats.mean(axis=1, keepdims=True)
    template = beats.mean(axis=0)
    sizes = np.sqrt(np.sum(beats**2, axis=1) * np.sum(template**2))
    products = beats @ template
    correlations = np.divide(products, sizes, out=np.zeros_like(products), where=sizes > 0.0)
    return max(0.0, float(np.median(correlations)))


class QualityStream:
    """Judges the last ``window_s`` seconds of a stream, once every ``step_s`` seconds of it.

    Steps are counted in samples, so the judgements do not depend on the blocks. A gap needs a new
    stream.
    """

    def __init__(
        self,
        rate_hz: float,
        *,
        window_s: float = 10.0,
        step_s: float = 1.0,
        full_scale_mV: float | None = None,
    ) -> None:
        self._rate_hz = rate_hz
        self._full_scale = full_scale_mV
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
                self._latest = assess(self._recent, self._rate_hz, full_scale_mV=self._full_scale)
        return self._latest


def _clipped_share(block: Signal, rate_hz: float, full_scale: float | None) -> float:
    if full_scale is not None:
        return float(np.mean(np.abs(block) >= full_scale))
    middle, reach = float(np.median(block)), _CLIP_DISTANCE * float(np.ptp(block))
    shortest = max(_CLIP_SAMPLES, round(_CLIP_S * rate_hz))
    clipped = 0
    for rail in (block.max(), block.min()):
        if abs(rail - middle) > reach:
            runs = _run_lengths(block == rail)
            clipped += int(runs[runs >= shortest].sum())
    return clipped / block.size


def _run_lengths(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> np.ndarray:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return edges[1::2] - edges[::2]
