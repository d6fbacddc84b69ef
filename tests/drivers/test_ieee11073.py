"""Expected values follow ISO/IEEE 11073-20601 annex F.8 and the Bluetooth GATT Specification
Supplement; bytes marked "captured" come from bastiaanv/AccuChekKit (Accu-Chek SmartGuide)."""

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError
from edge_drivers.ieee11073 import (
    DateTime,
    crc16_mcrf4xx,
    decode_float,
    decode_sfloat,
    encode_float,
    encode_sfloat,
)

SFLOATS = [
    (0x0062, 98.0),
    (0xF3D8, 98.4),
    (0xF6BD, 172.5),  # captured
    (0xFFFC, -0.4),  # captured
    (0xE0F5, 2.45),  # captured
    (0xE4D2, 12.34),
    (0x1078, 1200.0),
    (0x07FD, 2045.0),
    (0xF7FF, 204.7),  # the NaN mantissa, but with an exponent: a number like any other
    (0x0000, 0.0),
]


@pytest.mark.parametrize(("raw", "value"), [*SFLOATS, (0x7800, -2048e7)])
def test_sfloat_decodes(raw, value):
    assert decode_sfloat(raw) == value


@pytest.mark.parametrize(("raw", "value"), SFLOATS)
def test_encoded_sfloat_decodes_to_the_same_number(raw, value):
    assert decode_sfloat(encode_sfloat(value)) == value


@pytest.mark.parametrize("raw", [0x07FF, 0x0800, 0x0801])
def test_sfloat_that_is_no_number_is_nan(raw):
    assert math.isnan(decode_sfloat(raw))


def test_sfloat_infinities_stand_for_lo_and_hi():
    for raw, value in ((0x07FE, math.inf), (0x0802, -math.inf)):
        assert decode_sfloat(raw) == value
        assert encode_sfloat(value) == raw
    assert encode_sfloat(math.nan) == 0x07FF


@pytest.mark.parametrize("value", [2047.6e7, -2048.6e7, 1e301, -1.7e308])
def test_number_beyond_sfloat_is_refused(value):
    with pytest.raises(ValueError, match="does not fit"):
        encode_sfloat(value)


def test_every_sfloat_survives_decoding_and_encoding():
    for raw in range(0x10000):
        value = decode_sfloat(raw)
        again = decode_sfloat(encode_sfloat(value))
        assert again == value or (math.isnan(again) and math.isnan(value)), hex(raw)


@given(st.floats(-2e10, 2e10))
def test_encoded_sfloat_is_within_half_a_unit_of_its_last_digit(value):
    # A mantissa has at least 204 steps, so half a step is at most 1/409 of the number.
    assert decode_sfloat(encode_sfloat(value)) == pytest.approx(value, rel=1 / 400, abs=1e-8)


FLOATS = [
    (0xFF000174, 37.2),
    (0xFF00016C, 36.4),
    (0x00000062, 98.0),
    (0xFE00FA27, 640.39),
    (0xFF7FFFFF, 838860.7),  # the NaN mantissa, but with an exponent
    (0x00000000, 0.0),
    (0xFFFFFFF6, -1.0),
    (0x02000001, 100.0),
]


@pytest.mark.parametrize(("raw", "value"), FLOATS)
def test_float_decodes_and_its_encoding_decodes_to_the_same_number(raw, value):
    assert decode_float(raw) == value
    assert decode_float(encode_float(value)) == value


@pytest.mark.parametrize("raw", [0x007FFFFF, 0x00800000, 0x00800001, 0x7F7FFFFF])
def test_float_that_is_no_number_or_bigger_than_any_is_nan_or_huge(raw):
    assert math.isnan(decode_float(raw)) or decode_float(raw) > 1e130


def test_float_infinities_stand_for_lo_and_hi():
    for raw, value in ((0x007FFFFE, math.inf), (0x00800002, -math.inf)):
        assert decode_float(raw) == value
        assert encode_float(value) == raw
    assert encode_float(math.nan) == 0x007FFFFF


@given(st.floats(-1e120, 1e120))
def test_encoded_float_is_within_half_a_unit_of_its_last_digit(value):
    assert decode_float(encode_float(value)) == pytest.approx(value, rel=1e-6, abs=1e-19)


@pytest.mark.parametrize("value", [1e140, -1e301])
def test_number_beyond_float_is_refused(value):
    with pytest.raises(ValueError, match="does not fit"):
        encode_float(value)


@pytest.mark.parametrize(
    ("octets", "crc"),
    [
        (b"123456789", 0x6F91),
        (b"A", 0x5C0A),
        (bytes.fromhex("3e010203040506070809"), 0x2F01),  # worked example, CGM Service 1.0.2
    ],
)
def test_crc_of_published_examples(octets, crc):
    assert crc16_mcrf4xx(octets) == crc


def test_date_time_decodes():
    captured = bytes.fromhex("ea07020412362c")
    assert DateTime.from_bytes(captured) == DateTime(2026, 2, 4, 18, 54, 44)


@given(st.integers(-12_219_292_800, 253_402_300_799))  # 1582 to 9999
def test_date_time_round_trip(utc_s):
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=utc_s)
    one = DateTime(*moment.timetuple()[:6])
    assert DateTime.from_bytes(one.to_bytes()) == one
    assert one.utc_s() == utc_s


def test_date_time_east_of_utc_is_earlier_in_utc():
    assert DateTime(1970, 1, 1, 2, 0, 0).utc_s(offset_s=7200) == 0


@pytest.mark.parametrize("octets", ["00000000000000", "ea07022012362c", "ffffffffffffff"])
def test_date_time_without_a_date_has_no_utc(octets):
    assert DateTime.from_bytes(bytes.fromhex(octets)).utc_s() is None


def test_date_time_cut_short_is_refused():
    with pytest.raises(FrameError, match="seven"):
        DateTime.from_bytes(bytes(6))
