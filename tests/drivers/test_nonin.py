"""Packets of Nonin's data formats 2 and 7, laid out as in mdpnp/mdpnp (devices/nonin) and in the
tests of pez-globo/pufferfish-software; checksums were computed."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import PLETH, PULSE_RATE, SPO2
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Event, EventKind, Observation, State, Waveform
from edge_drivers.nonin import (
    DRIVER,
    DRIVER_7,
    FRAMES,
    PACKET_OCTETS,
    Averages,
    Format,
    FrameStatus,
    Packet,
    is_frame,
)
from edge_drivers.nonin_status import Status2

AT = Boottime(10**12)

PLAIN = bytes.fromhex(
    "01812800aa01802b48f401802e611001803130e201803400b501803707bf01803a682301803d00be"
    "01804061220180436125018046612801804900ca01804c00cd01804f00d0018052481b0180556137"
    "018058613a01805b00dc01805e00df01806100e2018064482d01806700e801806a483301806d00ee"
    "01807000f1"
)
ABOVE_127 = bytes.fromhex(
    "01812801ab01802b24d001802e5d0c01803130e201803400b501803707bf01803a682301803d20de"
    "0180405d1e0180435d210180465d2401804900ca01804c00cd01804f01d101805224f70180555d33"
    "0180585d3601805b00dc01805e00df01806101e3018064240901806701e901806a240f01806d00ee"
    "01807000f1"
)
NO_FINGER = bytes.fromhex(
    "01d928030501d82b7f8301d82e7f8601d831303a01d834000d01d837071701d83a687b01d83d0016"
    "01d8407f9801d8437f9b01d8467f9e01d849002201d84c002501d84f032b01d8527faa01d8557fad"
    "01d8587fb001d85b003401d85e003701d861033d01d8647fbc01d867034301d86a7fc201d86d0046"
    "01d8700049"
)
BOTH_HIGH_BITS = bytes.fromhex(
    "01812802ac01802b41ed01802e580701803130e201803400b501803707bf01803a682301803d01bf"
    "0180405819018043581c018046581f01804900ca01804c00cd01804f02d20180524114018055582e"
    "018058583101805b00dc01805e00df01806102e4018064412601806702ea01806a412c01806d00ee"
    "01807000f1"
)

FORMAT_7 = bytes.fromhex(
    "81280000a9802b0048f3802e00610f80310030e180340000b480370007be803a006822803d0000bd"
    "80400061218043006124804600612780490000c9804c0000cc804f0000cf805200481a8055006136"
    "8058006139805b0000db805e0000de80610000e1806400482c80670000e7806a004832806d0000ed"
    "80700000f0"
)


def feed(octets, decoder=None):
    return list((decoder or DRIVER.decoder("finger")).feed(octets, AT))


def observations(outputs):
    return {one.code: one for one in outputs if isinstance(one, Observation)}


@pytest.mark.parametrize(
    ("octets", "rate", "spo2", "status2"),
    [
        (PLAIN, 72, 97, Status2.NONE),
        (ABOVE_127, 164, 93, Status2.SMARTPOINT),  # a reading of MSB << 8 | LSB gives 292
        (NO_FINGER, None, None, Status2.NONE),
        (BOTH_HIGH_BITS, 321, 88, Status2.BATTERY_LOW),
    ],
)
def test_published_layout_goes_both_ways(octets, rate, spo2, status2):
    one = Packet.from_bytes(octets)
    assert (one.pulse_per_min, one.spo2_percent) == (rate, spo2)
    assert (one.firmware, one.timer, one.status2) == (48, 1000, status2)
    assert one.averages == Averages.alike(spo2, rate)
    assert one.pleth == tuple(range(0x28, 0x28 + 3 * FRAMES, 3))
    assert one.to_bytes() == octets


def test_format_7_has_sixteen_bits_of_pleth_and_no_lead_octet():
    one = Packet.from_bytes(FORMAT_7, Format.SIXTEEN_BIT)
    assert (one.pulse_per_min, one.spo2_percent, one.timer) == (72, 97, 1000)
    assert one.pleth == tuple(range(0x2800, 0x2800 + 0x300 * FRAMES, 0x300))
    assert one.to_bytes(Format.SIXTEEN_BIT) == FORMAT_7
    with pytest.raises(FrameError):
        Packet.from_bytes(FORMAT_7)


@pytest.mark.parametrize(
    ("driver", "own", "other"), [(DRIVER, PLAIN, FORMAT_7), (DRIVER_7, FORMAT_7, PLAIN)]
)
def test_each_format_is_recognised_by_its_own_driver_only(driver, own, other):
    assert driver.recognise(own[60:] + own * 8) > 0.9
    assert driver.recognise(other[60:] + other * 8) == 0
    assert driver.recognise(b"") == 0


def test_no_finger_is_told_by_status():
    expected = FrameStatus.DISCONNECTED | FrameStatus.OUT_OF_TRACK | FrameStatus.SENSOR_ALARM
    assert Packet.from_bytes(NO_FINGER).status == expected


_CAN_BE_SET = [
    bit
    for bit in FrameStatus
    if bit not in {FrameStatus.NONE, FrameStatus.SYNC, FrameStatus.ALWAYS}
]
_SPO2 = st.none() | st.integers(0, 126)
_RATE = st.none() | st.integers(0, 510)
_AVERAGES = st.builds(
    Averages,
    spo2_shown=_SPO2,
    spo2_fast=_SPO2,
    spo2_beat=_SPO2,
    spo2_extended=_SPO2,
    spo2_extended_shown=_SPO2,
    pulse_extended=_RATE,
    pulse_shown=_RATE,
    pulse_extended_shown=_RATE,
)


@pytest.mark.parametrize("layout", Format)
@given(st.data())
def test_packet_round_trip(layout, data):
    samples = st.integers(0, layout.highest)
    one = data.draw(
        st.builds(
            Packet,
            spo2_percent=_SPO2,
            pulse_per_min=_RATE,
            pleth=st.lists(samples, min_size=FRAMES, max_size=FRAMES).map(tuple),
            status=st.sets(st.sampled_from(_CAN_BE_SET)).map(lambda bits: FrameStatus(sum(bits))),
            status2=st.integers(0, 255).map(Status2),
            firmware=st.integers(0, 255),
            timer=st.integers(0, (1 << 14) - 1),
            averages=_AVERAGES,
        )
    )
    octets = one.to_bytes(layout)
    assert len(octets) == PACKET_OCTETS
    assert Packet.from_bytes(octets, layout) == one


@pytest.mark.parametrize("at", range(PACKET_OCTETS))
def test_packet_with_one_wrong_octet_is_refused(at):
    damaged = bytearray(PLAIN)
    damaged[at] ^= 0xFF
    with pytest.raises(FrameError):
        Packet.from_bytes(bytes(damaged))


@pytest.mark.parametrize("octets", [b"", PLAIN[:-1], PLAIN + b"\x01", PLAIN[5:] + PLAIN[:5]])
def test_packet_of_the_wrong_length_or_phase_is_refused(octets):
    with pytest.raises(FrameError):
        Packet.from_bytes(octets)


def test_frame_needs_its_start_status_bit_and_checksum():
    assert is_frame(bytes.fromhex("01812800aa"))
    assert not is_frame(bytes.fromhex("02812800ab"))
    assert not is_frame(bytes.fromhex("010128002a"))
    assert not is_frame(bytes.fromhex("01812800ab"))


def test_packet_gives_two_numbers_and_a_third_of_a_second_of_pleth():
    spo2, rate, pleth = feed(PLAIN)
    assert (spo2.code, spo2.value, spo2.state, spo2.quality) == (SPO2, 97.0, State.MEASURED, 1.0)
    assert (rate.code, rate.value, rate.state) == (PULSE_RATE, 72.0, State.MEASURED)
    assert (pleth.code, pleth.rate_hz, len(pleth.samples)) == (PLETH, 75.0, 25)
    assert pleth.start == AT - 320_000_000
    np.testing.assert_array_equal(pleth.values, np.arange(0x28, 0x28 + 75, 3))


@pytest.mark.parametrize(
    ("status", "state", "value", "quality"),
    [
        (FrameStatus.GREEN_PERFUSION, State.MEASURED, 97.0, 1.0),
        (FrameStatus.GREEN_PERFUSION | FrameStatus.RED_PERFUSION, State.MEASURED, 97.0, 0.8),
        (FrameStatus.RED_PERFUSION, State.MEASURED, 97.0, 0.6),
        (FrameStatus.ARTIFACT, State.QUESTIONABLE, 97.0, 0.0),
        (FrameStatus.SENSOR_ALARM, State.QUESTIONABLE, 97.0, 0.0),
        # The oximeter holds its last numbers for a while; they are no measurement any more.
        (FrameStatus.OUT_OF_TRACK, State.SEARCHING, None, 0.0),
        (FrameStatus.DISCONNECTED, State.NOT_ATTACHED, None, 0.0),
        (FrameStatus.DISCONNECTED | FrameStatus.OUT_OF_TRACK, State.NOT_ATTACHED, None, 0.0),
    ],
)
def test_status_becomes_state_and_quality(status, state, value, quality):
    packet = Packet(spo2_percent=97, pulse_per_min=72, pleth=(0,) * FRAMES, status=status)
    one = observations(feed(packet.to_bytes()))[SPO2]
    assert (one.state, one.value, one.quality) == (state, value, quality)


def test_status_of_any_frame_counts_for_the_packet():
    frame = bytearray(PLAIN[60:65])
    frame[1] |= FrameStatus.ARTIFACT
    frame[4] = sum(frame[:4]) & 0xFF
    outputs = feed(PLAIN[:60] + frame + PLAIN[65:])
    assert observations(outputs)[SPO2].state is State.QUESTIONABLE


def test_missing_number_of_a_tracking_sensor_is_searching():
    packet = Packet(spo2_percent=97, pulse_per_min=None, pleth=(0,) * FRAMES)
    numbers = observations(feed(packet.to_bytes()))
    assert (numbers[SPO2].state, numbers[SPO2].value) == (State.MEASURED, 97.0)
    assert (numbers[PULSE_RATE].state, numbers[PULSE_RATE].value) == (State.SEARCHING, None)


def test_saturation_above_100_is_questionable():
    packet = Packet(spo2_percent=120, pulse_per_min=72, pleth=(0,) * FRAMES)
    one = observations(feed(packet.to_bytes()))[SPO2]
    assert (one.value, one.state, one.quality) == (120.0, State.QUESTIONABLE, 0.0)


def test_garbage_before_a_packet_is_skipped_and_counted():
    outputs = feed(b"\x01\x81garbage" + PLAIN)
    assert outputs[0].kind is EventKind.FRAME_REJECTED
    assert outputs[0].detail["octets"] == 9
    assert [type(one) for one in outputs[1:]] == [Observation, Observation, Waveform]
    assert not outputs[-1].follows_gap  # nothing came before


def test_lost_octet_costs_one_packet_and_marks_the_gap():
    outputs = feed(PLAIN + PLAIN[:40] + PLAIN[41:] + PLAIN + PLAIN)
    waves = [one for one in outputs if isinstance(one, Waveform)]
    events = [one for one in outputs if isinstance(one, Event)]
    assert [wave.follows_gap for wave in waves] == [False, True, False]
    assert [event.detail["octets"] for event in events] == [124]


def test_port_that_was_opened_anew_begins_afresh_after_a_gap():
    decoder = DRIVER.decoder("finger")
    list(decoder.open(AT))
    feed(PLAIN + PLAIN[:60], decoder)
    assert list(decoder.open(AT)) == []
    spo2, _, pleth = feed(PLAIN, decoder)
    assert spo2.value == 97.0
    assert pleth.follows_gap


def test_long_garbage_is_reported_while_it_lasts_seed_7():
    garbage = random.Random(7).randbytes(5000)
    events = feed(garbage)
    assert [event.detail["octets"] for event in events] == [1024] * 4


def test_packets_that_come_in_one_read_follow_each_other_in_time():
    decoder = DRIVER.decoder("finger")
    waves = [
        one
        for index, packets in enumerate([1, 3, 3, 2, 4])
        for one in decoder.feed(PLAIN * packets, Boottime(AT + index * 10**9))
        if isinstance(one, Waveform)
    ]
    assert len(waves) == 13
    for before, after in itertools.pairwise(waves):
        assert after.start == before.end
        assert not after.follows_gap


def test_broken_sensor_and_dying_battery_are_told():
    dying = Status2.BATTERY_LOW | Status2.BATTERY_CRITICAL
    broken = Packet(
        spo2_percent=97, pulse_per_min=72, pleth=(0,) * FRAMES, status2=Status2.SENSOR_FAULT | dying
    )
    outputs = feed(broken.to_bytes() * 2)
    assert observations(outputs)[SPO2].state is State.SENSOR_FAULT
    assert observations(outputs)[SPO2].value is None
    told = [one.detail["annunciation"] for one in outputs if isinstance(one, Event)]
    assert told == ["battery-critical", "battery-low"]
