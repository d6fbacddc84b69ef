"""Which stored records of a health sensor the hub holds, and how it asks for the others."""

from __future__ import annotations

from edge_agent.driver import Output, Write
from edge_agent.model import Boottime, Event, EventKind
from edge_drivers.procedure import Overdue, Procedure
from edge_drivers.racp import (
    RACP,
    RacpOpcode,
    RacpOperator,
    RacpReply,
    RacpRequest,
    RacpResult,
)

_HELD_AT_MOST, _HELD_AT_LEAST = 4096, 1024
_ASKS_PER_HOLE = 2
_SILENT = "the sensor stopped answering"


class StoredRecords:
    """Follows the record numbers of one sensor."""

    def __init__(self, sensor: str) -> None:
        self._sensor = sensor
        self._procedure = Procedure()
        self._first: int | None = None
        self._newest: int | None = None
        self._complete: int | None = None
        self._held: dict[int, bytes] = {}
        self._asks = 0
        self._is_another = False
        self._has_answered = False

    def begin(self, at: Boottime) -> Write:
        """Ask, on a new link, for the last record the hub has without a hole, and all after it."""
        self._procedure.reset()
        self._asks = 0
        return self._ask(self._complete, at)

    def is_new(self, number: int, octets: bytes, at: Boottime) -> bool:
        """Take a record; tell whether it has not come before."""
        self._procedure.heard(at)
        self._has_answered = True
        if number in self._held:
            self._is_another |= self._held[number] != octets
            return False
        self._held[number] = octets
        self._newest = number if self._newest is None else max(number, self._newest)
        self._complete = number if self._complete is None else self._complete
        self._advance()
        return True

    def _advance(self) -> None:
        """Move on to the first number that has not come; forget what lies far behind."""
        while self._complete is not None and self._complete + 1 in self._held:
            self._complete += 1
        if self._complete is not None and len(self._held) > _HELD_AT_MOST:
            oldest = self._complete - _HELD_AT_LEAST
            self._held = {number: one for number, one in self._held.items() if number >= oldest}

    def replied(self, reply: RacpReply, at: Boottime) -> list[Output]:
        """Take the end of a report; return what follows from it."""
        self._has_answered = True
        if not self._procedure.is_running:
            return []
        if reply.request == RacpOpcode.ABORT:
            return self._failed(_SILENT, at) if self._procedure.is_aborting else []
        is_gone = reply.result == RacpResult.NO_RECORDS and self._first is not None
        if is_gone or self._is_another:
            return self._begun_again(at)
        if reply.result in {RacpResult.SUCCESS, RacpResult.NO_RECORDS}:
            self._procedure.end()
            return self._next_hole(at)
        return self._failed(f"the sensor's memory can't be read (result {reply.result})", at)

    def due(self, at: Boottime) -> list[Output]:
        """Return what time has made due."""
        match self._procedure.overdue(at):
            case Overdue.ABORT:
                abort = RacpRequest(RacpOpcode.ABORT, RacpOperator.NONE)
                return [Write(RACP, abort.to_bytes())]
            case Overdue.GIVE_UP:
                return self._failed(_SILENT, at)
        return [self._ask(self._complete, at)] if self._procedure.take_due(at) else []

    def _ask(self, first: int | None, at: Boottime) -> Write:
        self._first = first
        self._procedure.begin(at)
        request = RacpRequest(RacpOpcode.REPORT, RacpOperator.ALL)
        if first is not None:
            bounds = (first,)
            request = RacpRequest(RacpOpcode.REPORT, RacpOperator.FROM, bounds, wide=True)
        return Write(RACP, request.to_bytes())

    def _begun_again(self, at: Boottime) -> list[Output]:
        """Ask for everything: what the hub holds is no longer in the sensor."""
        self._held.clear()
        self._is_another = False
        self._newest = self._complete = None
        detail = {"reason": "the sensor's records were erased or are numbered anew"}
        event = Event(kind=EventKind.CLOCK_RESET, at=at, sensor=self._sensor, detail=detail)
        return [event, self._ask(None, at)]

    def _next_hole(self, at: Boottime) -> list[Output]:
        """Ask once more where a number is missing; then it is told and let be."""
        outputs: list[Output] = []
        while self._complete is not None and self._newest is not None:
            if self._complete >= self._newest:
                break
            if self._asks < _ASKS_PER_HOLE - 1:
                self._asks += 1
                return [*outputs, self._ask(self._complete, at)]
            done = self._complete
            following = min(number for number in self._held if number > done)
            records = following - done - 1
            outputs.append(self._gap("stored records are missing", at, records=records))
            self._complete = following
            self._advance()
        return outputs

    def _failed(self, reason: str, at: Boottime) -> list[Output]:
        is_first = self._procedure.fail(at)
        # A sensor that has never answered has no memory to speak of.
        return [self._gap(reason, at)] if is_first and self._has_answered else []

    def _gap(self, reason: str, at: Boottime, **figures: int) -> Event:
        detail: dict[str, str | float] = {"reason": reason, **figures}
        return Event(kind=EventKind.GAP, at=at, sensor=self._sensor, detail=detail)
