"""Findings of the early warning as the hub's events."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.alarms.reasons import REASONS, SENTENCE, written
from edge_agent.model import Boottime, Event, EventKind, Evidence

SOURCE = "early-warning"
"""In place of a sensor: these findings rest on several."""


def begun(
    finding: str,
    now: Boottime,
    *,
    value: float | None,
    unit: str,
    sentence: str,
    reasons: Iterable[Evidence],
) -> Event:
    """Return the event that ``finding`` begins; ``value`` is in ``unit``."""
    detail: dict[str, str | float] = {
        "finding": finding,
        "standing": "begun",
        "onset_ns": now,
        "unit": unit,
        SENTENCE: sentence,
        REASONS: written(reasons),
    }
    if value is not None:
        detail["value"] = round(value, 2)
    return Event(kind=EventKind.FINDING, at=now, sensor=SOURCE, detail=detail)


def ended(finding: str, now: Boottime, note: str) -> Event:
    """Return the event that ``finding`` has ended, and what shows it."""
    detail: dict[str, str | float] = {
        "finding": finding,
        "standing": "ended",
        "onset_ns": now,
        "unit": "1",
        "note": note,
    }
    return Event(kind=EventKind.FINDING, at=now, sensor=SOURCE, detail=detail)
