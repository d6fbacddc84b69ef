"""Data format 13, laid out as in mattjlewis/NoninPulseOx (DataFormat13Serialiser)."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import SPO2
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Event, Observation, State
from edge_drivers.nonin_13 import DRIVER, SpotCheck, Status

AT = Boottime(10**12)
TAKEN = dt.datetime(2026, 1, 1, 10, 15, 2)  # noqa: DTZ001 - the sensor knows no zone
PLAIN = bytes.fromhex("0002 000d 000e 141a01010a0f0200 0200 00a4 00 61 52 03".replace(" ", ""))


def feed(*checks):
    return DRIVER.decoder("finger").feed(b"".join(one.to_bytes() for one in checks), AT)


def test_layout_goes_both_ways():
    one = SpotCheck(spo2_percent=97, pulse_per_min=164, taken=TAKEN)
    assert SpotCheck.from_bytes(PLAIN) == one
    assert one.to_bytes() == PLAIN
    assert one.device_ns == 1_767_262_502 * 10**9


@given(
    st.builds(
        SpotCheck,
        spo2_percent=st.none() | st.integers(0, 126),
        pulse_per_min=st.none() | st.integers(0, 510),
        taken=st.none() | st.datetimes().map(lambda one: one.replace(microsecond=0)),
        status=st.sets(st.sampled_from(list(Status))).map(lambda bits: Status(sum(bits))),
        packet_type=st.integers(0, 0xFFFF),
        fraction=st.integers(0, 255),
    )
)
def test_spot_check_round_trip(one):
    assert SpotCheck.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("at", [0, 1, 4, 5, 6, 13, 19, 20, 21])
def test_packet_with_a_wrong_head_end_or_checksum_is_refused(at):
    damaged = bytearray(PLAIN)
    damaged[at] ^= 0x10
    with pytest.raises(FrameError):
        SpotCheck.from_bytes(bytes(damaged))


@pytest.mark.parametrize("octets", [b"", PLAIN[:-1], PLAIN + b"\x00"])
def test_packet_of_another_length_is_refused(octets):
    with pytest.raises(FrameError):
        SpotCheck.from_bytes(octets)


def test_measurement_carries_the_sensors_time_and_only_one_from_memory_is_backfilled():
    live = SpotCheck(spo2_percent=97, pulse_per_min=164, taken=TAKEN)
    old = SpotCheck(spo2_percent=95, pulse_per_min=70, taken=TAKEN, status=Status.FROM_MEMORY)
    one, _, other, _ = feed(live, old)
    assert (one.value, one.backfilled, one.quality) == (97.0, False, 1.0)
    assert (other.value, other.backfilled, other.quality) == (95.0, True, 0.6)
    assert one.device_ns == other.device_ns == live.device_ns


def test_clock_that_shows_no_valid_time_gives_none():
    damaged = bytearray(PLAIN)
    damaged[8] = 13  # a month
    damaged[20] = sum(damaged[6:20]) & 0xFF
    assert SpotCheck.from_bytes(bytes(damaged)).taken is None
    spo2, _ = feed(SpotCheck(spo2_percent=97, pulse_per_min=72, taken=None))
    assert (spo2.value, spo2.device_ns) == (97.0, None)


def test_no_measurement_is_no_number_whatever_the_octets_say():
    nothing = Status.NO_MEASUREMENT | Status.BATTERY_LOW
    event, spo2, pulse = feed(
        SpotCheck(spo2_percent=97, pulse_per_min=None, taken=TAKEN, status=nothing)
    )
    assert isinstance(event, Event)
    assert isinstance(pulse, Observation)
    assert (spo2.code, spo2.value, spo2.state) == (SPO2, None, State.SEARCHING)
