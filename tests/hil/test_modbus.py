"""Room sensors behind the product's own configuration, wiring and link.

Every register of every mock holds a figure of its own, so that an answer that is taken for
another one shows as a figure in the wrong place.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import random
import tomllib
import tty
from pathlib import Path

import pytest

from edge_agent import codes
from edge_agent.config import SensorSettings
from edge_agent.errors import EdgeError
from edge_agent.link import modbus
from edge_drivers.modbus_room_profile import Profile
from edge_mocks.modbus import (
    RtuRoom,
    RtuRoomSensor,
    TcpRoomSensor,
    profile_names,
    profile_path,
    read_profile,
    room_mock,
    room_values,
)
from edge_mocks.modbus_device import Unit
from edge_mocks.rtu_line import (
    RtuLine,
    after_noise,
    corrupted,
    dropped,
    from_unit,
    in_pieces,
    late,
    of_function,
    shortened,
)
from tests.room_hub import AIR, OTHER_AIR, SEED, at_host, at_port, hub, measured, truth_of

TRICKY = """
title = "two blocks that differ in one register"
poll_s = 0.1
timeout_s = 0.15
[[block]]
function = 4
address = 0
count = 1
[[block.value]]
code = "MDC_TEMP_ROOM"
offset = 0
scale = 0.1
[[block]]
function = 4
address = 10
count = 2
[[block.value]]
code = "MDCX_EDGE_ROOM_CO2"
offset = 1
type = "uint16"
[[block]]
function = 3
address = 10
count = 2
[[block.value]]
code = "MDCX_EDGE_ROOM_HUMIDITY"
offset = 0
type = "uint16"
scale = 0.1
[[block]]
function = 2
address = 3
count = 4
[[block.value]]
code = "MDCX_EDGE_CONTACT_CLOSED"
offset = 2
"""
TRUTH = {
    codes.ROOM_TEMPERATURE: 21.5,
    codes.ROOM_CO2: 812.0,
    codes.ROOM_HUMIDITY: 48.2,
    codes.CONTACT_CLOSED: 1.0,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Rest after a time-out as long as the time-out; it is half a second at least otherwise."""
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    monkeypatch.setattr(modbus, "_REST_AT_LEAST_S", 0.0)


@pytest.fixture
def tricky(tmp_path):
    file = tmp_path / "tricky.toml"
    file.write_text(TRICKY, encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("profile", profile_names())
async def test_every_shipped_profile_reads_its_sensor_over_rtu(tmp_path, profile):
    room = RtuRoomSensor(tmp_path / "rs485", read_profile(profile), 1, lambda: room_values(AIR))
    # A pseudo-terminal knows no parity.
    async with room, hub(at_port(room.line, profile, parity="N", poll_s=0.1)) as running:
        await running.until(lambda: running.status().connected, "a whole poll")
    assert running.told() == truth_of(profile)
    assert running.status().failures == 0


@contextlib.contextmanager
def null_modem():
    """Join two pseudo-terminals; give the paths of their free ends."""
    pairs = [os.openpty(), os.openpty()]
    loop, masters = asyncio.get_running_loop(), [master for master, _ in pairs]
    for end in itertools.chain(*pairs):
        tty.setraw(end)
    for here, there in (masters, masters[::-1]):
        loop.add_reader(here, lambda here=here, there=there: os.write(there, os.read(here, 4096)))
    try:
        yield [Path(os.ttyname(slave)) for _, slave in pairs]
    finally:
        for master in masters:
            loop.remove_reader(master)
        for end in itertools.chain(*pairs):
            os.close(end)


@pytest.mark.parametrize("way", ["pseudo-terminal", "tcp", "cable"])
async def test_mock_of_a_room_is_found_where_it_says(way):
    with null_modem() as (here, there):
        ways = {"pseudo-terminal": {}, "tcp": {"tcp": 0}, "cable": {"port": here}}
        async with room_mock("wb-msw", unit=7, **ways[way]) as mock:
            (table,) = tomllib.loads(mock.sensor_table())["sensor"]
            if way == "cable":
                table["port"] = str(there)
            async with hub(SensorSettings(**table, poll_s=0.1)) as running:
                await running.until(lambda: codes.ROOM_MOTION in running.told(), "everything")
        assert running.told().keys() == truth_of("wb-msw").keys()


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"profile": "nonesuch"}, "'nonesuch': not shipped. There are: bed-mat, "),
        ({"profile": ""}, "'': not shipped"),
        ({"profile": "xy-md02", "port": Path("/nowhere/tty")}, "there is no such port"),
        ({"profile": "xy-md02", "port": Path("x"), "tcp": 0}, "both a serial and a TCP port"),
    ],
)
async def test_mock_of_a_room_that_can_t_be_says_why(keys, complaint):
    with pytest.raises(EdgeError, match=complaint):
        async with room_mock(**keys):
            pass


