"""A hub that reads room sensors: configuration, wiring and links of the product."""

import asyncio
import contextlib
import random
import time

from edge_agent.clock import SystemClock
from edge_agent.config import SensorSettings
from edge_agent.model import Event, Observation, State
from edge_agent.wiring import Links, match
from edge_mocks.modbus import read_profile, room_values
from edge_mocks.traces import RoomAir

SEED = 4711
HANG_S = 30.0
AIR = RoomAir(temperature_c=21.5, humidity_percent=48.2, co2_ppm=812.0)
OTHER_AIR = RoomAir(temperature_c=17.0, humidity_percent=61.5, co2_ppm=1433.0)


class Hub:
    """The sensors of a configuration, read by the product's links."""

    def __init__(self, settings):
        self.sensors, problems = match(settings)
        assert problems == []
        self.emitted = []
        self.links = Links(self.sensors, self.emitted.append, SystemClock(), random.Random(SEED))

    def status(self, sensor="room"):
        return self.links.feeds[sensor].status

    def told(self, sensor="room"):
        """Return everything that a sensor is said to have measured, by quantity."""
        table = {}
        for one in self.emitted:
            if isinstance(one, Observation) and one.sensor == sensor:
                table.setdefault(one.code, set()).add((one.value, one.state))
        return table

    def polls(self, sensor="room"):
        return self.status(sensor).frames

    def events(self, kind):
        return [one for one in self.emitted if isinstance(one, Event) and one.kind is kind]

    async def until(self, happened, what):
        deadline = time.monotonic() + HANG_S
        while not happened():
            status = {name: feed.status for name, feed in self.links.feeds.items()}
            assert time.monotonic() < deadline, f"never happened: {what}; {status}"
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def hub(*settings):
    running = Hub(list(settings))
    tasks = [asyncio.create_task(run()) for run in running.links.tasks.values()]
    try:
        yield running
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def at_port(line, profile, **keys):
    keys = {"name": "room", "unit": 1, **keys}
    return SensorSettings(driver="modbus-room", profile=profile, port=str(line.path), **keys)


def at_host(port, profile, **keys):
    keys = {"name": "room", "unit": 1, "tcp_port": port, **keys}
    return SensorSettings(driver="modbus-room", profile=profile, host="127.0.0.1", **keys)


def truth_of(profile, air=AIR):
    """Return what a hub must be told by a sensor with ``profile`` in a room with ``air``."""
    values = room_values(air)
    blocks = read_profile(profile).blocks
    return measured({one.code: values[one.code] for block in blocks for one in block.values})


def measured(values):
    """Return a table like :meth:`Hub.told` in which every quantity has one value for ever."""
    return {code: {(value, State.MEASURED)} for code, value in values.items()}
