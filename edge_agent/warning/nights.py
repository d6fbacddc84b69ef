"""What a person's nights say: the reliable values between midnight and six, one figure each.

Values are sorted by when they were true, never by when they came, so that it does not matter in
what pieces a stream arrives.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from types import MappingProxyType
from typing import Any

from edge_agent import codes
from edge_agent.model import Boottime, Code, Observation
from edge_agent.warning.clock_time import DAY_S, LocalTime

_NS_PER_S = 1_000_000_000
_MINUTE_S, _HOUR_S = 60.0, 3600.0
NIGHT_S = (0.0, 6 * _HOUR_S)
MORNING_S = 9 * _HOUR_S
"""A night is closed at nine: who steps on the scale after getting up is weighed for that day."""
_LEAST_MINUTES = 60
"""Of reliable values: less of a night is not taken for the night."""
_WEIGHT_HOLDS_S = 24 * _HOUR_S

_SIGN: Mapping[Code, str] = MappingProxyType({
    codes.HEART_RATE: "heart rate",
    codes.PULSE_RATE: "pulse rate",
    codes.RESPIRATION_RATE: "respiration rate",
    codes.SPO2: "SpO2",
    codes.RMSSD: "RMSSD",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A night that has ended: the running number of its day, and its values.

    Values are by the name of their sign in :data:`~edge_agent.alarms.deterioration.SIGNS`, in its
    unit; ``minutes`` tells on how many minutes of reliable values each rests.
    """

    day: int
    values: Mapping[str, float]
    minutes: Mapping[str, int]

    def with_values(self, values: Mapping[str, float]) -> Night:
        """Return the night with ``values`` that others have gathered, by sign."""
        return dataclasses.replace(self, values={**self.values, **values})


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """The night under way: the last reliable value of each minute of each sign."""

    day: int
    minutes: dict[str, dict[int, float]] = field(default_factory=dict)

    def note(self, sign: str, second_s: float, value: float) -> None:
        self.minutes.setdefault(sign, {})[int(second_s // _MINUTE_S)] = value


class Nights:
    """Gathers nights; :meth:`look` gives each once, at nine in the morning after it."""

    def __init__(self) -> None:
        self._local: tuple[LocalTime, Boottime] | None = None
        self._night: _Gathered | None = None
        self._weight: tuple[float, Boottime] | None = None
        self._closed = -1

    def note(self, one: Observation) -> None:
        """Take in a reading; what is no reliable live value of a sign changes nothing."""
        if one.value is None or not one.is_reliable:
            return
        if one.code == codes.BODY_WEIGHT:
            if self._weight is None or one.at >= self._weight[1]:
                self._weight = (one.value, one.at)
            return
        sign = _SIGN.get(one.code)
        if sign is None or self._local is None or one.backfilled:
            return
        local, at = self._local
        day, second_s = divmod(local.running_s + (one.at - at) / _NS_PER_S, DAY_S)
        if not NIGHT_S[0] <= second_s < NIGHT_S[1]:
            return
        if self._night is None or self._night.day < day:
            self._night = _Gathered(day=int(day))
        if self._night.day > day:
            return
        self._night.note(sign, second_s, one.value)

    def look(self, local: LocalTime, now: Boottime) -> Night | None:
        """Note what time it is; return the night that is over, once.

        A clock that is stepped takes the night under way with it: its values are of another time
        of day than they seemed.
        """
        if local.is_stepped:
            self._night = None
        self._local = (local, now)
        night = self._night
        if night is None:
            return None
        if night.day == local.day and local.second_s < MORNING_S:
            return None
        self._night = None
        if night.day <= self._closed:
            return None
        self._closed = night.day
        return self._close(night, now)

    def state(self, now: Boottime) -> dict[str, Any]:
        """Return what a restart has to know, as plain values."""
        night, weight = self._night, self._weight
        return {
            "closed": self._closed,
            "weight": None if weight is None else [weight[0], (now - weight[1]) / _NS_PER_S],
            "night": None
            if night is None
            else {
                "day": night.day,
                "minutes": {
                    sign: [[minute, round(value, 2)] for minute, value in known.items()]
                    for sign, known in night.minutes.items()
                },
            },
        }

    def restore(self, state: Mapping[str, Any], now: Boottime, away_s: float | None) -> None:
        """Take up what :meth:`state` returned ``away_s`` seconds ago (``None``: nobody knows)."""
        self._closed = int(state["closed"])
        night, weight = state["night"], state["weight"]
        if night is not None:
            minutes = {
                str(sign): {int(minute): float(value) for minute, value in known}
                for sign, known in night["minutes"].items()
            }
            self._night = _Gathered(day=int(night["day"]), minutes=minutes)
        if weight is not None and away_s is not None:
            ago_s = float(weight[1]) + away_s
            self._weight = (float(weight[0]), Boottime(now - round(ago_s * _NS_PER_S)))

    def _close(self, night: _Gathered, now: Boottime) -> Night:
        counted = {sign: len(known) for sign, known in night.minutes.items()}
        values = {
            sign: median(night.minutes[sign].values())
            for sign, count in counted.items()
            if count >= _LEAST_MINUTES
        }
        pulse = values.pop("pulse rate", None)
        if pulse is not None:
            values.setdefault("heart rate", pulse)
        if "RMSSD" in values:
            rmssd_ms = values.pop("RMSSD")
            if rmssd_ms > 0.0:
                values["RMSSD"] = math.log(rmssd_ms)
        weight = self._weight
        if weight is not None and (now - weight[1]) / _NS_PER_S <= _WEIGHT_HOLDS_S:
            values["weight"] = weight[0]
        return Night(day=night.day, values=values, minutes=counted)
