"""What an alarm rule is, and the rules a hub starts with.

A rule is a value: a quantity, a limit, how long it must be met, how far back the value must come
before the alarm clears. Priorities follow IEC 60601-1-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent import codes
from edge_agent.alarms.life import DEFAULT_POLICY, Policy
from edge_agent.model import Code, Observation, Priority, State

_DEEP_SPO2_PERCENT = 15.0
"""So far under the limit nobody waits. Most drops that end by themselves are shallow and short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """Raise when ``code`` stays below ``low`` or above ``high`` for ``delay_s`` seconds.

    The alarm clears when a reliable value has been inside by at least ``hysteresis`` (in
    ``code.unit``) for ``delay_s``. A sensor that reports only "LO" meets ``low``, "HI" ``high``.

    The delay shrinks with the depth of the violation, evenly from ``delay_s`` at the limit to none
    at ``at_once``: most alarms that help nobody are slight and short (IEC 60601-1-8 asks that such
    a delay be disclosed: the alarm's evidence does).
    """

    name: str
    title: str
    code: Code
    priority: Priority
    low: float | None = None
    high: float | None = None
    delay_s: float = 0.0
    hysteresis: float = 0.0
    at_once: float | None = None
    policy: Policy = DEFAULT_POLICY

    @property
    def limit(self) -> float | None:
        """The limit the rule watches, in ``code.unit``."""
        return self.low if self.low is not None else self.high

    def is_met_by(self, one: Observation) -> bool:
        """Tell whether an observation lies beyond the limit."""
        if one.state is State.BELOW_RANGE:
            return self.low is not None
        if one.state is State.ABOVE_RANGE:
            return self.high is not None
        if one.value is None or not one.is_reliable:
            return False
        return (self.low is not None and one.value < self.low) or (
            self.high is not None and one.value > self.high
        )

    def delay_for(self, one: Observation) -> float:
        """Return for how many seconds a violation as deep as this must last."""
        limit = self.limit
        if self.at_once is None or limit is None or one.value is None:
            return self.delay_s
        share = (one.value - self.at_once) / (limit - self.at_once)
        return self.delay_s * min(max(share, 0.0), 1.0)

    def is_cleared_by(self, one: Observation) -> bool:
        """Tell whether an observation is a reliable value well inside the limit."""
        if one.value is None or not one.is_reliable:
            return False
        return (self.low is None or one.value >= self.low + self.hysteresis) and (
            self.high is None or one.value <= self.high - self.hysteresis
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRule:
    """Raise when any of ``codes`` has had no usable value from ``sensor`` for ``after_s`` seconds.

    It clears when all of them are there again. The gap is judged by arrival at the hub, so it
    needs neither data nor the internet; it also counts from the start of the hub, for a sensor
    that never came.
    """

    name: str
    title: str
    sensor: str
    codes: tuple[Code, ...]
    after_s: float
    priority: Priority = Priority.LOW
    policy: Policy = DEFAULT_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRule:
    """Raise when ``finding`` begins in a signal; clear when it has ended or was withdrawn.

    ``advice`` says in a sentence what has been seen and what to do. ``limit`` is what it met, for
    the evidence.
    """

    name: str
    title: str
    finding: str
    priority: Priority
    advice: str
    limit: float | None = None
    technical: bool = False
    policy: Policy = DEFAULT_POLICY


Rule = LimitRule | StaleRule | FindingRule


def is_technical(rule: Rule) -> bool:
    """Tell whether the alarms of ``rule`` speak of a sensor, and not of the person."""
    return isinstance(rule, StaleRule) or (isinstance(rule, FindingRule) and rule.technical)


def limit_rules(
    *,
    heart_rate_low_per_min: float,
    heart_rate_high_per_min: float,
    spo2_low_percent: float,
    glucose_low_mgdl: float,
    delay_s: float,
    spo2_delay_s: float = 20.0,
    latching: bool = False,
) -> tuple[LimitRule, ...]:
    """Return the rules about the person, with this subject's limits.

    A low glucose is said again every five minutes until somebody has seen it, and once more when it
    has lasted half an hour after that, as glucose sensors do.
    """
    high = Policy(latching=latching)
    glucose = Policy(latching=latching, repeat_after_s=5 * 60.0, realarm_after_s=30 * 60.0)
    return (
        LimitRule(
            name="heart-rate-low", title="heart rate low", code=codes.HEART_RATE,
            priority=Priority.HIGH, low=heart_rate_low_per_min, delay_s=delay_s, hysteresis=3,
            policy=high,
        ),
        LimitRule(
            name="heart-rate-high", title="heart rate high", code=codes.HEART_RATE,
            priority=Priority.HIGH, high=heart_rate_high_per_min, delay_s=delay_s, hysteresis=5,
            policy=high,
        ),
        LimitRule(
            name="spo2-low", title="SpO2 low", code=codes.SPO2,
            priority=Priority.HIGH, low=spo2_low_percent, delay_s=spo2_delay_s, hysteresis=2,
            at_once=spo2_low_percent - _DEEP_SPO2_PERCENT, policy=high,
        ),
        LimitRule(
            name="glucose-low", title="glucose low", code=codes.GLUCOSE,
            priority=Priority.HIGH, low=glucose_low_mgdl, hysteresis=5, policy=glucose,
        ),
        LimitRule(
            name="glucose-low-forecast", title="glucose low expected within 40 min",
            code=codes.GLUCOSE_IN_30_MIN, priority=Priority.MEDIUM, low=glucose_low_mgdl,
            hysteresis=10,
        ),
    )  # fmt: skip


def stale_rules(sensors: Iterable[tuple[str, tuple[Code, ...], float]]) -> tuple[StaleRule, ...]:
    """Return a rule for each sensor, given as (name, quantities it is there for, seconds)."""
    return tuple(
        StaleRule(
            name=f"stale-{sensor}",
            title=f"{sensor} gives no usable values",
            sensor=sensor,
            codes=measures,
            after_s=after_s,
            priority=Priority.MEDIUM,
        )
        for sensor, measures, after_s in sensors
    )
