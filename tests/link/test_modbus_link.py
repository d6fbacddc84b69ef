"""The link itself: deadlines, back-off, rest, refusals. What mocks of real sensors do to it stands
in tests/hil/test_modbus.py."""

import ast
import asyncio
import contextlib
import dataclasses
import itertools
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from edge_agent import codes
from edge_agent.clock import NS_PER_S
from edge_agent.driver import Serial
from edge_agent.link import modbus
from edge_agent.link.bus import SerialBus, TcpBus
from edge_agent.link.modbus import ModbusBus, Station
from edge_agent.link.modbus_client import Hearing
from edge_agent.model import Boottime, EventKind
from edge_drivers.modbus_room import complete
from edge_drivers.modbus_room_profile import Profile
from edge_mocks.modbus import RtuRoomSensor, TcpRoomSensor
from edge_mocks.rtu_line import forged, late

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


def bus_on(rig, where, unit=1, table=PROFILE, **changes):
    driver = complete(table)
    feed = rig.feed("room", driver)
    link = dataclasses.replace(driver.link, **changes)
    return feed, ModbusBus(where, [Station(feed, unit, link)], rig.clock, rig.rng)


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


async def test_a_slow_sensor_costs_no_more_than_its_own_time_out(rig, tmp_path):
    """The neighbour may wait a minute for its answer; the silent one must not be waited for so."""
    patient = complete({**PROFILE, "timeout_s": 60})
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        here, gone = rig.feed("here", patient), rig.feed("gone", complete(PROFILE))
        stations = [Station(here, 1, patient.link), Station(gone, 7, complete(PROFILE).link)]
        bus = ModbusBus(rtu(room.line.path), stations, rig.clock, rig.rng)
        async with rig.running(bus):
            await rig.until(lambda: gone.status.failures >= 2, "two time-outs of the absent one")
            await rig.until(lambda: len(rig.values(codes.ROOM_CO2, "here")) >= 3, "the other reads")


@pytest.mark.parametrize(
    ("poll_s", "silences", "period_s"),
    [
        (5, 0, 5), (5, 1, 5), (5, 2, 10), (5, 3, 20), (5, 5, 60), (5, 10_000, 60),
        (0.1, 2, 0.2), (600, 0, 600), (600, 9, 600),
    ],
)  # fmt: skip
def test_the_longer_a_sensor_is_silent_the_less_it_is_asked(rig, poll_s, silences, period_s):
    link = dataclasses.replace(complete(PROFILE).link, poll_s=poll_s)
    station = Station(rig.feed("room", complete(PROFILE)), 1, link, silences=silences)
    assert station.period_s == period_s


def test_a_poll_that_was_late_is_not_made_up_for(rig):
    link = dataclasses.replace(complete(PROFILE).link, poll_s=5)
    station = Station(rig.feed("room", complete(PROFILE)), 1, link, due=Boottime(100 * NS_PER_S))
    station.schedule(Boottime(101 * NS_PER_S))
    assert station.due == 105 * NS_PER_S  # a second late: the period stays
    station.schedule(Boottime(300 * NS_PER_S))
    assert station.due == 300 * NS_PER_S  # minutes late: once, not forty times


async def test_an_answer_that_comes_in_the_rest_is_not_given_as_a_fresh_one(rig, tmp_path):
    """Without the rest, the next poll would take it: a value older than the poll it stands for."""
    room = RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR)
    async with room:
        feed, bus = bus_on(rig, rtu(room.line.path), timeout_s=0.3)
        async with rig.running(bus):
            await rig.until(lambda: rig.values(codes.ROOM_CO2), "a poll")
            await rig.until(lambda: feed.status.connected, "all of it")
            room.line.fault = late(0.5)
            before = len(room.line.requests)
            await rig.until(lambda: feed.status.failures, "a time-out")
            polls = len(rig.emitted)
            await rig.until(lambda: len(room.line.requests) >= before + 3, "more polls")
            assert rig.emitted[polls:] == []
    assert feed.status.failures >= 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "does not know the function code"), (2, "no such register"),
        (3, "refuses the number of registers"), (4, "fault of its own"),
        (5, "accepted the request and is still working"), (6, "busy"), (7, "can't carry"),
        (8, "parity error in its memory"), (10, "no path to the unit"),
        (11, "behind the gateway does not answer"), (99, "exception 99"),
    ],
)  # fmt: skip
async def test_what_a_sensor_refuses_with_is_said_in_words(rig, tmp_path, code, words):
    async with RtuRoomSensor(tmp_path / "rs485", profile(), 1, lambda: AIR) as room:
        room.line.fault = forged(lambda body: bytes((body[0], body[1] | 0x80, code)))
        feed, bus = bus_on(rig, rtu(room.line.path))
        async with rig.running(bus):
            await rig.until(lambda: feed.status.failures >= 2, "refusals")
    assert words in feed.status.last_error
    assert not feed.status.connections