async def test_mock_at_a_port_that_is_taken_says_so():
    async with room_mock("xy-md02", tcp=0) as mock:
        with pytest.raises(EdgeError, match=r"can't be used\. Give another port"):
            async with room_mock("xy-md02", tcp=mock.where["tcp_port"]):
                pass


FAULTS = {
    "slow-beyond-its-time-out": late(0.2),
    "as-late-as-the-next-request": late(0.45),
    "as-late-as-the-one-after-it": late(0.9),
    "lost": dropped,
    "wrong-crc-seed-4711": corrupted(random.Random(SEED)),
    "wrong-unit": from_unit(2),
    "wrong-function-3": of_function(3),
    "wrong-function-4": of_function(4),
    "one-register-less": shortened(2),
    "half-a-register": shortened(1),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_no_stale_or_foreign_answer_becomes_a_reading(tmp_path, tricky, fault):
    table = Profile.from_table(tomllib.loads(TRICKY))
    room = RtuRoomSensor(tmp_path / "rs485", table, 1, lambda: TRUTH)
    async with room, hub(at_port(room.line, tricky)) as running:
        await running.until(lambda: running.told().keys() >= TRUTH.keys(), "a whole poll")
        room.line.fault = fault
        await running.until(lambda: running.status().failures >= 2, "failures")
        room.line.fault = None
        polls = running.polls()
        await running.until(lambda: running.polls() > polls + 8, "two polls after it")
        await running.until(lambda: running.status().connected, "connected again")
    assert running.told() == measured(TRUTH)
    assert running.status().rejected == 0


HARMLESS = {
    "noise-in-front": after_noise(b"\x00\xff"),
    "noise-that-looks-like-an-exception": after_noise(b"\x00\x84\xff"),
    "in-pieces": in_pieces(0.002),
}


@pytest.mark.parametrize("fault", HARMLESS.values(), ids=HARMLESS.keys())
async def test_noise_and_pauses_cost_no_reading(tmp_path, tricky, fault):
    table = Profile.from_table(tomllib.loads(TRICKY))
    async with RtuRoomSensor(tmp_path / "rs485", table, 1, lambda: TRUTH) as room:
        room.line.fault = fault
        async with hub(at_port(room.line, tricky)) as running:
            await running.until(lambda: running.polls() > 12, "three polls")
    assert running.told() == measured(TRUTH)
    assert running.status().failures == 0


async def test_adapter_that_echoes_is_read_like_any_other(tmp_path, tricky):
    table = Profile.from_table(tomllib.loads(TRICKY))
    async with RtuRoomSensor(tmp_path / "rs485", table, 1, lambda: TRUTH) as room:
        room.line.echo = True
        async with hub(at_port(room.line, tricky)) as running:
            await running.until(lambda: running.polls() > 8, "two polls")
            room.line.units.clear()
            await running.until(lambda: running.status().failures >= 2, "the sensor is gone")
    assert running.told() == measured(TRUTH)
    assert "no answer" in running.status().last_error


def hasty(tmp_path, profile):
    """Return the path of a shipped profile that waits 0.15 s for an answer, not a second."""
    file = tmp_path / f"hasty-{profile}.toml"
    text = profile_path(profile).read_text(encoding="utf-8")
    file.write_text(f"timeout_s = 0.15\n{text}", encoding="utf-8")
    return str(file)


def two_rooms(tmp_path):
    """Return two sensors on one line, units 1 and 2, with different air; and their settings."""
    units = [
        Unit(1, read_profile("xy-md02"), lambda: room_values(AIR)),
        Unit(2, read_profile("jxct-air"), lambda: room_values(OTHER_AIR)),
    ]
    line = RtuLine(tmp_path / "rs485", [1, 2])
    return RtuRoom(line, units), [
        at_port(line, hasty(tmp_path, "xy-md02"), poll_s=0.1),
        at_port(line, hasty(tmp_path, "jxct-air"), poll_s=0.1, name="other", unit=2),
    ]


async def test_two_sensors_on_one_bus_keep_their_values_apart_while_one_falls_silent(tmp_path):
    room, settings = two_rooms(tmp_path)
    async with room, hub(*settings) as running:
        assert list(running.links.tasks) == ["room+other"]
        await running.until(lambda: running.told() and running.told("other"), "both")
        room.line.units.remove(2)
        await running.until(lambda: running.status("other").failures, "one falls silent")
        polls = running.polls()
        await running.until(lambda: running.polls() > polls + 5, "the other goes on")
        room.line.units.add(2)
        await running.until(lambda: running.status("other").connected, "it is back")
    assert running.told("room") == truth_of("xy-md02")
    assert running.told("other") == truth_of("jxct-air", OTHER_AIR)
    assert running.status("room").failures == 0


async def test_late_answer_of_one_sensor_is_not_taken_for_its_neighbour_s(tmp_path):
    room, settings = two_rooms(tmp_path)
    async with room:

        def slow_first(answer):
            return [(0.25 if answer[0] == 2 else 0.0, answer)]

        async with hub(*settings) as running:
            await running.until(lambda: running.told() and running.told("other"), "both")
            room.line.fault = slow_first
            await running.until(lambda: running.status("other").failures >= 2, "too late, twice")
            room.line.fault = None
            await running.until(lambda: running.status("other").connected, "it is back")
    assert running.told("room") == truth_of("xy-md02")
    assert running.told("other") == truth_of("jxct-air", OTHER_AIR)


async def test_adapter_that_is_pulled_and_plugged_in_again_is_read_again(tmp_path):
    room, settings = two_rooms(tmp_path)
    async with room, hub(*settings) as running:
        await running.until(lambda: running.told() and running.told("other"), "both")
        room.line.unplug()
        for name in ("room", "other"):
            await running.until(
                lambda name=name: "there is no such port" in running.status(name).last_error,
                "the loss is noticed and explained",
            )
        room.line.replug()
        for name in ("room", "other"):
            await running.until(
                lambda name=name: running.status(name).connections == 2, "read again"
            )


async def test_door_contact_on_a_discrete_input_is_followed(tmp_path):
    values = {codes.CONTACT_CLOSED: 1.0}
    async with (
        RtuRoomSensor(tmp_path / "rs485", read_profile("waveshare-io8"), 1, lambda: values) as room,
        hub(at_port(room.line, "waveshare-io8", poll_s=0.1)) as running,
    ):
        await running.until(running.told, "closed")
        assert running.told() == measured({codes.CONTACT_CLOSED: 1.0})
        values[codes.CONTACT_CLOSED] = 0.0
        await running.until(lambda: len(running.told()[codes.CONTACT_CLOSED]) == 2, "open")
    assert {request[1] for request in room.line.requests} == {2}


async def test_hub_never_asks_for_more_than_to_read(tmp_path):
    async with (
        RtuRoomSensor(
            tmp_path / "rs485", read_profile("wb-mcm8"), 1, lambda: room_values(AIR)
        ) as room,
        hub(at_port(room.line, "wb-mcm8", poll_s=0.1)) as running,
    ):
        await running.until(lambda: running.polls() > 6, "some polls")
        room.line.unplug()
        room.line.replug()
        await running.until(lambda: running.status().connections == 2, "read again")
    assert {request[1] for request in room.line.requests} <= {2, 3, 4}


async def test_gateway_that_lost_power_is_connected_anew():
    room = TcpRoomSensor(read_profile("wb-mcm8"), 1, lambda: room_values(AIR))
    async with room as gateway, hub(at_host(gateway.port, "wb-mcm8", poll_s=0.1)) as running:
        await running.until(lambda: running.status().connected, "connected")
        await gateway.stop()
        await running.until(lambda: running.status().failures, "the loss is noticed")
        await gateway.start()
        await running.until(lambda: running.status().connections == 2, "connected anew")
