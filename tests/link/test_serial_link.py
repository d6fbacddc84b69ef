import asyncio
import dataclasses
import termios

import pytest
import serial

from edge_agent import codes
from edge_agent.clock import VirtualClock
from edge_agent.driver import Decoder, Driver, Serial, Write
from edge_agent.errors import LinkError
from edge_agent.link.serial import SerialLink, better_name, name_that_stays, open_port
from edge_agent.model import EventKind, Observation
from edge_drivers.nonin import DRIVER, PACKET_OCTETS, PLETH_RATE_HZ, Packet
from edge_mocks.nonin import NoninOximeter
from edge_mocks.serial_line import SerialLine
from edge_mocks.traces import SimulatedOximetry

PACKET = Packet(spo2_percent=97, pulse_per_min=164, pleth=tuple(range(25))).to_bytes()


@pytest.fixture
def line(tmp_path):
    line = SerialLine(tmp_path / "usb-oximeter")
    line.replug()
    yield line
    line.unplug()


def link_on(rig, path, **changes):
    feed = rig.feed("ox", DRIVER)
    real, feed.times_opened = feed.open, 0

    def opened():  # the link asks the decoder once the port is read
        feed.times_opened += 1
        return real()

    feed.open = opened
    line = dataclasses.replace(DRIVER.link, **changes)
    return feed, SerialLink(feed, str(path), line, rig.clock, rig.rng)


async def test_a_real_port_gives_the_oximeters_values(rig, line):
    _, link = link_on(rig, line.path)
    async with rig.running(link), NoninOximeter(line, SimulatedOximetry(1)):
        await rig.until(lambda: len(rig.values(codes.SPO2)) >= 3, "three packets")
    assert all(85 <= value <= 100 for value in rig.values(codes.SPO2))
    assert rig.waveforms()[0].rate_hz == PLETH_RATE_HZ


async def test_garbage_before_and_between_packets_is_skipped_and_counted(rig, line):
    feed, link = link_on(rig, line.path)
    async with rig.running(link):
        await rig.until(lambda: feed.times_opened, "the port is open")
        line.write(b"\x01garbage\xff\x00" + PACKET + b"noise" + PACKET + PACKET[:60] + PACKET)
        await rig.until(lambda: len(rig.values(codes.SPO2)) == 3, "the three whole packets")
    assert rig.values(codes.PULSE_RATE) == [164.0] * 3
    skipped = sum(event.detail["octets"] for event in rig.events(EventKind.FRAME_REJECTED))
    assert skipped == 10 + 5 + 60


async def test_an_unplugged_adapter_is_reported_and_read_again_when_it_is_back(rig, line):
    feed, link = link_on(rig, line.path)
    async with rig.running(link):
        await rig.until(lambda: feed.times_opened, "the port is open")
        line.write(PACKET)
        await rig.until(lambda: feed.status.connected, "a value")
        line.unplug()
        await rig.until(lambda: rig.events(EventKind.LINK_FAILED), "the loss is reported")
        assert not feed.status.connected
        tries = feed.times_opened
        line.replug()
        await rig.until(lambda: feed.times_opened > tries, "the port is open again")
        line.write(PACKET)
        await rig.until(lambda: feed.status.connections == 2, "a value after the replug")
    reasons = [event.detail["reason"] for event in rig.events(EventKind.LINK_FAILED)]
    assert "ox at" in reasons[0]


async def test_a_packet_cut_by_an_unplug_is_not_glued_to_the_next(rig, line):
    feed, link = link_on(rig, line.path)
    async with rig.running(link):
        await rig.until(lambda: feed.times_opened, "the port is open")
        line.write(PACKET + PACKET[: PACKET_OCTETS // 2])
        await rig.until(lambda: feed.status.connected, "a packet and a half")
        line.unplug()
        await rig.until(lambda: not feed.status.connected, "the loss")
        tries = feed.times_opened
        line.replug()
        await rig.until(lambda: feed.times_opened > tries, "the port is open again")
        line.write(PACKET + PACKET)
        await rig.until(lambda: len(rig.values(codes.SPO2)) == 3, "both whole packets")


async def test_a_port_that_is_not_there_says_so_and_is_tried_again(rig, tmp_path):
    feed, link = link_on(rig, tmp_path / "absent")
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures >= 3, "three tries")
    (event,) = rig.events(EventKind.LINK_FAILED)
    assert "there is no such port" in event.detail["reason"]
    assert "/dev/serial/by-id" in event.detail["reason"]


async def test_a_path_that_is_no_port_says_so(rig, tmp_path):
    (tmp_path / "file").write_text("not a port")
    feed, link = link_on(rig, tmp_path / "file")
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures, "a try")
    assert "file" in rig.events(EventKind.LINK_FAILED)[0].detail["reason"]


async def test_a_silent_sensor_is_told_once_and_never_counts_as_connected(rig, line):
    feed, link = link_on(rig, line.path, silence_s=0.2)
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures >= 3, "silence")
    (event,) = rig.events(EventKind.LINK_FAILED)
    assert "switched on" in event.detail["reason"]
    assert not rig.events(EventKind.CONNECTED)


START, SIGN, STOP = b"start", b"sign", b"stop"


class Asking(Decoder):
    """Writes at every occasion; what it hears is a value."""

    start = START

    def open(self, at):
        return [Write("", self.start)]

    def feed(self, data, at, channel=""):
        if data == b"bug":
            raise ZeroDivisionError("a bug")
        return [Observation(code=codes.SPO2, value=97.0, at=at, sensor=self.sensor)]

    def poll(self, at):
        return [Write("", SIGN)]

    def close(self):
        return [Write("", STOP)]


