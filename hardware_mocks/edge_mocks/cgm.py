"""A mock glucose sensor: the Bluetooth CGM service with a memory (CGM Service 1.0.2).

Every characteristic but the record access control point (RACP) carries a CRC. Measurements go out
as they are made; what a hub has missed it fetches through the RACP. The specific ops control
point answers questions and refuses to change anything.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import random
import struct
import time
from collections import deque
from collections.abc import Sequence
from typing import Final, Self

from edge_agent.errors import FrameError
from edge_drivers import cgm_codec as codec
from edge_drivers.cgm_codec import FeatureBit, Measurement
from edge_drivers.gatt import BATTERY_LEVEL, BATTERY_SERVICE
from edge_drivers.ieee11073 import DateTime
from edge_drivers.racp import (
    RACP,
    RacpOpcode,
    RacpOperator,
    RacpReply,
    RacpRequest,
    RacpResult,
)
from edge_mocks.bluez import Characteristic, Peripheral, Service, att_error
from edge_mocks.cgm_control import ControlPoint
from edge_mocks.cgm_memory import Refused, chosen_records, packed
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks
from edge_mocks.traces import GlucoseTrace, SimulatedGlucose

_PROCEDURE_RUNNING, _CCCD_NOT_SET = 0xFE, 0xFD
_ATT_HEADER = 3
_FEATURES = (
    FeatureBit.PATIENT_LEVELS
    | FeatureBit.HYPO_LEVEL
    | FeatureBit.E2E_CRC
    | FeatureBit.TREND
    | FeatureBit.QUALITY
)
_TREND_OVER_MIN = 5
_SUBCUTANEOUS: Final = 0x59


class CgmSensor:
    """A sensor worn since ``worn_min`` minutes, whose truth is ``trace`` (minute of session).

    A measurement is made every ``interval_s`` seconds, the first ``first_after_s`` seconds after
    the mock has started. Minutes advance by the interval, rounded to whole minutes and at least
    one: a test with a shorter ``interval_s`` makes the session's clock run fast. Outside
    ``low_mgdl`` to ``high_mgdl`` the sensor says LO or HI. ``record_gap_s`` is the time between
    two records of a report from memory; without one, a notification carries as many as fit.

    Faults: each entry of ``refusals`` ends one coming report with that result, ``operators`` are
    those that the memory knows, and while ``is_hung`` a report is never told to have ended.
    ``status_bits`` and ``calibration_bits`` go into every further measurement.
    """

    def __init__(
        self,
        trace: GlucoseTrace,
        rng: random.Random,
        *,
        address: str = "C0:C6:00:00:00:02",
        interval_s: float = 60.0,
        first_after_s: float = 60.0,
        worn_min: int = 240,
        bonded: bool = False,
    ) -> None:
        self.trace, self.low_mgdl, self.high_mgdl = trace, 40.0, 400.0
        self.record_gap_s = 0.0
        self.status_bits = codec.SensorStatus(0)
        self.calibration_bits = codec.CalibrationBit(0)
        self.refusals: deque[RacpResult] = deque()
        self.operators = set(RacpOperator)
        self.is_hung = False
        self.records: dict[int, Measurement] = {}
        self._interval_s, self._first_after_s = interval_s, first_after_s
        self._step_min = max(1, round(interval_s / 60))
        self._newest_min = worn_min // self._step_min * self._step_min
        self._start_utc_s = self._begin()
        self._tasks = Tasks()
        self._report: asyncio.Task[None] | None = None
        feature = codec.Feature(flags=_FEATURES, type_location=_SUBCUTANEOUS).to_bytes()
        self.measurement = _secured(codec.MEASUREMENT, "notify")
        self.racp = _secured(RACP, "write", "indicate")
        self.racp.on_write = self._request
        self.feature = _secured(codec.FEATURE, "read")
        self.feature.value = feature
        self.status = _secured(codec.STATUS, "read")
        self.status.on_read = self._status
        self.session_start = _secured(codec.SESSION_START, "read")
        self.session_start.value = self._session_start()
        self.run_time = _secured(codec.RUN_TIME, "read")
        self.run_time.value = codec.RunTime(hours=14 * 24).to_bytes()
        self.control = ControlPoint(self._step_min)
        self.battery = _secured(BATTERY_LEVEL, "read", "notify")
        self.battery.value = bytes([87])
        characteristics = (
            self.measurement,
            self.feature,
            self.status,
            self.session_start,
            self.run_time,
            self.racp,
            self.control.characteristic,
        )
        self.peripheral = Peripheral(
            address=address,
            name="Mock CGM",
            services=(
                Service(uuid=codec.SERVICE, characteristics=characteristics),
                Service(uuid=BATTERY_SERVICE, characteristics=(self.battery,)),
            ),
            rng=rng,
            advertises=(codec.SERVICE,),
            bonded=bonded,
            on_disconnect=self._hung_up,
        )
        for minute in range(0, self._newest_min + 1, self._step_min):
            self._measure(minute)

    def glucose_mgdl(self) -> float | None:
        """Return the true glucose of the newest measurement."""
        return self.trace(self._newest_min)

    def restart_session(self) -> None:
        """End the session and begin another at minute 0, with an empty memory."""
        self.records.clear()
        self._newest_min = -self._step_min
        self._start_utc_s = round(time.time())
        self.session_start.value = self._session_start()

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    def _begin(self) -> int:
        """Place the start of the session so that the first live record comes when it is due."""
        first_live_min = self._newest_min + self._step_min
        return round(time.time() + self._first_after_s - 60 * first_live_min)

    def _session_start(self) -> bytes:
        start = dt.datetime.fromtimestamp(self._start_utc_s, tz=dt.UTC)
        clock = DateTime(*start.timetuple()[:6])
        return codec.SessionStart(start=clock, zone_quarter_hours=0, dst=0).to_bytes()

    def _status(self) -> bytes:
        newest = self.records.get(self._newest_min)
        return codec.SessionStatus(
            offset_min=max(0, self._newest_min),
            status=newest.status if newest else 0,
            calibration=newest.calibration if newest else 0,
            warning=newest.warning if newest else 0,
        ).to_bytes()

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._first_after_s
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due += self._interval_s
            self._newest_min += self._step_min
            self._measure(self._newest_min)
            if self._newest_min in self.records:
                self.measurement.notify(self.records[self._newest_min].to_bytes())

    def _measure(self, minute: int) -> None:
        """Make and keep the record of ``minute``; a gap in the trace leaves none."""
        true_mgdl = self.trace(minute)
        if true_mgdl is None:
            return
        before_mgdl = self.trace(minute - _TREND_OVER_MIN)
        trend = None
        if before_mgdl is not None:
            trend = round((true_mgdl - before_mgdl) / _TREND_OVER_MIN, 1)
        mgdl, status, warning = float(round(true_mgdl)), 0, 0
        if true_mgdl < self.low_mgdl:
            mgdl, warning = -math.inf, codec.WarningBit.BELOW_DEVICE_RANGE
        elif true_mgdl > self.high_mgdl:
            mgdl, warning = math.inf, codec.WarningBit.ABOVE_DEVICE_RANGE
        if warning:
            status = codec.SensorStatus.MALFUNCTION  # as real sensors set it together with LO, HI
        self.records[minute] = Measurement(
            glucose_mgdl=mgdl,
            offset_min=minute,
            status=status | self.status_bits,
            calibration=self.calibration_bits,
            warning=warning,
            trend=trend,
            quality_percent=95.0,
        )

    def _request(self, data: bytes) -> None:
        if not (self.racp.subscribed and self.measurement.subscribed):
            raise att_error(_CCCD_NOT_SET)
        aborting = data[:1] == bytes([RacpOpcode.ABORT])
        if self._report is not None and not self._report.done() and not aborting:
            raise att_error(_PROCEDURE_RUNNING)
        # What follows comes after the answer to the write, as it does on the air.
        asyncio.get_running_loop().call_soon(self._carry_out, data)

    def _carry_out(self, data: bytes) -> None:
        opcode = int.from_bytes(data[:1])
        try:
            request = RacpRequest.from_bytes(data)
            if opcode == RacpOpcode.ABORT:
                self._abort()
                return
            chosen = chosen_records(self.records, request, self.operators)
        except FrameError:
            self._reply(opcode, RacpResult.OPERAND_INVALID)
        except Refused as refused:
            self._reply(opcode, refused.result)
        else:
            if self.refusals:
                self._reply(opcode, self.refusals.popleft())
            elif opcode == RacpOpcode.COUNT:
                self.racp.notify(struct.pack("<BBH", RacpOpcode.COUNT_REPLY, 0, len(chosen)))
            else:
                self._report = self._tasks.spawn(self._send(chosen))

    async def _send(self, records: Sequence[Measurement]) -> None:
        room = 0 if self.record_gap_s else self.measurement.mtu - _ATT_HEADER
        for notification in packed(records, room):
            self.measurement.notify(notification)
            await asyncio.sleep(self.record_gap_s)
        if self.is_hung:
            await asyncio.Event().wait()
        self._reply(RacpOpcode.REPORT, RacpResult.SUCCESS if records else RacpResult.NO_RECORDS)

    def _hung_up(self) -> None:
        """End a report whose listener has gone."""
        if self._report is not None:
            self._report.cancel()

    def _abort(self) -> None:
        if self._report is None or self._report.done():
            self._reply(RacpOpcode.ABORT, RacpResult.ABORT_FAILED)
            return
        self._report.cancel()
        self._reply(RacpOpcode.ABORT, RacpResult.SUCCESS)

    def _reply(self, opcode: int, result: RacpResult) -> None:
        self.racp.notify(RacpReply(opcode, result).to_bytes())


def _secured(uuid: str, *flags: str) -> Characteristic:
    return Characteristic(uuid=uuid, flags=flags, encrypted=True)


def _sensor(rng: random.Random) -> CgmSensor:
    trace = SimulatedGlucose(rng.randrange(1 << 16))
    return CgmSensor(trace, rng, first_after_s=1.0, bonded=True)


MOCK = BleMock(title="glucose sensor worn for four hours", make=_sensor)
