"""A mock health sensor: an oximeter on the Bluetooth Generic Health Sensor service (service 1.0).

It measures SpO2 and pulse as a bundle, cuts each observation into segments that fit the link, keeps
what it measures, and reports it through the record access control point.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import struct
import time
from collections import deque
from collections.abc import Sequence
from typing import Self

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.errors import FrameError
from edge_drivers import ghs_codec as codec
from edge_drivers.elapsed_time import ELAPSED_TIME, ElapsedTime, TimeFlag
from edge_drivers.gatt import BATTERY_LEVEL, BATTERY_SERVICE, uuid16
from edge_drivers.ghs import CONTROL_SUCCESS, START_LIVE, STOP_LIVE
from edge_drivers.ghs_codec import Bundle, HealthObservation, Kind, Numeric
from edge_drivers.ghs_quantities import PER_MINUTE, PERCENT
from edge_drivers.ghs_segments import segmented
from edge_drivers.racp import (
    RACP,
    RacpOpcode,
    RacpOperator,
    RacpReply,
    RacpRequest,
    RacpResult,
)
from edge_mocks.bluez import Characteristic, Peripheral, Service, att_error
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks
from edge_mocks.traces import SimulatedOximetry

_CCCD_NOT_SET = 0xFD
_UNKNOWN_COMMAND = 0x81
_EPOCH_2000_S = 946_684_800
_TIME_FLAGS = TimeFlag.UTC | TimeFlag.CURRENT_TIMELINE
_ATT_HEADER = 3
_KEEPS_AT_MOST = 500


class HealthSensor:
    """A sensor that has measured ``stored`` times, a minute apart, before it is connected.

    While somebody listens and has asked for live observations it measures every ``interval_s``
    seconds; what it measures is kept too.

    Faults: each entry of ``refusals`` ends one coming report with that result, and the next
    ``lost_segments`` segments are not sent.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        address: str = "C0:68:00:00:00:04",
        interval_s: float = 0.5,
        stored: int = 5,
        bonded: bool = False,
    ) -> None:
        self.records: dict[int, bytes] = {}
        self.refusals: deque[RacpResult] = deque()
        self.lost_segments = 0
        self._oximetry = SimulatedOximetry(rng.randrange(1 << 16))
        self._interval_s = interval_s
        self._is_live = False
        self._number = itertools.count(1)
        self._counters = {codec.LIVE: 0, codec.STORED: 0}
        self._tasks = Tasks()
        self._lay_out()
        self.peripheral = Peripheral(
            address=address,
            name="Mock GHS",
            services=(
                Service(uuid=codec.SERVICE, characteristics=self._served),
                Service(uuid=uuid16(0x183F), characteristics=(self.elapsed_time,)),
                Service(uuid=BATTERY_SERVICE, characteristics=(self.battery,)),
            ),
            rng=rng,
            advertises=(codec.SERVICE,),
            bonded=bonded,
            on_disconnect=self._hung_up,
        )
        for minute in range(stored, 0, -1):
            self._keep(self._measure(time.time() - 60 * minute))

    def _lay_out(self) -> None:
        self.features = _secured(codec.FEATURES, "read")
        self.features.value = struct.pack("<BBII", 0, 2, SPO2.mdc, PULSE_RATE.mdc)
        self.live = _secured(codec.LIVE, "notify")
        self.stored = _secured(codec.STORED, "notify")
        self.racp = _secured(RACP, "write", "indicate")
        self.racp.on_write = self._requested
        self.control = _secured(codec.CONTROL, "write", "indicate")
        self.control.on_write = self._controlled
        self.elapsed_time = _secured(ELAPSED_TIME, "read")
        self.elapsed_time.on_read = lambda: _elapsed(time.time()).to_bytes()
        self.battery = _secured(BATTERY_LEVEL, "read", "notify")
        self.battery.value = bytes([91])
        self._served = (self.features, self.live, self.stored, self.racp, self.control)

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    def erase(self) -> None:
        """Forget all records and number the next ones from 1."""
        self.records.clear()
        self._number = itertools.count(1)

    def send(self, one: HealthObservation) -> None:
        """Send a live observation."""
        self._send(self.live, one.to_bytes())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            if self._is_live:
                one = self._measure(time.time())
                self._keep(one)
                self.send(one)

    def _measure(self, at_s: float) -> HealthObservation:
        members = (
            _numeric(SPO2.mdc, PERCENT, round(self._oximetry.spo2_percent(at_s), 1)),
            _numeric(PULSE_RATE.mdc, PER_MINUTE, round(self._oximetry.pulse_per_min(at_s))),
        )
        return HealthObservation(kind=Kind.BUNDLE, time=_elapsed(at_s), value=Bundle(members))

    def _keep(self, one: HealthObservation) -> None:
        self.records[next(self._number)] = one.to_bytes()
        if len(self.records) > _KEEPS_AT_MOST:
            del self.records[next(iter(self.records))]

    def _send(self, channel: Characteristic, message: bytes) -> None:
        counter = self._counters[channel.uuid]
        for segment in segmented(message, channel.mtu - _ATT_HEADER, counter):
            counter += 1
            if self.lost_segments > 0:
                self.lost_segments -= 1
            else:
                channel.notify(segment)
        self._counters[channel.uuid] = counter % 64

    def _controlled(self, data: bytes) -> None:
        if not self.control.subscribed:
            raise att_error(_CCCD_NOT_SET)
        if data in {START_LIVE, STOP_LIVE}:
            self._is_live = data == START_LIVE
        known = data in {START_LIVE, STOP_LIVE}
        reply = bytes([CONTROL_SUCCESS if known else _UNKNOWN_COMMAND])
        asyncio.get_running_loop().call_soon(self.control.notify, reply)

    def _requested(self, data: bytes) -> None:
        if not (self.racp.subscribed and self.stored.subscribed):
            raise att_error(_CCCD_NOT_SET)
        # What follows comes after the answer to the write, as it does on the air.
        asyncio.get_running_loop().call_soon(self._carry_out, data)

    def _carry_out(self, data: bytes) -> None:
        try:
            request = RacpRequest.from_bytes(data, wide=True)
        except FrameError:
            self._reply(RacpOpcode.REPORT, RacpResult.OPERAND_INVALID)
            return
        if self.refusals:
            self._reply(request.opcode, self.refusals.popleft())
        elif request.opcode != RacpOpcode.REPORT:
            self._reply(request.opcode, RacpResult.OPCODE_UNSUPPORTED)
        else:
            self._report(self._chosen(request))

    def _chosen(self, request: RacpRequest) -> Sequence[int]:
        match request:
            case RacpRequest(operator=RacpOperator.ALL):
                return list(self.records)
            case RacpRequest(operator=RacpOperator.FROM, bounds=(first,)):
                return [number for number in self.records if number >= first]
        return []

    def _report(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._send(self.stored, struct.pack("<I", number) + self.records[number])
        self._reply(RacpOpcode.REPORT, RacpResult.SUCCESS if numbers else RacpResult.NO_RECORDS)

    def _reply(self, opcode: int, result: RacpResult) -> None:
        self.racp.notify(RacpReply(opcode, result).to_bytes())

    def _hung_up(self) -> None:
        self._is_live = False


def _numeric(kind: int, unit: int, value: float) -> HealthObservation:
    return HealthObservation(kind=Kind.NUMERIC, type=kind, value=Numeric(unit, value))


def _elapsed(at_s: float) -> ElapsedTime:
    return ElapsedTime(flags=_TIME_FLAGS, count=round(at_s) - _EPOCH_2000_S, source=6)


def _secured(uuid: str, *flags: str) -> Characteristic:
    return Characteristic(uuid=uuid, flags=flags, encrypted=True)


def _sensor(rng: random.Random) -> HealthSensor:
    return HealthSensor(rng, bonded=True)


MOCK = BleMock(title="oximeter as a generic health sensor", make=_sensor)
