"""What BlueZ does, as bleak shows it: on the mock at every commit, on the real one in the guest."""

import asyncio
import contextlib
import random

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDBusError, BleakGATTProtocolError

from edge_mocks.bluez import Characteristic, Peripheral, Service, att_error

ADDRESS = "C0:00:00:00:00:07"
HEART, BATTERY, RATE, LEVEL, POINT, SECRET = (
    f"0000{number}-0000-1000-8000-00805f9b34fb"
    for number in ("180d", "180f", "2a37", "2a19", "2a39", "2a38")
)
SCAN_S, HANG_S, QUIET_S = 30.0, 60.0, 3.0


@pytest.fixture
def sensor():
    """Return a sensor with a bit of everything."""
    rate = Characteristic(uuid=RATE, flags=("notify",))
    secret = Characteristic(uuid=SECRET, flags=("read",), value=b"secret", encrypted=True)
    point = Characteristic(uuid=POINT, flags=("read", "write", "indicate"), value=bytes(300))
    level = Characteristic(uuid=LEVEL, flags=("read", "notify"), value=b"\x57")
    return Peripheral(
        address=ADDRESS,
        name="Mock",
        services=(
            Service(uuid=HEART, characteristics=(rate, secret, point)),
            Service(uuid=BATTERY, characteristics=(level,)),
        ),
        rng=random.Random(1),
        advertises=(HEART,),
    )


@contextlib.asynccontextmanager
async def connected(gone=lambda _: None):
    """Find the sensor as the product does, and connect."""
    device = await BleakScanner.find_device_by_address(ADDRESS, timeout=SCAN_S)
    assert device is not None
    client = BleakClient(device, gone, timeout=HANG_S)
    await client.connect()
    try:
        yield client
    finally:
        await client.disconnect()


async def until(happened):
    async with asyncio.timeout(HANG_S):
        while not happened():
            await asyncio.sleep(0.02)


async def test_a_long_value_is_read_whole(bluez, sensor):
    bluez.add(sensor)
    async with connected() as client:
        assert await client.read_gatt_char(POINT) == bytes(300)


@pytest.mark.parametrize(
    "code", [0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x0A, 0x0D, 0x0E, 0x11, 0x80, 0xFC, 0xFD, 0xFE]
)
async def test_an_att_error_reaches_the_client_with_its_code(bluez, sensor, code):
    bluez.add(sensor)
    point = sensor.characteristic(POINT)
    async with connected() as client:
        for call in (
            lambda: client.read_gatt_char(POINT),
            lambda: client.write_gatt_char(POINT, b"\x01", response=True),
        ):
            point.errors.append(att_error(code))
            with pytest.raises(BleakGATTProtocolError) as refused:
                await call()
            assert refused.value.code == code


async def test_the_same_notification_twice_arrives_twice(bluez, sensor):
    bluez.add(sensor)
    heard = []
    async with connected() as client:
        await client.start_notify(RATE, lambda _, data: heard.append(bytes(data)))
        for _ in range(2):
            sensor.characteristic(RATE).notify(b"\x00\x40")
        await until(lambda: len(heard) == 2)
    assert heard == [b"\x00\x40"] * 2


async def test_a_lost_link_is_told_and_a_new_one_can_be_made(bluez, sensor):
    bluez.add(sensor)
    gone = asyncio.Event()
    async with connected(lambda _: gone.set()) as client:
        bluez.device(sensor).link_lost()
        async with asyncio.timeout(HANG_S):
            await gone.wait()
        assert not client.is_connected
    async with connected() as client:
        assert await client.read_gatt_char(LEVEL) == b"\x57"


async def test_an_adapter_switched_off_drops_the_link(bluez, sensor):
    bluez.add(sensor)
    gone = asyncio.Event()
    async with connected(lambda _: gone.set()):
        bluez.adapter.set_powered(on=False)
        async with asyncio.timeout(HANG_S):
            await gone.wait()


async def test_reading_a_secret_unpaired_and_without_an_agent_never_returns(bluez, sensor):
    bluez.add(sensor)
    async with connected() as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                await client.read_gatt_char(SECRET)


async def test_pairing_without_an_agent_fails(bluez, sensor):
    bluez.add(sensor)
    device = await BleakScanner.find_device_by_address(ADDRESS, timeout=SCAN_S)
    client = BleakClient(device, pair=True, timeout=HANG_S)
    with pytest.raises(BleakDBusError) as refused:
        await client.connect()
    assert refused.value.dbus_error == "org.bluez.Error.AuthenticationFailed"
    assert not sensor.bonded
