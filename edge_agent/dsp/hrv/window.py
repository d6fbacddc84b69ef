"""The beats of the last minutes or hours, each interval marked when it came."""

from __future__ import annotations

import dataclasses
import math
from array import array

import numpy as np

from edge_agent.dsp.hrv.time_domain import TimeDomain, time_domain
from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rr import Mark, Marker, missing_beats

_DROP_AT_LEAST = 256


class BeatWindow:
    """Keeps the beats that came within the last ``window_s`` seconds of the last one.

    Memory: 24 bytes a beat, and at most twice that; 24 h at 100 a minute are 3.5 to 7 MB.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self._marker = Marker()
        self._at_s, self._rr_ms, self._nn_ms = array("d"), array("d"), array("d")
        self._first = 0

    def push(self, at_s: float, rr_ms: float | None) -> None:
        """Take in the interval that ended at ``at_s``; ``None`` is a gap.

        A beat that is not later than the last is ignored.
        """
        if self._at_s and at_s <= self._at_s[-1]:
            return
        is_normal = self._marker.push(rr_ms) is Mark.NORMAL
        length_ms = math.nan if rr_ms is None else rr_ms
        self._at_s.append(at_s)
        self._rr_ms.append(length_ms)
        self._nn_ms.append(length_ms if is_normal else math.nan)
        while self._at_s[self._first] <= at_s - self.window_s:
            self._first += 1
        if self._first > max(_DROP_AT_LEAST, len(self._at_s) // 2):
            for kept in (self._at_s, self._rr_ms, self._nn_ms):
                del kept[: self._first]
            self._first = 0

    @property
    def at_s(self) -> Signal:
        """When the beats were, shape (n,)."""
        return np.array(self._at_s[self._first :])

    @property
    def rr_ms(self) -> Signal:
        """The intervals as they came, shape (n,); NaN is a gap."""
        return np.array(self._rr_ms[self._first :])

    @property
    def nn_ms(self) -> Signal:
        """The intervals, shape (n,), with NaN in place of whatever is not normal-to-normal."""
        return np.array(self._nn_ms[self._first :])


class RollingTimeDomain:
    """Time-domain figures of the NN intervals that ended within the last ``window_s`` seconds.

    Each interval is judged when it comes (:class:`edge_agent.dsp.rr.Marker`); whatever is not
    normal-to-normal is left out and counted. The figures are those of
    :func:`~edge_agent.dsp.hrv.time_domain.time_domain` over the window, computed when asked for:
    0.1 ms for five minutes, and no sums that drift.
    """

    def __init__(self, *, window_s: float = 300.0) -> None:
        self._window = BeatWindow(window_s)

    def push(self, at_s: float, rr_ms: float | None) -> None:
        """Take in the interval that ended at ``at_s``, as :meth:`BeatWindow.push` does."""
        self._window.push(at_s, rr_ms)

    def value(self) -> TimeDomain | None:
        """Return the figures at the time of the last beat, or ``None`` without an NN interval."""
        figures = time_domain(self._window.nn_ms)
        if figures is None:
            return None
        missing = missing_beats(self._window.at_s, self._window.rr_ms)
        return dataclasses.replace(figures, n_missing=missing)
