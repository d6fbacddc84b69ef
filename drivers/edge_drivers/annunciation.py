"""What a sensor reports about itself (a battery, a calibration due), told once per change."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag

from edge_agent.model import Boottime, Event, EventKind


def told(name: str, state: str, at: Boottime, sensor: str, **figures: float) -> Event:
    """Return the event that says: ``name`` is now in ``state``, with figures that go with it."""
    detail: dict[str, str | float] = {"annunciation": name, "state": state, **figures}
    return Event(kind=EventKind.ANNUNCIATION, at=at, sensor=sensor, detail=detail)


def names(flags: IntFlag) -> frozenset[str]:
    """Return the names of the bits that are set: ``battery-low``."""
    return frozenset((flag.name or "").lower().replace("_", "-") for flag in flags)


class Annunciations:
    """The annunciations of one sensor that are active now."""

    def __init__(self, sensor: str) -> None:
        self._sensor = sensor
        self._active: frozenset[str] = frozenset()

    def update(self, active: Iterable[str], at: Boottime) -> list[Event]:
        """Take the names of all that is active; return an event for each change."""
        before, self._active = self._active, frozenset(active)
        return [
            told(name, "on" if name in self._active else "off", at, self._sensor)
            for name in sorted(before ^ self._active)
        ]
