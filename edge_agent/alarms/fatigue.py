"""How many alarms a bed gives, and what becomes of them: alarm fatigue in figures.

An alarm was *actionable* when somebody acknowledged it, or when it escalated because nobody did;
the others ended by themselves before anybody came. That is a stand-in: whether anything had to be
done only a person knows. Counted are the newest thirty days of watching, whatever the calendar
says: a hub's wall clock may be wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from edge_agent.model import Alarm, Boottime, Phase, Priority

_NS_PER_S = 1_000_000_000
_DAY_S = 86_400.0
DAYS = 30
"""Older days of watching are forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Alarms of the newest days of watching.

    ``per_day`` is alarms per bed-day by priority (as raised); ``technical_per_day`` those of them
    that spoke of a sensor. ``actionable_share`` is ``None`` while none has ended or been attended.
    ``top_rule`` raised most of them, ``longest_rule`` the one that stood longest (``longest_s``).
    """

    bed_days: float
    alarms: int
    per_day: Mapping[str, float]
    technical_per_day: float
    actionable_share: float | None
    longest_s: float
    longest_rule: str
    top_rule: str
    top_rule_share: float


@dataclass(slots=True, kw_only=True)
class _Day:
    """What was counted in (up to) 24 hours of watching."""

    watched_s: float = 0.0
    raised: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    technical: int = 0
    attended: int = 0
    by_itself: int = 0
    longest_s: float = 0.0
    longest_rule: str = ""

    def kept(self) -> dict[str, Any]:
        """Return the day as plain values."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in values.items()
        }


@dataclass(slots=True, kw_only=True)
class _Open:
    """An alarm whose end is not known yet."""

    raised_at: Boottime
    is_attended: bool = False


class FatigueLog:
    """Counts alarms as their steps come; what it knows survives a restart."""

    def __init__(self, started_at: Boottime) -> None:
        self._days = [_Day()]
        self._open: dict[str, _Open] = {}
        self._seen_at = started_at

    def note(self, step: Alarm, now: Boottime, *, by_person: bool = False) -> None:
        """Take in one step of an alarm; ``by_person`` tells that somebody's hand caused it."""
        self.pass_time(now)
        day = self._days[-1]
        if step.phase is Phase.RAISED:
            day.raised[step.priority.name.lower()] += 1
            day.rules[step.rule] += 1
            day.technical += step.technical
            self._open[step.episode] = _Open(raised_at=now)
        one = self._open.get(step.episode)
        if one is None:
            return
        if (by_person or step.phase is Phase.ESCALATED) and not one.is_attended:
            one.is_attended = True
            day.attended += 1
        if step.phase is Phase.CLEARED:
            del self._open[step.episode]
            day.by_itself += not one.is_attended
            stood_s = (now - one.raised_at) / _NS_PER_S
            if stood_s > day.longest_s:
                day.longest_s, day.longest_rule = stood_s, step.rule

    def pass_time(self, now: Boottime) -> None:
        """Count the time watched; a new day begins after every 24 hours of it."""
        left_s = max(now - self._seen_at, 0) / _NS_PER_S
        self._seen_at = max(now, self._seen_at)
        while left_s > 0.0:
            part_s = min(left_s, _DAY_S - self._days[-1].watched_s)
            self._days[-1].watched_s += part_s
            left_s -= part_s
            if self._days[-1].watched_s >= _DAY_S:
                self._days = [*self._days[-(DAYS - 1) :], _Day()]

    def figures(self) -> Figures:
        """Return the figures as they stand."""
        raised, rules = Counter[str](), Counter[str]()
        for day in self._days:
            raised += day.raised
            rules += day.rules
        bed_days = sum(day.watched_s for day in self._days) / _DAY_S
        alarms = sum(raised.values())
        attended = sum(day.attended for day in self._days)
        decided = attended + sum(day.by_itself for day in self._days)
        longest = max(self._days, key=lambda day: day.longest_s)
        top, count = rules.most_common(1)[0] if rules else ("", 0)
        # Before a whole day has passed a rate per day would be a guess: the count stands for it.
        days = max(bed_days, 1.0)
        return Figures(
            bed_days=bed_days,
            alarms=alarms,
            per_day={one.name.lower(): raised[one.name.lower()] / days for one in Priority},
            technical_per_day=sum(day.technical for day in self._days) / days,
            actionable_share=attended / decided if decided else None,
            longest_s=longest.longest_s,
            longest_rule=longest.longest_rule,
            top_rule=top,
            top_rule_share=count / alarms if alarms else 0.0,
        )

    def state(self, now: Boottime) -> dict[str, Any]:
        """Return everything, as plain values for :meth:`restore`."""
        self.pass_time(now)
        standing = {
            episode: {
                "raised_s": (now - one.raised_at) / _NS_PER_S,
                "is_attended": one.is_attended,
            }
            for episode, one in self._open.items()
        }
        return {"days": [day.kept() for day in self._days], "open": standing}

    def restore(self, state: Mapping[str, Any], now: Boottime, standing: Collection[str]) -> None:
        """Take up what :meth:`state` returned; ``standing`` are the episodes that still are.

        :raises (KeyError, TypeError, ValueError): the state is of another kind.
        """
        days = [_day(one) for one in state["days"]][-DAYS:]
        self._days = days or [_Day()]
        self._open = {
            str(episode): _Open(
                raised_at=Boottime(now - round(float(one["raised_s"]) * _NS_PER_S)),
                is_attended=bool(one["is_attended"]),
            )
            for episode, one in state["open"].items()
            if episode in standing
        }
        self._seen_at = now


def _day(entry: Mapping[str, Any]) -> _Day:
    counters = {name: Counter(dict(entry[name])) for name in ("raised", "rules")}
    return _Day(**{**entry, **counters})
