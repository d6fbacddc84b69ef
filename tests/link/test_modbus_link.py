import dataclasses
import logging
import random

import pytest

from edge_agent import codes
from edge_agent.driver import Serial
from edge_agent.link.modbus import ModbusBus, SerialBus, Station, TcpBus
from edge_agent.model import EventKind
from edge_drivers.modbus_room import Profile, complete
from edge_mocks.modbus import RtuRoomSensor, TcpRoomSensor
from edge_mocks.rtu_line import corrupted, dropped, from_unit, late

AIR = {codes.ROOM_TEMPERATURE: 21.5, codes.ROOM_HUMIDITY: 48.0, codes.ROOM_CO2: 812.0}

PROFILE = {
    "title": "two blocks",
    "poll_s": 0.1,
    "timeout_s": 0.15,
    "block": [
        {
            "function": 4,
            "address": 0,
            "count": 1,
            "value": [{"code": "MDC_TEMP_ROOM", "offset": 0, "scale": 0.1}],
        },
        {
            "function": 4,
            "address": 10,
            "count": 2,
            "value": [{"code": "MDCX_EDGE_ROOM_CO2", "offset": 1, "type": "uint16"}],
        },
    ],
}


@pytest.fixture(autouse=True)
def quiet_pymodbus():
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


def profile():

    return Profile.from_table(PROFILE)


def bus_on(rig, where, unit=1, name="room"):
    driver = complete(PROFILE)
    feed = rig.feed(name, driver)
    return feed, ModbusBus(where, [Station(feed, unit, driver.link)], rig.clock, rig.rng)


def rtu(path):
    return SerialBus(str(path), Serial())


async def test_an_rtu_sensor_gives_its_values(rig, tmp_path):
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        _, bus = bus_on(rig, rtu(room.line.path))
        async with rig.running(bus):
            await rig.until(lambda: len(rig.values(codes.ROOM_CO2)) >= 3, "three polls")
    assert set(rig.values(codes.ROOM_TEMPERATURE)) == {21.5}
    assert set(rig.values(codes.ROOM_CO2)) == {812.0}


async def test_a_tcp_sensor_gives_its_values_and_comes_back_after_a_power_cut(rig):
    async with TcpRoomSensor(profile(), 2, lambda: AIR) as room:
        feed, bus = bus_on(rig, TcpBus(room.host, room.port), unit=2)
        async with rig.running(bus):
            await rig.until(lambda: rig.values(codes.ROOM_CO2), "a poll")
            await room.stop()
            await rig.until(lambda: not feed.status.connected, "the loss is noticed")
            await room.start()
            await rig.until(lambda: feed.status.connections == 2, "connected again")
    assert rig.events(EventKind.LINK_FAILED)


async def test_late_answers_never_become_values_of_other_registers(rig, tmp_path):
    """Every answer comes after its time-out: a bare client would shift values by one register."""
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        feed, bus = bus_on(rig, rtu(room.line.path))
        async with rig.running(bus):
            await rig.until(lambda: rig.values(codes.ROOM_CO2), "a poll")
            room.line.fault = late(0.25)
            await rig.until(lambda: feed.status.failures >= 3, "three time-outs")
            room.line.fault = None
            polls = len(rig.values(codes.ROOM_CO2))
            await rig.until(lambda: len(rig.values(codes.ROOM_CO2)) > polls + 3, "recovery")
    assert set(rig.values(codes.ROOM_TEMPERATURE)) == {21.5}
    assert set(rig.values(codes.ROOM_CO2)) == {812.0}


async def test_an_answer_later_than_the_rest_is_refused_by_its_length(rig, tmp_path):
    """The rest after a time-out lasts a second; an answer later than that is caught by its count.

    The poll of block 0 (one register) times out; its answer arrives while block 1 (two
    registers) or block 0 of a later poll is being asked.
    """
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        feed, bus = bus_on(rig, rtu(room.line.path))
        async with rig.running(bus):
            await rig.until(lambda: rig.values(codes.ROOM_CO2), "a poll")
            room.line.fault = late(1.16)
            await rig.until(lambda: feed.status.failures >= 4, "several time-outs")
            room.line.fault = None
            polls = len(rig.values(codes.ROOM_CO2))
            await rig.until(lambda: len(rig.values(codes.ROOM_CO2)) > polls + 3, "recovery")
    assert set(rig.values(codes.ROOM_TEMPERATURE)) == {21.5}
    assert set(rig.values(codes.ROOM_CO2)) == {812.0}


