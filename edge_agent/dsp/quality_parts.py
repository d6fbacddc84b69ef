"""What the quality of a window of one lead is judged by, each part on its own.

* *template*: how alike the beats are. Each beat is correlated with every other one of its window
  (0.2 s before R to 0.4 s after); what counts is its second-best mate, and of the beats the
  median. After C. Orphanidou et al., IEEE J Biomed Health Inform 19 (2015) 832-838, doi
  10.1109/JBHI.2014.2338351. What differs: no common mean template, so that two or three shapes of
  beats (bigeminy, intermittent bundle-branch block) are all alike to their own kind.
* *agreement* of two detectors: see :mod:`edge_agent.dsp.quality_second_detector`.
* *contrast*: what the signal does before a beat (0.3 to 0.08 s before R, without its straight line)
  against the height of the QRS complex, the median over the beats. Own measure; P waves and
  fibrillatory waves cost it some tenths at most.
* *spectrum*: share of 5-15 Hz in 5-40 Hz, and of under 1 Hz in under 40 Hz (pSQI, basSQI of
  G. D. Clifford et al., Physiol Meas 33 (2012) 1419-1433, doi 10.1088/0967-3334/33/9/1419), and
  of 45-65 Hz in all above 1 Hz. Shown, but not part of the index: on hand-held strips they told
  noise from rhythm no better than chance.
* *amplitude*: the swing, and the share of samples at a rail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.quality_second_detector import agreement, slope_peaks
from edge_agent.dsp.rpeaks import detect

LEAST_WINDOW_S = 5.0
LEAST_BEATS = 4

_BEFORE_R_S, _AFTER_R_S = 0.2, 0.4
_MATE = 2
_ROUNDING = 1e-12  # what is left of a constant less its mean
_REST_FROM_S, _REST_TO_S = 0.3, 0.08
_HALF_QRS_S = 0.06

_CLIP_S = 0.03
_CLIP_SAMPLES = 4
_CLIP_DISTANCE = 0.25  # of the peak-to-peak amplitude, from the median

_QRS_HZ, _ECG_HZ = (5.0, 15.0), (5.0, 40.0)
_BASELINE_HZ, _ALL_ECG_HZ = (0.0, 1.0), (0.0, 40.0)
_HUM_HZ, _ALL_HZ = (45.0, 65.0), (1.0, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beats:
    """What the beats of a window say, each from 0 (noise) to 1."""

    template: float
    agreement: float
    contrast: float

    @property
    def index(self) -> float:
        """The mean of the three: equal weights, nothing learned."""
        return (self.template + self.agreement + self.contrast) / 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """Shares of power, 0 to 1, and how far the 45 to 65 Hz alone swing (peak to peak)."""

    qrs_share: float
    baseline_share: float
    hum_share: float
    hum_swing_mV: float


def judge_beats(window: Signal, rate_hz: float) -> Beats | None:
    """Return the parts that need beats; ``None`` in a window under 5 s or 4 whole beats."""
    if window.size < LEAST_WINDOW_S * rate_hz:
        return None
    peaks = detect(window, rate_hz)
    before, after = round(_BEFORE_R_S * rate_hz), round(_AFTER_R_S * rate_hz)
    whole = peaks[(peaks >= before) & (peaks + after <= window.size)]
    if whole.size < LEAST_BEATS:
        return None
    return Beats(
        template=_likeness(window[whole[:, np.newaxis] + np.arange(-before, after)]),
        agreement=agreement(peaks, slope_peaks(window, rate_hz), rate_hz),
        contrast=_contrast(window, whole, rate_hz),
    )


def clipped_share(window: Signal, rate_hz: float, full_scale: float | None) -> float:
    """Share of samples at full scale, or (where that is not known) in runs at an extreme.

    Only an extreme far from the median counts: the bottom of a quiet signal is no rail.
    """
    if full_scale is not None:
        return float(np.mean(np.abs(window) >= full_scale))
    middle, reach = float(np.median(window)), _CLIP_DISTANCE * float(np.ptp(window))
    shortest = max(_CLIP_SAMPLES, round(_CLIP_S * rate_hz))
    clipped = 0
    for rail in (window.max(), window.min()):
        if abs(rail - middle) > reach:
            runs = run_lengths(window == rail)
            clipped += int(runs[runs >= shortest].sum())
    return clipped / window.size


def spectrum(window: Signal, rate_hz: float) -> Spectrum:
    """Return how the power of a window, shape (n,), n >= 2, is spread (Hann, one transform)."""
    taper = np.hanning(window.size)
    power = np.abs(np.fft.rfft((window - window.mean()) * taper)) ** 2
    hz = np.fft.rfftfreq(window.size, 1.0 / rate_hz)

    def within(band_hz: tuple[float, float]) -> float:
        return float(power[(hz >= band_hz[0]) & (hz < band_hz[1])].sum())

    def share(part_hz: tuple[float, float], whole_hz: tuple[float, float]) -> float:
        whole = within(whole_hz)
        return within(part_hz) / whole if whole > 0.0 else 0.0

    tapered = float(np.sum(taper**2)) * window.size
    hum_mean_square = 2.0 * within(_HUM_HZ) / tapered if tapered > 0.0 else 0.0
    return Spectrum(
        qrs_share=share(_QRS_HZ, _ECG_HZ),
        baseline_share=share(_BASELINE_HZ, _ALL_ECG_HZ),
        hum_share=share(_HUM_HZ, _ALL_HZ),
        hum_swing_mV=2.0 * math.sqrt(2.0 * hum_mean_square),
    )


def run_lengths(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Lengths of the runs of true among ``flags``, shape (n,)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    return edges[1::2] - edges[::2]


def without_line(rows: Signal) -> Signal:
    """Return ``rows``, shape (n, m), each less the straight line that fits it best."""
    t = np.arange(rows.shape[1]) - (rows.shape[1] - 1) / 2.0
    level = rows - rows.mean(axis=1, keepdims=True)
    slope = level @ t / (t @ t)
    return np.asarray(level - slope[:, np.newaxis] * t)


def unit_rows(rows: Signal) -> Signal:
    """Return ``rows``, shape (n, m), less their means and of length 1; constant ones are zero."""
    level: Signal = rows - rows.mean(axis=1, keepdims=True)
    sizes = np.sqrt(np.sum(level**2, axis=1, keepdims=True))
    rounding = _ROUNDING * np.sqrt(np.sum(rows**2, axis=1, keepdims=True))
    return np.asarray(np.divide(level, sizes, out=np.zeros_like(level), where=sizes > rounding))


def _likeness(beats: Signal) -> float:
    shapes = unit_rows(beats)
    alike = shapes @ shapes.T
    np.fill_diagonal(alike, -np.inf)
    mates = np.sort(alike, axis=1)[:, -_MATE]
    return min(1.0, max(0.0, float(np.median(mates))))


def _contrast(window: Signal, peaks: NDArray[np.intp], rate_hz: float) -> float:
    """Median of 1 minus the swing before the beat over the swing of the beat."""
    start, end = round(_REST_FROM_S * rate_hz), round(_REST_TO_S * rate_hz)
    half = round(_HALF_QRS_S * rate_hz)
    inner = peaks[peaks >= start][:, np.newaxis]
    if inner.size == 0:
        return 0.0
    rest = np.ptp(without_line(window[inner + np.arange(-start, -end)]), axis=1)
    heights = np.ptp(window[inner + np.arange(-half, half + 1)], axis=1)
    ratios = np.divide(rest, heights, out=np.ones_like(rest), where=heights > 0.0)
    return max(0.0, 1.0 - float(np.median(ratios)))
