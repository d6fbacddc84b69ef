"""What leaves the hub: one summary of an interval, as tables of plain values.

Waveforms stay in memory. Of everything else a summary holds, per sensor and quantity, how many
values there were, their minimum, mean, maximum and last, and the worst state; and every event and
forecast. Values that a sensor stamps with its own clock, or that come from its memory, are kept one
by one: they are rare, a mean over what was not measured together would mean nothing, and by the
sensor's own time a value is known again that is fetched twice. A strip of ECG travels with the
event of the finding it shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from edge_agent.clock import ClockRecord
from edge_agent.model import Alarm, Boottime, Code, Event, Observation, State

Row = dict[str, str | int | float | bool | None]
Tables = dict[str, list[Row]]

EVENTS_PER_SUMMARY = 500
"""A sensor that flaps must not grow a summary without bound; what is left out is counted."""

STRIP = "strip_uV"
"""The particular of an event that is a strip of ECG."""

STRIPS_PER_SUMMARY = 10
"""Strips take a few kilobytes each; the later ones are left out, and their events say so."""


@dataclass(slots=True)
class _Statistics:
    """Running statistics of one quantity of one sensor."""

    first: Observation
    last: Observation
    n: int = 0
    total: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
    quality: float = 1.0
    states: set[State] = field(default_factory=set)

    def add(self, one: Observation) -> None:
        self.last = one
        self.quality = min(self.quality, one.quality)
        self.states.add(one.state)
        if one.value is not None:
            self.n += 1
            self.total += one.value
            self.minimum = one.value if self.minimum is None else min(self.minimum, one.value)
            self.maximum = one.value if self.maximum is None else max(self.maximum, one.value)

    def row(self) -> Row:
        states = sorted(state.value for state in self.states)
        return {
            "code": self.first.code.refid,
            "unit": self.first.unit.value,
            "sensor": self.first.sensor,
            "first_ns": self.first.at,
            "last_ns": self.last.at,
            "n": self.n,
            "min": _rounded(self.minimum),
            "mean": _rounded(self.total / self.n if self.n else None),
            "max": _rounded(self.maximum),
            "last": _rounded(self.last.value),
            "quality": _rounded(self.quality),
            "state": " ".join(states),
            "backfilled": self.first.backfilled,
            "device_ns": self.last.device_ns,
        }


class Summary:
    """Gathers one interval; :meth:`take` gives its tables and starts the next."""

    def __init__(self) -> None:
        self._live: dict[tuple[Code, str], _Statistics] = {}
        self._single: list[Row] = []
        self._events: list[Row] = []
        self._events_left_out = 0
        self._strips = 0
        self._forecasts: list[Row] = []

    @property
    def rows(self) -> int:
        """How many rows the summary would have now."""
        held = (self._live, self._single, self._events, self._forecasts)
        return sum(len(part) for part in held)

    def add(self, reading: Observation | Event) -> None:
        """Take in an observation or an event."""
        if isinstance(reading, Event):
            self._add_event(reading)
        elif reading.backfilled or reading.device_ns is not None:
            statistics = _Statistics(first=reading, last=reading)
            statistics.add(reading)
            self._single.append(statistics.row())
        else:
            key = (reading.code, reading.sensor)
            if key not in self._live:
                self._live[key] = _Statistics(first=reading, last=reading)
            self._live[key].add(reading)

    def add_forecast(
        self, code: Code, at: Boottime, horizon_min: float, mean: float, low90: float, high90: float
    ) -> None:
        """Take in a forecast of ``code``, in ``code.unit``, made at ``at``."""
        self._forecasts.append(
            {
                "code": code.refid,
                "at_ns": at,
                "horizon_min": horizon_min,
                "mean": _rounded(mean),
                "low90": _rounded(low90),
                "high90": _rounded(high90),
            }
        )

    def take(self, clock: ClockRecord) -> Tables:
        """Return everything gathered, with the clock by which its times are read; start anew."""
        tables: Tables = {
            "clock": [clock_row(clock)],
            "observation": [one.row() for one in self._live.values()] + self._single,
            "event": self._events + self._left_out(clock.boottime),
            "forecast": self._forecasts,
        }
        self._live, self._single, self._events, self._forecasts = {}, [], [], []
        self._events_left_out = self._strips = 0
        return {name: rows for name, rows in tables.items() if rows}

    def _add_event(self, event: Event) -> None:
        if len(self._events) >= EVENTS_PER_SUMMARY:
            self._events_left_out += 1
            return
        detail = event.detail
        if STRIP in detail:
            self._strips += 1
            if self._strips > STRIPS_PER_SUMMARY:
                detail = {**detail, STRIP: "", "strip_left_out": True}
        self._events.append(_event_row(event.kind, event.sensor, event.at, detail))

    def _left_out(self, at: Boottime) -> list[Row]:
        if not self._events_left_out:
            return []
        return [_event_row("events-left-out", "", at, {"count": self._events_left_out})]


def alarm_tables(alarm: Alarm, clock: ClockRecord) -> Tables:
    """Return an alarm as the tables of a record of its own."""
    row: Row = {
        "rule": alarm.rule,
        "episode": alarm.episode,
        "title": alarm.title,
        "priority": alarm.priority.name.lower(),
        "technical": alarm.technical,
        "phase": alarm.phase.value,
        "at_ns": alarm.at,
        "evidence": json.dumps([asdict(evidence) for evidence in alarm.evidence]),
        "advice": alarm.advice,
        "by": alarm.by,
    }
    return {"clock": [clock_row(clock)], "alarm": [row]}


def clock_row(clock: ClockRecord) -> Row:
    """Return a clock record as a row."""
    return {
        "boottime_ns": clock.boottime,
        "utc_ns": clock.utc_ns,
        "uncertainty_ns": clock.uncertainty_ns,
        "source": clock.source,
    }


def _event_row(kind: str, sensor: str, at: Boottime, detail: Mapping[str, str | float]) -> Row:
    return {"kind": str(kind), "sensor": sensor, "at_ns": at, "detail": json.dumps(dict(detail))}


def _rounded(value: float | None) -> float | None:
    """Keep four decimals: finer than any sensor here, and kind to compression."""
    return None if value is None or not math.isfinite(value) else round(value, 4)
