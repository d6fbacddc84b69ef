"""Vectors are computed from the layout of the Weight Scale service 1.0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import BODY_HEIGHT, BODY_MASS_INDEX, BODY_WEIGHT
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, State
from edge_drivers.ieee11073 import DateTime
from edge_drivers.stamped_records import UNKNOWN_USER
from edge_drivers.weight_scale import DRIVER, MEASUREMENT, Body, Weight
from tests.wire_values import date_times, octets, words

AT = Boottime(10**15)
WHOLE = Weight(
    weight=14_240,
    stamp=DateTime(2026, 3, 14, 6, 0, 0),
    user=UNKNOWN_USER,
    body=Body(index_tenths=241, height=1720),
)


def decode(data):
    outputs = DRIVER.decoder("floor").feed(bytes.fromhex(data), AT, MEASUREMENT)
    return {one.code: one for one in outputs}


@pytest.mark.parametrize(
    ("data", "one"),
    [
        ("0ea037ea07030e060000fff100b806", WHOLE),
        ("01543d", Weight(weight=15_700, imperial=True)),
        ("00ffff", Weight(weight=None)),
    ],
)
def test_measurements_both_ways(data, one):
    assert Weight.from_bytes(bytes.fromhex(data)) == one
    assert one.to_bytes().hex() == data


@given(
    st.builds(
        Weight,
        weight=st.none() | st.integers(0, 0xFFFE),
        imperial=st.booleans(),
        stamp=st.none() | date_times,
        user=st.none() | octets,
        body=st.none() | st.builds(Body, index_tenths=words, height=words),
    )
)
def test_measurement_round_trip(one):
    assert Weight.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("length", range(15))
def test_measurement_that_is_cut_is_refused_at_every_length(length):
    with pytest.raises(FrameError):
        Weight.from_bytes(WHOLE.to_bytes()[:length])


def test_metric_scale_tells_weight_index_and_height():
    readings = decode("08a037f100b806")
    assert readings[BODY_WEIGHT].value == 71.2
    assert readings[BODY_MASS_INDEX].value == 24.1
    assert readings[BODY_HEIGHT].value == 172.0


def test_imperial_scale_is_told_in_kilograms_and_centimetres():
    readings = decode("09543df100a402")  # 157.00 lb, 67.6 in
    assert readings[BODY_WEIGHT].value == pytest.approx(157 * 0.45359237)
    assert readings[BODY_HEIGHT].value == pytest.approx(67.6 * 2.54)


def test_scale_that_failed_tells_nothing_but_that():
    readings = decode("08fffff100b806")
    assert set(readings) == {BODY_WEIGHT}
    assert (readings[BODY_WEIGHT].value, readings[BODY_WEIGHT].state) == (None, State.SENSOR_FAULT)


def test_empty_scale_is_no_weightless_person():
    one = decode("000000")[BODY_WEIGHT]
    assert (one.value, one.state, one.quality) == (0.0, State.QUESTIONABLE, 0.0)


@pytest.mark.parametrize("stamp", [None, DateTime(2026, 3, 14, 6, 0, 0)])
def test_scrub_blanks_the_number_of_the_user_and_nothing_else(stamp):
    one, clean = (
        Weight(
            weight=14_240, stamp=stamp, user=user, body=Body(index_tenths=241, height=1720)
        ).to_bytes()
        for user in (173, 0)
    )
    assert DRIVER.scrub(one, MEASUREMENT) == clean


@pytest.mark.parametrize(
    ("channel", "data"), [(MEASUREMENT, "0ea037"), (MEASUREMENT, "01543d"), ("elsewhere", "00")]
)
def test_scrub_leaves_alone_what_has_no_user(channel, data):
    assert DRIVER.scrub(bytes.fromhex(data), channel).hex() == data
