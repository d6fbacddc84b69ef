"""A subject's limits, as configured, in the terms of the rules and of the signal processing."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import asdict

from edge_agent.alarms import rule_file
from edge_agent.alarms.rule_file import RuleBook, Settings
from edge_agent.alarms.rules import Rule
from edge_agent.config import AlarmSettings, RhythmSettings
from edge_agent.dsp.rhythm import RhythmLimits


def rule_book(alarms: AlarmSettings, rhythm: RhythmSettings) -> RuleBook:
    """Return the rules of a hub: the shipped ones, and its own if it has been given any.

    :raises ConfigError: its own can't be used.
    """
    return rule_file.load(Path(alarms.rules) if alarms.rules else None, _settings(alarms, rhythm))


def subject_rules(alarms: AlarmSettings, rhythm: RhythmSettings) -> tuple[Rule, ...]:
    """Return the rules about the person."""
    return rule_book(alarms, rhythm).rules


def _settings(alarms: AlarmSettings, rhythm: RhythmSettings) -> Settings:
    """Return every setting that a rule may follow, by its key path."""
    tables = {"alarms": alarms, "rhythm": rhythm}
    return {
        f"{table}.{name}": value
        for table, settings in tables.items()
        for name, value in asdict(settings).items()
        if isinstance(value, int | float)
    }


def rhythm_limits(alarms: AlarmSettings, rhythm: RhythmSettings) -> RhythmLimits:
    """Return where a rhythm becomes a finding."""
    return RhythmLimits(
        pause_s=rhythm.pause_s,
        asystole_s=rhythm.asystole_s,
        slow_per_min=alarms.heart_rate_low_per_min,
        fast_per_min=alarms.heart_rate_high_per_min,
        extremely_slow_per_min=rhythm.extreme_bradycardia_per_min,
        extremely_fast_per_min=rhythm.extreme_tachycardia_per_min,
        slow_beats=rhythm.extreme_bradycardia_beats,
        fast_beats=rhythm.extreme_tachycardia_beats,
    )
