"""A mock Movesense sensor: what is subscribed by path comes by reference, until it is let go."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import Self

import numpy as np

from edge_agent.errors import FrameError
from edge_drivers import movesense
from edge_drivers.movesense_codec import (
    BLOCK_SAMPLES,
    MICROVOLT_PER_COUNT,
    WRAP_MS,
    Command,
    EcgBlock,
    HeartRate,
    Kind,
    Operation,
    Reference,
    Result,
)
from edge_mocks.bluez import Characteristic, Peripheral, Service
from edge_mocks.ecg import EcgSource, SyntheticEcg
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks

_OK, _BAD_REQUEST, _NOT_FOUND = 200, 400, 404
_ATT_HEADER = 3
_NAMES = b"\x01000000000004\0Mock chest sensor\0"


class MovesenseSensor:
    """A sensor on a chest whose ECG comes from ``source``.

    ``paths`` are the resources its firmware has; ``awake_ms`` is what its clock shows at the start.
    A block that does not fit the MTU is sent in halves. While ``attached`` is false the electrodes
    are open: a flat ECG and no beats.

    Faults: while ``is_stuck`` the link stands and no values come; ``answer_delay_s`` makes it slow
    to answer; ``refusals`` are the statuses of the coming answers.
    """

    def __init__(
        self,
        source: EcgSource,
        rng: random.Random,
        *,
        paths: tuple[str, ...] = ("/Meas/ECG/125", movesense.HEART_RATE_PATH),
        awake_ms: int = 4_000,
        address: str = "C0:4D:00:00:00:04",
        mtu: int = 158,
    ) -> None:
        self.source, self.paths, self.awake_ms = source, paths, awake_ms
        self.attached, self.is_stuck, self.answer_delay_s = True, False, 0.0
        self.refusals: deque[int] = deque()
        self.subscribed: dict[int, str] = {}
        self._samples = self._beats_told = 0
        self._tasks = Tasks()
        self.command = Characteristic(
            uuid=movesense.COMMAND, flags=("write",), on_write=self._command
        )
        self.data = Characteristic(uuid=movesense.DATA, flags=("notify",))
        self.peripheral = Peripheral(
            address=address,
            name="Movesense 000000000004",
            services=(Service(uuid=movesense.SERVICE, characteristics=(self.command, self.data)),),
            rng=rng,
            advertises=(movesense.SERVICE,),
            mtu=mtu,
            on_disconnect=self.subscribed.clear,
        )

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._measure())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    def wake_up(self) -> None:
        """Begin the clock anew, as after a sleep."""
        self._samples, self.awake_ms = 0, 0

    async def _measure(self) -> None:
        loop = asyncio.get_running_loop()
        due, period_s = loop.time(), BLOCK_SAMPLES / self.source.rate_hz
        while True:
            due += period_s
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._tell_ecg()
            self._tell_beats()

    def _tell_ecg(self) -> None:
        time_ms = self.awake_ms + round(self._samples * 1000 / self.source.rate_hz)
        microvolts = self.source.read(BLOCK_SAMPLES)
        self._samples += len(microvolts)
        if not self.attached:
            microvolts = np.zeros_like(microvolts)
        for reference, path in self.subscribed.items():
            if path.startswith("/Meas/ECG"):
                microvolt = reference == Reference.ECG_MICROVOLT
                counts = microvolts / (1.0 if microvolt else MICROVOLT_PER_COUNT)
                samples = np.round(counts).astype(np.int32)
                block = EcgBlock(time_ms=time_ms % WRAP_MS, samples=samples, microvolt=microvolt)
                self._tell(block.to_bytes())

    def _tell_beats(self) -> None:
        """Send one heart rate for each beat, as the sensor does."""
        beats = self.source.beat_times
        for interval_s in np.diff(beats[max(0, self._beats_told - 1) :]).tolist():
            if self.attached and movesense.HEART_RATE_PATH in self.subscribed.values():
                one = HeartRate(average_per_min=60 / interval_s, rr_ms=round(interval_s * 1000))
                self._tell(one.to_bytes())
        self._beats_told = len(beats)

    def _tell(self, octets: bytes) -> None:
        """Send values, in halves where they don't fit."""
        if self.is_stuck:
            return
        fits = self.peripheral.mtu - _ATT_HEADER
        self.data.notify(octets[:fits])
        if octets[fits:]:
            self.data.notify(bytes([Kind.MORE_VALUES, octets[1]]) + octets[fits:])

    def _command(self, data: bytes) -> None:
        reference = data[1] if len(data) > 1 else 0
        status = self.refusals.popleft() if self.refusals else self._carry_out(data)
        answer = Result(reference, status).to_bytes()
        if status == _OK and data[0] == Operation.HELLO:
            answer = bytes([Kind.VALUES, reference]) + _NAMES
        asyncio.get_running_loop().call_later(self.answer_delay_s, self.data.notify, answer)

    def _carry_out(self, data: bytes) -> int:
        try:
            command = Command.from_bytes(data)
        except FrameError:
            return _BAD_REQUEST
        match command.operation:
            case Operation.HELLO:
                return _OK
            case Operation.SUBSCRIBE if command.path in self.paths:
                self.subscribed[command.reference] = command.path
                return _OK
            case Operation.UNSUBSCRIBE if command.reference in self.subscribed:
                del self.subscribed[command.reference]
                return _OK
        return _NOT_FOUND


def _sensor(rng: random.Random) -> MovesenseSensor:
    source = SyntheticEcg(rng, rate_hz=125.0, heart_rate_per_min=72.0)
    return MovesenseSensor(source, rng)


MOCK = BleMock(title="Movesense on a chest", make=_sensor)