def asking(rig, path, decoder=Asking, **changes):
    driver = Driver(name="asking", title="", link=Serial(), decoder=decoder, measures=(codes.SPO2,))
    feed = rig.feed("ox", driver)
    line = dataclasses.replace(Serial(silence_s=1000.0), **changes)
    return feed, SerialLink(feed, str(path), line, rig.clock, rig.rng)


class Hearing:
    """What the sensor's end of the line has heard."""

    def __init__(self, line):
        self.line, self.octets = line, b""

    def __call__(self, wanted):
        self.octets += self.line.read()
        return wanted in self.octets


async def test_sensor_is_asked_at_the_start_every_few_seconds_and_at_the_end(rig, line):
    rig.clock, heard = VirtualClock(), Hearing(line)
    _, link = asking(rig, line.path, poll_s=5.0)
    async with rig.running(link):
        await rig.until(lambda: heard(START), "the start request")
        await rig.clock.advance(4.9)
        assert not heard(SIGN)
        await rig.clock.advance(0.2)
        await rig.until(lambda: heard(START + SIGN), "a sign of life")
        await rig.clock.advance(5.0)
        await rig.until(lambda: heard(START + SIGN * 2), "the next one")
    await rig.until(lambda: heard(START + SIGN * 2 + STOP), "the stop request")


async def test_line_without_a_poll_interval_is_not_polled(rig, line):
    rig.clock, heard = VirtualClock(), Hearing(line)
    _, link = asking(rig, line.path)
    async with rig.running(link):
        await rig.until(lambda: heard(START), "the start request")
        await rig.clock.advance(900)
        await asyncio.sleep(0.05)
        assert not heard(SIGN)


async def test_a_silent_sensor_is_let_go_and_asked_anew(rig, line):
    heard = Hearing(line)
    _, link = asking(rig, line.path, silence_s=0.1)
    async with rig.running(link):
        await rig.until(lambda: heard(START + STOP + START), "a second start")


async def test_nothing_is_written_to_a_port_that_went_away(rig, line):
    seen = []
    feed, link = asking(rig, line.path)
    feed.taps.add(lambda step: seen.append(str(step).split(" ", 1)[1]))
    async with rig.running(link):
        await rig.until(lambda: seen, "the start")
        line.unplug()
        await rig.until(lambda: rig.events(EventKind.LINK_FAILED), "the loss")
        assert f"> - {STOP.hex()}" not in seen
        line.replug()
        await rig.until(lambda: seen.count("open") == 2, "the port is open again")


async def test_a_port_that_takes_nothing_ends_the_session(rig, line):
    class Talkative(Asking):
        start = bytes(200_000)

    _, link = asking(rig, line.path, decoder=Talkative)
    async with rig.running(link):
        await rig.until(lambda: rig.events(EventKind.LINK_FAILED), "the write gives up")
    assert "has taken nothing for 1 s" in rig.events(EventKind.LINK_FAILED)[0].detail["reason"]


async def test_a_port_in_use_says_whom_to_ask(rig, line):
    with serial.Serial(str(line.path), exclusive=True):
        feed, link = link_on(rig, line.path)
        async with rig.running(link):
            await rig.until(lambda: feed.status.failures, "a try")
    reason = rig.events(EventKind.LINK_FAILED)[0].detail["reason"]
    assert "in use by another program" in reason
    assert f"fuser -v {line.path}" in reason


@pytest.mark.parametrize(
    "error", [termios.error(22, "Invalid argument"), ValueError("Not a valid baudrate: 7")]
)
def test_settings_that_a_port_does_not_take_are_named(monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(LinkError, match=r"port x at there: .* 19200 baud, 8E1: .*'parity'"):
        open_port("port x", "there", Serial(baud=19_200, parity="E"))


async def test_a_bug_in_a_driver_is_told_and_the_port_is_opened_again(rig, line):
    heard = Hearing(line)
    feed, link = asking(rig, line.path)
    async with rig.running(link):
        await rig.until(lambda: heard(START), "the port is open")
        line.write(b"bug")
        await rig.until(lambda: heard(START + STOP + START), "the port is open again")
        line.write(b"value")
        await rig.until(lambda: feed.status.connected, "a value")
    assert "ZeroDivisionError" in rig.events(EventKind.LINK_FAILED)[0].detail["reason"]


async def test_a_name_that_changes_is_warned_of_once(rig, caplog):
    feed, link = link_on(rig, "/dev/ttyUSB4711")
    async with rig.running(link):
        await rig.until(lambda: feed.status.failures >= 2, "two tries")
    warnings = [one.message for one in caplog.records if "/dev/serial/by-id" in one.message]
    assert len([one for one in warnings if "another adapter" in one]) == 1


def test_the_name_that_stays_is_found(tmp_path):
    (tmp_path / "usb-FTDI-if00").symlink_to("/dev/ttyUSB7")
    assert name_that_stays("/dev/ttyUSB7", tmp_path) == str(tmp_path / "usb-FTDI-if00")
    assert str(tmp_path / "usb-FTDI-if00") in better_name("/dev/ttyUSB7", tmp_path)
    assert name_that_stays("/dev/ttyUSB8", tmp_path) is None
    assert str(tmp_path) in better_name("/dev/ttyUSB8", tmp_path)
    assert name_that_stays("/dev/ttyUSB7", tmp_path / "absent") is None
    for stays in ("/dev/serial/by-id/usb-FTDI-if00", "/dev/ttyAMA0", "/dev/rfcomm0"):
        assert better_name(stays, tmp_path) == ""
