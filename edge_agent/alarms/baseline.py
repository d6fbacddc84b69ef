"""What is usual for this person: by day, and by hour of the day.

Both adapt slowly, so that a slow deterioration is not taken for the new normal: the daily baseline
ends a week before the day that it judges, as the CUSUM literature on heart failure has it (a
reference period apart from the period under test); the hourly one forgets with a half-life of two
weeks. Spreads never fall under a floor: a lucky run of equal days would make every day after it an
outlier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

_MAD_TO_SD = 1.4826
_HOURS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """Centre and spread of what is usual, from ``n`` values."""

    centre: float
    spread: float
    n: int

    def z(self, value: float) -> float:
        """Return how many spreads ``value`` lies above the centre."""
        return (value - self.centre) / self.spread


class DailyBaseline:
    """One value a day: the ``window`` days that end ``gap`` days before the day judged.

    The centre is the median, the spread 1.4826 times the median absolute deviation or the standard
    deviation, whichever is larger, and at least ``least_spread``.
    """

    def __init__(
        self, *, least_spread: float, window: int = 28, gap: int = 7, least_days: int = 10
    ) -> None:
        self._least_spread, self._least_days = least_spread, least_days
        self._window, self._gap = window, gap
        self._days: dict[int, float] = {}

    def push(self, day: int, value: float) -> None:
        """Take in the value of ``day`` (a running number); what is too old is forgotten."""
        self._days[day] = value
        oldest = max(self._days) - self._window - self._gap
        self._days = {day: value for day, value in self._days.items() if day >= oldest}

    def usual(self, day: int) -> Usual | None:
        """Return what was usual before ``day``, or ``None`` while too few days are known."""
        last, first = day - self._gap, day - self._gap - self._window
        known = [value for at, value in self._days.items() if first < at <= last]
        if len(known) < self._least_days:
            return None
        centre = median(known)
        deviations = [abs(value - centre) for value in known]
        squares = sum(one * one for one in deviations) / (len(known) - 1)
        spread = max(_MAD_TO_SD * median(deviations), math.sqrt(squares), self._least_spread)
        return Usual(centre=centre, spread=spread, n=len(known))

    def state(self) -> dict[str, float]:
        """Return what a restart has to know, as plain values."""
        return {str(day): value for day, value in self._days.items()}

    def restore(self, state: Mapping[str, float]) -> None:
        """Take up what :meth:`state` returned."""
        self._days = {int(day): float(value) for day, value in state.items()}


class HourlyBaseline:
    """Mean and spread for each hour of the day, forgetting with a half-life in days."""

    def __init__(
        self, *, least_spread: float, half_life_days: float = 14.0, least_weight: float = 3.0
    ) -> None:
        self._least_spread, self._least_weight = least_spread, least_weight
        self._half_life_s = half_life_days * 86_400.0
        self._hours: list[tuple[float, float, float, float]] = [(0.0, 0.0, 0.0, 0.0)] * _HOURS
        """Weight, mean, mean square deviation, and time of the last value (local s)."""

    def push(self, local_s: float, value: float) -> None:
        """Take in a value at ``local_s`` (s since a local midnight)."""
        hour = _hour(local_s)
        weight, mean, variance, at_s = self._hours[hour]
        weight *= 0.5 ** (max(local_s - at_s, 0.0) / self._half_life_s)
        share = 1.0 / (weight + 1.0)
        step = value - mean
        mean += share * step
        variance = (1.0 - share) * (variance + share * step * step)
        self._hours[hour] = (weight + 1.0, mean, variance, max(local_s, at_s))

    def usual(self, local_s: float) -> Usual | None:
        """Return what is usual at this hour, or ``None`` while too little of it is known."""
        weight, mean, variance, at_s = self._hours[_hour(local_s)]
        weight *= 0.5 ** (max(local_s - at_s, 0.0) / self._half_life_s)
        if weight < self._least_weight:
            return None
        spread = max(math.sqrt(variance), self._least_spread)
        return Usual(centre=mean, spread=spread, n=round(weight))

    def state(self) -> list[list[float]]:
        """Return what a restart has to know, as plain values."""
        return [list(hour) for hour in self._hours]

    def restore(self, state: list[list[float]]) -> None:
        """Take up what :meth:`state` returned.

        :raises ValueError: other than 24 hours of four numbers.
        """
        hours = [tuple(float(number) for number in hour) for hour in state]
        if len(hours) != _HOURS:
            raise ValueError(f"baseline of {len(hours)} hours: 24 expected")
        self._hours = [(weight, mean, variance, at) for weight, mean, variance, at in hours]


def _hour(local_s: float) -> int:
    return int(local_s // 3600.0) % _HOURS
