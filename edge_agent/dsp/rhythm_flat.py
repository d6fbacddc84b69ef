"""A line that stops living after a heart was seen beating: never silence, and never an all-clear.

Most often an electrode has come off. But a standstill with a dead line looks the same, so this is
told at once and as what it is: nobody can say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from edge_agent.dsp.rhythm_contact import Contact, ContactStep
from edge_agent.dsp.rhythm_finding import Finding, Kind, Standing

_AFTER_S = 2.0
_BACK_AFTER_S = 2.0
_KNOWN_RHYTHM = 4  # beats
_FORGET_AFTER_S = 30.0  # off


class FlatLineWatch:
    """Finds the line dead for two seconds, after four beats on a line that lived.

    They are remembered for half a minute off: a loose electrode comes off again before there have
    been four more.
    """

    def __init__(self) -> None:
        self._beats = 0
        self._last_beat_s: float | None = None
        self._dead_since_s: float | None = None
        self._lives_since_s: float | None = None
        self._open: Finding | None = None

    @property
    def is_open(self) -> bool:
        """Whether a dead line stands that has been told."""
        return self._open is not None

    def push(self, steps: Iterable[ContactStep], beats_s: Iterable[float] = ()) -> list[Finding]:
        """Take in the steps of the contact and the beats settled; return what changes.

        Each in rising order. A beat counts from the step after it on, not for those before it that
        came with the same block.
        """
        waiting = deque(beats_s)
        found: list[Finding] = []
        for step in steps:
            while waiting and waiting[0] <= step.at_s:
                self._count(waiting.popleft())
            found += self._take(step)
        for beat_s in waiting:
            self._count(beat_s)
        return found

    def _count(self, beat_s: float) -> None:
        self._last_beat_s = beat_s
        self._beats += 1

    def _take(self, step: ContactStep) -> list[Finding]:
        if step.contact is Contact.ATTACHED:
            self._dead_since_s = None
            if self._lives_since_s is None:
                self._lives_since_s = step.at_s
            return self._back(step.at_s)
        self._lives_since_s = None
        if self._dead_since_s is None:
            self._dead_since_s = step.at_s
        if self._open is not None:
            if step.at_s - self._open.onset_s > _FORGET_AFTER_S:
                self._beats = 0
            return []
        lasts = step.at_s - self._dead_since_s >= _AFTER_S
        if not lasts or self._beats < _KNOWN_RHYTHM:
            return []
        since_s = self._dead_since_s if self._last_beat_s is None else self._last_beat_s
        self._open = Finding(
            kind=Kind.FLAT_LINE,
            standing=Standing.BEGUN,
            onset_s=self._dead_since_s,
            known_s=step.at_s,
            value=max(0.0, step.at_s - since_s),
            note=step.contact.value,
        )
        return [self._open]

    def _back(self, at_s: float) -> list[Finding]:
        """The line lives: so it does for good after two seconds with a beat in them."""
        begun, since_s, beat_s = self._open, self._lives_since_s, self._last_beat_s
        if begun is None or since_s is None or beat_s is None:
            return []
        if at_s - since_s < _BACK_AFTER_S or beat_s < since_s:
            return []
        self._open = None
        return [
            replace(
                begun, standing=Standing.ENDED, known_s=at_s, offset_s=since_s,
                value=since_s - begun.onset_s, note="the line lives, and a beat came",
            )
        ]  # fmt: skip
