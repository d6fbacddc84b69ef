"""What only a person sees, told to the hub by a person: consciousness, and oxygen being given.

It holds for a time and then is no longer known: nobody's word from yesterday may make a score
look complete today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.alarms.news2 import Consciousness
from edge_agent.model import Boottime

_NS_PER_S = 1_000_000_000
HELD_FOR_S = 4 * 3600.0
"""By default: as long as the longest time that NEWS2 leaves between two rounds of a person with a
score of 1 to 4 is at least (RCP 2017, chart 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that was told: ``value``, when (boot time), and for how many seconds it holds."""

    value: str
    at: Boottime
    holds_s: float

    def holds(self, now: Boottime) -> bool:
        """Whether it still holds."""
        return now - self.at <= self.holds_s * _NS_PER_S


class Observed:
    """What persons have told; what the configuration says for good stands in where nobody has."""

    def __init__(
        self, *, consciousness: Consciousness | None = None, oxygen: bool | None = None
    ) -> None:
        self._lasting = {
            "consciousness": None if consciousness is None else consciousness.value,
            "oxygen": None if oxygen is None else _YES if oxygen else _NO,
        }
        self._told: dict[str, Told] = {}

    def tell(self, what: str, value: str, now: Boottime, holds_s: float = HELD_FOR_S) -> None:
        """Take in that ``what`` ("consciousness", "oxygen") is ``value`` (A C V P U, yes no).

        :raises ValueError: something else.
        """
        if what not in self._lasting:
            raise ValueError(f"{what!r}: only consciousness and oxygen can be told")
        known = {one.value for one in Consciousness} if what == "consciousness" else {_YES, _NO}
        if value not in known:
            raise ValueError(f"{what} {value!r}: one of {', '.join(sorted(known))} is expected")
        self._told[what] = Told(value=value, at=now, holds_s=holds_s)

    def told(self, what: str, now: Boottime) -> Told | None:
        """Return what a person told of ``what``, if it still holds."""
        one = self._told.get(what)
        return one if one is not None and one.holds(now) else None

    def consciousness(self, now: Boottime) -> str | None:
        """Return the level of consciousness (A, C, V, P, U), or ``None`` when it isn't known."""
        return self._value("consciousness", now)

    def oxygen(self, now: Boottime) -> bool | None:
        """Return whether the person gets oxygen, or ``None`` when it isn't known."""
        value = self._value("oxygen", now)
        return None if value is None else value == _YES

    def state(self, now: Boottime) -> dict[str, Any]:
        """Return what a restart has to know: when it was told, in seconds ago."""
        return {
            what: [one.value, (now - one.at) / _NS_PER_S, one.holds_s]
            for what, one in self._told.items()
            if one.holds(now)
        }

    def restore(self, state: Mapping[str, Any], now: Boottime, away_s: float | None) -> None:
        """Take up what :meth:`state` returned ``away_s`` seconds ago.

        Where nobody knows how long ago that was (``None``), nothing is known any more.
        """
        if away_s is None:
            return
        for what, (value, ago_s, holds_s) in state.items():
            at = Boottime(now - round((float(ago_s) + away_s) * _NS_PER_S))
            self.tell(str(what), str(value), at, float(holds_s))

    def _value(self, what: str, now: Boottime) -> str | None:
        one = self.told(what, now)
        return self._lasting[what] if one is None else one.value


_YES, _NO = "yes", "no"
