"""A mock blood glucose meter: numbered records that are sent when somebody asks for them.

It knows what every meter must know, reports of all records and of those from a number on. A person
takes a sample now and then, and after each connection.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import struct
from collections import deque
from collections.abc import Sequence
from typing import Final

from edge_agent.errors import FrameError
from edge_drivers import glucose_meter
from edge_drivers.glucose_meter_codec import Context, Glucose, Measurement, Status
from edge_drivers.racp import (
    RACP,
    RacpOpcode,
    RacpOperator,
    RacpReply,
    RacpRequest,
    RacpResult,
)
from edge_mocks.bluez import att_error
from edge_mocks.episodic import Build, Habits, StoringSensor
from edge_mocks.shelf import BleMock

METER: Final = Build(
    service=glucose_meter.SERVICE, address="C0:60:00:00:00:13", name="Mock meter", encrypted=True
)
FASTING: Final = 3

_PROCEDURE_RUNNING, _CCCD_NOT_SET = 0xFE, 0xFD
_RECORD_GAP_S = 0.005
_FIRST_SEQUENCE = 41


class GlucoseMeter(StoringSensor):
    """A meter with a memory of ``records``, each with the context that a person noted, if any.

    Faults: each entry of ``refusals`` ends one coming report with that result; ``operators`` are
    those that the memory knows; ``sample`` is what is sampled; ``status`` goes into every further
    record. What was asked stands in ``requests``.
    """

    def __init__(self, rng: random.Random, habits: Habits) -> None:
        self.records: list[tuple[Measurement, Context | None]] = []
        self.sample, self.status = Glucose(concentration=0.0), Status.NONE
        self.refusals: deque[RacpResult] = deque()
        self.operators = {RacpOperator.ALL, RacpOperator.FROM}
        self.requests: list[RacpRequest] = []
        self._next_sequence = _FIRST_SEQUENCE
        self._report: asyncio.Task[None] | None = None
        self.measurement = METER.characteristic(glucose_meter.MEASUREMENT, "notify")
        self.context = METER.characteristic(glucose_meter.CONTEXT, "notify")
        self.racp = METER.characteristic(RACP, "write", "indicate")
        self.racp.on_write = self._request
        self.racp.on_subscribe = self._listened_to
        super().__init__(METER, rng, habits, (self.measurement, self.context, self.racp))

    def measure(self, age_s: float = 0.0) -> None:
        """Take a sample, with a note that the person had not eaten yet."""
        glucose = dataclasses.replace(
            self.sample, concentration=round(self.rng.gauss(115, 12)) / 100_000
        )
        one = Measurement(
            sequence=self._next_sequence,
            base=self.clock.shows(age_s),
            glucose=glucose,
            status=self.status,
            context_follows=True,
        )
        self.records.append((one, Context(sequence=one.sequence, meal=FASTING)))
        self._next_sequence += 1

    def restart_numbering(self) -> None:
        """Forget every record and count from 1 again, as after a change of batteries."""
        self.records.clear()
        self._next_sequence = 1

    def _request(self, data: bytes) -> None:
        if not (self.racp.subscribed and self.measurement.subscribed):
            raise att_error(_CCCD_NOT_SET)
        aborting = data[:1] == bytes([RacpOpcode.ABORT])
        if self._report is not None and not self._report.done() and not aborting:
            raise att_error(_PROCEDURE_RUNNING)
        # What follows comes after the answer to the write, as it does on the air.
        asyncio.get_running_loop().call_soon(self._carry_out, data)

    def _carry_out(self, data: bytes) -> None:
        try:
            request = RacpRequest.from_bytes(data)
        except FrameError:
            self._reply(int.from_bytes(data[:1]), RacpResult.OPERAND_INVALID)
            return
        self.requests.append(request)
        refusal = self._refusal(request)
        if refusal is not None:
            self._reply(request.opcode, refusal)
        elif request.opcode == RacpOpcode.ABORT:
            self._abort()
        elif request.opcode == RacpOpcode.COUNT:
            count = len(self._chosen(request))
            self.racp.notify(struct.pack("<BBH", RacpOpcode.COUNT_REPLY, 0, count))
        else:
            self._report = self._tasks.spawn(self._send(self._chosen(request)))

    def _refusal(self, request: RacpRequest) -> RacpResult | None:
        """Return why the meter won't do what is asked, or ``None``."""
        if request.opcode == RacpOpcode.ABORT:
            return None
        if request.opcode not in {RacpOpcode.REPORT, RacpOpcode.COUNT}:
            return RacpResult.OPCODE_UNSUPPORTED
        if request.operator not in self.operators:
            return RacpResult.OPERATOR_UNSUPPORTED
        if len(request.bounds) != (request.operator == RacpOperator.FROM):
            return RacpResult.OPERAND_INVALID
        return self.refusals.popleft() if self.refusals else None

    def _chosen(self, request: RacpRequest) -> list[tuple[Measurement, Context | None]]:
        first = request.bounds[0] if request.bounds else 0
        return [record for record in self.records if record[0].sequence >= first]

    async def _send(self, records: Sequence[tuple[Measurement, Context | None]]) -> None:
        for one, context in records:
            self.measurement.notify(one.to_bytes())
            if context is not None:
                self.context.notify(context.to_bytes())
            await asyncio.sleep(_RECORD_GAP_S)
        self._reply(RacpOpcode.REPORT, RacpResult.SUCCESS if records else RacpResult.NO_RECORDS)

    def _abort(self) -> None:
        if self._report is None or self._report.done():
            self._reply(RacpOpcode.ABORT, RacpResult.ABORT_FAILED)
            return
        self._report.cancel()
        self._reply(RacpOpcode.ABORT, RacpResult.SUCCESS)

    def _reply(self, opcode: int, result: RacpResult) -> None:
        self.racp.notify(RacpReply(opcode, result).to_bytes())


def _sensor(rng: random.Random) -> GlucoseMeter:
    meter = GlucoseMeter(rng, Habits(bonded=True))
    for age_s in (86_400.0, 3600.0, 30.0):
        meter.measure(age_s)
    meter.peripheral.on_disconnect = meter.measure
    return meter


MOCK = BleMock(title="blood glucose meter with two old records and a new one", make=_sensor)
