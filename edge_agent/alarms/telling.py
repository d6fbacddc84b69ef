"""What an alarm tells: its episode's name, its title, and the evidence it rests on."""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.alarms.reasons import reasons_of, sentence_of
from edge_agent.alarms.rules import FindingRule, LimitRule, Rule, StaleRule
from edge_agent.model import (
    Alarm,
    Boottime,
    Code,
    Event,
    Evidence,
    Observation,
    Phase,
    Waveform,
)


def limit_alarm(rule: LimitRule, one: Observation) -> Alarm:
    """Return the alarm that the observation ``one`` raises."""
    return Alarm(
        rule=rule.name,
        episode=_episode_name(rule, one.sensor, one.at),
        title=rule.title,
        priority=rule.priority,
        technical=False,
        phase=Phase.RAISED,
        at=one.at,
        evidence=limit_evidence(rule, one),
        advice=rule.advice,
    )


def limit_evidence(rule: LimitRule, one: Observation) -> tuple[Evidence, ...]:
    """Return the value, beyond the limit or back inside it."""
    evidence = Evidence(
        quantity=one.code.refid,
        value=one.value,
        unit=one.unit,
        sensor=one.sensor,
        at=one.at,
        limit=rule.limit,
        note=one.state.value,
    )
    return (evidence,)


def stale_alarm(
    rule: StaleRule, silent_s: Mapping[Code, float], reason: str, now: Boottime
) -> Alarm:
    """Return the alarm about quantities that have been missing for ``silent_s`` seconds."""
    evidence = tuple(
        Evidence(
            quantity=f"time without usable {code.title}",
            value=seconds,
            unit="s",
            sensor=rule.sensor,
            at=now,
            limit=rule.after_s,
            note=reason,
        )
        for code, seconds in silent_s.items()
    )
    return Alarm(
        rule=rule.name,
        episode=_episode_name(rule, rule.sensor, now),
        title=rule.title,
        priority=rule.priority,
        technical=True,
        phase=Phase.RAISED,
        at=now,
        evidence=evidence,
        advice=rule.advice,
    )


def finding_alarm(rule: FindingRule, event: Event) -> Alarm:
    """Return the alarm that a finding raises when it begins."""
    return Alarm(
        rule=rule.name,
        episode=_episode_name(rule, event.sensor, event.at),
        title=rule.title,
        priority=rule.priority,
        technical=rule.technical,
        phase=Phase.RAISED,
        at=event.at,
        evidence=finding_evidence(rule, event, sentence_of(event.detail)),
        advice=rule.advice,
    )


def finding_evidence(rule: FindingRule, event: Event, note: str) -> tuple[Evidence, ...]:
    """Return what was found, from its onset on, and the reasons that the event gives.

    A strip of ECG goes with the event itself.
    """
    detail = event.detail
    value, onset = detail.get("value"), detail.get("onset_ns", event.at)
    evidence = Evidence(
        quantity=rule.finding,
        value=float(value) if isinstance(value, int | float) else None,
        unit=str(detail.get("unit", "1")),
        sensor=event.sensor,
        at=Boottime(int(onset)),
        limit=rule.limit,
        note=note,
    )
    return (evidence, *reasons_of(detail))


def back_again(reading: Observation | Waveform, now: Boottime) -> tuple[Evidence, ...]:
    """Return the reading with which a sensor is back."""
    back = Evidence(
        quantity=reading.code.refid,
        value=reading.value if isinstance(reading, Observation) else None,
        unit=reading.code.unit,
        sensor=reading.sensor,
        at=now,
        note="the sensor gives usable values again",
    )
    return (back,)


def _episode_name(rule: Rule, sensor: str, at: Boottime) -> str:
    return f"{rule.name}-{sensor}-{at:x}"
