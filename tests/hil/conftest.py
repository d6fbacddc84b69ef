"""A stage for one mock sensor and the product's own link to it."""

import asyncio
import contextlib
import dataclasses
import random
import time

import pytest

from edge_agent import codes, registry
from edge_agent.clock import SystemClock
from edge_agent.driver import Gatt
from edge_agent.link.feed import Feed
from edge_agent.link.gatt import Adapter, GattLink
from edge_agent.link.serial import SerialLink
from edge_agent.model import Event, Observation, Waveform
from edge_mocks import shelf
from edge_mocks.bluez import BLUEZ_5_66, BLUEZ_5_82, Bluez
from edge_mocks.bus import PrivateBus
from edge_mocks.serial_line import SerialLine
from edge_mocks.shelf import BleMock

SEED = 4711
HANG_S = 30.0


class Bench:
    """One mock sensor, the driver that reads it, the link between, and what came of it."""

    def __init__(self, name, mock):
        self.driver, self.mock = registry.find(name), mock
        self.emitted = []
        self.clock = SystemClock()
        self.feed = Feed(name, self.driver, self.clock, self.emitted.append)

    @contextlib.asynccontextmanager
    async def running(self, link):
        task = asyncio.create_task(link.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def until(self, happened, what):
        deadline = time.monotonic() + HANG_S
        while not happened():
            detail = f"{what}; status {self.feed.status}; missing {self.missing()}"
            assert time.monotonic() < deadline, f"never happened: {detail}"
            await asyncio.sleep(0.01)

    def missing(self, since=0):
        """Return the quantities the sensor is there for and has not given yet."""
        given = {
            one.code
            for one in self.emitted[since:]
            if isinstance(one, Waveform)
            or (isinstance(one, Observation) and one.value is not None and one.state.is_measurement)
        }
        if not self.driver.measures:  # it may be any sensor: one quantity is enough
            return set() if given - {codes.BATTERY} else set(self.driver.yields)
        return set(self.driver.measures) - given

    def readings_since(self, since):
        return [one for one in self.emitted[since:] if not isinstance(one, Event)]

    def events(self, kind):
        return [one for one in self.emitted if isinstance(one, Event) and one.kind is kind]


@pytest.fixture(autouse=True)
def _seed():
    print("seed", SEED)  # noqa: T201 (shown with a failure)


@pytest.fixture(params=[BLUEZ_5_66, BLUEZ_5_82], ids=["bluez-5.66", "bluez-5.82"])
async def bluez(request, monkeypatch):
    with PrivateBus() as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        rng = random.Random(SEED)
        async with Bluez(bus.address, rng=rng, personality=request.param) as daemon:
            yield daemon


@pytest.fixture
def ble_bench(bluez):
    """Put the mock ``name`` on the air and keep the product's link to it running."""

    @contextlib.asynccontextmanager
    async def set_up(name, **changes):
        mock = shelf.find(name)
        assert isinstance(mock, BleMock)
        sensor = mock.make(random.Random(SEED))
        bluez.add(sensor.peripheral)
        bench = Bench(name, sensor)
        gatt = bench.driver.link
        assert isinstance(gatt, Gatt)
        gatt = dataclasses.replace(gatt, **changes)
        rng, address = random.Random(SEED), sensor.peripheral.address
        link = GattLink(bench.feed, address, gatt, Adapter(), bench.clock, rng)
        async with sensor, bench.running(link):
            yield bench

    return set_up


@pytest.fixture
def serial_bench(tmp_path):
    """Plug the mock ``name`` in and keep the product's link to it running."""

    @contextlib.asynccontextmanager
    async def set_up(name):
        line = SerialLine(tmp_path / "usb-mock")
        line.replug()
        sensor = shelf.find(name).make(line, random.Random(SEED))
        bench = Bench(name, sensor)
        # A pseudo-terminal knows no parity.
        settings = dataclasses.replace(bench.driver.link, parity="N", bytesize=8)
        link = SerialLink(bench.feed, str(line.path), settings, bench.clock, random.Random(SEED))
        bench.line = line
        async with sensor, bench.running(link):
            yield bench
        line.unplug()

    return set_up
