"""The queue between the links and the pipeline: bounded, and it tells what it had to drop.

When the pipeline falls behind, the oldest waveform goes first, then the oldest observation, and
the oldest event only when there is nothing else. The waveform after a dropped one is marked as
following a gap, and when the rush is over an event tells how much went.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter, deque

from edge_agent.model import Boottime, Code, Event, EventKind, Observation, Reading, Waveform

CAPACITY = 4096
_DROP_ORDER = ((Waveform, "waveforms"), (Observation, "observations"), (Event, "events"))


class ReadingQueue:
    """Readings in order of arrival, at most ``capacity`` of them."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.longest = 0
        self.dropped: Counter[str] = Counter()
        self._readings: deque[Reading] = deque()
        self._untold: Counter[str] = Counter()
        self._cut_off: set[tuple[str, Code]] = set()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._readings)

    def put(self, reading: Reading) -> None:
        """Add a reading; make room for it when the queue is full."""
        if len(self._readings) >= self.capacity:
            self._make_room()
        if isinstance(reading, Waveform) and _stream(reading) in self._cut_off:
            self._cut_off.discard(_stream(reading))
            reading = dataclasses.replace(reading, follows_gap=True)
        self._readings.append(reading)
        self.longest = max(self.longest, len(self._readings))
        self._filled.set()

    async def get(self) -> Reading:
        """Wait for the oldest reading and take it."""
        while not self._readings:
            self._filled.clear()
            await self._filled.wait()
        if self._untold and len(self._readings) <= self.capacity // 2:
            return self._tell()
        return self._readings.popleft()

    def _make_room(self) -> None:
        for kind, name in _DROP_ORDER:
            for index, reading in enumerate(self._readings):
                if isinstance(reading, kind):
                    del self._readings[index]
                    self.dropped[name] += 1
                    self._untold[name] += 1
                    if isinstance(reading, Waveform):
                        self._mark_gap(index, _stream(reading))
                    return

    def _mark_gap(self, index: int, stream: tuple[str, Code]) -> None:
        """Mark the stream's next waveform, whether it waits already or is still to come."""
        for later in range(index, len(self._readings)):
            reading = self._readings[later]
            if isinstance(reading, Waveform) and _stream(reading) == stream:
                self._readings[later] = dataclasses.replace(reading, follows_gap=True)
                return
        self._cut_off.add(stream)

    def _tell(self) -> Event:
        detail: dict[str, str | float] = dict(self._untold)
        self._untold.clear()
        first = self._readings[0]
        at: Boottime = first.start if isinstance(first, Waveform) else first.at
        return Event(kind=EventKind.DROPPED, at=at, sensor="", detail=detail)


def _stream(wave: Waveform) -> tuple[str, Code]:
    """Return what tells one wave of a sensor from its others."""
    return wave.sensor, wave.code
