"""The mock strap under the real bleak."""

import asyncio
import random

import numpy as np
import pytest
from bleak import BleakClient

from edge_drivers.gatt import BATTERY_LEVEL
from edge_drivers.heart_rate import MEASUREMENT, HeartRateMeasurement
from edge_drivers.polar_pmd import CONTROL_POINT, DATA
from edge_drivers.polar_pmd_codec import AccelerationFrame, EcgFrame
from edge_drivers.polar_pmd_control_codec import (
    ControlReply,
    ControlRequest,
    Measurement,
    Opcode,
    Status,
    ecg_settings,
)
from edge_mocks.bluez import BLUEZ_5_82
from edge_mocks.ecg import SyntheticEcg
from edge_mocks.polar import FIRST_CLOCK_NS, PolarStrap

SEED = 11
RATE_HZ = 1301.0  # ten times the true rate: the same code, a tenth of the time

START = ControlRequest(Opcode.START, Measurement.ECG, ecg_settings()).to_bytes()
START_ACCELERATION = bytes.fromhex("02020001c8000101100002010800")  # captured: 200 Hz, 8 g
STOP = ControlRequest(Opcode.STOP).to_bytes()


@pytest.fixture
def personality():
    return BLUEZ_5_82


def ecg(seed=SEED):
    return SyntheticEcg(random.Random(seed), rate_hz=RATE_HZ, heart_rate_per_min=240, rr_std_s=0.01)


@pytest.fixture
async def strap(bluez, rng):
    async with PolarStrap(ecg(), rng) as strap:
        strap.peripheral.advertising_interval_s = 0.02
        bluez.add(strap.peripheral)
        yield strap


@pytest.fixture
async def client(strap, find):
    async with BleakClient(await find(strap.peripheral.address)) as client:
        yield client


@pytest.fixture
def collect(client):
    async def subscribe(uuid):
        queue = asyncio.Queue()
        await client.start_notify(uuid, lambda _, data: queue.put_nowait(bytes(data)))
        return lambda: asyncio.wait_for(queue.get(), 5)

    return subscribe


async def ask(client, reply, request):
    await client.write_gatt_char(CONTROL_POINT, request, response=True)
    return ControlReply.from_bytes(await reply())


async def test_it_advertises_its_name_and_answers_control_requests_in_turn(client, strap, collect):
    assert client.name.startswith("Polar H10 ")
    reply = await collect(CONTROL_POINT)
    settings = await ask(client, reply, b"\x01\x00")
    assert settings.to_bytes().hex() == "f00100000000018200" + "01010e00"
    assert (await ask(client, reply, b"\x02\x00")).status is Status.BAD_PARAMETER
    assert (await ask(client, reply, b"\x02\x01")).status is Status.NOT_SUPPORTED
    assert (await ask(client, reply, b"\x55\x00")).status is Status.BAD_OPCODE
    assert (await ask(client, reply, STOP)).status is Status.ALREADY_IN_STATE
    assert (await ask(client, reply, START)).status is Status.OK
    assert (await ask(client, reply, START)).status is Status.ALREADY_IN_STATE
    assert (await ask(client, reply, STOP)).status is Status.OK
    assert (await client.read_gatt_char(CONTROL_POINT))[:2] == b"\x0f\x05"


