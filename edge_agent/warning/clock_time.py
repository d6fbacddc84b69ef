"""Local time of day for what follows the day, by a wall clock that may be wrong and may step.

Order is boot time. The wall clock says only what time of day it is and when a new day begins. A
hub without a battery-backed clock starts anywhere, and is put right, hours or decades, when the
network comes. So days are counted by this room itself: a running number that goes on by one at a
local midnight, by at most one when the clock is stepped, and never back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from edge_agent.model import Boottime

DAY_S = 86_400.0
_NS_PER_S = 1_000_000_000
_STEP_S = 1800.0
"""Less changes no night's values: a wall clock that drifts is set right by seconds."""
_LONGEST_AWAY_DAYS = 60
"""A restart that seems to have taken longer is taken for a clock that is wrong."""
_OFFSET = re.compile(r"([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalTime:
    """A moment: the running number of its day, and seconds since midnight.

    ``is_stepped`` tells that the clock has just been stepped by so much that what was gathered by
    it belongs to another time of day.
    """

    day: int
    second_s: float
    is_stepped: bool = False

    @property
    def running_s(self) -> float:
        """Seconds since the midnight of day 0."""
        return self.day * DAY_S + self.second_s


def zone_of(name: str) -> tzinfo:
    """Return the time zone ``name``: of the IANA list, or an offset such as +05:30.

    :raises ValueError: there is no such zone.
    """
    fixed = _OFFSET.fullmatch(name)
    if fixed is not None:
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-offset if fixed[1] == "-" else offset)
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:  # KeyError: ZoneInfoNotFoundError
        raise ValueError(f"there is no time zone {name!r}") from error


class ClockTime:
    """Follows the wall clock of one hub in the time zone ``zone``."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._offset_ns: int | None = None
        self._calendar: int | None = None
        self._day = 0

    def look(self, now: Boottime, utc_ns: int) -> LocalTime:
        """Take a reading of both clocks (ns), and return the local time."""
        offset_ns = utc_ns - now
        known_ns, self._offset_ns = self._offset_ns, offset_ns
        is_stepped = known_ns is not None and abs(offset_ns - known_ns) > _STEP_S * _NS_PER_S
        local_s = self._local_s(utc_ns)
        calendar = int(local_s // DAY_S)
        self._count(calendar, is_sure=not is_stepped)
        return LocalTime(day=self._day, second_s=local_s % DAY_S, is_stepped=is_stepped)

    def state(self) -> dict[str, Any]:
        """Return what a restart has to know, as plain values."""
        return {"calendar": self._calendar, "day": self._day}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        calendar = state["calendar"]
        self._calendar = None if calendar is None else int(calendar)
        self._day = int(state["day"])

    def _count(self, calendar: int, *, is_sure: bool) -> None:
        passed = 0 if self._calendar is None else calendar - self._calendar
        self._calendar = calendar
        believed = is_sure and passed <= _LONGEST_AWAY_DAYS
        self._day += max(0, passed if believed else min(passed, 1))

    def _local_s(self, utc_ns: int) -> float:
        """Return seconds since a local midnight in 1970, also for a clock that is far off."""
        seconds = utc_ns / _NS_PER_S
        try:
            offset = datetime.fromtimestamp(seconds, self._zone).utcoffset()
        except (OverflowError, ValueError, OSError):
            offset = None
        return seconds + (offset.total_seconds() if offset else 0.0)
