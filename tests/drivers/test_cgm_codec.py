"""Bytes marked "captured" are from an Accu-Chek SmartGuide, published in the tests of
bastiaanv/AccuChekKit; those marked "Nordic test" from NordicSemiconductor's
Android-BLE-Common-Library."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_drivers.cgm_codec import Feature, Measurement, RunTime, SessionStart, SessionStatus
from edge_drivers.ieee11073 import DateTime

CAPTURED = [
    ("0d43bdf62c0602fcff5f006d57", Measurement(
        glucose_mgdl=172.5, offset_min=1580, calibration=2, trend=-0.4, quality_percent=95.0)),
    ("0fe302086801080a40faff5400c492", Measurement(
        glucose_mgdl=-math.inf, offset_min=360, status=8, calibration=10, warning=64,
        trend=-0.6, quality_percent=84.0)),
    ("0fe3fe07ee20080280f5e0620047b3", Measurement(
        glucose_mgdl=math.inf, offset_min=8430, status=8, calibration=2, warning=128,
        trend=2.45, quality_percent=98.0)),
    ("0ec3ff0772060802ff07ff075ad4", Measurement(
        glucose_mgdl=math.nan, offset_min=1650, status=8, calibration=2,
        trend=math.nan, quality_percent=math.nan)),
]  # fmt: skip
NORDIC_TEST = (
    "0fe3d2e405000214ff02f0e5f38e3f",
    Measurement(
        glucose_mgdl=12.34, offset_min=5, status=2, calibration=20, warning=255,
        trend=0.2, quality_percent=99.7),
)  # fmt: skip
# One octet alone: a parser that ties the first octet to the lowest flag misreads these.
SINGLE_OCTETS = [
    ("09206900110080401c", {"warning": 128}),
    ("09406900110008b193", {"calibration": 8}),
    ("09806900110008c294", {"status": 8}),
    ("0aa0690011000880d188", {"status": 8, "warning": 128}),
]


def same(one, other):
    """Compare records whose numbers may be NaN, which equals nothing."""
    return str(one) == str(other)


@pytest.mark.parametrize(("octets", "record"), CAPTURED)
def test_captured_measurements_both_ways(octets, record):
    (one,) = Measurement.split(bytes.fromhex(octets), crc=True)
    assert same(one, record)
    assert record.to_bytes().hex() == octets


def test_measurement_with_every_field():
    octets, record = NORDIC_TEST
    assert Measurement.split(bytes.fromhex(octets), crc=True) == (record,)


@pytest.mark.parametrize(("octets", "fields"), SINGLE_OCTETS)
def test_octets_stand_in_the_order_status_calibration_warning(octets, fields):
    record = Measurement(glucose_mgdl=105.0, offset_min=17, **fields)
    assert Measurement.split(bytes.fromhex(octets), crc=True) == (record,)
    assert record.to_bytes().hex() == octets


def test_smallest_measurement_without_crc():
    octets = bytes.fromhex("06000c100600")
    assert Measurement.split(octets, crc=False) == (
        Measurement(glucose_mgdl=120.0, offset_min=6),
    )  # fmt: skip


def test_two_measurements_in_one_notification():
    records = Measurement.split(bytes.fromhex("06006e000a00060070000b00"), crc=False)
    assert [(one.glucose_mgdl, one.offset_min) for one in records] == [(110.0, 10), (112.0, 11)]


@pytest.mark.parametrize(("octets", "record"), CAPTURED)
def test_crc_is_recognised_before_the_features_are_known(octets, record):
    (with_crc,) = Measurement.split(bytes.fromhex(octets), crc=None)
    (without,) = Measurement.split(record.to_bytes(crc=False), crc=None)
    assert same(with_crc, record)
    assert same(without, record)


@pytest.mark.parametrize(
    ("octets", "crc", "reason"),
    [
        ("0fe3d2e405000214ff02f0e5f38f3f", True, "CRC"),
        ("0fe3d2e405000214ff02f0e5f38f3f", None, "CRC"),
        ("05006e000a", False, "size 5"),
        ("00006e000a00", False, "size 0"),
        ("10006e000a00", False, "size 16"),
        ("07006e000a0000", False, "flags say 6"),
        ("06006e000a0007006e000a0000", False, "flags say 6"),
        ("06006e000a00", True, "flags say 6"),
        ("", None, "empty"),
    ],
)
def test_damaged_measurement_is_refused_whole(octets, crc, reason):
    with pytest.raises(FrameError, match=reason):
        Measurement.split(bytes.fromhex(octets), crc=crc)


tenths = st.integers(-2000, 2000).map(lambda tenth: tenth / 10)
measurements = st.builds(
    Measurement,
    glucose_mgdl=st.integers(0, 2045).map(float) | st.sampled_from([math.inf, -math.inf]),
    offset_min=st.integers(0, 0xFFFF),
    status=st.integers(0, 255),
    calibration=st.integers(0, 255),
    warning=st.integers(0, 255),
    trend=st.none() | tenths,
    quality_percent=st.none() | tenths,
)


@given(st.lists(measurements, min_size=1, max_size=4), st.booleans())
def test_measurement_round_trip(records, crc):
    octets = b"".join(one.to_bytes(crc=crc) for one in records)
    assert Measurement.split(octets, crc=crc) == tuple(records)
    if crc:
        assert Measurement.split(octets, crc=None) == tuple(records)


@given(measurements, st.data())
def test_any_flipped_bit_is_refused(one, data):
    octets = bytearray(one.to_bytes())
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FrameError):
        Measurement.split(bytes(octets), crc=True)


@pytest.mark.parametrize(
    ("octets", "fields"),
    [
        ("6702080a4027e1", (615, 8, 10, 64)),  # captured
        ("0c210802802aa5", (8460, 8, 2, 128)),  # captured
        ("05003f3fffa7e0", (5, 63, 63, 255)),  # Nordic test
    ],
)
def test_status_both_ways(octets, fields):
    one = SessionStatus.from_bytes(bytes.fromhex(octets), crc=True)
    assert (one.offset_min, one.status, one.calibration, one.warning) == fields
    assert one.to_bytes().hex() == octets
    assert SessionStatus.from_bytes(one.to_bytes(crc=False), crc=False) == one


def test_session_start_captured():
    one = SessionStart.from_bytes(bytes.fromhex("ea07020412362c00fffcc8"), crc=True)
    assert one == SessionStart(
        start=DateTime(2026, 2, 4, 18, 54, 44), zone_quarter_hours=0, dst=255
    )
    assert one.utc_s == 1770231284  # 2026-02-04T18:54:44Z
    assert one.to_bytes().hex() == "ea07020412362c00fffcc8"


def test_session_start_counts_zone_and_summer_time_in_quarter_hours():
    # Nordic test: 13:08:24 at two hours east of UTC and one hour of summer time.
    one = SessionStart.from_bytes(bytes.fromhex("e20704180d08180804e0c2"), crc=True)
    assert (one.zone_quarter_hours, one.dst) == (8, 4)
    assert one.utc_s == 1524564504  # 2018-04-24T10:08:24Z


def test_session_start_with_an_unknown_zone_is_taken_for_utc():
    known = SessionStart(start=DateTime(2026, 2, 4, 18, 54, 44), zone_quarter_hours=0, dst=0)
    assert replace(known, zone_quarter_hours=-128, dst=255).utc_s == known.utc_s


def test_session_start_without_a_date_has_no_utc():
    assert SessionStart.from_bytes(bytes(9), crc=False).utc_s is None


def test_feature_with_crc():
    one = Feature.from_bytes(bytes.fromhex("6e9e01168ac1"))  # Nordic test
    assert (one.flags, one.type_location, one.has_crc) == (106094, 0x16, True)
    assert one.to_bytes().hex() == "6e9e01168ac1"


def test_feature_without_crc_is_not_checked():
    one = Feature.from_bytes(bytes.fromhex("00800159ffff"))
    assert (one.flags, one.type_location, one.has_crc) == (98304, 0x59, False)
    assert one.to_bytes().hex() == "00800159ffff"


@pytest.mark.parametrize(
    ("decode", "octets"),
    [
        (Feature.from_bytes, "6e9e01168ac2"),
        (Feature.from_bytes, "6e9e0116"),
        (lambda octets: SessionStatus.from_bytes(octets, crc=True), "6702080a4027e2"),
        (lambda octets: SessionStatus.from_bytes(octets, crc=False), "6702080a4027e1"),
        (lambda octets: SessionStart.from_bytes(octets, crc=True), "ea07020412362c00fffcc9"),
        (lambda octets: SessionStart.from_bytes(octets, crc=True), "ea07020412362c00ff"),
        (lambda octets: RunTime.from_bytes(octets, crc=True), "020008c2"),
        (lambda octets: RunTime.from_bytes(octets, crc=True), "0200"),
    ],
)
def test_characteristic_with_wrong_length_or_crc_is_refused(decode, octets):
    with pytest.raises(FrameError):
        decode(bytes.fromhex(octets))


def test_run_time_both_ways():
    one = RunTime.from_bytes(bytes.fromhex("020008c3"), crc=True)  # Nordic test
    assert one.hours == 2
    assert one.to_bytes().hex() == "020008c3"
    assert RunTime.from_bytes(one.to_bytes(crc=False), crc=False) == one


@pytest.mark.parametrize(
    ("zone", "is_known"), [(-48, True), (56, True), (-128, False), (57, False)]
)
def test_zone_that_is_none_is_unknown(zone, is_known):
    one = SessionStart(start=DateTime(2026, 2, 4, 18, 54, 44), zone_quarter_hours=zone, dst=0)
    assert one.is_zone_known is is_known
    assert (one.utc_s == replace(one, zone_quarter_hours=0).utc_s) is not is_known


def test_daylight_saving_of_a_reserved_value_is_not_reckoned():
    one = SessionStart(start=DateTime(2026, 2, 4, 18, 54, 44), zone_quarter_hours=0, dst=3)
    assert one.utc_s == replace(one, dst=0).utc_s
