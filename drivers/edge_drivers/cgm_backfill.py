"""Which records of a CGM session the hub holds, and how it fetches those it has missed.

A report from the sensor's memory comes oldest first, so the record is complete as far as it has
come without a hole. What is a hole is told by the interval at which the sensor measures. A hole
is asked for twice at most: then it is told as a gap and let be. One procedure runs at a time; one
that falls silent for 30 s (the time-out of the service) is aborted and tried again later.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from edge_agent.driver import Output, Write
from edge_agent.model import Boottime, Event, EventKind
from edge_drivers.procedure import Overdue, Procedure
from edge_drivers.racp import (
    OPERATOR_REFUSED,
    RACP,
    RacpOpcode,
    RacpOperator,
    RacpReply,
    RacpRequest,
    RacpResult,
)

FIRST_FETCH_MIN = 16 * 24 * 60
"""How far back a new decoder asks: the longest session of a sensor. A hub that was off for days
must not lose them; what is fetched twice is kept once at the clinic."""

_NONE_MIN, _LAST_MIN = -1, 0xFFFF
_HOLE_SETTLES_S = 1
_ASKS_PER_HOLE = 2
_STEPS_AT_MOST = 1024
_SILENT = "the sensor stopped answering"
_NEXT_OPERATOR = {
    RacpOperator.RANGE: RacpOperator.FROM,
    RacpOperator.FROM: RacpOperator.ALL,
}


class Book:
    """The minutes of one session of which a record has come, and up to which none is missing.

    What lies before the first record that comes is taken for empty.
    """

    def __init__(self, told_min: int | None = None) -> None:
        self.newest_min = _NONE_MIN
        self.complete_min: int | None = None
        self.told_min = told_min
        self._seen_min: int | None = None
        self._last_min: int | None = None
        self._held: list[int] = []

    def __contains__(self, minute: int) -> bool:
        place = bisect.bisect_left(self._held, minute)
        return place < len(self._held) and self._held[place] == minute

    @property
    def step_min(self) -> int | None:
        """The interval between records: what the sensor says, or more where records say so."""
        known = [step for step in (self.told_min, self._seen_min) if step]
        return max(known, default=None)

    def add(self, minutes: Iterable[int]) -> None:
        """Take records, each new, in the order in which they came."""
        for minute in minutes:
            if self._last_min is not None and minute > self._last_min:
                step = minute - self._last_min
                self._seen_min = step if self._seen_min is None else min(step, self._seen_min)
            self._last_min = minute
            bisect.insort(self._held, minute)
            self.newest_min = max(self.newest_min, minute)

    def advance(self, reached_min: int) -> None:
        """Move on to ``reached_min`` (a record that came), or to the first hole before it."""
        if self.complete_min is None:
            if not self._held or self._held[0] > reached_min:
                return
            self.complete_min = self._held[0]
        if self.step_min is None:
            self.complete_min = max(self.complete_min, reached_min)
            return
        place, reach_min = bisect.bisect_right(self._held, self.complete_min), self._reach_min
        for minute in self._held[place : place + _STEPS_AT_MOST]:
            if minute > min(reached_min, self.complete_min + reach_min):
                break
            self.complete_min = minute

    def hole(self) -> tuple[int, int] | None:
        """Return the first and last minute of the first hole behind what is complete."""
        done = self.complete_min
        if done is None or self.step_min is None or self.newest_min <= done + self._reach_min:
            return None
        following = self._held[bisect.bisect_right(self._held, done)]
        return None if following <= done + self._reach_min else (done + 1, following - 1)

    def settle(self, minute: int) -> None:
        """Miss nothing any more up to ``minute``."""
        self.complete_min = minute
        self.advance(self.newest_min)

    @property
    def _reach_min(self) -> int:
        """How far apart two records may be with none between them: less than 1.5 intervals."""
        return (3 * (self.step_min or 1) - 1) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """A report that runs: what was asked, and what the newest record was then."""

    operator: RacpOperator
    first_min: int
    last_min: int | None
    asked_min: int


class Backfill:
    """Keeps one session's :class:`Book` complete by way of the record access control point."""

    def __init__(self, sensor: str) -> None:
        self.book = Book()
        self._sensor = sensor
        self._refused: set[RacpOperator] = set()
        self._report: _Report | None = None
        self._procedure = Procedure()
        self._asks = 0
        self.is_owed = True

    @property
    def asked_min(self) -> int | None:
        """While a report runs: the newest minute there was when it was asked for."""
        return None if self._report is None else self._report.asked_min

    def forget(self) -> None:
        """Begin a new session; how often the sensor measures stays."""
        self.book = Book(self.book.told_min)

    def link_made(self) -> None:
        """Take what ran for ended with its connection; what is missing is owed."""
        self._report, self.is_owed = None, True
        self._procedure.reset()

    def start(self, now_min: int, at: Boottime) -> Write:
        """Ask for every record after those the hub has without a hole, or for all of a session."""
        done = self.book.complete_min
        first = now_min - FIRST_FETCH_MIN if done is None else done + 1
        self.is_owed = True
        return self._ask(first, None, now_min, at)

    def heard(self, stored: Collection[int], at: Boottime) -> None:
        """Take the records of a notification that came from the sensor's memory."""
        if self._report is not None and stored:
            self._procedure.heard(at)
            self.book.advance(max(stored))

    def replied(self, reply: RacpReply, now_min: int, at: Boottime) -> list[Output]:
        """Take the end of a procedure; return what follows."""
        report = self._report
        if report is None:
            return []
        if reply.request == RacpOpcode.ABORT:
            return self._failed(_SILENT, at) if self._procedure.is_aborting else []
        if reply.result in {RacpResult.SUCCESS, RacpResult.NO_RECORDS}:
            return self._ended(report, reply.result == RacpResult.NO_RECORDS, at)
        if reply.result in OPERATOR_REFUSED and report.operator in _NEXT_OPERATOR:
            self._refused.add(report.operator)
            return [self._ask(report.first_min, report.last_min, now_min, at)]
        return self._failed(f"the sensor's memory can't be read (result {reply.result})", at)

    def due(self, now_min: int, at: Boottime) -> list[Output]:
        """Return what time has made due: an abort, another try, a hole to be filled."""
        match self._procedure.overdue(at):
            case Overdue.ABORT:
                request = RacpRequest(RacpOpcode.ABORT, RacpOperator.NONE)
                return [Write(RACP, request.to_bytes())]
            case Overdue.GIVE_UP:
                return self._failed(_SILENT, at)
        if self._procedure.is_running:
            return []
        if not self._procedure.is_waiting and not self.is_owed and self.book.hole() is not None:
            # Not at once: this record may be the first of a connection not opened yet.
            self._procedure.wait(_HOLE_SETTLES_S, at)
        if not self._procedure.take_due(at):
            return []
        if self.is_owed:
            return [self.start(now_min, at)]
        hole = self.book.hole()
        return [] if hole is None else [self._ask_hole(hole, at)]

    def _ask(self, first: int, last: int | None, asked_min: int, at: Boottime) -> Write:
        operator = RacpOperator.FROM if last is None else RacpOperator.RANGE
        while operator in self._refused:
            operator = _NEXT_OPERATOR[operator]
        first = min(max(0, first), _LAST_MIN)
        bounds = {
            RacpOperator.RANGE: (first, last or first),
            RacpOperator.FROM: (first,),
        }.get(operator, ())
        self._report = _Report(
            operator=operator, first_min=first, last_min=last, asked_min=asked_min
        )
        self._procedure.begin(at)
        return Write(RACP, RacpRequest(RacpOpcode.REPORT, operator, bounds).to_bytes())

    def _ask_hole(self, hole: tuple[int, int], at: Boottime) -> Write:
        self._asks = 1
        return self._ask(*hole, self.book.newest_min, at)

    def _ended(self, report: _Report, is_empty: bool, at: Boottime) -> list[Output]:
        """Look whether a hole is left: a record damaged on the way, or one that never was."""
        self._report, self.is_owed = None, False
        self._procedure.end()
        self.book.advance(self.book.newest_min)
        outputs: list[Output] = []
        # Only a range tells of one hole; any other report has shown whatever there is.
        is_last_word = report.last_min is not None and report.operator is not RacpOperator.RANGE
        while (hole := self.book.hole()) is not None:
            is_same = report.last_min is not None and hole[0] == report.first_min
            if is_same and not is_empty and self._asks < _ASKS_PER_HOLE:
                write = self._ask(*hole, self.book.newest_min, at)
                self._asks += 1
                return [*outputs, write]
            if not is_same and not is_last_word:
                return [*outputs, self._ask_hole(hole, at)]
            reason = "the sensor's memory has no record of it" if is_empty else "not to be read"
            outputs.append(self._gap(reason, at, first_min=hole[0], last_min=hole[1]))
            self.book.settle(hole[1])
        return outputs

    def _failed(self, reason: str, at: Boottime) -> list[Output]:
        """Try again later, each time later; say so once."""
        self._report = None
        return [self._gap(reason, at)] if self._procedure.fail(at) else []

    def _gap(self, reason: str, at: Boottime, **figures: int) -> Event:
        detail: dict[str, str | float] = {"reason": reason, **figures}
        return Event(kind=EventKind.GAP, at=at, sensor=self._sensor, detail=detail)
