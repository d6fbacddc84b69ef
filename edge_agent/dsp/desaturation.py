"""Desaturations and what a night of oximetry comes to: ODI, T90, nadir, area.

A desaturation is found as by S. H. Hwang et al., IEEE Trans Biomed Eng 65 (2018) 706-712,
doi 10.1109/TBME.2017.2715405, on one value a second in whole percent: it begins (A) with a fall
that goes on without a rise until ``drop`` percent below A, has its nadir (B), and ends (C) when the
value is back within 1 % of A or ``drop`` above the nadir, 10 to 90 s after A. What differs: a first
fall of more than ``drop`` within one second is an artefact and begins nothing; a second without a
reliable value ends the search, so that nothing is found across it.

The count is somewhat lower than one against a running baseline: what rises on its way down before
it is deep enough doesn't count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

LOW_PERCENT = 90.0

_SHORTEST_S, _LONGEST_S = 10, 90
_BACK_WITHIN_PERCENT = 1.0
_S_PER_HOUR = 3600.0
_HELD_S = 3
"""A sensor may miss this many seconds in a row; its last value stands for them."""

_Point = tuple[float, float]
"""When (s) and how much (%)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desaturation:
    """A fall of oxygen saturation from ``onset_s`` to ``offset_s`` (s), lowest at ``nadir_at_s``.

    ``begin_percent`` is the saturation it began with; ``area_percent_s`` what was missing to it
    meanwhile, in percent times seconds.
    """

    onset_s: float
    nadir_at_s: float
    offset_s: float
    begin_percent: float
    nadir_percent: float
    area_percent_s: float


class DesaturationFinder:
    """Finds desaturations of at least ``drop_percent`` in one value a second."""

    def __init__(self, *, drop_percent: float = 3.0) -> None:
        self._drop = drop_percent
        self._last: float | None = None
        self._begin: _Point | None = None
        self._nadir: _Point | None = None
        self._area = 0.0

    def push(self, at_s: float, spo2_percent: float | None) -> Desaturation | None:
        """Take in the value of the next second; return a desaturation that it ends.

        ``None`` or NaN is a second without a reliable value.
        """
        if spo2_percent is None or math.isnan(spo2_percent):
            self._last = self._begin = self._nadir = None
            return None
        value, last = round(spo2_percent), self._last
        self._last = value
        if last is None:
            return None
        begin, nadir = self._begin, self._nadir
        if begin is None:
            self._look_for_begin(at_s, value, last)
            return None
        self._area += max(begin[1] - value, 0.0)
        if nadir is None:
            self._fall(at_s, value, last, begin[1])
            return None
        return self._come_back(at_s, value, begin, nadir)

    def _look_for_begin(self, at_s: float, value: float, last: float) -> None:
        if 1 <= last - value <= self._drop:
            self._begin, self._area = (at_s, value), 0.0

    def _fall(self, at_s: float, value: float, last: float, begin: float) -> None:
        if value > last:
            self._begin = None
        elif begin - value >= self._drop:
            self._nadir = (at_s, value)

    def _come_back(
        self, at_s: float, value: float, begin: _Point, nadir: _Point
    ) -> Desaturation | None:
        is_back = begin[1] - value <= _BACK_WITHIN_PERCENT or value - nadir[1] >= self._drop
        if not is_back or at_s - begin[0] < _SHORTEST_S:
            if value <= nadir[1]:
                self._nadir = (at_s, value)
            return None
        self._begin = self._nadir = None
        if at_s - begin[0] > _LONGEST_S:
            return None
        return Desaturation(
            onset_s=begin[0],
            nadir_at_s=nadir[0],
            offset_s=at_s,
            begin_percent=begin[1],
            nadir_percent=nadir[1],
            area_percent_s=self._area,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Oxygenation:
    """What a stretch of oximetry comes to.

    ``odi3_per_h`` and ``odi4_per_h`` count desaturations per hour of reliable values,
    ``t90_percent`` is the share of those seconds under 90 %. ``reliable_percent`` is the share of
    all seconds that had a reliable value: with little of it the other figures say little.
    """

    hours: float
    reliable_percent: float
    odi3_per_h: float
    odi4_per_h: float
    t90_percent: float
    nadir_percent: float
    mean_percent: float
    desaturations: tuple[Desaturation, ...]


class OxygenationNight:
    """Gathers a night (or any stretch) of oximeter readings, at whatever rate they come.

    Readings go into whole seconds: the last reliable one of a second is its value, and stands for
    up to three seconds that have none. Unreliable readings (by the sensor's own status, or weak
    perfusion: the caller's judgement) count as none. Memory: eight numbers and the desaturations.
    """

    def __init__(self) -> None:
        self._finders = (DesaturationFinder(drop_percent=3.0), DesaturationFinder(drop_percent=4.0))
        self._odi3: list[Desaturation] = []
        self._odi4 = 0
        self._second: int | None = None
        self._value: float | None = None
        self._held_s = 0
        self._seconds = self._reliable = self._low = 0
        self._sum = 0.0
        self._nadir = math.inf

    def push(self, at_s: float, spo2_percent: float | None, *, reliable: bool = True) -> None:
        """Take in a reading; one from a second that is over is ignored."""
        second = math.floor(at_s)
        if self._second is None:
            self._second = second
        if second < self._second:
            return
        while self._second < second:
            self._close_second(self._second)
        if reliable and spo2_percent is not None and not math.isnan(spo2_percent):
            self._value, self._held_s = spo2_percent, 0

    def value(self) -> Oxygenation | None:
        """Return the figures of all seconds that are over, or ``None`` without a reliable one."""
        if not self._reliable:
            return None
        hours = self._reliable / _S_PER_HOUR
        return Oxygenation(
            hours=hours,
            reliable_percent=100.0 * self._reliable / self._seconds,
            odi3_per_h=len(self._odi3) / hours,
            odi4_per_h=self._odi4 / hours,
            t90_percent=100.0 * self._low / self._reliable,
            nadir_percent=self._nadir,
            mean_percent=self._sum / self._reliable,
            desaturations=tuple(self._odi3),
        )

    def finish(self) -> Oxygenation | None:
        """Count the second that is not over yet, and return the figures."""
        if self._second is not None:
            self._close_second(self._second)
        return self.value()

    def _close_second(self, second: int) -> None:
        value = self._value if self._held_s <= _HELD_S else None
        three, four = (finder.push(float(second), value) for finder in self._finders)
        if three is not None:
            self._odi3.append(three)
        self._odi4 += four is not None
        self._seconds += 1
        if value is not None:
            self._reliable += 1
            self._low += value < LOW_PERCENT
            self._sum += value
            self._nadir = min(self._nadir, value)
        self._second = second + 1
        self._held_s += 1


def oxygenation(spo2_percent: ArrayLike) -> Oxygenation | None:
    """Return the figures of one value a second, shape (n,), NaN for none; ``None`` without any.

    :raises ValueError: other than one row.
    """
    values = np.asarray(spo2_percent, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"saturation of shape {values.shape}: one row expected")
    night = OxygenationNight()
    for second, value in enumerate(values.tolist()):
        night.push(float(second), value, reliable=not math.isnan(value))
    return night.finish()
