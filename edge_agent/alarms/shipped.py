"""The shipped rules with the limits of one subject, for whoever has no configuration at hand."""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent.alarms.rule_file import load
from edge_agent.alarms.rules import FindingRule, LimitRule, StaleRule
from edge_agent.model import Code

_ALARMS = {
    "alarms.heart_rate_low_per_min": 45.0,
    "alarms.heart_rate_high_per_min": 130.0,
    "alarms.spo2_low_percent": 90.0,
    "alarms.glucose_low_mgdl": 70.0,
    "alarms.delay_s": 5.0,
    "alarms.spo2_delay_s": 20.0,
    "alarms.latching": False,
}
_RHYTHM = {
    "rhythm.pause_s": 3.0,
    "rhythm.asystole_s": 4.0,
    "rhythm.extreme_bradycardia_per_min": 40.0,
    "rhythm.extreme_tachycardia_per_min": 140.0,
    "rhythm.fibrillation": True,
}


def limit_rules(**alarms: float) -> tuple[LimitRule, ...]:
    """Return the rules about measured values; ``alarms`` are settings other than usual."""
    rules = load(None, _ALARMS | _RHYTHM | _named("alarms", alarms)).rules
    return tuple(rule for rule in rules if isinstance(rule, LimitRule))


def finding_rules(*, latching: bool = False, **rhythm: float) -> tuple[FindingRule, ...]:
    """Return the rules about findings; ``rhythm`` are settings other than usual."""
    settings = _ALARMS | _RHYTHM | {"alarms.latching": latching} | _named("rhythm", rhythm)
    return tuple(rule for rule in load(None, settings).rules if isinstance(rule, FindingRule))


def stale_rules(sensors: Iterable[tuple[str, tuple[Code, ...], float]]) -> tuple[StaleRule, ...]:
    """Return a rule for each sensor, given as (name, quantities it is there for, seconds)."""
    return load(None, _ALARMS | _RHYTHM).stale_rules(sensors)


def _named(table: str, settings: dict[str, float]) -> dict[str, float]:
    return {f"{table}.{name}": value for name, value in settings.items()}
