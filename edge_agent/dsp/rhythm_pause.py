"""Pauses and standstills: the alarm comes while the heart is silent, not with the next beat.

A pause is an interval of more than ``limit_s`` between two beats under a lead that was on all the
time. It is *begun* as soon as the limit and a small grace have passed after the last beat, and
*ended* by the next beat. What only later becomes known is taken into account: where search-back
finds a beat in the silence, a finding that has begun is *withdrawn*; a beat that comes right after
the limit gives a finding that begins and ends at once. So the findings that are ended, and not
withdrawn, are the same for any split of the stream; only how early they begin depends on when the
blocks arrive.

What holds it back, and what does not:

* A line that doesn't live (:mod:`~edge_agent.dsp.rhythm_contact`) is no standstill: the silence
  counts from where it lives again, and after two dead seconds four beats have to be seen first.
  Instead :class:`~edge_agent.dsp.rhythm_flat.FlatLineWatch` speaks up.
* A beat seen within the limit and not settled yet holds the finding back, if it looks like one
  (:mod:`~edge_agent.dsp.rhythm_early`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from edge_agent.dsp.rhythm_contact import STEP_S, Contact, ContactStep
from edge_agent.dsp.rhythm_finding import Finding, Kind, Standing

GRACE_S = 0.12
"""Until then a beat within the limit has been seen. With blocks of 0.2 s, a finding begins at most
0.32 s after last beat and limit."""

_LEARNT_S = 3.6  # after a gap the detector learns for three seconds, then tells the first beats
_KNOWN_RHYTHM = 4  # beats
_LONGEST_GAP_S = 30.0
_FORGET_AFTER_S = 2.0  # of a dead line
_KEPT_SPANS = 32
_NEXT_STEP_S = 1.5 * STEP_S


class _Alive(NamedTuple):
    """A stretch (s) in which the line lived, and for how long it had been dead before (s)."""

    start_s: float
    end_s: float
    dead_before_s: float


class _Lead:
    """When the line was dead, as far back as a beat can come late, and longer."""

    def __init__(self) -> None:
        self.seen_s = -math.inf
        self._dead: deque[tuple[float, float]] = deque(maxlen=_KEPT_SPANS)

    def take(self, step: ContactStep) -> None:
        self.seen_s = step.at_s
        if step.contact is Contact.ATTACHED:
            return
        goes_on = bool(self._dead) and step.at_s - self._dead[-1][1] <= _NEXT_STEP_S
        start_s = self._dead.pop()[0] if goes_on else step.at_s
        self._dead.append((start_s, step.at_s))

    def alive(self, since_s: float, until_s: float) -> list[_Alive]:
        """Return the stretches between ``since_s`` and ``until_s``, in rising order."""
        stretches: list[_Alive] = []
        dead_s = 0.0
        for first_s, last_s in self._dead:
            if last_s <= since_s:
                continue
            if first_s > until_s:
                break
            if first_s > since_s:
                stretches.append(_Alive(since_s, first_s, dead_s))
            dead_s += min(last_s, until_s) - max(first_s, since_s) + STEP_S
            since_s = min(last_s, until_s)
        return [*stretches, _Alive(since_s, until_s, dead_s)]


class PauseWatch:
    """Finds intervals without a beat longer than ``limit_s``, each of ``kind``."""

    def __init__(self, limit_s: float, kind: Kind = Kind.PAUSE) -> None:
        self._limit_s, self._kind = limit_s, kind
        self._lead = _Lead()
        self._last_s: float | None = None
        self._now_s = -math.inf
        self._learnt_s = -math.inf
        self._known = 0
        self._open: Finding | None = None

    @property
    def is_open(self) -> bool:
        """Whether a silence stands that has been told."""
        return self._open is not None

    def push(
        self,
        now_s: float,
        beats_s: Iterable[float] = (),
        steps: Iterable[ContactStep] = (),
        *,
        holding_s: Sequence[float] = (),
    ) -> list[Finding]:
        """Take in what became known until ``now_s``; return the findings that it changes.

        ``beats_s`` are settled, in rising order; ``holding_s`` are beats that may yet be settled
        (:class:`~edge_agent.dsp.rhythm_early.EarlyBeats`).
        """
        self._now_s = now_s
        waiting = deque(steps)
        found: list[Finding] = []
        for beat_s in beats_s:
            while waiting and waiting[0].at_s <= beat_s:
                self._lead.take(waiting.popleft())
            found += self._take(beat_s, now_s)
        for step in waiting:
            self._lead.take(step)
        if self._open is None:
            found += self._look(now_s, holding_s)
        return found

    def gap(self, start_s: float) -> None:
        """Samples are missing; what comes next was taken from ``start_s`` on.

        An interval across the gap is none: a silence counts from where the samples go on, and is
        told when the detector has had the time to find a first beat. One that stands, stands. That
        there was a rhythm is forgotten after half a minute.
        """
        if start_s - self._now_s > _LONGEST_GAP_S:
            self._known = 0
        self._last_s = start_s
        self._learnt_s = start_s + _LEARNT_S
        self._lead = _Lead()

    def _look(self, now_s: float, holding_s: Sequence[float]) -> list[Finding]:
        """Begin a finding if the silence has lasted."""
        if self._last_s is None or not self._lead_is_known(now_s):
            return []
        latest = self._lead.alive(self._last_s, now_s)[-1]
        due_s = max(latest.start_s + self._limit_s + GRACE_S, self._learnt_s)
        if now_s < due_s or self._known < _KNOWN_RHYTHM or latest.dead_before_s >= _FORGET_AFTER_S:
            return []
        until_s = latest.start_s + self._limit_s
        if any(self._last_s < one <= until_s for one in holding_s):
            return []
        self._open = self._finding(Standing.BEGUN, now_s, value=now_s - self._last_s)
        return [self._open]

    def _take(self, beat_s: float, now_s: float) -> list[Finding]:
        found = self._close(beat_s, now_s)
        self._known = 1 if self._is_forgotten(beat_s) else self._known + 1
        self._learnt_s = -math.inf
        self._last_s = beat_s
        return found

    def _is_forgotten(self, beat_s: float) -> bool:
        if self._last_s is None:
            return False
        return self._lead.alive(self._last_s, beat_s)[-1].dead_before_s >= _FORGET_AFTER_S

    def _close(self, beat_s: float, now_s: float) -> list[Finding]:
        """End, withdraw or (with hindsight) begin and end the silence before a beat."""
        begun, self._open = self._open, None
        if begun is not None:
            return [self._closed(begun, beat_s, now_s)]
        if self._last_s is None or self._known < _KNOWN_RHYTHM:
            return []
        lasted = any(
            one.end_s - one.start_s > self._limit_s and one.dead_before_s < _FORGET_AFTER_S
            for one in self._lead.alive(self._last_s, beat_s)
        )
        if not lasted:
            return []
        begun = self._finding(Standing.BEGUN, now_s, value=beat_s - self._last_s)
        return [begun, self._closed(begun, beat_s, now_s)]

    def _closed(self, begun: Finding, beat_s: float, now_s: float) -> Finding:
        lasted_s = beat_s - begun.onset_s
        if lasted_s <= self._limit_s:
            return replace(
                begun, standing=Standing.WITHDRAWN, known_s=now_s, value=lasted_s,
                note="a beat was found in the silence when it was searched again",
            )  # fmt: skip
        return replace(
            begun, standing=Standing.ENDED, known_s=now_s, offset_s=beat_s, value=lasted_s,
            note="a beat came",
        )  # fmt: skip

    def _finding(self, standing: Standing, now_s: float, *, value: float) -> Finding:
        onset_s = now_s if self._last_s is None else self._last_s
        return Finding(
            kind=self._kind, standing=standing, onset_s=onset_s, known_s=now_s, value=value
        )

    def _lead_is_known(self, now_s: float) -> bool:
        return now_s - self._lead.seen_s <= 2.0 * STEP_S
