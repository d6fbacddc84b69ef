"""The vector marked Nordic is from the tests of Android-BLE-Common-Library; the others are computed
from the layout of the Health Thermometer service 1.0."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.driver import FrameError, Read
from edge_agent.model import Boottime, State
from edge_drivers.ieee11073 import DateTime
from edge_drivers.thermometer import DRIVER, MEASUREMENT, TYPE, Site, Temperature
from tests.wire_values import date_times, floats32, octets

AT = Boottime(10**15)
NORDIC = "06b00e00fedc070c050b321b04"


@pytest.fixture
def decoder():
    return DRIVER.decoder("mouth")


def temperature(decoder, data):
    (one,) = decoder.feed(bytes.fromhex(data), AT, MEASUREMENT)
    return one


def test_published_measurement():
    one = Temperature.from_bytes(bytes.fromhex(NORDIC))
    stamp = DateTime(2012, 12, 5, 11, 50, 27)
    assert one == Temperature(value=37.6, stamp=stamp, site=Site.FINGER)


@pytest.mark.parametrize(
    ("data", "one"),
    [
        (
            "06740100ffea07030e071f0002",
            Temperature(value=37.2, stamp=DateTime(2026, 3, 14, 7, 31, 0), site=Site.BODY),
        ),
        ("01da0300ff", Temperature(value=98.6, in_fahrenheit=True)),
        ("00feff7f00", Temperature(value=math.inf)),
    ],
)
def test_measurements_both_ways(data, one):
    assert Temperature.from_bytes(bytes.fromhex(data)) == one
    assert one.to_bytes().hex() == data


@given(
    st.builds(
        Temperature,
        value=floats32,
        in_fahrenheit=st.booleans(),
        stamp=st.none() | date_times,
        site=st.none() | octets,
    )
)
def test_measurement_round_trip(one):
    assert Temperature.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("length", range(13))
def test_measurement_that_is_cut_is_refused_at_every_length(length):
    with pytest.raises(FrameError):
        Temperature.from_bytes(bytes.fromhex(NORDIC)[:length])


def test_fahrenheit_is_told_in_celsius(decoder):
    one = temperature(decoder, "01da0300ff")
    assert (one.value, one.state) == (pytest.approx(37.0), State.MEASURED)


def test_missing_number_says_that_the_measurement_failed(decoder):
    one = temperature(decoder, "00ffff7f00")
    assert (one.value, one.state, one.quality) == (None, State.SENSOR_FAULT, 0.0)


@pytest.mark.parametrize("site", Site)
def test_only_a_finger_and_a_toe_are_too_cold_to_be_believed(decoder, site):
    one = temperature(decoder, f"042c0100ff{site:02x}")
    believed = site not in {Site.FINGER, Site.TOE}
    assert one.value == 30.0
    assert (one.state is State.MEASURED) is believed


def test_place_that_is_told_once_counts_for_values_that_do_not_tell_it(decoder):
    assert Read(TYPE) in decoder.open(AT)
    assert list(decoder.feed(bytes([Site.FINGER]), AT, TYPE)) == []
    assert temperature(decoder, "002c0100ff").state is State.QUESTIONABLE
    assert temperature(decoder, "042c0100ff06").state is State.MEASURED


def test_place_that_is_reserved_today_is_no_reason_to_doubt(decoder):
    assert temperature(decoder, "04740100ffc8").state is State.MEASURED


@pytest.mark.parametrize("data", ["", "0606"])
def test_place_of_a_wrong_length_is_refused(decoder, data):
    with pytest.raises(FrameError):
        decoder.feed(bytes.fromhex(data), AT, TYPE)
