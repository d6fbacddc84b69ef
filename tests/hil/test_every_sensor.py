"""What every sensor on the shelf owes its user, with the product's own link in the loop.

A mock that is registered is tested here with no code of its own.
"""

import asyncio
import random

import pytest

from edge_agent import registry
from edge_agent.driver import Driver, Gatt, Serial
from edge_agent.model import EventKind
from edge_mocks import shelf
from edge_mocks.bluez import BLUEZ_5_82
from edge_mocks.faults import FrameFaults
from edge_mocks.shelf import BleMock, SerialMock

LINK_FAILED = EventKind.LINK_FAILED
MOCKS = {name: shelf.find(name) for name in shelf.names()}
BLE = sorted(name for name, mock in MOCKS.items() if isinstance(mock, BleMock))
SERIAL = sorted(name for name, mock in MOCKS.items() if isinstance(mock, SerialMock))
# What the daemon's version can't change is tested with one of them.
one_bluez = pytest.mark.parametrize("bluez", [BLUEZ_5_82], indirect=True, ids=["bluez-5.82"])


def has_a_link_of_its_own(name):
    driver = registry.find(name)
    return isinstance(driver, Driver) and isinstance(driver.link, Gatt | Serial)


def test_every_bluetooth_and_serial_driver_has_a_mock():
    assert {name for name in registry.names() if has_a_link_of_its_own(name)} == set(MOCKS)


@pytest.mark.parametrize("name", BLE)
async def test_a_bluetooth_sensor_gives_what_it_is_there_for(ble_bench, name):
    async with ble_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
    assert bench.feed.status.rejected == 0


@pytest.mark.parametrize("name", BLE)
async def test_a_lost_bluetooth_link_is_made_again(ble_bench, bluez, name):
    async with ble_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        connections = bench.feed.status.connections
        bluez.device(bench.mock.peripheral).link_lost()
        await bench.until(lambda: bench.feed.status.connections > connections, "a new link")
        begun = len(bench.emitted)
        await bench.until(lambda: bench.readings_since(begun), "a reading")


@one_bluez
@pytest.mark.parametrize("name", BLE)
async def test_garbage_on_every_channel_is_counted_and_the_rest_goes_on(ble_bench, name):
    rng = random.Random(7)
    async with ble_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        for uuid in (*bench.driver.link.notify, *bench.driver.link.optional):
            try:
                channel = bench.mock.peripheral.characteristic(uuid)
            except KeyError:
                continue
            for _ in range(20):
                channel.notify(rng.randbytes(rng.randrange(0, 20)))
        await bench.until(lambda: bench.feed.status.rejected > 0, "a frame refused")
        assert not bench.events(EventKind.LINK_FAILED)


def storm(faults):
    faults.drop = faults.duplicate = faults.reorder = faults.corrupt = faults.garbage = 0.15
    faults.delay_s = 0.05


def channels_of(bench):
    services = bench.mock.peripheral.services
    return [one for service in services for one in service.characteristics if one.notifies]


CONTINUOUS = [name for name in BLE if not registry.find(name).link.episodic]


@one_bluez
@pytest.mark.parametrize("name", CONTINUOUS)
async def test_a_bluetooth_sensor_that_is_stuck_is_connected_anew(ble_bench, name):
    """The link stands and nothing comes any more."""
    async with ble_bench(name, silence_s=1.0) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        connections = bench.feed.status.connections
        for channel in channels_of(bench):
            channel.faults.drop = 1.0
        await bench.until(lambda: bench.feed.status.connections > connections, "a new link")
        assert any("silent" in one.detail["reason"] for one in bench.events(LINK_FAILED))


@one_bluez
@pytest.mark.parametrize("name", BLE)
async def test_a_bluetooth_sensor_outlives_a_storm_of_faults(ble_bench, name):
    """Frames lost, doubled, swapped, damaged and made up; then the air is clean again."""
    async with ble_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        channels = channels_of(bench)
        for channel in channels:
            storm(channel.faults)
        frames = bench.feed.status.frames
        for _ in range(100):
            if bench.feed.status.frames >= frames + 20:
                break
            await asyncio.sleep(0.02)
        for channel in channels:
            channel.faults.heal()
        bench.mock.peripheral.drop_link()
        begun = len(bench.emitted)
        await bench.until(lambda: bench.readings_since(begun), "a reading after the storm")
        assert not any("unexpected" in str(one.detail) for one in bench.events(LINK_FAILED))


@pytest.mark.parametrize("name", SERIAL)
async def test_a_serial_sensor_gives_what_it_is_there_for(serial_bench, name):
    async with serial_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
    assert bench.feed.status.rejected == 0


@pytest.mark.parametrize("name", SERIAL)
async def test_a_serial_adapter_pulled_out_and_plugged_in_again_is_read_again(serial_bench, name):
    async with serial_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        bench.line.unplug()
        await bench.until(lambda: bench.events(EventKind.DISCONNECTED), "the loss is noticed")
        await asyncio.sleep(0.1)
        begun = len(bench.emitted)
        bench.line.replug()
        await bench.until(lambda: not bench.missing(begun), "every quantity again")


@pytest.mark.parametrize("name", SERIAL)
async def test_an_adapter_pulled_out_in_mid_frame_costs_that_frame_only(serial_bench, name):
    async with serial_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        bench.line.fault = lambda octets: octets[: len(octets) // 2 or 1]
        await asyncio.sleep(0.1)
        bench.line.unplug()
        await bench.until(lambda: bench.events(EventKind.DISCONNECTED), "the loss is noticed")
        bench.line.fault = None
        begun = len(bench.emitted)
        bench.line.replug()
        await bench.until(lambda: not bench.missing(begun), "every quantity again")


@pytest.mark.parametrize("name", SERIAL)
async def test_a_serial_sensor_outlives_a_storm_of_faults(serial_bench, name):
    faults = FrameFaults(rng=random.Random(11))
    storm(faults)
    async with serial_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        bench.line.fault = lambda octets: b"".join(faults.through(octets))
        frames = bench.feed.status.frames
        await bench.until(lambda: bench.feed.status.frames >= frames + 5, "the storm")
        bench.line.fault = None
        begun = len(bench.emitted)
        await bench.until(lambda: not bench.missing(begun), "every quantity again")
        assert not any("unexpected" in str(one.detail) for one in bench.events(LINK_FAILED))


@pytest.mark.parametrize("name", SERIAL)
async def test_garbage_on_a_serial_line_costs_no_more_than_itself(serial_bench, name):
    rng = random.Random(7)
    async with serial_bench(name) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        for _ in range(5):
            bench.line.write(rng.randbytes(rng.randrange(1, 40)))
            await asyncio.sleep(0.02)
        begun = len(bench.emitted)
        await bench.until(lambda: not bench.missing(begun), "every quantity again")
        assert not bench.events(EventKind.DISCONNECTED)
