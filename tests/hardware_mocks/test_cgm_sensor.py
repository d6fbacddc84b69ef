"""The mock glucose sensor under the real bleak."""

import asyncio
import math
import time

import pytest
from bleak import BleakClient
from bleak.exc import BleakDBusError, BleakGATTProtocolError

from edge_agent.errors import FrameError
from edge_drivers import cgm_codec as codec
from edge_drivers.cgm_codec import Measurement
from edge_drivers.racp import RACP, RacpOpcode, RacpOperator, RacpReply, RacpRequest, RacpResult
from edge_mocks.bluez import BLUEZ_5_82
from edge_mocks.cgm import CgmSensor
from edge_mocks.traces import SimulatedGlucose

SEED = 3


@pytest.fixture
def personality():
    return BLUEZ_5_82


def truth(minute):
    """LO before minute 10, HI from 90 on, a gap from 40 to 49, simulated between."""
    if 40 <= minute < 50:
        return None
    if minute < 10:
        return 30.0
    return 450.0 if minute >= 90 else SimulatedGlucose(SEED)(minute)


class Hub:
    """A client that has subscribed, and asks."""

    def __init__(self, client):
        self.client = client
        self.records, self.replies = asyncio.Queue(), asyncio.Queue()

    async def subscribe(self):
        for uuid, queue in ((codec.MEASUREMENT, self.records), (RACP, self.replies)):
            await self.client.start_notify(uuid, self._into(queue))

    async def ask(self, opcode, operator, *bounds):
        request = RacpRequest(opcode, operator, bounds).to_bytes()
        await self.client.write_gatt_char(RACP, request, response=True)

    async def reply(self):
        return await asyncio.wait_for(self.replies.get(), 5)

    async def report(self, operator, *bounds):
        """Return the offsets of the records reported, and the result."""
        await self.ask(RacpOpcode.REPORT, operator, *bounds)
        result = RacpReply.from_bytes(await self.reply()).result
        return [one.offset_min for one in self.drain()], result

    def drain(self):
        frames = [self.records.get_nowait() for _ in range(self.records.qsize())]
        return [one for frame in frames for one in Measurement.split(frame, crc=True)]

    @staticmethod
    def _into(queue):
        return lambda _, data: queue.put_nowait(bytes(data))


@pytest.fixture
async def sensor(bluez, rng):
    async with CgmSensor(truth, rng, worn_min=100, first_after_s=60, bonded=True) as sensor:
        sensor.peripheral.advertising_interval_s = 0.02
        bluez.add(sensor.peripheral)
        yield sensor


@pytest.fixture
async def client(sensor, find):
    async with BleakClient(await find(sensor.peripheral.address)) as client:
        yield client


@pytest.fixture
async def hub(client):
    hub = Hub(client)
    await hub.subscribe()
    return hub


async def test_session_start_status_and_run_time_carry_a_good_crc(client):
    feature = codec.Feature.from_bytes(await client.read_gatt_char(codec.FEATURE))
    assert feature.has_crc
    start = codec.SessionStart.from_bytes(
        await client.read_gatt_char(codec.SESSION_START), crc=True
    )
    assert start.utc_s == pytest.approx(time.time() - 100 * 60, abs=10)
    status = codec.checked(await client.read_gatt_char(codec.STATUS), "status")
    assert int.from_bytes(status[:2], "little") == 100
    assert status[4] == codec.WarningBit.ABOVE_DEVICE_RANGE
    hours = codec.checked(await client.read_gatt_char(codec.RUN_TIME), "run time")
    assert int.from_bytes(hours, "little") == 14 * 24


async def test_the_whole_memory_is_the_truth_with_lo_hi_and_a_gap(hub):
    await hub.ask(RacpOpcode.REPORT, RacpOperator.ALL)
    assert await hub.reply() == bytes([6, 0, 1, RacpResult.SUCCESS])
    told = {one.offset_min: one for one in hub.drain()}
    assert list(told) == [minute for minute in range(101) if not 40 <= minute < 50]
    assert {told[minute].glucose_mgdl for minute in range(10)} == {-math.inf}
    assert {told[minute].glucose_mgdl for minute in range(90, 101)} == {math.inf}
    for minute in (*range(10, 40), *range(50, 90)):
        assert told[minute].glucose_mgdl == round(truth(minute))
    assert told[30].trend == pytest.approx((truth(30) - truth(25)) / 5, abs=0.051)


