import asyncio
import random

import pytest
from bleak import BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError

from edge_mocks.bluez import BLUEZ_5_66, BLUEZ_5_82, Bluez
from edge_mocks.bus import PrivateBus

SEED = 20261


@pytest.fixture(autouse=True)
def _seed(request):
    """Print the seed of the test's module: pytest shows it when the test fails."""
    print("seed", getattr(request.module, "SEED", SEED))  # noqa: T201 (shown with a failure)


@pytest.fixture
def rng():
    return random.Random(SEED)


@pytest.fixture
def ended():
    """Let bleak, which keeps a connection for as long as the loop lives, see the end of its bus."""

    async def wait():
        if rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest, timeout=1)

    return wait


@pytest.fixture
async def bus(monkeypatch, ended):
    with PrivateBus() as private:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", private.address)
        yield private
    await ended()


@pytest.fixture(params=[BLUEZ_5_66, BLUEZ_5_82], ids=["bluez-5.66", "bluez-5.82"])
def personality(request):
    return request.param


@pytest.fixture
async def bluez(bus, rng, personality):
    async with Bluez(bus.address, rng=rng, personality=personality) as daemon:
        yield daemon


@pytest.fixture
def until():
    """Wait until a condition holds, or fail after a generous while."""

    async def wait(condition):
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.005)
        raise TimeoutError

    return wait


@pytest.fixture
def find(bus):
    """Scan for an address; an adapter that has just come back may not be known to bleak yet."""

    async def scan(address):
        async with asyncio.timeout(10):
            while True:
                try:
                    return await BleakScanner.find_device_by_address(address, timeout=5)
                except BleakBluetoothNotAvailableError:
                    await asyncio.sleep(0.005)

    return scan
