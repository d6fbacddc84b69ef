"""A mock insulin pump: the Bluetooth Insulin Delivery service with a history (service 1.0.2).

Every value carries a counter and a CRC, as the service wants them. The pump has the command
characteristics of a real one: they do nothing but note, in ``touched``, that somebody used them.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Self

from edge_agent.errors import FrameError
from edge_drivers import insulin_delivery_codec as codec
from edge_drivers.gatt import BATTERY_LEVEL, BATTERY_SERVICE, uuid16
from edge_drivers.insulin_history_codec import (
    HistoryRecord,
    RecordsOpcode,
    RecordsReply,
    RecordsRequest,
    RecordsResult,
)
from edge_drivers.insulin_reader_codec import (
    ActiveBoluses,
    Answer,
    BasalRate,
    OnBoard,
    Question,
    Refusal,
    Refused,
    TotalDaily,
    answer_to_bytes,
    question_from_bytes,
)
from edge_drivers.sensor_time import CURRENT_TIME, CurrentTime
from edge_mocks.bluez import Characteristic, Peripheral, Service, att_error
from edge_mocks.insulin_pump_history import PumpHistory, clock
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks

COMMANDS = (uuid16(0x2B25), uuid16(0x2B26))

_PROCEDURE_RUNNING, _CCCD_NOT_SET, _CRC_WRONG = 0xFE, 0xFD, 0x81
_FEATURES = (
    codec.FeatureBit.E2E_PROTECTION
    | codec.FeatureBit.BASAL_RATE
    | codec.FeatureBit.FAST_BOLUS
    | codec.FeatureBit.INSULIN_ON_BOARD
)
_HISTORY_H = 12
_FULL_IU, _REFILL_BELOW_IU = 180.0, 5.0


class InsulinPump:
    """A pump that has run for twelve hours at ``basal_iu_h``, with a bolus every four.

    Each ``interval_s`` seconds it delivers its basal insulin and says that something has changed;
    as nobody resets the bits of that, they stay. An empty reservoir is filled again.

    ``record_gap_s`` is the time between two records of a report.

    Faults: each entry of ``refusals`` ends one coming report with that result.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        address: str = "C0:1D:00:00:00:03",
        interval_s: float = 60.0,
        basal_iu_h: float = 0.8,
        bonded: bool = False,
    ) -> None:
        self.reservoir_iu, self.basal_iu_h = _FULL_IU, basal_iu_h
        self.on_board_iu = self.bolus_today_iu = self.basal_today_iu = 0.0
        self.therapy, self.operation = codec.Therapy.RUN, codec.Operation.READY
        self.annunciation: codec.Annunciation | None = None
        self.history = PumpHistory()
        self.refusals: deque[RecordsResult] = deque()
        self.touched: list[str] = []
        self.record_gap_s = 0.0
        self.questions: list[int] = []
        self._interval_s = interval_s
        self._changes = codec.Change(0)
        self._counters: Counter[str] = Counter()
        self._tasks = Tasks()
        self._report: asyncio.Task[None] | None = None
        self._lay_out()
        commands = [_command(uuid, self.touched) for uuid in COMMANDS]
        self.peripheral = Peripheral(
            address=address,
            name="Mock Pump",
            services=(
                Service(uuid=codec.SERVICE, characteristics=(*self._served, *commands)),
                Service(uuid=uuid16(0x1805), characteristics=(self.current_time,)),
                Service(uuid=BATTERY_SERVICE, characteristics=(self.battery,)),
            ),
            rng=rng,
            advertises=(codec.SERVICE,),
            bonded=bonded,
            on_disconnect=self._hung_up,
        )
        self._remember()

    def _lay_out(self) -> None:
        self.features = _secured(codec.FEATURES, "read")
        self.features.value = codec.Features(
            concentration_iu_ml=100.0, flags=_FEATURES, counter=1
        ).to_bytes()
        self.status = _read(codec.STATUS, self._status)
        self.changed = _read(codec.STATUS_CHANGED, self._changed, "indicate")
        self.announced = _read(codec.ANNUNCIATION, self._announced, "indicate")
        self.reader = _secured(codec.READER, "write", "indicate")
        self.reader.on_write = self._questioned
        self.records = _secured(codec.RECORDS, "write", "indicate")
        self.records.on_write = self._requested
        self.told = _secured(codec.HISTORY, "notify")
        self.current_time = _read(CURRENT_TIME, self._now)
        self.battery = _secured(BATTERY_LEVEL, "read", "notify")
        self.battery.value = bytes([64])
        self._served = (
            self.features,
            self.status,
            self.changed,
            self.announced,
            self.reader,
            self.records,
            self.told,
        )

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._live())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    def deliver_bolus(self, insulin_iu: float) -> None:
        """Deliver a bolus at once, record it, and tell that something has changed."""
        self._bolus(insulin_iu, time.time())
        self._indicate(codec.Change.HISTORY | codec.Change.ACTIVE_BOLUS | codec.Change.RESERVOIR)

    def announce(self, kind: int, state: int = codec.AnnunciationState.PENDING) -> None:
        """Announce something about the pump."""
        instance = 1 if self.annunciation is None else self.annunciation.instance + 1
        self.annunciation = codec.Annunciation(instance=instance, type=kind, state=state)
        self.announced.notify(self._announced())

    def _remember(self) -> None:
        """Write the history of the hours before now."""
        now_s = time.time()
        for hour in range(_HISTORY_H, 0, -1):
            at_s = now_s - hour * 3600 + 60
            if hour % 4 == 0:
                self._bolus(4.0 + hour / 4, at_s)

    def _bolus(self, insulin_iu: float, at_s: float) -> None:
        self.reservoir_iu -= insulin_iu
        self.on_board_iu = round(self.on_board_iu + insulin_iu, 2)
        self.bolus_today_iu = round(self.bolus_today_iu + insulin_iu, 2)
        self.history.add_bolus(insulin_iu, at_s)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self._interval_s)
            delivered_iu = self.basal_iu_h * self._interval_s / 3600
            self.basal_today_iu += delivered_iu
            self.reservoir_iu -= delivered_iu
            if self.reservoir_iu < _REFILL_BELOW_IU:
                self.reservoir_iu = _FULL_IU
            self._indicate(codec.Change.RESERVOIR | codec.Change.TOTAL_DAILY)

    def _indicate(self, changes: codec.Change) -> None:
        self._changes |= changes
        self.changed.notify(self._changed())

    def _count(self, channel: str) -> int:
        """Return the next counter of a characteristic: 1 to 255, and 1 again."""
        self._counters[channel] = self._counters[channel] % 255 + 1
        return self._counters[channel]

    def _status(self) -> bytes:
        return codec.Status(
            therapy=self.therapy,
            operation=self.operation,
            reservoir_iu=self.reservoir_iu,
            is_reservoir_attached=True,
            counter=self._count(codec.STATUS),
        ).to_bytes()

    def _changed(self) -> bytes:
        counter = self._count(codec.STATUS_CHANGED)
        return codec.StatusChanged(changes=self._changes, counter=counter).to_bytes()

    def _announced(self) -> bytes:
        counter = self._count(codec.ANNUNCIATION)
        if self.annunciation is None:
            return codec.protected(b"\x00", counter)
        return self.annunciation.to_bytes(counter)

    def _now(self) -> bytes:
        now_s = time.time()
        weekday = dt.datetime.fromtimestamp(now_s, tz=dt.UTC).isoweekday()
        return CurrentTime(date_time=clock(now_s), weekday=weekday).to_bytes()

    def _questioned(self, data: bytes) -> None:
        if not self.reader.subscribed:
            raise att_error(_CCCD_NOT_SET)
        try:
            question = question_from_bytes(data, e2e=True)
        except FrameError as error:
            raise att_error(_CRC_WRONG) from error
        self.questions.append(question)
        answer = answer_to_bytes(self._answer(question), self._count(codec.READER))
        # It comes after the answer to the write, as it does on the air.
        asyncio.get_running_loop().call_soon(self.reader.notify, answer)

    def _answer(self, question: int) -> Answer:
        match question:
            case Question.INSULIN_ON_BOARD:
                return OnBoard(insulin_iu=self.on_board_iu, remaining_min=180)
            case Question.ACTIVE_BASAL_RATE:
                return BasalRate(template=1, profile_iu_h=self.basal_iu_h)
            case Question.TOTAL_DAILY_INSULIN:
                return TotalDaily(
                    bolus_iu=self.bolus_today_iu,
                    basal_iu=self.basal_today_iu,
                    total_iu=self.bolus_today_iu + self.basal_today_iu,
                )
            case Question.ACTIVE_BOLUS_IDS:
                return ActiveBoluses(())
        return Refused(question, Refusal.OPCODE_UNSUPPORTED)

    def _requested(self, data: bytes) -> None:
        if not (self.records.subscribed and self.told.subscribed):
            raise att_error(_CCCD_NOT_SET)
        if self._report is not None and not self._report.done():
            raise att_error(_PROCEDURE_RUNNING)
        asyncio.get_running_loop().call_soon(self._carry_out, RecordsRequest.from_bytes(data))

    def _carry_out(self, request: RecordsRequest) -> None:
        if self.refusals:
            self._reply(request, self.refusals.popleft())
        elif request.opcode != RecordsOpcode.REPORT:
            self._reply(request, RecordsResult.OPCODE_UNSUPPORTED)
        else:
            self._report = self._tasks.spawn(self._send(request, self.history.chosen(request)))

    async def _send(self, request: RecordsRequest, records: Sequence[HistoryRecord]) -> None:
        for record in records:
            self.told.notify(record.to_bytes(e2e=True))
            await asyncio.sleep(self.record_gap_s)
        self._reply(request, RecordsResult.SUCCESS if records else RecordsResult.NO_RECORDS)

    def _reply(self, request: RecordsRequest, result: RecordsResult) -> None:
        self.records.notify(RecordsReply(request.opcode, result).to_bytes())

    def _hung_up(self) -> None:
        self._counters.clear()
        if self._report is not None:
            self._report.cancel()


def _command(uuid: str, touched: list[str]) -> Characteristic:
    """Lay out a characteristic that a hub must never touch."""

    def touch(_: object) -> None:
        touched.append(uuid)

    def read() -> bytes:
        touched.append(uuid)
        return b""

    one = _secured(uuid, "read", "write", "indicate")
    one.on_read, one.on_write, one.on_subscribe = read, touch, touch
    return one


def _secured(uuid: str, *flags: str) -> Characteristic:
    return Characteristic(uuid=uuid, flags=flags, encrypted=True)


def _read(uuid: str, value: Callable[[], bytes], *flags: str) -> Characteristic:
    one = _secured(uuid, "read", *flags)
    one.on_read = value
    return one


def _pump(rng: random.Random) -> InsulinPump:
    return InsulinPump(rng, interval_s=1.0, bonded=True)


MOCK = BleMock(title="insulin pump with twelve hours of history", make=_pump)
