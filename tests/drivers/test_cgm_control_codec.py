"""Bytes marked "captured" are from an Accu-Chek SmartGuide, published in the tests of
bastiaanv/AccuChekKit; those marked "Nordic test" from NordicSemiconductor's
Android-BLE-Common-Library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_drivers.cgm_control_codec import (
    Calibration,
    Control,
    ControlMessage,
    ControlResult,
    Done,
)


@pytest.mark.parametrize(
    ("octets", "message"),
    [
        ("1c02013c3b", ControlMessage(Control.DONE, Done(2, ControlResult.SUCCESS))),  # Nordic test
        ("1c0202a709", ControlMessage(Control.DONE, Done(2, ControlResult.UNSUPPORTED))),  # Nordic
        ("1c0401ec6f", ControlMessage(Control.DONE, Done(4, ControlResult.SUCCESS))),  # captured
        (
            "066f00670211d00201000175e6",  # captured
            ControlMessage(Control.CALIBRATION_TOLD, Calibration(
                glucose_mgdl=111.0, at_min=615, type_location=17, next_min=720, record=1, status=1,
            )),
        ),
        (
            "0698f3380411ec04010000f07d",  # captured
            ControlMessage(Control.CALIBRATION_TOLD, Calibration(
                glucose_mgdl=92.0, at_min=1080, type_location=17, next_min=1260, record=1,
            )),
        ),
        (
            "06e4f2710411ffff02000000fe",  # captured; no calibration due
            ControlMessage(Control.CALIBRATION_TOLD, Calibration(
                glucose_mgdl=74.0, at_min=1137, type_location=17, next_min=0xFFFF, record=2,
            )),
        ),
        ("02952c", ControlMessage(Control.GET_INTERVAL)),
        ("0105cdbe", ControlMessage(Control.SET_INTERVAL, 5)),
    ],
)  # fmt: skip
def test_messages_with_a_crc(octets, message):
    assert ControlMessage.from_bytes(bytes.fromhex(octets), crc=True) == message
    again = ControlMessage.from_bytes(message.to_bytes(crc=True), crc=True)
    assert again == message
    if not isinstance(message.operand, Calibration):  # 92 may be written as 920e-1
        assert message.to_bytes(crc=True).hex() == octets


def test_level_stands_as_a_short_float():
    message = ControlMessage(Control.PATIENT_LOW_TOLD, 70.0)
    assert message.to_bytes(crc=False).hex() == "0c4600"
    assert ControlMessage.from_bytes(bytes.fromhex("0c4600"), crc=False) == message


glucose = st.integers(0, 2000).map(float)
calibrations = st.builds(
    Calibration,
    glucose_mgdl=glucose,
    at_min=st.integers(0, 0xFFFF),
    type_location=st.integers(0, 255),
    next_min=st.integers(0, 0xFFFF),
    record=st.integers(0, 0xFFFF),
    status=st.integers(0, 255),
)
LEVELS = [one for one in Control if 7 <= one <= 24 and not one.name.startswith("GET")]
EMPTY = [
    one for one in Control if one.name.startswith("GET") and one is not Control.GET_CALIBRATION
]
messages = st.one_of(
    st.builds(ControlMessage, st.sampled_from([1, 3]).map(Control), st.integers(0, 255)),
    st.builds(ControlMessage, st.sampled_from([4, 6]).map(Control), calibrations),
    st.builds(ControlMessage, st.just(Control.GET_CALIBRATION), st.integers(0, 0xFFFF)),
    st.builds(ControlMessage, st.sampled_from(LEVELS), glucose),
    st.builds(ControlMessage, st.sampled_from([*EMPTY, *map(Control, (25, 26, 27))])),
    st.builds(
        ControlMessage,
        st.just(Control.DONE),
        st.builds(Done, st.integers(0, 255), st.integers(0, 255)),
    ),
)


@given(messages, st.booleans())
def test_round_trip(message, crc):
    assert ControlMessage.from_bytes(message.to_bytes(crc=crc), crc=crc) == message


def test_every_opcode_is_known_both_ways():
    operands = {1: 5, 3: 5, 5: 1, 28: Done(2, 1)}
    calibration = Calibration(glucose_mgdl=100.0, at_min=1, type_location=17, next_min=2)
    operands |= dict.fromkeys((4, 6), calibration) | dict.fromkeys(LEVELS, 100.0)
    for opcode in range(1, 29):
        message = ControlMessage(Control(opcode), operands.get(opcode))
        assert ControlMessage.from_bytes(message.to_bytes(crc=True), crc=True) == message


@pytest.mark.parametrize(
    "octets", ["", "00", "1d", "0200", "03", "030500", "0c46", "1c02", "06" * 9]
)
def test_message_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        ControlMessage.from_bytes(bytes.fromhex(octets), crc=False)


@given(messages, st.data())
def test_any_flipped_bit_is_refused(message, data):
    octets = bytearray(message.to_bytes(crc=True))
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        ControlMessage.from_bytes(bytes(octets), crc=True)
