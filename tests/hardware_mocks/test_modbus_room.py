"""The mock room sensors under the real pymodbus clients."""

import asyncio
import errno
import random
import struct

import pytest
import serial
from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusIOException

from edge_agent import codes
from edge_agent.driver import Modbus
from edge_agent.errors import EdgeError
from edge_agent.model import Boottime
from edge_agent.registry import resolve
from edge_mocks.modbus import (
    RtuRoomSensor,
    TcpRoomSensor,
    profile_path,
    read_profile,
    room_values,
)
from edge_mocks.rtu_line import corrupted, dropped, from_unit, late
from edge_mocks.traces import RoomAir

SEED = 9
UNIT = 1
AIR = RoomAir(temperature_c=-3.5, humidity_percent=48.2, co2_ppm=812.0)
TIMEOUT_S = 0.2


@pytest.fixture
def quiet_pymodbus(caplog):
    """A failed read makes pymodbus log its frames as errors: expected in tests of faults."""
    caplog.set_level("CRITICAL", logger="pymodbus.logging")


@pytest.fixture
async def rtu(tmp_path):
    path = tmp_path / "usb-Mock_RS485-if00"
    async with RtuRoomSensor(
        path, read_profile("jxct-air"), UNIT, lambda: room_values(AIR)
    ) as sensor:
        yield sensor


@pytest.fixture
async def client(rtu):
    client = AsyncModbusSerialClient(
        str(rtu.line.path),
        framer=FramerType.RTU,
        baudrate=9600,
        timeout=TIMEOUT_S,
        retries=0,
        reconnect_delay=0,
    )
    assert await client.connect()
    yield client
    client.close()


async def read(client, address=0, count=6, unit=UNIT):
    answer = await client.read_holding_registers(address, count=count, device_id=unit)
    return answer.registers


def readings(profile, registers):
    """Decode one block with the hub's own driver."""
    driver = resolve("modbus-room", profile_path(profile))
    assert isinstance(driver.link, Modbus)
    octets = struct.pack(f">{len(registers)}H", *registers)
    outputs = driver.decoder("room").feed(octets, Boottime(0), driver.link.blocks[0].name)
    return {one.code: one.value for one in outputs}


async def test_rtu_registers_hold_the_truth_as_the_profile_says(client):
    registers = await read(client, count=10)
    assert registers == [482, 65536 - 35, 0, 0, 9, 812, 180, 0, 0, 14]
    told, truth = readings("jxct-air", registers), room_values(AIR)
    assert told == {code: truth[code] for code in told}
    assert len(told) == 6


async def test_registers_follow_the_truth_at_each_request(tmp_path):
    air = {codes.ROOM_CO2: 500.0}
    async with RtuRoomSensor(
        tmp_path / "port", read_profile("senseair-s8"), 254, lambda: air
    ) as sensor:
        client = AsyncModbusSerialClient(str(sensor.line.path), baudrate=9600, timeout=2)
        await client.connect()
        seen = []
        for ppm in (500.0, 650.0):
            air[codes.ROOM_CO2] = ppm
            answer = await client.read_input_registers(0, count=4, device_id=254)
            seen.append(answer.registers[3])
        client.close()
    assert seen == [500, 650]


async def test_other_functions_and_addresses_answer_with_an_exception(client):
    wrong_function = await client.read_input_registers(0, count=6, device_id=UNIT)
    assert (wrong_function.isError(), wrong_function.exception_code) == (True, 2)
    beyond = await client.read_holding_registers(5, count=6, device_id=UNIT)
    assert (beyond.isError(), beyond.exception_code) == (True, 2)
    written = await client.write_register(0, 1, device_id=UNIT)
    assert written.isError()


async def test_a_unit_that_is_not_there_is_silent(client, quiet_pymodbus):
    with pytest.raises(ModbusIOException):
        await read(client, unit=7)
    assert len(await read(client)) == 6


async def test_a_unit_can_fall_silent_and_come_back(rtu, client, quiet_pymodbus):
    rtu.line.units.clear()
    with pytest.raises(ModbusIOException):
        await read(client)
    rtu.line.units.add(UNIT)
    assert len(await read(client)) == 6


