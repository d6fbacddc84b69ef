"""A link under test: its feed, what it emitted, and a way to wait for something to happen."""

import asyncio
import contextlib
import random
import time

import pytest

from edge_agent.clock import SystemClock
from edge_agent.link.feed import Feed
from edge_agent.model import Event, EventKind, Observation, Waveform

HANG_S = 20.0


class Rig:
    """Runs links in the background and collects what they emit."""

    def __init__(self):
        self.clock = SystemClock()
        self.rng = random.Random(1)
        self.emitted = []

    def feed(self, sensor, driver):
        return Feed(sensor, driver, self.clock, self.emitted.append)

    @contextlib.asynccontextmanager
    async def running(self, link):
        task = asyncio.create_task(link.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, happened, what):
        deadline = time.monotonic() + HANG_S
        while not happened():
            assert time.monotonic() < deadline, f"never happened: {what}"
            await asyncio.sleep(0.01)

    def values(self, code, sensor=None):
        return [
            one.value
            for one in self.emitted
            if isinstance(one, Observation)
            and one.code == code
            and sensor in {None, one.sensor}
            and one.value is not None
        ]

    def waveforms(self, code=None):
        return [
            one for one in self.emitted if isinstance(one, Waveform) and code in {None, one.code}
        ]

    def events(self, kind: EventKind):
        return [one for one in self.emitted if isinstance(one, Event) and one.kind is kind]


@pytest.fixture
def rig():
    return Rig()
