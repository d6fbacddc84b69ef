"""The mock serial line and oximeter under the real pyserial."""

import asyncio

import pytest
import serial

from edge_agent.model import Boottime, Event, Observation, State, Waveform
from edge_drivers.nonin import DRIVER, NO_RATE, NO_SATURATION, Packet
from edge_mocks.nonin import NoninOximeter
from edge_mocks.serial_line import SerialLine
from edge_mocks.traces import SimulatedOximetry

SEED = 4


@pytest.fixture
def line(tmp_path):
    line = SerialLine(tmp_path / "usb-Mock_Serial-if00")
    line.replug()
    yield line
    line.unplug()


def opened(line):
    return serial.Serial(str(line.path), 9600, timeout=2, exclusive=True)


def test_every_octet_arrives_unchanged_in_both_directions(line):
    everything = bytes(range(256))
    with opened(line) as port:
        line.write(everything)
        assert port.read(256) == everything
        port.write(everything)
        assert line.read() == everything
        assert line.read() == b""
    assert line.read() == b""  # nobody has the port open


def test_unplugging_hangs_the_client_up_and_the_path_is_gone_until_it_is_plugged_in(line):
    with opened(line) as port:
        line.unplug()
        with pytest.raises(serial.SerialException):
            port.read(1)
    with pytest.raises(serial.SerialException) as absent:
        opened(line)
    assert absent.value.errno == 2
    line.write(b"unheard")
    line.replug()
    assert line.plugged_in
    with opened(line) as port:
        line.write(b"again")
        assert port.read(5) == b"again"


def test_what_a_client_does_not_fetch_is_lost_and_counted_and_blocks_nobody(line):
    with opened(line):
        for _ in range(20):
            line.write(bytes(4096))
    assert 20 * 4096 > line.lost_octets > 0


def test_the_fault_hook_changes_what_arrives(line):
    line.fault = lambda octets: octets[1:]
    with opened(line) as port:
        line.write(b"abc")
        line.write(b"x")
        assert port.read(2) == b"bc"


@pytest.fixture
async def oximeter(line):
    async with NoninOximeter(line, SimulatedOximetry(SEED)) as oximeter:
        yield oximeter


async def read(port, octets):
    """Read like the hub's link does, without a thread."""
    got = bytearray()
    port.timeout = 0
    async with asyncio.timeout(5):
        while len(got) < octets:
            got += port.read(octets - len(got))
            await asyncio.sleep(0.01)
    return bytes(got)


async def test_the_oximeter_sends_three_packets_a_second_with_the_truth(line, oximeter):
    trace = oximeter.trace
    with opened(line) as port:
        loop = asyncio.get_running_loop()
        began = loop.time()
        packets = [Packet.from_bytes(await read(port, 125)) for _ in range(3)]
        assert loop.time() - began > 0.6
    for packet in packets:
        assert packet.spo2_percent == pytest.approx(trace.spo2_percent(0.5), abs=1)
        assert packet.pulse_per_min == pytest.approx(trace.pulse_per_min(0.5), abs=1)
    wave = [sample for packet in packets for sample in packet.pleth]
    assert max(wave) - min(wave) > 60


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ({"attached": False}, State.NOT_ATTACHED),
        ({"tracking": False}, State.SEARCHING),
        ({"moving": True}, State.QUESTIONABLE),
    ],
)
async def test_each_fault_of_the_person_is_read_as_such_by_the_driver(line, oximeter, fault, state):
    for name, value in fault.items():
        setattr(oximeter, name, value)
    with opened(line) as port:
        outputs = DRIVER.decoder("oximeter").feed(await read(port, 125), Boottime(0))
    observations = [one for one in outputs if isinstance(one, Observation)]
    assert {one.state for one in observations} == {state}
    assert {one.value is None for one in observations} == {state is not State.QUESTIONABLE}
    assert (NO_SATURATION, NO_RATE) == (127, 511)


async def test_the_driver_finds_its_way_after_dropped_octets(line, oximeter):
    line.fault = lambda octets: octets[:60] + octets[67:]
    with opened(line) as port:
        damaged = await read(port, 118)
        line.fault = None
        outputs = DRIVER.decoder("oximeter").feed(damaged + await read(port, 125), Boottime(0))
    assert sum(isinstance(one, Waveform) for one in outputs) == 1
    assert [one.detail["octets"] for one in outputs if isinstance(one, Event)] == [118]
