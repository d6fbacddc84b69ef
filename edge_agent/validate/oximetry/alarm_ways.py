"""Ways to make an alarm of low SpO2 from what a sensor shows, all through the hub's own engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent import codes
from edge_agent.alarms.engine import AlarmEngine
from edge_agent.alarms.rules import LimitRule
from edge_agent.dsp.oximetry import Saturation
from edge_agent.model import Boottime, Observation, Phase, Priority, State

LIMIT_PERCENT = 90.0

_NS_PER_S = 1_000_000_000
_SENSOR = "oximeter"

Series = NDArray[np.float64]
Span = tuple[float, float]
"""From when to when (s)."""


def spo2_rule(delay_s: float, *, hysteresis: float, at_once: float | None) -> LimitRule:
    """Return a rule of low SpO2."""
    return LimitRule(
        name="spo2-low", title="SpO2 low", code=codes.SPO2, priority=Priority.HIGH,
        low=LIMIT_PERCENT, delay_s=delay_s, hysteresis=hysteresis, at_once=at_once,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A rule, and whether what the sensor doubts is gated and its numbers are smoothed."""

    name: str
    rule: LimitRule
    gated: bool


PLAIN = Way(name="plain threshold", gated=False, rule=spo2_rule(0, hysteresis=0, at_once=None))
FIXED = Way(name="fixed delay 15 s", gated=False, rule=spo2_rule(15, hysteresis=0, at_once=None))
HUB = Way(name="hub: all three", gated=True, rule=spo2_rule(20, hysteresis=2, at_once=75))
"""The rule that a hub ships; a test holds the two equal."""
WAYS = (
    PLAIN,
    FIXED,
    Way(name="graded delay 20 s", gated=False, rule=spo2_rule(20, hysteresis=0, at_once=75)),
    Way(name="and hysteresis 2 %", gated=False, rule=spo2_rule(20, hysteresis=2, at_once=75)),
    Way(name="all three, 15 s", gated=True, rule=spo2_rule(15, hysteresis=2, at_once=75)),
    HUB,
)


def observations(
    shown: Series, doubted: NDArray[np.bool_], quality: Series
) -> Iterator[Observation]:
    """Give what a sensor shows in every second, with its own doubt as a driver tells it."""
    told = zip(shown.tolist(), doubted.tolist(), quality.tolist(), strict=True)
    for second, (value, doubts, trust) in enumerate(told):
        has_number = not np.isnan(value)
        state = State.QUESTIONABLE if doubts else State.MEASURED
        yield Observation(
            code=codes.SPO2,
            value=value if has_number else None,
            at=Boottime(second * _NS_PER_S),
            sensor=_SENSOR,
            state=state if has_number else State.SEARCHING,
            quality=trust if has_number and not doubts else 0.0,
        )


def alarms(way: Way, shown: Series, doubted: NDArray[np.bool_], quality: Series) -> list[Span]:
    """Return from when to when alarms stood."""
    engine, saturation = AlarmEngine((way.rule,), Boottime(0)), Saturation()
    spans: list[Span] = []
    begun_s = 0.0
    for one in observations(shown, doubted, quality):
        judged = _smoothed(one, saturation) if way.gated else _believed(one)
        for step in engine.judge(judged, judged.at):
            if step.phase is Phase.RAISED:
                begun_s = step.at / _NS_PER_S
            elif step.phase is Phase.CLEARED:
                spans.append((begun_s, step.at / _NS_PER_S))
    if engine.active:
        spans.append((begun_s, float(shown.size)))
    return spans


def _believed(one: Observation) -> Observation:
    """Take any number for good."""
    if one.value is None:
        return one
    return dataclasses.replace(one, state=State.MEASURED, quality=1.0)


def _smoothed(one: Observation, saturation: Saturation) -> Observation:
    """Do what the hub does before it judges: the median of the reliable seconds."""
    smooth = saturation.update(one.at / _NS_PER_S, one.value, None, reliable=one.is_reliable)
    if not one.is_reliable:
        return one
    quality = min(one.quality, smooth.reliable_share)
    return dataclasses.replace(one, value=smooth.spo2_percent, quality=quality)
