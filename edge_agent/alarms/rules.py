"""What an alarm rule is.

A rule is a value: a quantity, a limit, how long it must be met, how far back the value must come
before the alarm clears. Priorities follow IEC 60601-1-8. Every rule has an ``advice``: what to do,
in a sentence or two, for somebody who is no clinician.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.alarms.life import DEFAULT_POLICY, Policy
from edge_agent.model import Code, Observation, Priority, State


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
    advice: str = ""
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
    advice: str = ""
    policy: Policy = DEFAULT_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRule:
    """Raise when ``finding`` begins in a signal; clear when it has ended or was withdrawn.

    ``limit`` is what it met, for the evidence. One that ``covers_silence`` says already that its
    sensor, though it still sends, gives nothing usable.
    """

    name: str
    title: str
    finding: str
    priority: Priority
    advice: str
    limit: float | None = None
    technical: bool = False
    covers_silence: bool = False
    policy: Policy = DEFAULT_POLICY


Rule = LimitRule | StaleRule | FindingRule


def is_technical(rule: Rule) -> bool:
    """Tell whether the alarms of ``rule`` speak of a sensor, and not of the person."""
    return isinstance(rule, StaleRule) or (isinstance(rule, FindingRule) and rule.technical)