async def test_a_part_the_sensor_lacks_does_not_cost_the_others(rig):
    table = {**PROFILE, "block": [{**PROFILE["block"][0], "address": 500}, PROFILE["block"][1]]}
    async with TcpRoomSensor(profile(), 1, lambda: AIR) as room:
        feed, bus = bus_on(rig, TcpBus(room.host, room.port), table=table)
        async with rig.running(bus):
            await rig.until(lambda: len(rig.values(codes.ROOM_CO2)) >= 3, "the part that is there")
    assert "no such register" in feed.status.last_error
    assert len(rig.events(EventKind.LINK_FAILED)) == 1
    assert len(rig.events(EventKind.CONNECTED)) == 1


async def test_a_gateway_that_fell_silent_is_connected_anew(rig):
    """Its power went: no end of the connection comes, and no answer ever again."""
    connections = []

    async def swallow(reader, writer):
        connections.append(writer)
        while await reader.read(4096):
            pass
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        feed, bus = bus_on(rig, TcpBus("127.0.0.1", port))
        async with rig.running(bus):
            await rig.until(lambda: len(connections) >= 2, "connected anew")
    reasons = [event.detail["reason"] for event in rig.events(EventKind.LINK_FAILED)]
    assert any("no answer to 3 requests in a row" in reason for reason in reasons)
    assert feed.status.readings == 0


