"""How a hub keeps the rules of a control point: one thing at a time, and no endless trying.

The rules are those of the Bluetooth medical services (CGM 1.0.2, Insulin Delivery 1.0.2, Generic
Health Sensor 1.0): a control point runs one procedure at a time, and one that is silent for 30 s
has failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto
from typing import Generic, TypeVar

from edge_agent.model import Boottime

PROCEDURE_S = 30
"""How long a procedure may be silent."""

_NS_PER_S = 10**9
_BACK_OFF_S, _BACK_OFF_AT_MOST_S = 30, 600
_STRIKES = 2

_Question = TypeVar("_Question")


class Overdue(Enum):
    """What to do about a procedure that has been silent for too long."""

    ABORT = auto()
    GIVE_UP = auto()


class Procedure:
    """The timing of one long procedure: time-out, abort, and another try ever later."""

    def __init__(self) -> None:
        self.is_running = False
        self.is_aborting = False
        self._deadline = Boottime(0)
        self._retry_at: Boottime | None = None
        self._failures = 0

    def reset(self) -> None:
        """Forget all: the link is new."""
        self.is_running = self.is_aborting = False
        self._retry_at, self._failures = None, 0

    def begin(self, at: Boottime) -> None:
        """Note that a procedure was asked for."""
        self.is_running, self.is_aborting, self._retry_at = True, False, None
        self.heard(at)

    def heard(self, at: Boottime) -> None:
        """Note that the procedure goes on."""
        self._deadline = after(at, PROCEDURE_S)

    def end(self) -> None:
        """Note that the procedure came to its end."""
        self.is_running = self.is_aborting = False
        self._failures = 0

    def fail(self, at: Boottime) -> bool:
        """Plan another try, each time later; tell whether this is the first failure in a row."""
        self.is_running = self.is_aborting = False
        self.wait(min(_BACK_OFF_S << min(self._failures, 8), _BACK_OFF_AT_MOST_S), at)
        self._failures += 1
        return self._failures == 1

    def wait(self, seconds: float, at: Boottime) -> None:
        """Plan a try in ``seconds``."""
        self._retry_at = after(at, seconds)

    @property
    def is_waiting(self) -> bool:
        """Whether a try is planned."""
        return self._retry_at is not None

    def take_due(self, at: Boottime) -> bool:
        """Tell whether a planned try is due, and if so take it off the plan."""
        if self._retry_at is None or at < self._retry_at:
            return False
        self._retry_at = None
        return True

    def overdue(self, at: Boottime) -> Overdue | None:
        """Tell what to do about silence; an abort that is asked for gets its own time."""
        if not self.is_running or at < self._deadline:
            return None
        if self.is_aborting:
            return Overdue.GIVE_UP
        self.is_aborting = True
        self.heard(at)
        return Overdue.ABORT


class Questions(Generic[_Question]):
    """Questions to a control point, one at a time.

    A question on which the sensor twice hung up or fell silent is not asked again.
    """

    def __init__(self) -> None:
        self._left: list[_Question] = []
        self._asked: _Question | None = None
        self._asked_at = Boottime(0)
        self._strikes: Counter[_Question] = Counter()

    @property
    def asked(self) -> _Question | None:
        """The question that has not been answered yet."""
        return self._asked

    def link_made(self) -> None:
        """Drop what was left to ask before the link was lost."""
        if self._asked is not None:
            self._strikes[self._asked] += 1
        self._left, self._asked = [], None

    def ask(self, questions: Iterable[_Question], at: Boottime) -> _Question | None:
        """Take further questions; return the one to ask now, if none is open."""
        if self._asked is not None and at >= after(self._asked_at, PROCEDURE_S):
            self._strikes[self._asked] += 1
            self._asked = None
        self._left += [one for one in questions if one not in self._left and one != self._asked]
        return self._next(at) if self._asked is None else None

    def answered(self, at: Boottime) -> _Question | None:
        """Note the answer; return the next question to ask."""
        if self._asked is None:
            return None
        del self._strikes[self._asked]
        return self._next(at)

    def refused(self, at: Boottime) -> _Question | None:
        """Note that the sensor does not know the question; return the next one."""
        if self._asked is None:
            return None
        self._strikes[self._asked] = _STRIKES
        return self._next(at)

    def _next(self, at: Boottime) -> _Question | None:
        self._asked_at = at
        self._left = [one for one in self._left if self._strikes[one] < _STRIKES]
        self._asked = self._left.pop(0) if self._left else None
        return self._asked


def after(at: Boottime, seconds: float) -> Boottime:
    """Return the time ``seconds`` after ``at``."""
    return Boottime(at + round(seconds * _NS_PER_S))
