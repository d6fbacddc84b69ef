"""Episodes of low and high glucose, by the international consensus.

T. Danne et al., Diabetes Care 40 (2017) 1631-1640, doi 10.2337/dc17-1600, and T. Battelino et al.,
Lancet Diabetes Endocrinol 11 (2023) 42-57, doi 10.1016/S2213-8587(22)00319-9: an episode begins
with at least 15 minutes of readings beyond the threshold and ends with at least 15 minutes back
inside; a low of more than two hours is "extended". What they leave open is settled thus: a reading
stands for the time since the one before it, 15 minutes at most, so that three readings of a
5-minute sensor, or one of a 15-minute sensor, make 15 minutes. Readings more than 45 minutes apart
say nothing of the time between them: such a hole ends an episode that had begun, at the last
reading before it, and an episode not yet begun starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from numpy.typing import ArrayLike

from edge_agent.dsp.glycemia import (
    HIGH_MGDL,
    LOW_MGDL,
    VERY_HIGH_MGDL,
    VERY_LOW_MGDL,
    checked,
)

LEAST_S = 15 * 60.0
EXTENDED_S = 2 * 3600.0

_HOLE_S = 45 * 60.0


class Level(Enum):
    """A threshold (mg/dL) and the side on which it is crossed: -1 below, 1 above."""

    VERY_LOW = (VERY_LOW_MGDL, -1)
    LOW = (LOW_MGDL, -1)
    HIGH = (HIGH_MGDL, 1)
    VERY_HIGH = (VERY_HIGH_MGDL, 1)

    def is_crossed_by(self, mgdl: float) -> bool:
        """Tell whether ``mgdl`` lies beyond the threshold."""
        threshold, side = self.value
        return side * (mgdl - threshold) > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Glucose beyond ``level`` from ``onset_s`` to ``offset_s``; ``None``: it goes on.

    ``extreme_mgdl`` is the lowest or highest reading; ``n`` counts the readings beyond.
    """

    level: Level
    onset_s: float
    offset_s: float | None
    extreme_mgdl: float
    n: int

    @property
    def is_extended(self) -> bool:
        """Whether a low has lasted more than two hours."""
        if self.level.value[1] > 0 or self.offset_s is None:
            return False
        return self.offset_s - self.onset_s > EXTENDED_S


def episodes(at_s: ArrayLike, mgdl: ArrayLike, level: Level) -> list[Episode]:
    """Return the episodes in readings ``mgdl`` (n,) at ``at_s`` (n,), in order.

    :raises ValueError: as :func:`edge_agent.dsp.glycemia.glycemia`.
    """
    finder = EpisodeFinder(level)
    times, values = checked(at_s, mgdl)
    found: list[Episode] = []
    for at, value in zip(times.tolist(), values.tolist(), strict=True):
        ended = [one for one in finder.push(at, value) if one.offset_s is not None]
        found += ended
    standing = finder.standing
    return found if standing is None else [*found, standing]


class EpisodeFinder:
    """Finds the episodes beyond one level in a stream of live readings."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self._last_s: float | None = None
        self._beyond: list[float] = []
        """Onset, extreme and number of the readings beyond, since the last that was inside."""
        self._back_since_s: float | None = None
        self._beyond_s = 0.0
        self._back_s = 0.0

    @property
    def standing(self) -> Episode | None:
        """The episode that stands, if one has begun."""
        return self._episode(None) if self._has_begun else None

    def push(self, at_s: float, mgdl: float) -> list[Episode]:
        """Take in the next reading; return an episode that begins with it, or has ended.

        A reading that is not later than the last is ignored.
        """
        if self._last_s is not None and at_s <= self._last_s:
            return []
        changed: list[Episode] = []
        stands_for_s = 0.0
        if self._last_s is not None and at_s - self._last_s > _HOLE_S:
            changed = self._end(self._last_s)
        elif self._last_s is not None:
            stands_for_s = min(at_s - self._last_s, LEAST_S)
        self._last_s = at_s
        if self.level.is_crossed_by(mgdl):
            return changed + self._note_beyond(at_s, mgdl, stands_for_s)
        return changed + self._note_inside(at_s, stands_for_s)

    @property
    def _has_begun(self) -> bool:
        return self._beyond_s >= LEAST_S

    def _note_beyond(self, at_s: float, mgdl: float, stands_for_s: float) -> list[Episode]:
        had_begun = self._has_begun
        if self._back_since_s is not None and not had_begun:
            self._beyond, self._beyond_s = [], 0.0
        self._back_since_s = None
        onset_s, extreme, n = self._beyond or (at_s, mgdl, 0)
        side = self.level.value[1]
        extreme = max(extreme, mgdl) if side > 0 else min(extreme, mgdl)
        self._beyond = [onset_s, extreme, n + 1]
        self._beyond_s += stands_for_s
        return [self._episode(None)] if self._has_begun and not had_begun else []

    def _note_inside(self, at_s: float, stands_for_s: float) -> list[Episode]:
        if self._back_since_s is None:
            self._back_since_s, self._back_s = at_s, 0.0
        self._back_s += stands_for_s
        return self._end(self._back_since_s) if self._back_s >= LEAST_S else []

    def _end(self, offset_s: float) -> list[Episode]:
        ended = [self._episode(offset_s)] if self._has_begun else []
        self._beyond, self._beyond_s, self._back_since_s = [], 0.0, None
        return ended

    def _episode(self, offset_s: float | None) -> Episode:
        onset_s, extreme, n = self._beyond
        return Episode(
            level=self.level, onset_s=onset_s, offset_s=offset_s, extreme_mgdl=extreme, n=int(n)
        )
