"""A pump's history, read in order: what was delivered, and when by the pump's clock.

A record's time hangs on the last reference time before it, so a record is used only when all
before it have come. One that was damaged on its way is asked for again, together with what lies
between; what can't be had is told as a gap, and what follows it has no time until the next
reference time.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.driver import Output, Write
from edge_agent.model import Boottime, Event, EventKind
from edge_drivers.insulin_delivery_codec import RECORDS
from edge_drivers.insulin_history_codec import (
    Content,
    HistoryRecord,
    RecordsOpcode,
    RecordsOperator,
    RecordsReply,
    RecordsRequest,
    RecordsResult,
    RecordType,
    ReferenceTime,
)
from edge_drivers.procedure import Overdue, Procedure

FIRST_FETCH = 500
"""How many records back a new decoder asks: some days, never years."""

_HELD_AT_MOST = 1024
_ASKS_PER_HOLE = 2
_SILENT = "the pump stopped answering"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """What a record says, by the pump's clock on the wall, ``offset_s`` ahead of UTC."""

    content: Content
    local_s: int
    offset_s: int


@dataclass(frozen=True, slots=True)
class Step:
    """What follows from one frame: what records say, in order, and what else there is to do."""

    said: tuple[Dated, ...] = ()
    outputs: tuple[Output, ...] = ()


class History:
    """Follows one pump's history by its sequence numbers."""

    def __init__(self, sensor: str) -> None:
        self._sensor = sensor
        self._procedure = Procedure()
        self._request: RecordsRequest | None = None
        self._next: int | None = None
        self._newest: int | None = None
        self._held: dict[int, HistoryRecord] = {}
        self._reference: ReferenceTime | None = None
        self._asks = self._undated = 0

    def link_made(self) -> None:
        """Take what ran for ended with its connection."""
        self._procedure.reset()
        self._request = None
        self._held.clear()

    def look(self, at: Boottime) -> list[Output]:
        """Ask for the newest record, unless something runs or waits already."""
        if self._procedure.is_running or self._procedure.is_waiting:
            return []
        self._newest = None
        return [self._ask(RecordsOperator.LAST, (), at)]

    def due(self, at: Boottime) -> list[Output]:
        """Return what time has made due."""
        match self._procedure.overdue(at):
            case Overdue.ABORT:
                abort = RecordsRequest(RecordsOpcode.ABORT, RecordsOperator.NONE)
                return [Write(RECORDS, abort.to_bytes())]
            case Overdue.GIVE_UP:
                return self._failed(_SILENT, at)
        return self.look(at) if self._procedure.take_due(at) else []

    def take(self, record: HistoryRecord, at: Boottime) -> Step:
        """Take one record, and those that waited for it; what nobody asked for is not used."""
        request = self._request
        if request is None:
            return Step()
        self._procedure.heard(at)
        if request.operator == RecordsOperator.LAST:
            self._newest = record.sequence
            return Step(outputs=tuple(self._begun_again(record.sequence, at)))
        if self._next is None:
            self._next = record.sequence
        if self._next <= record.sequence and len(self._held) < _HELD_AT_MOST:
            self._held[record.sequence] = record
        return Step(tuple(self._in_order()))

    def replied(self, reply: RecordsReply, at: Boottime) -> Step:
        """Take the end of a procedure."""
        request = self._request
        if request is None:
            return Step()
        if reply.request == RecordsOpcode.ABORT:
            aborted = self._failed(_SILENT, at) if self._procedure.is_aborting else []
            return Step(outputs=tuple(aborted))
        self._request = None
        if reply.result not in {RecordsResult.SUCCESS, RecordsResult.NO_RECORDS}:
            reason = f"the pump's history can't be read (result {reply.result})"
            return Step(outputs=tuple(self._failed(reason, at)))
        self._procedure.end()
        is_empty = reply.result == RecordsResult.NO_RECORDS
        if request.operator == RecordsOperator.LAST:
            return Step(outputs=tuple(self._fetch(is_empty, at)))
        return self._next_hole(request, is_empty, at)

    def _ask(self, operator: RecordsOperator, bounds: tuple[int, ...], at: Boottime) -> Write:
        self._request = RecordsRequest(RecordsOpcode.REPORT, operator, bounds)
        self._procedure.begin(at)
        return Write(RECORDS, self._request.to_bytes())

    def _begun_again(self, newest: int, at: Boottime) -> list[Output]:
        """Notice a history that was erased: its numbers have gone back."""
        if self._next is None or newest >= self._next - 1:
            return []
        self._next, self._reference = None, None
        detail = {"reason": "the pump's history has begun again"}
        return [Event(kind=EventKind.CLOCK_RESET, at=at, sensor=self._sensor, detail=detail)]

    def _fetch(self, is_empty: bool, at: Boottime) -> list[Output]:
        """Ask for all that is newer than what has come, or for the last of a long history."""
        newest = self._newest
        if newest is None and not is_empty:
            return self._failed("the newest record of the pump's history can't be read", at)
        if newest is None or (self._next is not None and newest < self._next):
            return []
        first = max(0, newest - FIRST_FETCH + 1) if self._next is None else self._next
        return [self._ask(RecordsOperator.FROM, (first,), at)]

    def _next_hole(self, request: RecordsRequest, is_empty: bool, at: Boottime) -> Step:
        """Ask for what is missing between records that came; a gap is told and passed over."""
        said: list[Dated] = []
        outputs: list[Output] = []
        while self._held and self._next is not None:
            first, last = self._next, min(self._held) - 1
            is_same = request.operator == RecordsOperator.RANGE and request.bounds[0] == first
            self._asks = self._asks if is_same else 0
            if self._asks < _ASKS_PER_HOLE and not (is_same and is_empty):
                self._asks += 1
                outputs.append(self._ask(RecordsOperator.RANGE, (first, last), at))
                break
            reason = "records of the pump's history can't be read"
            outputs.append(self._gap(reason, at, records=last - first + 1))
            self._next, self._reference = last + 1, None
            said += self._in_order()
        if self._undated:
            reason = "records of the pump's history have no reference time before them"
            outputs.append(self._gap(reason, at, records=self._undated))
            self._undated = 0
        return Step(tuple(said), tuple(outputs))

    def _failed(self, reason: str, at: Boottime) -> list[Output]:
        self._request = None
        return [self._gap(reason, at)] if self._procedure.fail(at) else []

    def _gap(self, reason: str, at: Boottime, **figures: int) -> Event:
        detail: dict[str, str | float] = {"reason": reason, **figures}
        return Event(kind=EventKind.GAP, at=at, sensor=self._sensor, detail=detail)

    def _in_order(self) -> list[Dated]:
        said: list[Dated] = []
        while self._next is not None and (record := self._held.pop(self._next, None)) is not None:
            self._next += 1
            dated = self._dated(record)
            if dated is not None:
                said.append(dated)
        return said

    def _dated(self, record: HistoryRecord) -> Dated | None:
        if isinstance(record.content, ReferenceTime):
            self._reference = record.content
            return None
        if record.type == RecordType.REFERENCE_TIME_BASE:
            # Another way to tell the time, whose layout is not covered: better no time at all.
            self._reference = None
            return None
        if record.content is None:
            return None
        local_s = None if self._reference is None else self._reference.local_s
        if self._reference is None or local_s is None:
            self._undated += 1
            return None
        return Dated(
            content=record.content,
            local_s=local_s + record.offset_s,
            offset_s=self._reference.offset_s,
        )
