"""Bytes marked "captured" are from a Polar H10 (firmware 5.0.0), published in
fstanis/polar-h10-web (test/helpers/captured.ts) and phdiethelm/h10_ecg (gatttool.md); those marked
"vendor test" from polarofficial/polar-ble-sdk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_agent.codes import BATTERY, ECG, HEART_RATE
from edge_agent.driver import FrameError, Read, Write
from edge_agent.model import Boottime, Event, EventKind, Waveform
from edge_drivers import heart_rate
from edge_drivers.gatt import BATTERY_LEVEL
from edge_drivers.polar_pmd import (
    CONTROL_POINT,
    DATA,
    DRIVER,
    ControlReply,
    ControlRequest,
    EcgFrame,
    Opcode,
    Status,
)

NS_PER_S = 10**9
AT = Boottime(1000 * NS_PER_S)

FIRST_SAMPLES = (-1039, -3767, -5942, -5777, -5265, -5333, -4926, -4292, -3930, -3499)
CAPTURED_HEAD = bytes.fromhex("00e416f868ff44520800")
CAPTURED_SAMPLES = bytes.fromhex("f1fbff49f1ffcae8ff6fe9ff6febff2bebffc2ecff3cefffa6f0ff55f2ff")
CAPTURED_TIME_NS = 599617564162135780
# Times of consecutive captured frames of 73 samples each.
CAPTURED_TIMES_NS = (
    599617564162135780, 599617564722191944, 599617565282273539, 599617565842334786,
    599617566402411294, 599617566962487802, 599617567522564314, 599617568082640822,
    599617568642686812, 599617569202763320, 599617569762839828, 599617570322916340,
    599617570882992848, 599617571443069356, 599617572003145864, 599617572563222372,
    599617573123298880,
)  # fmt: skip


def frame(timestamp_ns, count=73):
    return EcgFrame(timestamp_ns, np.arange(count, dtype=np.int32)).to_bytes()


def feed_all(decoder, times_ns, *, after_s=0.0):
    """Feed frames that arrive as they are measured; return everything that comes out."""
    outputs = []
    for time_ns in times_ns:
        at = Boottime(AT + time_ns - times_ns[0] + round(after_s * NS_PER_S))
        outputs += decoder.feed(frame(time_ns), at, DATA)
    return outputs


def gaps(outputs):
    return [one.detail["missing_s"] for one in outputs if isinstance(one, Event)]


def blocks(outputs):
    return [one for one in outputs if isinstance(one, Waveform)]


def test_captured_frame_both_ways():
    octets = CAPTURED_HEAD + CAPTURED_SAMPLES
    one = EcgFrame.from_bytes(octets)
    assert one.timestamp_ns == CAPTURED_TIME_NS
    assert tuple(one.samples_uv) == FIRST_SAMPLES
    assert one.samples_uv.dtype == np.int32
    assert one.to_bytes() == octets


def test_vendor_test_frame():
    one = EcgFrame.from_bytes(bytes.fromhex("000094357700000000000280ff028000"))
    assert (one.timestamp_ns, tuple(one.samples_uv)) == (2_000_000_000, (-32766, 32770))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", "shorter"),
        ("00e416f868ff445208", "shorter"),
        ("00e416f868ff44520800", "shorter"),
        ("00e416f868ff44520800f1fb", "shorter"),
        ("00e416f868ff44520800f1fbff49", "cut short"),
        ("00e416f868ff44520880f1fbff", "0x80"),  # compressed: misread it would be an ECG
        ("000094357700000000010280ff800200", "0x1"),  # vendor test: 14 bits with flags
        ("02e416f868ff44520800f1fbff", "not ECG"),
    ],
)
def test_frame_that_is_no_plain_ecg_is_refused(octets, reason):
    with pytest.raises(FrameError, match=reason):
        EcgFrame.from_bytes(bytes.fromhex(octets))


@given(
    st.integers(0, 2**64 - 1),
    arrays(np.int32, st.integers(1, 80), elements=st.integers(-(2**23), 2**23 - 1)),
)
def test_frame_round_trip(timestamp_ns, samples):
    one = EcgFrame.from_bytes(EcgFrame(timestamp_ns, samples).to_bytes())
    assert one.timestamp_ns == timestamp_ns
    np.testing.assert_array_equal(one.samples_uv, samples)


@pytest.mark.parametrize(
    ("request_", "octets"),
    [
        (ControlRequest(Opcode.SETTINGS), "0100"),
        (ControlRequest(Opcode.START), "02000001820001010e00"),
        (ControlRequest(Opcode.STOP), "0300"),
        (ControlRequest(Opcode.SETTINGS, kind=2), "0102"),
    ],
)
def test_captured_requests_both_ways(request_, octets):
    assert request_.to_bytes().hex() == octets
    assert ControlRequest.from_bytes(bytes.fromhex(octets)) == request_


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        ("f0010000000001820001010e00",
         ControlReply(1, 0, Status.OK, bytes.fromhex("0001820001010e00"))),
        ("f00200000000", ControlReply(2, 0, Status.OK, b"\0")),
        ("f003000000", ControlReply(3, 0, Status.OK)),
        ("f001000a00", ControlReply(1, 0, Status.BAD_MTU)),
        ("f002000600", ControlReply(2, 0, Status.ALREADY_IN_STATE)),
    ],
)  # fmt: skip
def test_captured_replies_both_ways(octets, reply):
    assert ControlReply.from_bytes(bytes.fromhex(octets)) == reply
    assert reply.to_bytes().hex() == octets


def test_error_reply_may_stop_after_four_octets():
    assert ControlReply.from_bytes(bytes.fromhex("f0040201")) == ControlReply(
        4, 2, Status.BAD_OPCODE
    )


@given(
    st.integers(0, 255), st.integers(0, 255), st.sampled_from(Status), st.binary(max_size=20)
)  # fmt: skip
def test_reply_round_trip(opcode, kind, status, parameters):
    reply = ControlReply(opcode, kind, status, parameters)
    assert ControlReply.from_bytes(reply.to_bytes()) == reply


@pytest.mark.parametrize("octets", ["", "f002", "0f05000000", "f00200ff00"])
def test_reply_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        ControlReply.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize("octets", ["", "02", "0900"])
def test_request_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        ControlRequest.from_bytes(bytes.fromhex(octets))


def test_frame_time_belongs_to_the_last_sample():
    decoder = DRIVER.decoder("strap")
    (block,) = decoder.feed(CAPTURED_HEAD + CAPTURED_SAMPLES, AT, DATA)
    nine_periods_ns = round(9 * 1e9 / 130)
    assert block.device_ns == CAPTURED_TIME_NS - nine_periods_ns
    assert block.start == AT - nine_periods_ns
    assert (block.code, block.unit_per_count, block.rate_hz) == (ECG, 1.0, 130.0)
    assert not block.follows_gap


def test_rate_is_worked_out_from_the_spacing_of_captured_frames():
    outputs = feed_all(DRIVER.decoder("strap"), CAPTURED_TIMES_NS)
    assert gaps(outputs) == []
    rates = [block.rate_hz for block in blocks(outputs)]
    assert rates[0] == 130.0
    # 16 frames of smoothing leave a fifth of the way from 130 Hz to this strap's 130.34 Hz.
    assert rates == sorted(rates)
    assert 130.27 < rates[-1] < 130.341


def test_lost_frame_is_a_gap_with_its_seconds():
    times = CAPTURED_TIMES_NS[:5] + CAPTURED_TIMES_NS[6:8]
    outputs = feed_all(DRIVER.decoder("strap"), times)
    assert gaps(outputs) == [pytest.approx(73 / 130.34, abs=0.01)]
    assert [block.follows_gap for block in blocks(outputs)] == [False] * 5 + [True, False]


def test_frame_that_is_not_newer_is_refused_and_changes_nothing():
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:2])
    for time_ns in CAPTURED_TIMES_NS[:2]:
        with pytest.raises(FrameError, match="after the one before"):
            decoder.feed(frame(time_ns), AT, DATA)
    outputs = decoder.feed(frame(CAPTURED_TIMES_NS[2]), Boottime(AT + NS_PER_S), DATA)
    assert gaps(outputs) == []


@pytest.mark.parametrize("back_s", [30, 3600])
def test_clock_that_restarted_between_two_connections_loses_no_ecg(back_s):
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:3])
    away_s = 90.0
    decoder.open(AT)
    restarted = [time_ns - back_s * NS_PER_S for time_ns in CAPTURED_TIMES_NS[:3]]
    outputs = feed_all(decoder, restarted, after_s=away_s)
    # Two frames after the first before the loss, and the block that arrives is no gap itself.
    assert gaps(outputs) == [pytest.approx(away_s - 3 * 73 / 130, abs=0.02)]
    assert [block.follows_gap for block in blocks(outputs)] == [True, False, False]


def test_clock_that_fell_back_within_a_connection_is_a_gap():
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:3])
    restarted = [time_ns - 3600 * NS_PER_S for time_ns in CAPTURED_TIMES_NS[:3]]
    outputs = feed_all(decoder, restarted, after_s=10.0)
    assert len(gaps(outputs)) == 1
    assert [block.follows_gap for block in blocks(outputs)] == [True, False, False]


def test_gap_over_a_lost_connection_is_reported():
    decoder = DRIVER.decoder("strap")
    feed_all(decoder, CAPTURED_TIMES_NS[:2])
    decoder.open(AT)
    later = [time_ns + 20 * NS_PER_S for time_ns in CAPTURED_TIMES_NS[:2]]
    outputs = feed_all(decoder, later, after_s=20.0)
    assert gaps(outputs) == [pytest.approx(20 - 2 * 73 / 130, abs=0.02)]
    assert [block.follows_gap for block in blocks(outputs)] == [True, False]


def test_rate_never_leaves_the_straps_tolerance():
    decoder, time_ns, spacing_s = DRIVER.decoder("strap"), CAPTURED_TIME_NS, 73 / 130
    rates = []
    for _ in range(400):  # each spacing is a little longer than the last: a clock gone wrong
        time_ns += round(spacing_s * NS_PER_S)
        spacing_s *= 1.005
        outputs = decoder.feed(frame(time_ns), Boottime(time_ns), DATA)
        rates += [block.rate_hz for block in blocks(outputs)]
    assert min(rates) > 130 / 1.11


def test_stream_is_stopped_before_it_is_started_and_at_the_end():
    decoder = DRIVER.decoder("strap")
    start = bytes.fromhex("02000001820001010e00")
    assert list(decoder.open(AT)) == [
        Read(BATTERY_LEVEL), Write(CONTROL_POINT, b"\x03\x00"), Write(CONTROL_POINT, start),
    ]  # fmt: skip
    assert list(decoder.close()) == [Write(CONTROL_POINT, b"\x03\x00")]


@pytest.mark.parametrize("octets", ["f00200000000", "f002000600", "f003000600", "f001000a00"])
def test_reply_that_leaves_the_stream_running_says_nothing(octets):
    assert list(DRIVER.decoder("strap").feed(bytes.fromhex(octets), AT, CONTROL_POINT)) == []


@pytest.mark.parametrize(
    ("octets", "reason", "step"),
    [
        ("f002000500", "bad_parameter", "phone app"),
        ("f0020003", "not_supported", "phone app"),
        ("f002000a00", "bad_mtu", "off and on"),
        ("f002000d00", "in_charger", "charger"),
    ],
)
def test_refused_start_says_why_and_what_to_do(octets, reason, step):
    (event,) = DRIVER.decoder("strap").feed(bytes.fromhex(octets), AT, CONTROL_POINT)
    assert event.kind is EventKind.STREAM_REFUSED
    assert reason in event.detail["reason"]
    assert step in event.detail["next_step"]


def test_stream_that_the_strap_stops_is_told_and_started_again():
    outputs = list(DRIVER.decoder("strap").feed(b"\x01\x00", AT, CONTROL_POINT))
    assert [type(one) for one in outputs] == [Event, Write]
    assert outputs[0].kind is EventKind.STREAM_REFUSED
    assert outputs[1].payload[:2] == b"\x02\x00"


def test_stopped_stream_of_another_kind_is_nothing_to_us():
    assert list(DRIVER.decoder("strap").feed(b"\x01\x02", AT, CONTROL_POINT)) == []


def test_heart_rate_and_battery_of_the_same_strap_come_through():
    decoder = DRIVER.decoder("strap")
    rate, _ = decoder.feed(bytes.fromhex("104b3403"), AT, heart_rate.MEASUREMENT)
    (battery,) = decoder.feed(b"\x64", AT, BATTERY_LEVEL)
    assert (rate.code, rate.value) == (HEART_RATE, 75.0)
    assert (battery.code, battery.value) == (BATTERY, 100.0)
