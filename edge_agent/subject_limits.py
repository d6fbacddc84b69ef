"""A subject's limits, as configured, in the terms of the rules and of the signal processing."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import asdict

from edge_agent.alarms import rule_file
from edge_agent.alarms.news2 import Consciousness
from edge_agent.alarms.rule_file import RuleBook, Settings
from edge_agent.alarms.rules import Rule
from edge_agent.config import AlarmSettings, EarlyWarningSettings, RhythmSettings
from edge_agent.dsp.rhythm import RhythmLimits
from edge_agent.warning.clock_time import zone_of
from edge_agent.warning.early_warning import WarningSettings


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


def warning_settings(warning: EarlyWarningSettings) -> WarningSettings:
    """Return what the early warning has to know of the person."""
    told = warning.consciousness
    return WarningSettings(
        news2=warning.news2,
        spo2_scale=warning.spo2_scale,
        consciousness=None if told is None else Consciousness(told),
        oxygen=warning.oxygen,
        zone=zone_of(warning.timezone),
    )
