"""Bluetooth blood glucose meters (Glucose Service 1.0.1).

A meter keeps its records and numbers them; it sends none unless it is asked. After connecting, the
hub asks for the newest record it holds and all after it, so that one request shows what is new and
whether the meter still counts on: where the record the hub holds does not come again, the numbering
has begun anew (a battery, another meter, an erased memory), and the hub asks for everything.
Records that it has given already are dropped by their octets. Both requests are among those that
every meter must know.

Whatever fluid a hub has no code for (venous, arterial, plasma) is given as capillary glucose, a
sample of interstitial fluid as such; control solution is nobody's glucose and never given as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from edge_agent.codes import BATTERY, CAPILLARY_GLUCOSE, GLUCOSE
from edge_agent.driver import Driver, Gatt, Output, Request, Write
from edge_agent.model import Boottime, Event, EventKind, State
from edge_drivers.annunciation import names, told
from edge_drivers.gatt import uuid16
from edge_drivers.glucose_context import told_of
from edge_drivers.glucose_meter_codec import Context, Fluid, Glucose, Measurement, Status
from edge_drivers.racp import (
    OPERATOR_REFUSED,
    RACP,
    RacpOpcode,
    RacpOperator,
    RacpReply,
    RacpRequest,
    RacpResult,
)
from edge_drivers.sensor_time import Placed
from edge_drivers.stamped_records import READ_ON_OPEN, RecordDecoder

SERVICE = uuid16(0x1808)
MEASUREMENT = uuid16(0x2A18)
CONTEXT = uuid16(0x2A34)

_OUT_OF_RANGE = Status.ABOVE_RANGE | Status.BELOW_RANGE
_TOLD = ~_OUT_OF_RANGE
_DOUBTFUL = (
    Status.MALFUNCTION
    | Status.SAMPLE_TOO_SMALL
    | Status.STRIP_INSERTION_WRONG
    | Status.STRIP_TYPE_WRONG
    | Status.TOO_WARM
    | Status.TOO_COLD
    | Status.STRIP_PULLED_EARLY
    | Status.GENERAL_FAULT
)
_AWAITED_AT_MOST = 32


class MeterDecoder(RecordDecoder[Measurement]):
    """Fetches what a meter has measured since the last time, and what the person noted with it."""

    measurement = MEASUREMENT

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._newest: tuple[int, bytes] | None = None
        self._last: tuple[int, bytes] | None = None
        self._asked: RacpOperator | None = None
        self._counts_on = False
        self._awaited: dict[int, Boottime] = {}

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read the clock, then ask for what is new."""
        self._awaited = {}
        operator = RacpOperator.ALL if self._newest is None else RacpOperator.FROM
        return (*super().open(at), self._ask(operator))

    def feed(self, data: bytes, at: Boottime, channel: str = MEASUREMENT) -> Iterable[Output]:
        """Decode one record, its context, the end of a report, or an answer."""
        if channel == RACP:
            return self._replied(RacpReply.from_bytes(data), at)
        if channel == CONTEXT:
            return self._noted(Context.from_bytes(data))
        return super().feed(data, at, channel)

    def parse(self, data: bytes) -> Measurement:
        """Decode one record, and note how far the report has come."""
        one = Measurement.from_bytes(data)
        if self._asked is not None:
            self._last = (one.sequence, data)
            self._counts_on |= self._last == self._newest
        return one

    def readings(self, one: Measurement, placed: Placed) -> Iterator[Output]:
        """Give the glucose in mg/dL, and tell what the meter noticed meanwhile."""
        status = one.status or Status.NONE
        for name in sorted(names(status & _TOLD)):
            yield told(name, "noticed", placed.at, self.sensor)
        if one.context_follows:
            self._awaited[one.sequence] = placed.at
            if len(self._awaited) > _AWAITED_AT_MOST:
                del self._awaited[next(iter(self._awaited))]
        glucose = one.glucose or Glucose(concentration=math.nan)
        if glucose.is_control_solution:
            yield told("control-solution", "measured", placed.at, self.sensor)
            return
        code = GLUCOSE if glucose.fluid == Fluid.INTERSTITIAL else CAPILLARY_GLUCOSE
        yield placed.observation(code, glucose.mgdl, self.sensor, state=_state(status))

    def _noted(self, context: Context) -> Iterable[Event]:
        """Tell a context at the time of its sample; one that was given before is dropped."""
        at = self._awaited.pop(context.sequence, None)
        if at is None:
            return ()
        detail = {"annunciation": "sample-context", "state": "noted", **told_of(context)}
        return (Event(kind=EventKind.ANNUNCIATION, at=at, sensor=self.sensor, detail=detail),)

    def _ask(self, operator: RacpOperator) -> Write:
        bounds = () if self._newest is None or operator is RacpOperator.ALL else self._newest[:1]
        self._asked, self._last, self._counts_on = operator, None, False
        return Write(RACP, RacpRequest(RacpOpcode.REPORT, operator, bounds).to_bytes())

    def _replied(self, reply: RacpReply, at: Boottime) -> Iterable[Output]:
        """Take the end of a report; only then is it known which record is the newest."""
        asked, self._asked = self._asked, None
        if asked is None or reply.request != RacpOpcode.REPORT:
            return ()
        is_partial = asked is RacpOperator.FROM
        if reply.result in {RacpResult.SUCCESS, RacpResult.NO_RECORDS}:
            if is_partial and not self._counts_on:
                return (self._ask(RacpOperator.ALL),)
            self._newest = self._last
            return ()
        if is_partial and reply.result in OPERATOR_REFUSED:
            return (self._ask(RacpOperator.ALL),)
        reason = f"the meter's memory can't be read (result {reply.result})"
        detail: dict[str, str | float] = {"reason": reason}
        return (Event(kind=EventKind.GAP, at=at, sensor=self.sensor, detail=detail),)


def _state(status: Status) -> State:
    """Tell the state; "HI" and "LO" come first: meters set other bits with them."""
    if Status.ABOVE_RANGE in status:
        return State.ABOVE_RANGE
    if Status.BELOW_RANGE in status:
        return State.BELOW_RANGE
    return State.QUESTIONABLE if status & _DOUBTFUL else State.MEASURED


DRIVER = Driver(
    name="glucose-meter",
    title="Blood glucose meter (Bluetooth Glucose service)",
    link=Gatt(
        service=SERVICE,
        notify=(MEASUREMENT, RACP),
        optional=(CONTEXT, *READ_ON_OPEN),
        writable=(RACP,),
        silence_s=120.0,
        pair=True,
        episodic=True,
    ),
    decoder=MeterDecoder,
    measures=(CAPILLARY_GLUCOSE,),
    also=(GLUCOSE, BATTERY),
    advice=(
        "Put the meter into pairing mode once, enter the number it shows, and set its clock. It "
        "must be used by this person alone. At first the hub fetches all that the meter holds."
    ),
)
