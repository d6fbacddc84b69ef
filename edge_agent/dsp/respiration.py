"""Breathing rate from heartbeats: their shape (ECG) and their timing, fused where they agree.

Breathing shows in the height and area of QRS complexes (see
:mod:`~edge_agent.dsp.respiration_features`) and in RR intervals (respiratory sinus arrhythmia).
Each gives a spectrum over the last 32 s (:mod:`~edge_agent.dsp.respiration_spectrum`) and up to
two rates that stand out from noise. Rates of both that agree within 2 per minute are averaged;
without such a pair the shape alone counts, if timing says nothing, and timing alone where there is
no ECG. Else there is no rate: ``None``.

The plan (extract, estimate, fuse, judge) and the window are those of P. H. Charlton et al., Physiol
Meas 37 (2016) 610-626, doi 10.1088/0967-3334/37/4/610; giving nothing when the modulations disagree
is the "smart fusion" of W. Karlen et al., IEEE Trans Biomed Eng 60 (2013) 1946-1953, doi
10.1109/TBME.2013.2246160; for single-lead wearables see C. Varon et al., Sci Rep 10 (2020) 5704,
doi 10.1038/s41598-020-62624-5. What differs: two modulations by origin, not three by waveform;
agreement within what the window resolves (2 per minute), not a standard deviation of 4; a test
against noise in place of a threshold; and ectopic intervals and doubtful beats are left out, not
interpolated.

No recording with a breathing reference was at hand. On series made up from a known rate (breaths
vary by 7 %, RR by 3 %, height by 6 % with breathing and 2 to 3 % without; six runs of 3 minutes for
each of 5, 6, 8, 12, 15, 20, 25, 30 and 36 breaths a minute), windows given a rate, their mean error
per minute, and how many of them are off by over 3 per minute:

===============================  =========  ==========  =========
series                           given      mean error  off by 3
===============================  =========  ==========  =========
75 beats a minute, both          98.6 %     0.5         0.2 %
shape only                       96.2 %     0.5         0.1 %
timing only, from 12 a minute    88.5 %     0.6         0.4 %
half the modulation, both        46.2 %     0.5         0.0 %
no modulation                     0.0 %     -           -
atrial fibrillation, both        92.4 %     0.5         0.0 %
atrial fibrillation, timing       0.6 %     8.5         (3 of 5)
Mayer waves as large, both       98.2 %     0.5         0.0 %
===============================  =========  ==========  =========

(``edge-agent validate ecg --only respiration`` measures these.)

Real breathing is less regular, so expect fewer rates: of the first 15 minutes of the 22 records of
MIT-BIH DS1 1 to 62 % of the windows get one. There timing shows 10.0 a minute all through in two
people (101, 215), which no breathing is: presumably the flutter of the tape recorder.

Limits. Each beat is one sample: rates over half the heart rate fold back and can't be told from
slower ones (at 60 beats a minute 36 breaths look like 24). Timing alone sees slow waves of blood
pressure (about 6 a minute) too, so below 9 a minute it rarely gives a rate. In atrial fibrillation
timing tells nothing and the shape is left.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.respiration_spectrum import Peak, Series, significant_peaks
from edge_agent.dsp.rr import Mark, Marker

WINDOW_S = 32.0
AGREE_PER_MIN = 2.0  # what a window of 32 s can tell apart

_LEAST_SPAN = 0.8  # of the window
_LONGEST_HOLE_S = 5.0
_LEAST_KNOWN = 0.7  # of the beats
_OUTLYING = 5.0  # median deviations
_MAYER_PER_MIN = 9.0
_SURE = 0.8
_HARMONIC_PER_MIN = 1.5
_PER_MIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Respiration:
    """Breaths per minute of the last window, or ``None``, with quality from 0 to 1.

    ``by_shape`` and ``by_timing`` are what the shape of the beats and their timing gave on their
    own, ``None`` where they gave nothing that stands out. ``quality`` is the share of the
    variance that breathing explains, of both where both agree. ``n`` is the number of beats.
    """

    rate_per_min: float | None
    quality: float
    by_shape: Peak | None
    by_timing: Peak | None
    n: int


@dataclass(frozen=True, slots=True)
class _Beat:
    at_s: float
    rr_ms: float
    height: float
    area: float


class RespirationStream:
    """Breathing rate over the last ``window_s`` seconds of beats; bounded memory.

    Beats come one by one, so how the samples were cut into blocks can't matter.
    """

    def __init__(self, *, window_s: float = WINDOW_S) -> None:
        self._window_s = window_s
        self._beats: deque[_Beat] = deque()
        self._marker = Marker()

    def push_beat(
        self,
        at_s: float,
        rr_ms: float | None,
        *,
        height_mV: float | None = None,
        area_mv_s: float | None = None,
    ) -> None:
        """Take in a beat; one that is not later than the last is ignored.

        ``rr_ms`` is ``None`` or NaN after a gap; the shape is ``None`` where there is no ECG or the
        beat is doubtful. Any unit will do for the shape, as long as it is always the same.

        :raises ValueError: a time or a shape that is no finite number.
        """
        shape = [math.nan if one is None else one for one in (height_mV, area_mv_s)]
        given = [one for one in (at_s, height_mV, area_mv_s) if one is not None]
        if not all(map(math.isfinite, given)):
            raise ValueError(f"beat at {at_s} s: time and shape must be finite numbers")
        if self._beats and at_s <= self._beats[-1].at_s:
            return
        is_normal = self._marker.push(rr_ms) is Mark.NORMAL
        rr = rr_ms if is_normal and rr_ms is not None else math.nan
        self._beats.append(_Beat(at_s, rr, *shape))
        while self._beats[0].at_s <= at_s - self._window_s:
            self._beats.popleft()

    def value(self, now_s: float | None = None) -> Respiration:
        """Return the rate over the window that ends at ``now_s`` (by default at the last beat)."""
        if now_s is None:
            now_s = self._beats[-1].at_s if self._beats else 0.0
        beats = [one for one in self._beats if now_s - self._window_s < one.at_s <= now_s]
        at = np.array([one.at_s for one in beats])
        if not self._is_covered(at, now_s):
            return Respiration(
                rate_per_min=None, quality=0.0, by_shape=None, by_timing=None, n=at.size
            )
        most_per_min = _PER_MIN / 2.0 / float(np.median(np.diff(at)))
        columns = np.array([(one.rr_ms, one.height, one.area) for one in beats]).T
        timing, *shapes = [_series(at, values) for values in columns]
        by_timing = significant_peaks([timing] if timing else [], most_per_min)
        by_shape = significant_peaks([one for one in shapes if one], most_per_min)
        has_shape = any(shapes)
        return _fuse(by_shape, by_timing, has_shape=has_shape, n=at.size)

    def _is_covered(self, at: Signal, now_s: float) -> bool:
        if at.size == 0:
            return False
        holes = np.diff(np.concatenate((at, [now_s])))
        long_enough = now_s - at[0] >= _LEAST_SPAN * self._window_s
        return bool(long_enough and holes.max() <= _LONGEST_HOLE_S)


def respiration_rates(
    at_s: ArrayLike,
    rr_ms: ArrayLike,
    *,
    height_mV: ArrayLike | None = None,
    area_mv_s: ArrayLike | None = None,
    every_s: float = 5.0,
    window_s: float = WINDOW_S,
) -> list[tuple[float, Respiration]]:
    """Return times (s) and rates of a recording, every ``every_s`` from the first full window on.

    ``at_s``, ``rr_ms`` and the shapes have shape (n,), one beat each; NaN is what is not known.
    """
    times = np.asarray(at_s, dtype=np.float64)
    columns = [_or_none(one, times.size) for one in (rr_ms, height_mV, area_mv_s)]
    stream = RespirationStream(window_s=window_s)
    found: list[tuple[float, Respiration]] = []
    due_s = times[0] + window_s if times.size else math.inf
    for at, rr, height, area in zip(times.tolist(), *columns, strict=True):
        while at > due_s:
            found.append((due_s, stream.value(due_s)))
            due_s += every_s
        stream.push_beat(at, rr, height_mV=height, area_mv_s=area)
    return found


def _or_none(values: ArrayLike | None, n: int) -> list[float | None]:
    if values is None:
        return [None] * n
    return [None if math.isnan(one) else one for one in np.asarray(values, np.float64).tolist()]


def _series(at: Signal, values: Signal) -> Series | None:
    """Return the known values that don't stick out, or ``None`` where too few are known."""
    known = np.isfinite(values)
    if np.mean(known) < _LEAST_KNOWN:
        return None
    middle = float(np.median(values[known]))
    deviations = np.abs(values - middle)
    known &= deviations <= _OUTLYING * float(np.median(deviations[known]))
    return Series(at[known], values[known]) if np.mean(known) >= _LEAST_KNOWN else None


