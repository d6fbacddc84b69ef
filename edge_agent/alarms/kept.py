"""What stands, as plain values: written before a restart, read after it.

Boot time begins anew with every boot, so times are kept as seconds ago. How long the hub was down
is not known for certain (its clock may be wrong) and is taken as nothing: what was due comes later
by as much, and never too early.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.alarms.life import Life, Stand
from edge_agent.alarms.rules import Rule, is_technical
from edge_agent.model import Alarm, Boottime, Evidence, Phase, Priority

_NS_PER_S = 1_000_000_000


def kept(life: Life, now: Boottime) -> dict[str, Any]:
    """Return what a restart has to know of one alarm."""
    alarm = life.alarm
    return {
        "episode": alarm.episode,
        "stand": str(life.stand),
        "phase": str(alarm.phase),
        "priority": int(alarm.priority),
        "by": alarm.by,
        "is_escalated": life.is_escalated,
        "step_s": _ago(alarm.at, now),
        "said_s": _ago(life.said_at, now),
        "raised_s": _ago(life.raised_at, now),
        "evidence": [_plain(one, now) for one in alarm.evidence],
    }


def revived(entry: Mapping[str, Any], rule: Rule, now: Boottime) -> Life:
    """Return the life that :func:`kept` described, under today's rule.

    :raises (KeyError, TypeError, ValueError): the entry is none of these.
    """
    alarm = Alarm(
        rule=rule.name,
        episode=str(entry["episode"]),
        title=rule.title,
        priority=Priority(entry["priority"]),
        technical=is_technical(rule),
        phase=Phase(entry["phase"]),
        at=_at(entry["step_s"], now),
        evidence=tuple(_evidence(one, now) for one in entry["evidence"]),
        advice=rule.advice,
        by=str(entry.get("by", "")),
        is_over=entry["stand"] == Stand.LATCHED,
    )
    return Life(
        policy=rule.policy,
        alarm=alarm,
        said_at=_at(entry["said_s"], now),
        raised_at=_at(entry["raised_s"], now),
        stand=Stand(entry["stand"]),
        is_escalated=bool(entry["is_escalated"]),
    )


def _plain(one: Evidence, now: Boottime) -> dict[str, Any]:
    return {
        "quantity": one.quantity,
        "value": one.value,
        "unit": str(one.unit),
        "sensor": one.sensor,
        "at_s": _ago(one.at, now),
        "limit": one.limit,
        "note": one.note,
    }


def _evidence(entry: Mapping[str, Any], now: Boottime) -> Evidence:
    return Evidence(
        quantity=str(entry["quantity"]),
        value=entry["value"],
        unit=str(entry["unit"]),
        sensor=str(entry["sensor"]),
        at=_at(entry["at_s"], now),
        limit=entry["limit"],
        note=str(entry["note"]),
    )


def _ago(at: Boottime, now: Boottime) -> float:
    return (now - at) / _NS_PER_S


def _at(ago_s: float, now: Boottime) -> Boottime:
    return Boottime(now - round(float(ago_s) * _NS_PER_S))
