"""A mock pulse oximeter: Nonin data format 2 on a serial line, three packets a second."""

from __future__ import annotations

import asyncio
import math
import random
from typing import Final, Protocol, Self

from edge_drivers.nonin import FRAMES, PLETH_RATE_HZ, FrameStatus, Packet
from edge_mocks.serial_line import SerialLine
from edge_mocks.shelf import SerialMock
from edge_mocks.tasks import Tasks
from edge_mocks.traces import SimulatedOximetry

PACKET_S: Final = FRAMES / PLETH_RATE_HZ
_BASELINE, _SWING, _DICROTIC = 90.0, 90.0, 0.25


class OximetryTrace(Protocol):
    """The truth that an oximeter measures, by seconds since the mock started."""

    def spo2_percent(self, time_s: float) -> float:
        """Return the saturation in percent."""

    def pulse_per_min(self, time_s: float) -> float:
        """Return the pulse rate per minute."""


class NoninOximeter:
    """An oximeter on ``line`` that measures ``trace``.

    Faults of the person: ``attached`` false is a finger pulled out, ``tracking`` false a pulse
    that is not found; neither gives numbers. ``moving`` marks an artifact, ``weak`` low perfusion.
    """

    def __init__(self, line: SerialLine, trace: OximetryTrace) -> None:
        self.line, self.trace = line, trace
        self.attached = self.tracking = True
        self.moving = self.weak = False
        self._packets, self._phase = 0, 0.0
        self._tasks = Tasks()

    @property
    def time_s(self) -> float:
        """Seconds of measuring so far."""
        return self._packets * PACKET_S

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(max(0.0, began + self.time_s + PACKET_S - loop.time()))
            self.line.write(self._packet().to_bytes())
            self._packets += 1

    def _packet(self) -> Packet:
        measuring = self.attached and self.tracking
        pulse_per_min = self.trace.pulse_per_min(self.time_s)
        return Packet(
            spo2_percent=round(self.trace.spo2_percent(self.time_s)) if measuring else None,
            pulse_per_min=round(pulse_per_min) if measuring else None,
            pleth=self._pleth(pulse_per_min),
            status=self._status(),
        )

    def _status(self) -> FrameStatus:
        status = FrameStatus.RED_PERFUSION if self.weak else FrameStatus.GREEN_PERFUSION
        if not self.attached:
            status |= FrameStatus.DISCONNECTED
        if not (self.attached and self.tracking):
            status |= FrameStatus.OUT_OF_TRACK
        if self.moving:
            status |= FrameStatus.ARTIFACT
        return status

    def _pleth(self, pulse_per_min: float) -> tuple[int, ...]:
        """Return one packet of pulse wave: a fast rise, a slow fall, a dicrotic notch."""
        samples = []
        for _ in range(FRAMES):
            self._phase = (self._phase + pulse_per_min / 60 / PLETH_RATE_HZ) % 1.0
            wave = math.exp(-(((self._phase - 0.2) / 0.1) ** 2))
            wave += _DICROTIC * math.exp(-(((self._phase - 0.5) / 0.12) ** 2))
            swing = (_SWING / 4 if self.weak else _SWING) if self.attached else 0.0
            samples.append(round(_BASELINE + swing * wave))
        return tuple(samples)


def _oximeter(line: SerialLine, rng: random.Random) -> NoninOximeter:
    return NoninOximeter(line, SimulatedOximetry(rng.randrange(1 << 16)))


MOCK = SerialMock(title="Nonin oximeter, data format 2", make=_oximeter)