def _fuse(by_shape: list[Peak], by_timing: list[Peak], *, has_shape: bool, n: int) -> Respiration:
    """Take what shape and timing agree on; where one is silent, the other; else nothing."""
    pairs = [
        (one, other)
        for one in by_shape
        for other in by_timing
        if abs(one.per_min - other.per_min) <= AGREE_PER_MIN
    ]
    alone, timing_alone = _sure(by_shape), _sure(by_timing)
    chosen: list[Peak] = []
    if pairs:
        chosen = [*max(pairs, key=lambda pair: pair[0].share + pair[1].share)]
    elif alone and not timing_alone:
        chosen = alone[:1]
    elif timing_alone and not has_shape:
        chosen = _timing_alone(timing_alone)
    total = sum(one.share for one in chosen)
    return Respiration(
        rate_per_min=sum(one.share * one.per_min for one in chosen) / total if chosen else None,
        quality=fmean(one.share for one in chosen) if chosen else 0.0,
        by_shape=chosen[0] if pairs else next(iter(by_shape), None),
        by_timing=chosen[1] if pairs else next(iter(by_timing), None),
        n=n,
    )


def _sure(peaks: list[Peak]) -> list[Peak]:
    return [one for one in peaks if one.is_sure]


def _timing_alone(peaks: list[Peak]) -> list[Peak]:
    """Choose among what RR intervals alone give, where slow waves of blood pressure are possible.

    These (Mayer waves, about 6 a minute) look like slow breathing. With a faster rhythm beside
    them that isn't their harmonic, that is the breathing. A slow one alone must be very clear.
    """
    fast = [one for one in peaks if one.per_min >= _MAYER_PER_MIN]
    if len(fast) == len(peaks):
        return fast[:1]
    slow = next(one for one in peaks if one.per_min < _MAYER_PER_MIN)
    if not fast:
        return [slow] if slow.share >= _SURE else []
    is_harmonic = abs(fast[0].per_min - 2.0 * slow.per_min) <= _HARMONIC_PER_MIN
    return [] if is_harmonic else fast[:1]