@pytest.mark.parametrize(
    ("operator", "bounds", "expected"),
    [
        (RacpOperator.FROM, (97,), [97, 98, 99, 100]),
        (RacpOperator.UP_TO, (2,), [0, 1, 2]),
        (RacpOperator.RANGE, (38, 51), [38, 39, 50, 51]),
        (RacpOperator.FIRST, (), [0]),
        (RacpOperator.LAST, (), [100]),
    ],
)
async def test_each_operator_chooses_its_records(hub, operator, bounds, expected):
    assert await hub.report(operator, *bounds) == (expected, RacpResult.SUCCESS)


@pytest.mark.parametrize(
    ("request_octets", "result"),
    [
        ("010565", RacpResult.OPERAND_INVALID),
        ("010301", RacpResult.OPERAND_INVALID),
        ("010401090001000000", RacpResult.OPERAND_INVALID),
        ("0100", RacpResult.OPERATOR_INVALID),
        ("0107", RacpResult.OPERATOR_UNSUPPORTED),
        ("0201", RacpResult.OPCODE_UNSUPPORTED),
        ("01030165 00", RacpResult.NO_RECORDS),
        ("0300", RacpResult.ABORT_FAILED),
    ],
)
async def test_a_request_that_cannot_be_met_says_why(hub, request_octets, result):
    request = bytes.fromhex(request_octets)
    await hub.client.write_gatt_char(RACP, request, response=True)
    assert await hub.reply() == bytes([6, 0, request[0], result])


async def test_the_count_of_records_is_reported(hub):
    await hub.ask(RacpOpcode.COUNT, RacpOperator.ALL)
    assert await hub.reply() == bytes([5, 0, 91, 0])


async def test_a_report_can_be_aborted_and_nothing_else_may_run_beside_it(sensor, hub):
    sensor.record_gap_s = 0.02
    await hub.ask(RacpOpcode.REPORT, RacpOperator.ALL)
    await asyncio.wait_for(hub.records.get(), 5)
    with pytest.raises(BleakGATTProtocolError) as busy:
        await hub.ask(RacpOpcode.COUNT, RacpOperator.ALL)
    assert busy.value.code == 0xFE
    await hub.ask(RacpOpcode.ABORT, RacpOperator.NONE)
    assert await hub.reply() == bytes([6, 0, 3, RacpResult.SUCCESS])
    assert len(hub.drain()) < 90


async def test_a_request_before_subscribing_is_refused(client):
    with pytest.raises((BleakGATTProtocolError, BleakDBusError)):
        await client.write_gatt_char(RACP, b"\x01\x01", response=True)


async def test_live_records_advance_by_the_minute_and_stay_in_memory(bluez, rng, find, until):
    trace = SimulatedGlucose(SEED)
    async with CgmSensor(
        trace, rng, worn_min=10, first_after_s=0.8, interval_s=0.05, bonded=True
    ) as sensor:
        sensor.peripheral.advertising_interval_s = 0.02
        bluez.add(sensor.peripheral)
        async with BleakClient(await find(sensor.peripheral.address)) as client:
            hub = Hub(client)
            await hub.subscribe()
            first = await asyncio.wait_for(hub.records.get(), 5)
            (live,) = Measurement.split(first, crc=True)
            assert live.offset_min == 11
            assert live.glucose_mgdl == round(trace(11))
            await asyncio.wait_for(hub.records.get(), 5)
        await until(lambda: 15 in sensor.records)
        async with BleakClient(await find(sensor.peripheral.address)) as client:
            hub = Hub(client)
            await hub.subscribe()
            offsets, result = await hub.report(RacpOperator.RANGE, 11, 15)
            assert set(range(11, 16)) <= set(offsets)
            assert result == RacpResult.SUCCESS
            assert sensor.glucose_mgdl() == trace(sensor._newest_min)


async def test_a_damaged_notification_fails_its_crc(sensor, hub):
    sensor.measurement.faults.corrupt = 1.0
    await hub.ask(RacpOpcode.REPORT, RacpOperator.LAST)
    await hub.reply()
    with pytest.raises(FrameError):
        hub.drain()


async def test_an_unbonded_hub_gets_nothing_without_an_agent(sensor, client):
    sensor.peripheral.bonded = False
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.read_gatt_char(codec.FEATURE), 0.15)
