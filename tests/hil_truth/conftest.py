"""The stage of the truth check: the same scenarios, the real kernel and ``bluetoothd`` around them.

Outside the guest of ``make hil-truth`` nothing here is collected.
"""

import contextlib
import dataclasses
import os
import random

import pytest

from edge_agent.driver import Gatt
from edge_agent.link.gatt import Adapter, GattLink
from edge_mocks import shelf
from tests.hil.conftest import SEED, Bench

IN_GUEST = "HIL_TRUTH_GUEST" in os.environ

collect_ignore_glob = [] if IN_GUEST else ["test_*.py"]


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """An emulated machine is slow; a test that hangs still ends."""
    monkeypatch.setattr("tests.hil.conftest.HANG_S", 180.0)


@pytest.fixture
async def bluez():
    from edge_mocks.radio import RealBluez

    async with RealBluez(rng=random.Random(SEED)) as stage:
        yield stage


@pytest.fixture
def ble_bench(bluez):
    """Put a mock on the air, by name or made by the test, and run the product's link to it."""

    @contextlib.asynccontextmanager
    async def set_up(name, sensor=None, **changes):
        sensor = sensor or shelf.find(name).make(random.Random(SEED))
        bluez.add(sensor.peripheral)
        await bluez.ready()
        bench = Bench(name, sensor)
        assert isinstance(bench.driver.link, Gatt)
        gatt = dataclasses.replace(bench.driver.link, **changes)
        rng, address = random.Random(SEED), sensor.peripheral.address
        link = GattLink(bench.feed, address, gatt, Adapter(), bench.clock, rng)
        async with sensor, bench.running(link):
            yield bench

    return set_up
