"""A subject's limits, as configured, in the terms of the rules and of the signal processing."""

from __future__ import annotations

from msgspec.structs import asdict

from edge_agent.alarms.news2 import Consciousness
from edge_agent.alarms.rhythm_rules import rhythm_rules
from edge_agent.alarms.rules import Rule, limit_rules
from edge_agent.config import AlarmSettings, EarlyWarningSettings, RhythmSettings
from edge_agent.dsp.rhythm import RhythmLimits
from edge_agent.warning.clock_time import zone_of
from edge_agent.warning.early_warning import WarningSettings


def subject_rules(alarms: AlarmSettings, rhythm: RhythmSettings) -> tuple[Rule, ...]:
    """Return the rules about the person."""
    return (
        *limit_rules(**asdict(alarms)),
        *rhythm_rules(
            pause_s=rhythm.pause_s,
            asystole_s=rhythm.asystole_s,
            extreme_bradycardia_per_min=rhythm.extreme_bradycardia_per_min,
            extreme_tachycardia_per_min=rhythm.extreme_tachycardia_per_min,
            fibrillation=rhythm.fibrillation,
            latching=alarms.latching,
        ),
    )


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
