"""Replies are computed from the layout in ecostech/viatom-ble and viatomEcho/LepuBle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import BATTERY, PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import FrameError, Write
from edge_agent.model import Boottime, State
from edge_drivers.viatom_frames import NOTIFY, REPLY_OLD, WRITE, Frame
from edge_drivers.viatom_o2ring import DRIVER, RingReading

AT = Boottime(10**12)
PUBLISHED = bytes.fromhex("5500ff00000d006142000000000053000023010060")


def feed(decoder, **changes):
    one = {"spo2_percent": 97, "pulse_per_min": 66, "battery_percent": 83,
           "perfusion_tenths": 35, "worn": True} | changes  # fmt: skip
    payload = RingReading(**one).to_bytes()
    octets = Frame(start=REPLY_OLD, code=0, payload=payload).to_bytes()
    return {one.code: one for one in decoder.feed(octets, AT, NOTIFY)}


def test_the_published_reply():
    outputs = list(DRIVER.decoder("ring").feed(PUBLISHED, AT, NOTIFY))
    assert {one.code: one.value for one in outputs} == {
        SPO2: 97.0, PULSE_RATE: 66.0, PERFUSION_INDEX: 3.5, BATTERY: 83.0,
    }  # fmt: skip
    assert {one.state for one in outputs} == {State.MEASURED}
    one = RingReading.from_bytes(Frame.from_bytes(PUBLISHED).payload)
    assert one.to_bytes() + b"\0" == Frame.from_bytes(PUBLISHED).payload


@given(
    st.builds(
        RingReading,
        spo2_percent=st.integers(0, 255),
        pulse_per_min=st.integers(0, 0xFFFF),
        battery_percent=st.integers(0, 255),
        perfusion_tenths=st.integers(0, 255),
        worn=st.booleans(),
        countdown_s=st.integers(0, 15),
        steps=st.integers(0, 2**32 - 1),
        charging=st.integers(0, 255),
        motion=st.integers(0, 255),
    )
)
def test_any_reading_round_trips(one):
    assert RingReading.from_bytes(one.to_bytes()) == one


def test_it_is_asked_at_the_start_and_every_second_without_a_response():
    decoder = DRIVER.decoder("ring")
    asked = Write(WRITE, bytes.fromhex("aa17e8000000001b"), response=False)
    assert list(decoder.open(AT)) == [asked]
    assert list(decoder.poll(AT)) == [asked]
    assert DRIVER.link.poll_s == 1.0


def test_a_reply_over_two_notifications_is_put_together():
    decoder = DRIVER.decoder("ring")
    assert list(decoder.feed(PUBLISHED[:20], AT, NOTIFY)) == []
    assert list(decoder.feed(PUBLISHED[20:], AT, NOTIFY))


def test_a_ring_that_is_taken_off_has_no_numbers():
    told = feed(DRIVER.decoder("ring"), worn=False, countdown_s=9)
    assert {one.state for code, one in told.items() if code != BATTERY} == {State.NOT_ATTACHED}
    assert (told[SPO2].value, told[PULSE_RATE].value) == (None, None)
    assert PERFUSION_INDEX not in told


def test_a_ring_that_is_worn_and_has_no_numbers_yet_is_searching():
    told = feed(DRIVER.decoder("ring"), spo2_percent=0, pulse_per_min=0, perfusion_tenths=0)
    assert {told[SPO2].state, told[PULSE_RATE].state} == {State.SEARCHING}
    assert PERFUSION_INDEX not in told


@pytest.mark.parametrize(
    ("changes", "code"), [({"spo2_percent": 127}, SPO2), ({"pulse_per_min": 511}, PULSE_RATE)]
)
def test_a_number_nobody_can_believe_is_questionable(changes, code):
    assert feed(DRIVER.decoder("ring"), **changes)[code].state is State.QUESTIONABLE


def test_the_battery_is_told_when_it_changes():
    decoder = DRIVER.decoder("ring")
    assert BATTERY in feed(decoder)
    assert BATTERY not in feed(decoder)
    assert feed(decoder, battery_percent=82)[BATTERY].value == 82.0


@pytest.mark.parametrize(
    "frame",
    [
        Frame(start=REPLY_OLD, code=1, payload=bytes(13)),
        Frame(start=REPLY_OLD, code=0, payload=bytes(11)),
        Frame(start=0xA5, code=0, payload=bytes(13)),
    ],
)
def test_a_reply_that_is_none_is_refused(frame):
    with pytest.raises(FrameError):
        DRIVER.decoder("ring").feed(frame.to_bytes(), AT, NOTIFY)
