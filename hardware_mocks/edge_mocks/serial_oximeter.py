"""What mock oximeters on a serial line share: a person's truth, faults of the finger, a pace."""

from __future__ import annotations

import asyncio
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Protocol, Self

from edge_mocks.serial_line import SerialLine
from edge_mocks.shelf import SerialMock
from edge_mocks.tasks import Tasks
from edge_mocks.traces import SimulatedOximetry

_DICROTIC = 0.25


class OximetryTrace(Protocol):
    """The truth that an oximeter measures, by seconds since the mock started."""

    def spo2_percent(self, time_s: float) -> float:
        """Return the saturation in percent."""

    def pulse_per_min(self, time_s: float) -> float:
        """Return the pulse rate per minute."""


class SerialOximeter(ABC):
    """An oximeter on ``line`` that measures ``trace`` and writes every ``period_s`` seconds.

    Faults of the person: ``attached`` false is a finger pulled out, ``tracking`` false a pulse
    that is not found; neither gives numbers. ``moving`` marks an artifact, ``weak`` low perfusion.
    """

    period_s: ClassVar[float] = 0.25
    """Real ones speak every second or two; this one four times a second, so that nobody waits."""

    def __init__(self, line: SerialLine, trace: OximetryTrace) -> None:
        self.line, self.trace = line, trace
        self.attached = self.tracking = True
        self.moving = self.weak = False
        self._periods, self._phase = 0, 0.0
        self._tasks = Tasks()

    @property
    def time_s(self) -> float:
        """Seconds of measuring so far."""
        return self._periods * self.period_s

    @property
    def spo2_percent(self) -> int | None:
        """What the oximeter makes of the saturation now."""
        return round(self.trace.spo2_percent(self.time_s)) if self._measures else None

    @property
    def pulse_per_min(self) -> int | None:
        """What the oximeter makes of the pulse now."""
        return round(self.trace.pulse_per_min(self.time_s)) if self._measures else None

    @property
    def _measures(self) -> bool:
        return self.attached and self.tracking

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(max(0.0, began + self.time_s + self.period_s - loop.time()))
            self.line.write(self._said())
            self._periods += 1

    @abstractmethod
    def _said(self) -> bytes:
        """Return the octets of this period."""

    def _wave(self, count: int, rate_hz: float) -> list[float]:
        """Return the next samples, 0 to about 1: a fast rise, a slow fall, a dicrotic notch."""
        pulse_per_min = self.trace.pulse_per_min(self.time_s)
        samples = []
        for _ in range(count):
            self._phase = (self._phase + pulse_per_min / 60 / rate_hz) % 1.0
            wave = math.exp(-(((self._phase - 0.2) / 0.1) ** 2))
            wave += _DICROTIC * math.exp(-(((self._phase - 0.5) / 0.12) ** 2))
            samples.append((wave / 4 if self.weak else wave) if self.attached else 0.0)
        return samples


def oximeter_mock(
    title: str, kind: Callable[[SerialLine, OximetryTrace], SerialOximeter]
) -> SerialMock:
    """Return the shelf's entry for a mock of ``kind`` with a simulated person's finger in it."""

    def make(line: SerialLine, rng: random.Random) -> SerialOximeter:
        return kind(line, SimulatedOximetry(rng.randrange(1 << 16)))

    return SerialMock(title=title, make=make)