@pytest.mark.parametrize(
    "fault", [dropped, corrupted(random.Random(7)), from_unit(9)], ids=["lost", "bits", "unit"]
)
async def test_spoiled_answers_are_reported_and_the_next_good_one_is_used(rig, tmp_path, fault):
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        feed, bus = bus_on(rig, rtu(room.line.path))
        async with rig.running(bus):
            await rig.until(lambda: rig.values(codes.ROOM_CO2), "a poll")
            room.line.fault = fault
            await rig.until(lambda: rig.events(EventKind.LINK_FAILED), "the failure is reported")
            room.line.fault = None
            await rig.until(lambda: feed.status.connections == 2, "it answers again")
    assert "no answer" in rig.events(EventKind.LINK_FAILED)[0].detail["reason"]
    assert set(rig.values(codes.ROOM_TEMPERATURE)) == {21.5}


async def test_an_absent_station_does_not_stop_its_neighbour_on_the_bus(rig, tmp_path):
    driver = complete(PROFILE)
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        here, gone = rig.feed("here", driver), rig.feed("gone", driver)
        stations = [Station(here, 1, driver.link), Station(gone, 7, driver.link)]
        bus = ModbusBus(rtu(room.line.path), stations, rig.clock, rig.rng)
        async with rig.running(bus):
            await rig.until(lambda: gone.status.failures >= 2, "the absent one fails")
            await rig.until(lambda: len(rig.values(codes.ROOM_CO2, "here")) >= 3, "the other reads")
    assert rig.values(codes.ROOM_CO2, "gone") == []
    assert "unit 7" in gone.status.last_error
    assert here.status.failures == 0


async def test_registers_the_sensor_does_not_have_are_named(rig):
    table = {**PROFILE, "block": [{**PROFILE["block"][0], "address": 500}]}
    driver = complete(table)
    async with TcpRoomSensor(profile(), 1, lambda: AIR) as room:
        feed = rig.feed("room", driver)
        stations = [Station(feed, 1, dataclasses.replace(driver.link, poll_s=0.1))]
        bus = ModbusBus(TcpBus(room.host, room.port), stations, rig.clock, rig.rng)
        async with rig.running(bus):
            await rig.until(lambda: feed.status.failures, "the refusal")
    assert "no such register" in feed.status.last_error


async def test_a_bus_that_is_not_there_says_so(rig, tmp_path):
    feed, bus = bus_on(rig, rtu(tmp_path / "absent"))
    async with rig.running(bus):
        await rig.until(lambda: feed.status.failures >= 2, "two tries")
    assert "there is no such port" in rig.events(EventKind.LINK_FAILED)[0].detail["reason"]


async def test_a_gateway_that_refuses_says_so(rig):
    async with TcpRoomSensor(profile(), 2, lambda: AIR) as room:
        where = TcpBus(room.host, room.port)
    feed, bus = bus_on(rig, where, unit=2)
    async with rig.running(bus):
        await rig.until(lambda: feed.status.failures, "a try")
    assert "refused" in rig.events(EventKind.LINK_FAILED)[0].detail["reason"].lower()


async def test_an_unplugged_bus_is_opened_again(rig, tmp_path):
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        feed, bus = bus_on(rig, rtu(room.line.path))
        async with rig.running(bus):
            await rig.until(lambda: rig.values(codes.ROOM_CO2), "a poll")
            room.line.unplug()
            await rig.until(lambda: not feed.status.connected, "the loss is noticed")
            room.line.replug()
            await rig.until(lambda: feed.status.connections == 2, "it answers again")
