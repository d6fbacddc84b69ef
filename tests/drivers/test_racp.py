"""Byte strings follow the worked procedures of the Bluetooth CGM Service 1.0.2."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_drivers.racp import RacpOpcode, RacpOperator, RacpReply, RacpRequest, RacpResult


@pytest.mark.parametrize(
    ("octets", "request_"),
    [
        ("0101", RacpRequest(RacpOpcode.REPORT, RacpOperator.ALL)),
        ("0103012c06", RacpRequest(RacpOpcode.REPORT, RacpOperator.FROM, (1580,))),
        ("0401", RacpRequest(RacpOpcode.COUNT, RacpOperator.ALL)),
        ("0106", RacpRequest(RacpOpcode.REPORT, RacpOperator.LAST)),
        ("0300", RacpRequest(RacpOpcode.ABORT, RacpOperator.NONE)),
        ("0104016400c800", RacpRequest(RacpOpcode.REPORT, RacpOperator.RANGE, (100, 200))),
    ],
)
def test_requests_both_ways(octets, request_):
    assert request_.to_bytes().hex() == octets
    assert RacpRequest.from_bytes(bytes.fromhex(octets)) == request_


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        ("06000101", RacpReply(RacpOpcode.REPORT, RacpResult.SUCCESS)),
        ("06000106", RacpReply(RacpOpcode.REPORT, RacpResult.NO_RECORDS)),
        ("06000301", RacpReply(RacpOpcode.ABORT, RacpResult.SUCCESS)),
        ("06000109", RacpReply(RacpOpcode.REPORT, RacpResult.OPERAND_UNSUPPORTED)),
        ("0600010a", RacpReply(RacpOpcode.REPORT, RacpResult.BUSY)),
    ],
)
def test_replies_both_ways(octets, reply):
    assert reply.to_bytes().hex() == octets
    assert RacpReply.from_bytes(bytes.fromhex(octets)) == reply


@given(
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.integers(0, 0xFFFF), max_size=2).map(tuple),
)
def test_request_round_trip(opcode, operator, bounds):
    request = RacpRequest(opcode, operator, bounds)
    assert RacpRequest.from_bytes(request.to_bytes()) == request


def test_bounds_of_a_health_sensor_have_four_octets():
    request = RacpRequest(RacpOpcode.REPORT, RacpOperator.FROM, (0x12345678,), wide=True)
    assert request.to_bytes().hex() == "01030178563412"
    assert RacpRequest.from_bytes(request.to_bytes(), wide=True) == request
    with pytest.raises(FrameError):
        RacpRequest.from_bytes(bytes.fromhex("010301785634"), wide=True)


@pytest.mark.parametrize("octets", ["", "01", "0103022c06", "0103012c"])
def test_request_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        RacpRequest.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize("octets", ["", "060001", "05002c01", "0600010100", "06010101"])
def test_reply_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        RacpReply.from_bytes(bytes.fromhex(octets))
