"""A subject's limits, as configured, in the terms of the rules and of the signal processing."""

from __future__ import annotations

from msgspec.structs import asdict

from edge_agent.alarms.oximetry_rules import oximetry_rules
from edge_agent.alarms.rhythm_rules import rhythm_rules
from edge_agent.alarms.rules import Rule, limit_rules
from edge_agent.config import AlarmSettings, RhythmSettings
from edge_agent.dsp.rhythm import RhythmLimits


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
        *oximetry_rules(),
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