@pytest.mark.parametrize(
    "fault",
    [dropped, corrupted(random.Random(SEED)), from_unit(9), late(1.5 * TIMEOUT_S)],
    ids=["dropped", "corrupted-seed-9", "from-another-unit", "late"],
)
async def test_a_spoiled_answer_is_no_answer_and_the_line_recovers(
    rtu, client, fault, quiet_pymodbus
):
    rtu.line.fault = fault
    with pytest.raises(ModbusIOException):
        await read(client)
    rtu.line.fault = None
    await asyncio.sleep(TIMEOUT_S)  # let a late answer come and go
    assert await read(client) == [482, 65536 - 35, 0, 0, 9, 812]


async def held(rtu, client, **request):
    """Let a read run into its time-out; return a fault that delivers its answer too late.

    The stale answer arrives right after the next request, before the true one.
    """
    kept = []

    def keep(answer):
        kept.append(answer)
        return ()

    rtu.line.fault = keep
    with pytest.raises(ModbusIOException):
        await read(client, **request)
    return lambda answer: [(0.0, kept[0]), (0.05, answer)]


async def test_a_late_answer_is_taken_for_the_answer_to_the_next_request(
    rtu, client, quiet_pymodbus
):
    """The hazard that the hub guards against: a raw client takes humidity for CO2."""
    rtu.line.fault = await held(rtu, client, address=0, count=1)
    assert await read(client, address=5, count=1) == [482]  # asked for CO2, which is 812
    rtu.line.fault = None
    await asyncio.sleep(0.1)
    assert await read(client, address=5, count=1) == [812]


async def test_a_different_count_tells_a_late_answer_apart(rtu, client, quiet_pymodbus):
    """pymodbus does not look at the count; a guard that does can drop the stale answer."""
    rtu.line.fault = await held(rtu, client, address=0, count=2)
    assert await read(client, address=5, count=1) == [482, 65536 - 35]


async def test_unplugging_the_line_disconnects_and_plugging_it_in_serves_again(
    rtu, client, until, quiet_pymodbus
):
    rtu.line.unplug()
    await until(lambda: not client.connected)
    with pytest.raises(ConnectionException):
        await read(client)
    with pytest.raises(serial.SerialException) as absent:
        serial.Serial(str(rtu.line.path))
    assert absent.value.errno == errno.ENOENT
    rtu.line.replug()
    assert await client.connect()
    assert len(await read(client)) == 6


@pytest.mark.parametrize("profile", ["wb-msw", "senseair-s8", "xy-md02"])
async def test_tcp_registers_hold_the_truth_as_each_profile_says(profile):
    values = room_values(AIR)
    async with TcpRoomSensor(read_profile(profile), 3, lambda: values) as sensor:
        client = AsyncModbusTcpClient(sensor.host, port=sensor.port, timeout=2, retries=0)
        await client.connect()
        block = resolve("modbus-room", profile_path(profile)).link.blocks[0]
        answer = await client.read_input_registers(block.address, count=block.count, device_id=3)
        client.close()
    told = readings(profile, answer.registers)
    assert told == {code: values[code] for code in told}
    assert told


async def test_a_tcp_gateway_without_power_comes_back_on_the_same_port(until, quiet_pymodbus):
    async with TcpRoomSensor(read_profile("wb-msw"), 3, lambda: room_values(AIR)) as sensor:
        port = sensor.port
        client = AsyncModbusTcpClient(
            sensor.host, port=port, timeout=1, retries=0, reconnect_delay=0
        )
        assert await client.connect()
        await sensor.stop()
        await until(lambda: not client.connected)
        with pytest.raises(ModbusException):
            await client.read_input_registers(4, count=5, device_id=3)
        assert not await client.connect()
        await sensor.start()
        assert sensor.port == port
        assert await client.connect()
        answer = await client.read_input_registers(4, count=5, device_id=3)
        assert answer.registers[4] == 812
        client.close()


def test_a_profile_that_does_not_exist_says_where_it_was_looked_for():
    with pytest.raises(EdgeError, match=r"config/modbus/nonesuch.toml: not found in "):
        profile_path("nonesuch")
