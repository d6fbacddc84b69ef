"""Bytes marked "captured" are from a Polar H10 (firmware 5.0.0), published in
fstanis/polar-h10-web (test/helpers/captured.ts) and phdiethelm/h10_ecg (gatttool.md); those marked
"vendor test" from polarofficial/polar-ble-sdk."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_agent.driver import FrameError
from edge_drivers.polar_pmd_codec import (
    AccelerationFrame,
    EcgFrame,
    measurement_type,
    pack_deltas,
    unpack_deltas,
)
from edge_drivers.polar_pmd_control_codec import (
    ControlReply,
    ControlRequest,
    Features,
    Measurement,
    Opcode,
    Setting,
    Settings,
    Status,
    Stopped,
    control_value,
    ecg_settings,
)

FIRST_SAMPLES = (-1039, -3767, -5942, -5777, -5265, -5333, -4926, -4292, -3930, -3499)
CAPTURED = "00e416f868ff44520800f1fbff49f1ffcae8ff6fe9ff6febff2bebffc2ecff3cefffa6f0ff55f2ff"
CAPTURED_TIME_NS = 599617564162135780
CAPTURED_ACCELERATION_SETTINGS = "0004190032006400c800010110000203020004000800"
RATES = (25, 50, 100, 200)


def test_captured_frame_both_ways():
    octets = bytes.fromhex(CAPTURED)
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
        ("00e416f868ff44520880f1fbff", "compressed"),  # misread it would be an ECG
        ("000094357700000000010280ff800200", "0x1"),  # vendor test: 14 bits with flags
        ("00009435770000000003001203111004000280f0111004ff", "0x3"),  # vendor test
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


# hex, samples, width, samples in a block
DELTAS = [
    ("f1ff1400f00306017b0f08", [(-15, 20, 1008), (-20, 17, 1008)], 6, 255),  # vendor test
    # The example of Polar's retired specification, cut after the two samples that it prints.
    ("d0ff6501e40f0802fc07ff0c13f2", [(-48, 357, 4068), (-52, 364, 4067), (-40, 383, 4053)],
     8, 255),
    # Computed: two blocks of different widths.
    ("640038ffe8030602813f841f000a01ff015800",
     [(100, -200, 1000), (101, -202, 1003), (70, -171, 1003), (581, -683, 1008)], None, 2),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "samples", "width", "block"), DELTAS)
def test_published_differences_both_ways(octets, samples, width, block):
    unpacked = unpack_deltas(bytes.fromhex(octets), 3, 16)
    assert [tuple(one) for one in unpacked.tolist()] == samples
    packed = pack_deltas(np.array(samples, np.int32), 16, width=width, block=block)
    assert packed.hex()[:-2] == octets[:-2]  # the vendor's sample has a bit set in the padding
    assert unpack_deltas(packed, 3, 16).tolist() == unpacked.tolist()


@given(arrays(np.int32, st.tuples(st.integers(1, 40), st.just(3)),
              elements=st.integers(-(2**15), 2**15 - 1)), st.integers(1, 50))  # fmt: skip
def test_differences_round_trip(samples, block):
    np.testing.assert_array_equal(
        unpack_deltas(pack_deltas(samples, 16, block=block), 3, 16), samples
    )


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("f1ff1400f0", "no whole first"),
        ("f1ff1400f00306", "without a count"),
        ("f1ff1400f00306017b0f", "cut short"),
        ("f1ff1400f0030001", "0 bits"),
        ("f1ff1400f0030600", "0 differences"),
        ("f1ff1400f0032101ffffffffff", "33 bits"),
        ("f1ff1400ff7f04010007", "can't hold"),
    ],
)
def test_differences_that_do_not_come_out_are_refused(octets, reason):
    with pytest.raises(FrameError, match=reason):
        unpack_deltas(bytes.fromhex(octets), 3, 16)


@pytest.mark.parametrize(
    ("frame_type", "payload", "counts"),
    [
        (0, "f10014", [(-15, 0, 20)]),
        (1, "f1ff1400f003", [(-15, 20, 1008)]),
        (2, "f1ffff140000f00300", [(-15, 20, 1008)]),
        (0x80, "f1ff1400f00306017b0f08", [(-15, 20, 1008), (-20, 17, 1008)]),
        (0x81, "f1ff1400f003", [(-15, 20, 1008)]),
    ],
)
def test_acceleration_of_every_frame_type_both_ways(frame_type, payload, counts):
    head = bytes.fromhex("020094357700000000") + bytes([frame_type])
    one = AccelerationFrame.from_bytes(head + bytes.fromhex(payload))
    assert [tuple(row) for row in one.counts.tolist()] == counts
    assert (one.timestamp_ns, one.frame_type) == (2_000_000_000, frame_type)
    again = AccelerationFrame.from_bytes(one.to_bytes())
    np.testing.assert_array_equal(again.counts, one.counts)
    if not frame_type & 0x80:  # how wide to pack differences is the sender's choice
        assert one.to_bytes() == head + bytes.fromhex(payload)


@pytest.mark.parametrize(
    ("frame_type", "milli_g"), [(0, 1.0), (1, 1.0), (2, 1.0), (0x80, 244.0), (0x81, 0.244)]
)
def test_a_count_is_worth_a_milli_g_unless_the_frame_is_packed(frame_type, milli_g):
    one = AccelerationFrame(0, np.zeros((1, 3), np.int32), frame_type)
    assert one.milli_g_per_count(0.244) == pytest.approx(milli_g)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("", "shorter"),
        ("02009435770000000001f1ff", "shorter"),
        ("02009435770000000001f1ff1400f0", "cut short"),
        ("02009435770000000003f1ff1400f003", "0x3"),
        ("02009435770000000082f1ff1400f003", "0x82"),
        ("00009435770000000001f1ff1400f003", "type 0"),
    ],
)
def test_frame_that_is_no_acceleration_is_refused(octets, reason):
    with pytest.raises(FrameError, match=reason):
        AccelerationFrame.from_bytes(bytes.fromhex(octets))


def test_a_frame_tells_what_it_measures_whether_or_not_it_was_recorded_offline():
    assert measurement_type(bytes.fromhex("820094357700000000" + "01")) == Measurement.ACCELERATION
    with pytest.raises(FrameError):
        measurement_type(bytes(9))


@pytest.mark.parametrize(
    ("request_", "octets"),
    [
        (ControlRequest(Opcode.SETTINGS), "0100"),
        (ControlRequest(Opcode.START, parameters=ecg_settings()), "02000001820001010e00"),
        (ControlRequest(Opcode.STOP), "0300"),
        (ControlRequest(Opcode.SETTINGS, kind=Measurement.ACCELERATION), "0102"),
    ],
)
def test_captured_requests_both_ways(request_, octets):
    assert request_.to_bytes().hex() == octets
    assert ControlRequest.from_bytes(bytes.fromhex(octets)) == request_


@pytest.mark.parametrize("octets", ["", "02", "0900"])
def test_request_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        ControlRequest.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        ("f0010000000001820001010e00", ControlReply(1, 0, Status.OK, ecg_settings())),
        ("f00102000" "0" + CAPTURED_ACCELERATION_SETTINGS,
         ControlReply(1, 2, Status.OK, bytes.fromhex(CAPTURED_ACCELERATION_SETTINGS))),
        ("f00200000000", ControlReply(2, 0, Status.OK, b"\0")),
        ("f00202000001", ControlReply(2, 2, Status.OK, b"\1")),
        ("f003000000", ControlReply(3, 0, Status.OK)),
        ("f001000a00", ControlReply(1, 0, Status.BAD_MTU)),
        ("f002000600", ControlReply(2, 0, Status.ALREADY_IN_STATE)),
    ],
)  # fmt: skip
def test_captured_replies_both_ways(octets, reply):
    assert ControlReply.from_bytes(bytes.fromhex(octets)) == reply
    assert control_value(bytes.fromhex(octets)) == reply
    assert reply.to_bytes().hex() == octets


@pytest.mark.parametrize(("octets", "status"), [("f0040201", 1), ("f0020902", 2)])
def test_error_reply_may_stop_after_four_octets(octets, status):
    assert ControlReply.from_bytes(bytes.fromhex(octets)).status == status


@given(
    st.integers(0, 255), st.integers(0, 255), st.sampled_from(Status), st.binary(max_size=20),
    st.booleans(),
)  # fmt: skip
def test_reply_round_trip(opcode, kind, status, parameters, more):
    reply = ControlReply(opcode, kind, status, parameters, more)
    assert ControlReply.from_bytes(reply.to_bytes()) == reply


@pytest.mark.parametrize("octets", ["", "f002", "0f05000000", "f00200ff00"])
def test_reply_that_is_none_is_refused(octets):
    with pytest.raises(FrameError):
        ControlReply.from_bytes(bytes.fromhex(octets))


def test_captured_features_both_ways():
    octets = bytes.fromhex("0f05000000000000000000000000000000")
    one = control_value(octets)
    assert one == Features(frozenset({Measurement.ECG, Measurement.ACCELERATION}))
    assert one.to_bytes() == octets


def test_a_stopped_stream_both_ways():
    assert control_value(b"\x01\x00\x02") == Stopped((0, 2))
    assert Stopped((0, 2)).to_bytes() == b"\x01\x00\x02"


@pytest.mark.parametrize("octets", ["", "0f", "01", "77", "f0"])
def test_what_the_control_point_can_t_say_is_refused(octets):
    with pytest.raises(FrameError):
        control_value(bytes.fromhex(octets))


def test_captured_settings_both_ways_and_the_nearest_are_chosen():
    octets = bytes.fromhex(CAPTURED_ACCELERATION_SETTINGS)
    offered = Settings.from_bytes(octets)
    assert offered.values == {
        Setting.RATE: RATES, Setting.RESOLUTION: (16,), Setting.RANGE: (2, 4, 8),
    }  # fmt: skip
    assert offered.to_bytes() == octets
    chosen = offered.choose({Setting.RATE: 52, Setting.RANGE: 3})
    assert chosen.values == {
        Setting.RATE: (50,), Setting.RESOLUTION: (16,), Setting.RANGE: (2,),
    }  # fmt: skip
    # Captured: how a phone starts it, with 200 Hz and 8 g.
    assert offered.choose({}).to_bytes().hex() == "0001c8000101100002010800"


def test_a_factor_or_a_key_is_not_for_the_hub_to_choose():
    offered = Settings.from_bytes(bytes.fromhex("050117b7d138040103"))
    assert offered.choose({}).values == {Setting.CHANNELS: (3,)}


numbers = {
    Setting.RATE: 2**16, Setting.RESOLUTION: 2**16, Setting.RANGE: 2**16,
    Setting.RANGE_MILLI: 2**32, Setting.CHANNELS: 2**8, Setting.FACTOR: 2**32,
    Setting.SECURITY: 2**128,
}  # fmt: skip


@given(
    st.fixed_dictionaries(
        {},
        optional={
            setting: st.lists(st.integers(0, end - 1), max_size=5).map(tuple)
            for setting, end in numbers.items()
        },
    )
)
def test_settings_round_trip(values):
    assert Settings.from_bytes(Settings(values).to_bytes()).values == values


@pytest.mark.parametrize("octets", ["00", "0001", "000182", "0703000000", "06010000"])
def test_settings_that_are_cut_short_or_not_known_are_refused(octets):
    with pytest.raises(FrameError):
        Settings.from_bytes(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("parameters", "factor"), [("", 1.0), ("01", 1.0), ("050117b7d138", 1e-4), ("00013400", 1.0)]
)
def test_the_answer_to_a_start_tells_what_a_count_is_worth(parameters, factor):
    reply = ControlReply(2, 2, Status.OK, bytes.fromhex(parameters))
    assert reply.factor() == pytest.approx(factor)


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf"), 1e30])
def test_a_factor_that_makes_no_sense_is_refused(factor):
    (octets,) = struct.unpack("<I", struct.pack("<f", factor))
    parameters = Settings({Setting.FACTOR: (octets,)}).to_bytes()
    with pytest.raises(FrameError, match="factor"):
        ControlReply(2, 2, Status.OK, parameters).factor()
