"""Every figure of heart-rate variability over the last minutes, or the last day, at once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.hrv.frequency import (
    DAY_RECIPE,
    DEFAULT_RECIPE,
    FrequencyDomain,
    Recipe,
    frequency_domain,
)
from edge_agent.dsp.hrv.nonlinear import Nonlinear, nonlinear
from edge_agent.dsp.hrv.time_domain import LongTerm, TimeDomain, long_term, one_row, time_domain
from edge_agent.dsp.hrv.ultra_low import ultra_low_ms2
from edge_agent.dsp.hrv.window import BeatWindow
from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rr import missing_beats, normal_only

FIVE_MINUTES_S = 300.0
DAY_S = 86_400.0

_LONG_S = 3600.0
"""From such a window on the figures are those of a day: DAY_RECIPE, ULF, SDANN, SDNN index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hrv:
    """The figures of the window of ``window_s`` seconds that ended with the beat at ``at_s``.

    How many intervals they rest on, were left out and are missing is in ``time``. ``long_term`` is
    ``None`` for windows under an hour, ``frequency`` when the window holds no NN interval.
    """

    at_s: float
    window_s: float
    time: TimeDomain
    frequency: FrequencyDomain | None
    nonlinear: Nonlinear
    long_term: LongTerm | None


def hrv(at_s: ArrayLike, rr_ms: ArrayLike, *, window_s: float = FIVE_MINUTES_S) -> Hrv | None:
    """Return the figures of the last ``window_s`` seconds of beats; ``None`` without an interval.

    ``at_s``, shape (n,), are the beats' times, ascending; ``rr_ms``, shape (n,), the intervals that
    end with them: NaN after a gap. They are marked as by :class:`~edge_agent.dsp.rr.Marker` from
    the first on, and what isn't normal-to-normal is left out.

    :raises ValueError: when the shapes are not as said, or the times don't ascend.
    """
    times, intervals = np.asarray(at_s, dtype=np.float64), one_row(rr_ms)
    if times.shape != intervals.shape:
        raise ValueError(f"{times.size} times of {intervals.size} beats: as many expected")
    if times.size == 0:
        return None
    if not (np.diff(times) > 0).all():
        raise ValueError("times of beats that do not ascend: each later than the last expected")
    inside = times > times[-1] - window_s
    nn = normal_only(intervals)[inside]
    return _figures(times[inside], intervals[inside], nn, window_s)


class RollingHrv:
    """The figures of the last ``window_s`` seconds, as :func:`hrv` gives them, when asked for.

    Memory is that of the beats themselves (:class:`~edge_agent.dsp.hrv.window.BeatWindow`): 7 MB
    at most for a day. :meth:`value` takes about 20 ms for five minutes and a second for a day.
    """

    def __init__(self, *, window_s: float = FIVE_MINUTES_S) -> None:
        self._window = BeatWindow(window_s)

    def push(self, at_s: float, rr_ms: float | None) -> None:
        """Take in the interval that ended at ``at_s``; ``None`` is a gap.

        A beat that is not later than the last is ignored.
        """
        self._window.push(at_s, rr_ms)

    def value(self) -> Hrv | None:
        """Return the figures at the time of the last beat, or ``None`` without an NN interval."""
        window = self._window
        return _figures(window.at_s, window.rr_ms, window.nn_ms, window.window_s)


def _figures(at_s: Signal, rr_ms: Signal, nn_ms: Signal, window_s: float) -> Hrv | None:
    time = time_domain(nn_ms)
    if time is None:
        return None
    is_long = window_s >= _LONG_S
    return Hrv(
        at_s=float(at_s[-1]),
        window_s=window_s,
        time=dataclasses.replace(time, n_missing=missing_beats(at_s, rr_ms)),
        frequency=_spectrum(at_s, rr_ms, nn_ms, DAY_RECIPE if is_long else DEFAULT_RECIPE),
        nonlinear=nonlinear(nn_ms),
        long_term=long_term(at_s, nn_ms) if is_long else None,
    )


def _spectrum(at_s: Signal, rr_ms: Signal, nn_ms: Signal, recipe: Recipe) -> FrequencyDomain | None:
    span_s = float(at_s[-1] - at_s[0])
    figures = frequency_domain(nn_ms, rr_ms=rr_ms, span_s=span_s, recipe=recipe)
    if figures is None or recipe is not DAY_RECIPE:
        return figures
    ulf = ultra_low_ms2(at_s, nn_ms)
    total = None if ulf is None or figures.total_ms2 is None else ulf + figures.total_ms2
    return dataclasses.replace(figures, ulf_ms2=ulf, total_ms2=total)
