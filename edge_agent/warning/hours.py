"""How far the heart rate is from what is usual for this person at this hour of the day.

It is shown, and raises nothing. Measured on made-up years (docs/early-warning.md), a heart rate
that stays unusual for an hour mostly means a walk at another hour than on other days.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median
from typing import Any

from edge_agent import codes
from edge_agent.alarms.baseline import HourlyBaseline, Usual
from edge_agent.model import Boottime, Observation
from edge_agent.warning.clock_time import LocalTime
from edge_agent.warning.findings import SOURCE

_NS_PER_S = 1_000_000_000
_LEAST_SPREAD_PER_MIN = 3.0
_LEAST_MINUTES = 20
_HOUR_S = 3600.0
_TELL_EVERY_S = 600.0


class Hours:
    """Learns the heart rate of each hour, and tells the present one in spreads from usual."""

    def __init__(self) -> None:
        self._baseline = HourlyBaseline(least_spread=_LEAST_SPREAD_PER_MIN)
        self._local: tuple[LocalTime, Boottime] | None = None
        self._hour: int | None = None
        self._minutes: dict[int, float] = {}
        self._told_s: float | None = None

    def note(self, one: Observation) -> None:
        """Take in a reading; what is no reliable live heart rate changes nothing."""
        if one.code != codes.HEART_RATE or one.value is None or not one.is_reliable:
            return
        if self._local is None or one.backfilled:
            return
        local, at = self._local
        running_s = local.running_s + (one.at - at) / _NS_PER_S
        if int(running_s // _HOUR_S) == self._hour:
            self._minutes[int(running_s // 60.0)] = one.value

    def look(self, local: LocalTime, now: Boottime) -> Iterator[Observation]:
        """Note what time it is; tell every ten minutes how unusual the heart rate is."""
        self._local = (local, now)
        hour = int(local.running_s // _HOUR_S)
        if local.is_stepped:
            self._minutes = {}
        if hour != self._hour:
            self._learn()
            self._hour = hour
        if self._told_s is not None and 0.0 <= local.running_s - self._told_s < _TELL_EVERY_S:
            return
        self._told_s = local.running_s
        usual = self.usual(local)
        value = self._recent(local)
        if usual is not None and value is not None:
            code = codes.HEART_RATE_VERSUS_USUAL
            yield Observation(code=code, value=usual.z(value), at=now, sensor=SOURCE)

    def usual(self, local: LocalTime) -> Usual | None:
        """Return what is usual at this hour, ``None`` while too little of it is known."""
        return self._baseline.usual(local.running_s)

    def state(self) -> dict[str, Any]:
        """Return what a restart has to know; the hour under way is let go."""
        return {"hours": self._baseline.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._baseline.restore(state["hours"])

    def _recent(self, local: LocalTime) -> float | None:
        """Return the median of the last ten minutes of this hour."""
        now_min = int(local.running_s // 60.0)
        last = [value for minute, value in self._minutes.items() if now_min - minute <= 10]
        return median(last) if len(last) >= 5 else None

    def _learn(self) -> None:
        if self._hour is not None and len(self._minutes) >= _LEAST_MINUTES:
            self._baseline.push((self._hour + 0.5) * _HOUR_S, median(self._minutes.values()))
        self._minutes = {}