async def test_a_late_answer_over_tcp_belongs_to_its_own_request(rig):
    """The gateway holds each answer back until the next request has come; values count requests."""
    asked = []

    async def one_behind(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                request = await reader.readexactly(12)
                asked.append(request)
                if len(asked) % 2 == 0:
                    for number, one in enumerate(asked[-2:], len(asked) - 1):
                        head = one[:4] + b"\x00\x05" + one[6:8]
                        writer.write(head + b"\x02" + (10 * number).to_bytes(2, "big"))
        writer.close()

    table = {**PROFILE, "block": PROFILE["block"][:1]}
    async with await asyncio.start_server(one_behind, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        _, bus = bus_on(rig, TcpBus("127.0.0.1", port), table=table)
        async with rig.running(bus):
            await rig.until(lambda: len(rig.values(codes.ROOM_TEMPERATURE)) >= 3, "three values")
    assert rig.values(codes.ROOM_TEMPERATURE)[:3] == [2.0, 4.0, 6.0]


ASKED = bytes.fromhex("010400010002200b")
ANSWER = bytes.fromhex("010404013102222ace")


def heard(*pieces):
    """Return what is left of what arrives in ``pieces`` after the request ASKED."""
    hearing = Hearing()
    assert hearing(sending=True, octets=ASKED) == ASKED
    return [
        hearing(sending=False, octets=b"".join(pieces[: count + 1])) for count in range(len(pieces))
    ]


@pytest.mark.parametrize("piece", range(1, len(ASKED + ANSWER)))
def test_the_echo_of_a_request_is_not_heard_however_it_is_cut(piece):
    both = ASKED + ANSWER
    *_, whole = heard(both[:piece], both[piece:])
    assert whole == ANSWER


@given(st.binary(max_size=20).filter(lambda noise: b"\x01" not in noise))
def test_noise_in_front_of_an_answer_is_not_heard(noise):
    assert heard(noise + ANSWER) == [ANSWER]
    refusal = bytes.fromhex("018402c2c1")
    assert heard(noise + refusal) == [refusal]


def test_an_answer_of_another_unit_or_function_is_not_heard():
    assert heard(bytes.fromhex("020404013102221edd")) == [b""]
    assert heard(bytes.fromhex("010304013102225a19")) == [b""]


READS = {"read_discrete_inputs", "read_holding_registers", "read_input_registers"}
OFFERED = {name for name in dir(ModbusClientMixin) if not name.startswith("_")}
HARMLESS = {"execute", "convert_from_registers", "convert_to_registers", "DATATYPE"}


def test_nothing_in_the_product_can_ask_a_sensor_for_more_than_to_read():
    root = Path(__file__).parents[2]
    files = [*(root / "edge_agent").rglob("*.py"), *(root / "drivers").rglob("*.py")]
    forbidden = OFFERED - READS - HARMLESS
    assert {"write_coil", "write_register", "write_registers", "mask_write_register"} <= forbidden
    used = {
        name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in (getattr(node, "attr", None), getattr(node, "value", None))
        if isinstance(name, str)
    }
    assert used & OFFERED - HARMLESS == READS


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


ONE_BLOCK = {**PROFILE, "block": PROFILE["block"][1:]}


@pytest.mark.parametrize("late_s", [0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.1, 1.25, 1.5, 1.9, 2.4])
async def test_an_answer_that_always_comes_late_is_never_taken_for_a_fresh_one(
    rig, tmp_path, late_s
):
    """One block, asked again and again: unit, function and length of a late answer fit."""
    requests = itertools.count(500)
    truth = {codes.ROOM_CO2: 0.0}
    stale = []

    def air():
        truth[codes.ROOM_CO2] = float(next(requests))
        return {**AIR, **truth}

    table = Profile.from_table(ONE_BLOCK)
    async with RtuRoomSensor(tmp_path / "rs485", table, 1, air) as room:
        feed, bus = bus_on(rig, rtu(room.line.path), table=ONE_BLOCK)
        room.line.fault = late(late_s)
        async with rig.running(bus):
            await rig.until(lambda: feed.status.failures >= 3, "three time-outs")
            stale = rig.values(codes.ROOM_CO2)
            room.line.fault = None
            await rig.until(lambda: rig.values(codes.ROOM_CO2), "it answers in time again")
    assert stale == []
    fresh = rig.values(codes.ROOM_CO2)
    assert all(later > earlier for earlier, later in itertools.pairwise(fresh))
    assert truth[codes.ROOM_CO2] - fresh[-1] <= 1  # one more may have been asked for since


async def test_silent_units_in_front_of_a_live_one_do_not_starve_it(rig):
    """Behind one gateway: three that are gone, asked first, and one that answers."""
    answered = []

    async def serve(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(7)
                await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                if head[6] == 4:
                    answered.append(head)
                    body = bytes((4, 4, 4)) + (812).to_bytes(2, "big") * 2
                    writer.write(head[:4] + len(body).to_bytes(2, "big") + body)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    driver = complete(ONE_BLOCK)
    stations = [
        Station(rig.feed(f"unit{unit}", driver), unit, driver.link) for unit in (1, 2, 3, 4)
    ]
    bus = ModbusBus(TcpBus("127.0.0.1", port), stations, rig.clock, rig.rng)
    async with server, rig.running(bus):
        await rig.until(lambda: len(rig.values(codes.ROOM_CO2, "unit4")) >= 3, "the live one reads")
        assert stations[3].feed.status.failures == 0
        assert all(one.feed.status.failures for one in stations[:3])
    assert answered


async def test_a_gateway_behind_which_nobody_answers_is_connected_anew(rig):
    connections = []

    async def serve(reader, writer):
        connections.append(writer)
        with contextlib.suppress(ConnectionError):
            while await reader.read(256):
                pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    driver = complete(ONE_BLOCK)
    stations = [Station(rig.feed(f"unit{unit}", driver), unit, driver.link) for unit in (1, 2)]
    bus = ModbusBus(TcpBus("127.0.0.1", port), stations, rig.clock, rig.rng)
    async with server, rig.running(bus):
        await rig.until(lambda: len(connections) >= 2, "connected anew")
    assert "none from any sensor" in stations[0].feed.status.last_error


async def test_a_bus_ends_even_if_its_end_is_swallowed_while_it_connects(rig, monkeypatch):
    """``asyncio.wait_for`` of Python 3.11, in pymodbus, does it when the connection is there."""
    began, connect = asyncio.Event(), modbus.connect

    async def connect_and_swallow(*arguments):
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return await connect(*arguments)

    monkeypatch.setattr(modbus, "connect", connect_and_swallow)
    async with TcpRoomSensor(profile(), 2, lambda: AIR) as room:
        _, bus = bus_on(rig, TcpBus(room.host, room.port), unit=2)
        task = asyncio.create_task(bus.run())
        await began.wait()
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait({task})
    assert task.cancelled()
