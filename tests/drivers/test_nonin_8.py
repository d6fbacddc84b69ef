"""Data format 8, laid out as in mattjlewis/NoninPulseOx and drphrozen/javautilityclasses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Event, Observation, State
from edge_drivers.nonin_8 import DRIVER, Frame, Status
from edge_drivers.nonin_status import Status2

AT = Boottime(10**12)
PLAIN, ABOVE_127 = bytes.fromhex("80486100"), bytes.fromhex("81245d20")


def feed(octets):
    return DRIVER.decoder("finger").feed(octets, AT)


def numbers(octets):
    return [(one.code, one.value) for one in feed(octets) if isinstance(one, Observation)]


@pytest.mark.parametrize(
    ("octets", "frame"),
    [
        (PLAIN, Frame(spo2_percent=97, pulse_per_min=72)),
        (ABOVE_127, Frame(spo2_percent=93, pulse_per_min=164, status2=Status2.SMARTPOINT)),
        (
            bytes.fromhex("e37f7f01"),
            Frame(
                spo2_percent=None,
                pulse_per_min=None,
                status=Status.DISCONNECTED | Status.OUT_OF_TRACK,
                status2=Status2.BATTERY_LOW,
            ),
        ),
    ],
)
def test_layout_goes_both_ways(octets, frame):
    assert Frame.from_bytes(octets) == frame
    assert frame.to_bytes() == octets


@given(
    st.builds(
        Frame,
        spo2_percent=st.none() | st.integers(0, 126),
        pulse_per_min=st.none() | st.integers(0, 510),
        status=st.sets(st.sampled_from(list(Status))).map(lambda bits: Status(sum(bits))),
        status2=st.integers(0, 127).map(Status2),
    )
)
def test_frame_round_trip(one):
    assert Frame.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("octets", ["", "804861", "8048610000", "00486100", "80c86100", "804861ff"])
def test_frame_of_wrong_length_or_with_bit_7_elsewhere_is_refused(octets):
    with pytest.raises(FrameError):
        Frame.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("changes", "state", "value", "quality"),
    [
        ({}, State.MEASURED, 97.0, 1.0),
        ({"status": Status.MARGINAL_PERFUSION}, State.MEASURED, 97.0, 0.8),
        ({"status": Status.LOW_PERFUSION}, State.MEASURED, 97.0, 0.6),
        ({"status": Status.ARTIFACT}, State.QUESTIONABLE, 97.0, 0.0),
        ({"status": Status.OUT_OF_TRACK}, State.SEARCHING, None, 0.0),
        ({"status": Status.DISCONNECTED | Status.OUT_OF_TRACK}, State.NOT_ATTACHED, None, 0.0),
        ({"status2": Status2.SENSOR_FAULT}, State.SENSOR_FAULT, None, 0.0),
    ],
)
def test_status_becomes_state_and_quality(changes, state, value, quality):
    octets = Frame(spo2_percent=97, pulse_per_min=72, **changes).to_bytes()
    one = next(one for one in feed(octets * 2) if isinstance(one, Observation))
    assert (one.code, one.state, one.value, one.quality) == (SPO2, state, value, quality)


def test_first_frame_is_believed_when_the_second_begins():
    assert numbers(PLAIN) == []
    assert numbers(PLAIN + ABOVE_127[:1]) == [(SPO2, 97.0), (PULSE_RATE, 72.0)]
    assert len(numbers(PLAIN + ABOVE_127)) == 4


def test_stream_of_five_octet_frames_is_hardly_taken_for_it():
    assert DRIVER.recognise(bytes.fromhex("c634073d61") * 50) == 0
    assert DRIVER.recognise(PLAIN * 5) == 1.0


def test_battery_that_ends_is_told_once():
    low = Frame(spo2_percent=97, pulse_per_min=72, status2=Status2.BATTERY_LOW).to_bytes()
    events = [one for one in feed(PLAIN + low * 5) if isinstance(one, Event)]
    assert [event.detail["annunciation"] for event in events] == ["battery-low"]