async def test_the_ecg_streams_the_very_samples_of_its_source_with_device_time(
    client, strap, collect
):
    reply, frame = await collect(CONTROL_POINT), await collect(DATA)
    await ask(client, reply, START)
    frames = [EcgFrame.from_bytes(await frame()) for _ in range(8)]
    spacing_ns = np.diff([one.timestamp_ns for one in frames])
    assert spacing_ns == pytest.approx(73e9 / RATE_HZ * (1 + 20e-6), abs=2)
    assert frames[0].timestamp_ns > FIRST_CLOCK_NS
    assert {len(one.samples_uv) for one in frames} == {73}
    streamed = np.concatenate([one.samples_uv for one in frames])
    first = round((frames[0].timestamp_ns - FIRST_CLOCK_NS) * RATE_HZ / 1e9) - 72
    source = ecg()
    expected = np.concatenate([source.read(73) for _ in range((first // 73) + 8)])
    assert np.array_equal(streamed, expected[first : first + len(streamed)])


async def test_rr_intervals_are_those_of_the_known_beats(client, strap, collect):
    measurement = await collect(MEASUREMENT)
    told = HeartRateMeasurement.from_bytes(await measurement())
    rr_s = [ticks / 1024 for ticks in told.rr_1024]
    known = np.diff(strap.source.beat_times)
    starts = [
        index
        for index in range(len(known) - len(rr_s) + 1)
        if np.max(np.abs(known[index : index + len(rr_s)] - rr_s)) < 1 / 1024
    ]
    assert len(rr_s) >= 2
    assert len(starts) == 1
    assert told.rate_per_min == pytest.approx(240, abs=12)
    assert strap.heart_rate_per_min() == pytest.approx(240, abs=12)


async def test_a_strap_off_the_chest_has_no_rate_and_a_flat_ecg(client, strap, collect):
    strap.attached = False
    measurement = await collect(MEASUREMENT)
    reply, frame = await collect(CONTROL_POINT), await collect(DATA)
    await ask(client, reply, START)
    assert not EcgFrame.from_bytes(await frame()).samples_uv.any()
    one = HeartRateMeasurement.from_bytes(await measurement())
    assert (one.rate_per_min, one.rr_1024) == (0, ())


async def test_a_stream_that_was_not_stopped_survives_the_link(client, strap, collect, until):
    reply, _ = await collect(CONTROL_POINT), await collect(DATA)
    await ask(client, reply, START)
    strap.peripheral.drop_link()
    await until(lambda: not client.is_connected)
    await asyncio.sleep(0.1)
    assert strap.streaming
    await client.connect()
    reply = await collect(CONTROL_POINT)
    assert (await ask(client, reply, START)).status is Status.ALREADY_IN_STATE


async def test_the_acceleration_streams_besides_until_it_is_stopped(client, strap, collect):
    reply, frame = await collect(CONTROL_POINT), await collect(DATA)
    started = await ask(client, reply, START_ACCELERATION)
    assert started.to_bytes().hex() == "f00202000001"
    frames = [AccelerationFrame.from_bytes(await frame()) for _ in range(3)]
    assert np.diff([one.timestamp_ns for one in frames]) == pytest.approx(36e9 / 200, abs=2)
    assert all(960 < z < 1000 for one in frames for z in one.counts[:, 2])
    assert (await ask(client, reply, b"\x03\x02")).status is Status.OK
    assert not strap.moves


async def test_the_battery_level_is_read(client, strap):
    strap.battery_percent = 12
    assert await client.read_gatt_char(BATTERY_LEVEL) == b"\x0c"


async def test_a_source_that_ends_stops_the_stream_from_the_devices_side(bluez, rng, find):
    class Short(SyntheticEcg):
        def read(self, n):
            return super().read(n)[: max(0, 600 - self._done)]

    source = Short(random.Random(SEED), rate_hz=RATE_HZ)
    async with PolarStrap(source, rng, address="A0:9E:1A:00:00:02") as strap:
        bluez.add(strap.peripheral)
        async with BleakClient(await find(strap.peripheral.address)) as client:
            told = asyncio.Queue()
            await client.start_notify(CONTROL_POINT, lambda _, data: told.put_nowait(bytes(data)))
            await client.write_gatt_char(CONTROL_POINT, START, response=True)
            assert (await asyncio.wait_for(told.get(), 5))[0] == 0xF0
            assert await asyncio.wait_for(told.get(), 5) == b"\x01\x00"
            assert not strap.streaming
