import dataclasses

import pytest

from edge_agent import codes
from edge_agent.link.serial import SerialLink
from edge_agent.model import EventKind
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
