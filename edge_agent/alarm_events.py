"""What the record is told beside readings and alarms: who has seen one, pauses, figures, meals."""

from __future__ import annotations

from edge_agent.alarms.fatigue import Figures
from edge_agent.model import Alarm, Boottime, Event, EventKind

_HUB = "hub"
"""In place of a sensor's name: the hub itself reports this."""


def alarm_acknowledged(alarm: Alarm) -> Event:
    """Return the event that somebody has seen ``alarm``, as of the step that came of it."""
    detail: dict[str, str | float] = {
        "by": alarm.by,
        "episode": alarm.episode,
        "rule": alarm.rule,
        "priority": alarm.priority.name.lower(),
    }
    return Event(kind=EventKind.ALARM_ACKNOWLEDGED, at=alarm.at, sensor=_HUB, detail=detail)


def audio_paused(for_s: float, by: str, now: Boottime) -> Event:
    """Return the event that ``by`` has paused the audio for ``for_s`` seconds."""
    detail: dict[str, str | float] = {"by": by, "for_s": for_s}
    return Event(kind=EventKind.AUDIO_PAUSED, at=now, sensor=_HUB, detail=detail)


def audio_resumed(by: str, now: Boottime) -> Event:
    """Return the event that the audio is on again, and because of whom or what."""
    return Event(kind=EventKind.AUDIO_RESUMED, at=now, sensor=_HUB, detail={"by": by})


def meal_told(carbs_g: float, by: str, now: Boottime) -> Event:
    """Return the event that ``by`` has told of a meal of ``carbs_g`` grams of carbohydrate."""
    detail: dict[str, str | float] = {"carbs_g": carbs_g, "by": by}
    return Event(kind=EventKind.TOLD, at=now, sensor=_HUB, detail=detail)


def alarm_figures(figures: Figures, now: Boottime) -> Event:
    """Return the event that tells how many alarms there have been, and what became of them."""
    detail: dict[str, str | float] = {
        "bed_days": round(figures.bed_days, 3),
        "alarms": figures.alarms,
        "technical_per_day": round(figures.technical_per_day, 2),
        "longest_s": round(figures.longest_s, 1),
        "longest_rule": figures.longest_rule,
        "top_rule": figures.top_rule,
        "top_rule_share": round(figures.top_rule_share, 3),
    }
    detail |= {f"{name}_per_day": round(value, 2) for name, value in figures.per_day.items()}
    if figures.actionable_share is not None:
        detail["actionable_share"] = round(figures.actionable_share, 3)
    return Event(kind=EventKind.ALARM_FIGURES, at=now, sensor=_HUB, detail=detail)
