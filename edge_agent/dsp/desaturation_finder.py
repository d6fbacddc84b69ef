"""Desaturations in one value a second: onset, nadir, end, area.

Found as by S. H. Hwang et al., IEEE Trans Biomed Eng 65 (2018) 706-712,
doi 10.1109/TBME.2017.2715405, in whole percent. A fall begins (A) with a step down, goes on without
a rise until ``drop`` percent below A, has its nadir (B), and counts (C) when the value is back
within 1 % of A or ``drop`` above the nadir, 10 to 90 s after A. The desaturation is over (D) when
the value is back within 1 % of A, or 90 s after A. A fall that begins before the one before it is
over belongs to the same desaturation.

What differs from the paper: a first step of more than ``drop`` within one second is an artefact and
begins nothing; a second without a usable value ends the search, so that nothing is found across it.

The count is somewhat lower than one against a running baseline: what rises on its way down before
it is deep enough doesn't count, and falls one after the other without recovery are one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

_SHORTEST_S, _LONGEST_S = 10, 90
_BACK_WITHIN_PERCENT = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Desaturation:
    """A fall of oxygen saturation from ``onset_s`` to ``offset_s`` (s), lowest at ``nadir_at_s``.

    ``begin_percent`` is the saturation it began with; ``area_percent_s`` what was missing to it
    meanwhile, in percent times seconds. ``falls`` counts the falls that it is made of.
    """

    onset_s: float
    nadir_at_s: float
    offset_s: float
    begin_percent: float
    nadir_percent: float
    area_percent_s: float
    falls: int = 1


@dataclass(slots=True, kw_only=True)
class _Fall:
    """A fall under way, or one that counts and is not over yet.

    ``begin_s`` and ``begin`` are A of its latest fall, ``onset_s`` and ``onset`` of its first.
    ``over`` is what it came to when it was over, while it waits for a fall that began before.
    """

    onset_s: float
    onset: float
    begin_s: float
    begin: float
    nadir_s: float
    nadir: float
    area: float = 0.0
    is_deep: bool = False
    falls: int = 1
    over: Desaturation | None = None

    @classmethod
    def begin_at(cls, at_s: float, value: float) -> _Fall:
        """Begin with the value ``value`` (%) at ``at_s`` (s)."""
        return cls(onset_s=at_s, onset=value, begin_s=at_s, begin=value, nadir_s=at_s, nadir=value)

    def add(self, at_s: float, value: float) -> None:
        """Take in the value of a second."""
        self.area += max(self.onset - value, 0.0)
        if value <= self.nadir:
            self.nadir_s, self.nadir = at_s, value

    def is_back(self, value: float) -> bool:
        """Whether ``value`` is as good as where the latest fall began."""
        return self.begin - value <= _BACK_WITHIN_PERCENT

    def see_whether_over(self, at_s: float, value: float) -> None:
        """Note what it came to once it is over."""
        if self.over is None and (self.is_back(value) or at_s - self.begin_s >= _LONGEST_S):
            self.over = self.until(at_s)

    def join(self, later: _Fall) -> None:
        """Take in a fall that began before this one was over; its area is counted already."""
        self.begin_s, self.begin = later.begin_s, later.begin
        self.falls += 1
        self.over = None

    def until(self, at_s: float) -> Desaturation:
        """Return what it has come to at ``at_s``."""
        return Desaturation(
            onset_s=self.onset_s,
            nadir_at_s=self.nadir_s,
            offset_s=at_s,
            begin_percent=self.onset,
            nadir_percent=self.nadir,
            area_percent_s=self.area,
            falls=self.falls,
        )


class DesaturationFinder:
    """Finds desaturations of at least ``drop_percent`` in one value a second.

    Memory: two falls, the one under way and the one that is not over yet.
    """

    def __init__(self, *, drop_percent: float = 3.0) -> None:
        self._drop = drop_percent
        self._last: tuple[float, float] | None = None
        self._fall: _Fall | None = None
        self._open: _Fall | None = None

    def push(self, at_s: float, spo2_percent: float | None) -> Desaturation | None:
        """Take in the value of the next second; return a desaturation that is over by it.

        ``None`` or NaN is a second without a usable value: what counts already ends before it.
        """
        if spo2_percent is None or not math.isfinite(spo2_percent):
            return self.finish()
        value, last = float(round(spo2_percent)), self._last
        self._last = (at_s, value)
        if last is None:
            return None
        if self._open is not None:
            self._open.add(at_s, value)
        self._search(at_s, value, last[1])
        return self._over(at_s, value)

    def finish(self) -> Desaturation | None:
        """End the search; return the desaturation that counts and was not over yet."""
        last, ended = self._last, self._open
        self._last = self._fall = self._open = None
        if ended is None or last is None:
            return None
        return ended.over or ended.until(last[0])

    def _search(self, at_s: float, value: float, last: float) -> None:
        fall = self._fall
        if fall is None:
            if 1 <= last - value <= self._drop:
                self._fall = _Fall.begin_at(at_s, value)
            return
        if not fall.is_deep and value > last:
            self._fall = None
            return
        fall.add(at_s, value)
        if not fall.is_deep:
            fall.is_deep = fall.begin - value >= self._drop
        elif fall.is_back(value) or value - fall.nadir >= self._drop:
            self._come_back(fall, at_s)

    def _come_back(self, fall: _Fall, at_s: float) -> None:
        """Count a fall that has come back, if it lasted as long as breathing takes to be held."""
        lasted_s = at_s - fall.begin_s
        if lasted_s < _SHORTEST_S:
            return
        self._fall = None
        if lasted_s > _LONGEST_S:
            return
        if self._open is None:
            self._open = fall
        else:
            self._open.join(fall)

    def _over(self, at_s: float, value: float) -> Desaturation | None:
        """Return the desaturation that is over, unless a fall is under way that may join it."""
        ended = self._open
        if ended is None:
            return None
        ended.see_whether_over(at_s, value)
        if ended.over is None or self._fall is not None:
            return None
        self._open = None
        return ended.over


def desaturations(
    spo2_percent: ArrayLike, *, drop_percent: float = 3.0
) -> tuple[Desaturation, ...]:
    """Return the desaturations of one value a second, shape (n,), NaN for none.

    Times are in seconds from the first value.

    :raises ValueError: other than one row.
    """
    values = np.asarray(spo2_percent, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"saturation of shape {values.shape}: one row expected")
    finder = DesaturationFinder(drop_percent=drop_percent)
    found = [finder.push(float(second), value) for second, value in enumerate(values.tolist())]
    return tuple(one for one in (*found, finder.finish()) if one is not None)
