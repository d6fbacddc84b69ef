"""Seeded episodes against a plain account of what must stand: restarts, pauses, gaps, people.

An episode is a few minutes of saturation that goes below its limit and back, by chance, while the
hub is restarted, values are missing or doubtful, and somebody acknowledges or pauses, all by
chance. Beside the engine runs an account too simple to be wrong: so many seconds beyond raise, so
many inside end, a latched alarm stays until it is seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest import mock

import numpy as np

from edge_agent import codes
from edge_agent.alarms.life import TRANSITIONS, Happening, Life, Policy, Stand
from edge_agent.alarms.rules import LimitRule
from edge_agent.model import Alarm, Boottime, Evidence, Observation, Phase, Priority
from edge_agent.validate.alarms.ward import Ward

DELAY_S = 5
_LOW_PERCENT, _BEYOND, _INSIDE = 90.0, 84.0, 97.0
_HOLE_S = 15
_STRETCHES, _LONGEST_STRETCH_S = 8, 30
_RESTARTS, _SEEN, _PAUSED, _MISSING = 0.02, 0.03, 0.01, 0.03
_LONGEST_GAP_S = 40

Taken = set[tuple[Stand, Happening]]


@dataclass(slots=True, kw_only=True)
class Account:
    """What must stand: a second by second account of one condition under one policy."""

    latching: bool
    beyond_since: float | None = None
    inside_since: float | None = None
    judged_at: float | None = None
    is_there: bool = False
    must_be_seen: bool = False
    onsets: int = 0

    def value(self, spo2: float, second: float) -> bool:
        """Take in a reliable value; tell whether the alarm must come with it."""
        if self.judged_at is not None and second - self.judged_at > _HOLE_S:
            self.forget()
        self.judged_at = second
        if spo2 < _LOW_PERCENT:
            self.inside_since = None
            self.beyond_since = second if self.beyond_since is None else self.beyond_since
        else:
            self.beyond_since = None
            self.inside_since = second if self.inside_since is None else self.inside_since
        comes = _lasts(self.beyond_since, second) and not self.is_there
        if comes:
            self.is_there = self.must_be_seen = True
            self.onsets += 1
        if _lasts(self.inside_since, second) and self.is_there:
            self.is_there = False
            self.must_be_seen = self.must_be_seen and self.latching
        return comes

    def forget(self) -> None:
        """How long it was beyond or inside is not kept over a hole."""
        self.beyond_since = self.inside_since = self.judged_at = None

    def restart(self) -> None:
        """A delay that runs goes on over a restart; how long it was inside is not kept."""
        self.inside_since = None

    @property
    def stands(self) -> bool:
        """Whether an alarm must stand now."""
        return self.is_there or (self.must_be_seen and self.latching)


@dataclass(slots=True, kw_only=True)
class Result:
    """What the episodes came to; every count but ``episodes`` and those of what happened is 0."""

    episodes: int = 0
    onsets: int = 0
    restarts: int = 0
    pauses: int = 0
    latched: int = 0
    missed_high: int = 0
    silenced_high: int = 0
    lost_latched: int = 0
    false_standing: int = 0
    duplicates: int = 0
    taken: Taken = field(default_factory=set)

    @property
    def faults(self) -> int:
        """How often the engine did what it must not."""
        counts = (self.missed_high, self.silenced_high, self.lost_latched)
        return sum(counts) + self.false_standing + self.duplicates

    @property
    def never_taken(self) -> Taken:
        """Transitions of the state machine that no episode went through."""
        return set(TRANSITIONS) - self.taken


def play(episodes: int, seed: int) -> Result:
    """Play seeded episodes; return what they came to."""
    random = np.random.default_rng(seed)
    result = Result()
    with _noting(result.taken):
        for _ in range(episodes):
            _episode(random, result)
    return result


def _episode(random: np.random.Generator, result: Result) -> None:
    latching = bool(random.random() < 0.5)
    priority = Priority.HIGH if random.random() < 0.5 else Priority.MEDIUM
    account = Account(latching=latching)
    ward = Ward(rules=(_rule(random, priority, latching=latching),))
    for spo2 in _stretches(random):
        _chances(random, ward, account, result)
        before = len(ward.told)
        comes = False
        if random.random() < _MISSING:
            for _ in range(int(random.integers(1, _LONGEST_GAP_S))):
                ward.pass_time()
        else:
            ward.second += 1
            comes = account.value(spo2, ward.second)
            ward.judge(_value(spo2, ward.now))
            ward.keep(ward.engine.tick(ward.now))
        fresh = [step for _, step in ward.told[before:]]
        if comes:
            said = [one for one in fresh if one.phase in {Phase.RAISED, Phase.REPEATED}]
            is_high = priority is Priority.HIGH
            result.missed_high += is_high and not said
            result.silenced_high += is_high and any(one.silent for one in said)
        if any(one.phase is Phase.REPEATED for one in fresh):
            account.must_be_seen = True
        _compare(account, ward, result)
    result.episodes += 1
    result.onsets += account.onsets
    result.restarts += ward.boots
    _count_steps(ward, result)


def _chances(random: np.random.Generator, ward: Ward, account: Account, result: Result) -> None:
    """Let happen to the hub what may happen to it."""
    if random.random() < _RESTARTS:
        ward.restart()
        account.restart()
    if random.random() < _SEEN:
        ward.acknowledge()
        account.must_be_seen = False
    if random.random() < _PAUSED:
        ward.engine.pause(float(random.integers(5, 60)), "somebody", ward.now)
        result.pauses += 1


def _compare(account: Account, ward: Ward, result: Result) -> None:
    stands = bool(ward.engine.active)
    result.lost_latched += account.stands and not stands
    result.false_standing += stands and not account.stands


def _count_steps(ward: Ward, result: Result) -> None:
    raised = [step.episode for _, step in ward.told if step.phase is Phase.RAISED]
    result.duplicates += len(raised) - len(set(raised))
    result.latched += sum(step.phase is Phase.LATCHED for _, step in ward.told)
    standing = 0
    for _, step in ward.told:  # a second one of a rule must not come while the first stands
        standing += (step.phase is Phase.RAISED) - (step.phase is Phase.CLEARED)
        result.duplicates += standing > 1


def _lasts(since: float | None, second: float) -> bool:
    return since is not None and second - since >= DELAY_S


def _rule(random: np.random.Generator, priority: Priority, *, latching: bool) -> LimitRule:
    def perhaps(seconds: float) -> float | None:
        return seconds if random.random() < 0.5 else None

    policy = Policy(
        latching=latching,
        escalate_after_s=perhaps(15.0),
        repeat_after_s=perhaps(20.0),
        realarm_after_s=perhaps(25.0),
    )
    return LimitRule(
        name="spo2-low", title="SpO2 low", code=codes.SPO2, priority=priority, low=_LOW_PERCENT,
        delay_s=DELAY_S, hysteresis=2.0, policy=policy,
    )  # fmt: skip


def _stretches(random: np.random.Generator) -> Iterator[float]:
    for _ in range(_STRETCHES):
        level = _BEYOND if random.random() < 0.5 else _INSIDE
        for _ in range(int(random.integers(1, _LONGEST_STRETCH_S + 1))):
            yield level


def _value(spo2: float, at: Boottime) -> Observation:
    return Observation(code=codes.SPO2, value=spo2, at=at, sensor="oximeter")


@contextlib.contextmanager
def _noting(taken: Taken) -> Iterator[None]:
    """Note every transition that a life takes meanwhile."""
    happen = Life.happen

    def noting(
        life: Life,
        what: Happening,
        at: Boottime,
        evidence: tuple[Evidence, ...] | None = None,
        by: str = "",
    ) -> Alarm | None:
        before = life.stand
        step = happen(life, what, at, evidence, by)
        if step is not None and before is not None:
            taken.add((before, what))
        return step

    with mock.patch.object(Life, "happen", noting):
        yield
