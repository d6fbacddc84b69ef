"""The queue between the links and the pipeline: bounded, and it knows what may be lost.

When the pipeline falls behind, the oldest waveform goes first, then the oldest observation.
Events stay: there are few of them and they tell what was lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from edge_agent.model import Event, Observation, Reading, Waveform

CAPACITY = 4096


class ReadingQueue:
    """Readings in order of arrival, at most ``capacity`` of them (plus events)."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.taken = 0
        self.longest = 0
        self.dropped: Counter[str] = Counter()
        self._readings: deque[Reading] = deque()
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._readings)

    def put(self, reading: Reading) -> None:
        """Add a reading; make room for it when the queue is full."""
        if len(self._readings) >= self.capacity:
            self._make_room()
        self._readings.append(reading)
        self.longest = max(self.longest, len(self._readings))
        self._filled.set()

    async def get(self) -> Reading:
        """Wait for the oldest reading and take it."""
        while not self._readings:
            self._filled.clear()
            await self._filled.wait()
        self.taken += 1
        return self._readings.popleft()

    def _make_room(self) -> None:
        for kind, name in ((Waveform, "waveforms"), (Observation, "observations"), (Event, "")):
            for index, reading in enumerate(self._readings):
                if isinstance(reading, kind):
                    if name:
                        del self._readings[index]
                        self.dropped[name] += 1
                    return
