"""A pause of the audio: for a bounded time alarms are shown and recorded, and not said aloud.

What a pause never covers is an alarm of high priority that is new: raised, back, or become high
since it began. When it is over, what stands and nobody has acknowledged is said again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.model import Alarm, Boottime, Priority

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """The audio is paused from ``begun`` to ``until``, as ``by`` wanted.

    ``heard`` names the episodes of high priority that whoever paused had before them.
    """

    begun: Boottime
    until: Boottime
    by: str
    heard: frozenset[str]

    @classmethod
    def begin(cls, standing: Iterable[Alarm], now: Boottime, for_s: float, by: str) -> Pause:
        """Begin a pause before the alarms that are ``standing``."""
        heard = frozenset(one.episode for one in standing if one.priority is Priority.HIGH)
        until = Boottime(now + round(for_s * _NS_PER_S))
        return cls(begun=now, until=until, by=by, heard=heard)

    def covers(self, alarm: Alarm) -> bool:
        """Tell whether ``alarm`` is not to be said aloud meanwhile."""
        return alarm.priority is not Priority.HIGH or alarm.episode in self.heard

    def without(self, episode: str) -> Pause:
        """Return the pause for which ``episode`` is new: its condition is back."""
        return dataclasses.replace(self, heard=self.heard - {episode})

    def left_s(self, now: Boottime) -> float:
        """Return for how many seconds it goes on."""
        return max(self.until - now, 0) / _NS_PER_S

    def kept(self, now: Boottime) -> dict[str, Any]:
        """Return what a restart has to know, as plain values; times are seconds from now."""
        begun_s = (now - self.begun) / _NS_PER_S
        heard = sorted(self.heard)
        return {"begun_s": begun_s, "left_s": self.left_s(now), "by": self.by, "heard": heard}

    @classmethod
    def revived(cls, entry: Mapping[str, Any], now: Boottime, at_most_s: float) -> Pause:
        """Return the pause that :meth:`kept` described; today's bound holds for what is left.

        :raises (KeyError, TypeError, ValueError): the entry is none of these.
        """
        left_s = min(max(float(entry["left_s"]), 0.0), at_most_s)
        return cls(
            begun=Boottime(now - round(float(entry["begun_s"]) * _NS_PER_S)),
            until=Boottime(now + round(left_s * _NS_PER_S)),
            by=str(entry["by"]),
            heard=frozenset(str(one) for one in entry["heard"]),
        )
