"""The life of one raised alarm: what can happen to it, and what becomes of it then.

The states are those a bedside monitor knows (the words are IEC 60601-1-8's; no conformance is
claimed): *active* until somebody acknowledges it; *acknowledged* while its condition lasts;
*latched* when the condition has gone and nobody has seen it yet. The table below is all of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from edge_agent.model import Alarm, Boottime, Evidence, Phase, Priority

_NS_PER_S = 1_000_000_000


class Stand(StrEnum):
    """Where a raised alarm stands."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    LATCHED = "latched"


class Happening(StrEnum):
    """What can happen to a raised alarm."""

    GONE = "the condition has gone"
    BACK = "the condition is there again"
    ACKNOWLEDGED = "somebody has seen it"
    ESCALATION_DUE = "nobody has seen it for too long"
    REPEAT_DUE = "it is time to say it again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How an alarm is kept before people's eyes; seconds, ``None`` for never.

    A ``latching`` alarm stays until it is acknowledged. ``escalate_after_s`` without being
    acknowledged raises the priority by one, once. ``repeat_after_s`` says an alarm again that
    nobody has acknowledged, ``realarm_after_s`` one that was and whose condition lasts.
    """

    latching: bool = False
    escalate_after_s: float | None = None
    repeat_after_s: float | None = None
    realarm_after_s: float | None = None


DEFAULT_POLICY = Policy()

Step = tuple[Stand | None, Phase]
"""The next state, ``None`` for the end, and the phase that is told."""

TRANSITIONS: Mapping[tuple[Stand, Happening], Step] = MappingProxyType({
    (Stand.ACTIVE, Happening.GONE): (None, Phase.CLEARED),
    (Stand.ACTIVE, Happening.ACKNOWLEDGED): (Stand.ACKNOWLEDGED, Phase.ACKNOWLEDGED),
    (Stand.ACTIVE, Happening.ESCALATION_DUE): (Stand.ACTIVE, Phase.ESCALATED),
    (Stand.ACTIVE, Happening.REPEAT_DUE): (Stand.ACTIVE, Phase.REPEATED),
    (Stand.ACKNOWLEDGED, Happening.GONE): (None, Phase.CLEARED),
    (Stand.ACKNOWLEDGED, Happening.REPEAT_DUE): (Stand.ACTIVE, Phase.REPEATED),
    (Stand.LATCHED, Happening.BACK): (Stand.ACTIVE, Phase.REPEATED),
    (Stand.LATCHED, Happening.ACKNOWLEDGED): (None, Phase.CLEARED),
    (Stand.LATCHED, Happening.ESCALATION_DUE): (Stand.LATCHED, Phase.ESCALATED),
    (Stand.LATCHED, Happening.REPEAT_DUE): (Stand.LATCHED, Phase.REPEATED),
})  # fmt: skip
"""What is not in the table changes nothing."""

LATCHED: Step = (Stand.LATCHED, Phase.LATCHED)
"""In place of the end, for an active alarm whose rule latches."""


@dataclass(slots=True, kw_only=True)
class Life:
    """One alarm from its raising to its end. ``alarm`` is its latest step.

    ``said_at`` is when it was last said aloud (raised, repeated, escalated or acknowledged).
    """

    policy: Policy
    alarm: Alarm
    said_at: Boottime
    raised_at: Boottime
    stand: Stand | None = Stand.ACTIVE
    is_escalated: bool = False

    @classmethod
    def begin(cls, policy: Policy, alarm: Alarm) -> Life:
        """Begin the life of an alarm that has just been raised."""
        return cls(policy=policy, alarm=alarm, said_at=alarm.at, raised_at=alarm.at)

    def happen(
        self,
        what: Happening,
        at: Boottime,
        evidence: tuple[Evidence, ...] | None = None,
        by: str = "",
    ) -> Alarm | None:
        """Let something happen; return the step to tell, or ``None`` if it changes nothing.

        ``evidence`` is what the step rests on, by default that of the step before; ``by`` is who
        has seen the alarm, and is forgotten when it is said anew.
        """
        if self.stand is None or (self.stand, what) not in TRANSITIONS:
            return None
        stand, phase = TRANSITIONS[self.stand, what]
        if (self.stand, what) == (Stand.ACTIVE, Happening.GONE) and self.policy.latching:
            stand, phase = LATCHED
        priority = self.alarm.priority
        if phase is Phase.ESCALATED:
            if priority is Priority.HIGH:
                return None
            priority = Priority(priority + 1)
        if phase is not Phase.LATCHED:
            self.said_at = at
        self.stand = stand
        self.alarm = dataclasses.replace(
            self.alarm,
            phase=phase,
            at=at,
            priority=priority,
            evidence=self.alarm.evidence if evidence is None else evidence,
            is_over=stand is None or stand is Stand.LATCHED,
            by=by if phase is not Phase.CLEARED or by else self.alarm.by,
        )
        return self.alarm

    def due(self, now: Boottime, *, may_repeat: bool = True) -> Alarm | None:
        """Let time pass: escalate what nobody has seen to, or say it again if it may be said."""
        policy = self.policy
        is_seen = self.stand is Stand.ACKNOWLEDGED
        waits = not is_seen and not self.is_escalated
        if waits and _over(policy.escalate_after_s, self.raised_at, now):
            self.is_escalated = True
            step = self.happen(Happening.ESCALATION_DUE, now)
            if step is not None:
                return step
        if not may_repeat:
            return None
        after_s = policy.realarm_after_s if is_seen else policy.repeat_after_s
        return self.happen(Happening.REPEAT_DUE, now) if _over(after_s, self.said_at, now) else None


def _over(seconds: float | None, since: Boottime, now: Boottime) -> bool:
    return seconds is not None and now - since >= seconds * _NS_PER_S
