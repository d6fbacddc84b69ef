"""Vectors are computed from the layout in andreasdri/nonin-3230-ble (GitHub)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import BATTERY, PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import FrameError, Read
from edge_agent.model import Boottime, Event, State
from edge_drivers.gatt import BATTERY_LEVEL
from edge_drivers.nonin_ble import DRIVER, MEASUREMENT, Measurement, Status
from tests.wire_values import octets, words

AT = Boottime(10**15)
GOOD = "0a541d015e002a61003d"
VECTORS = [
    (
        GOOD,
        Measurement(
            spo2_percent=97,
            pulse_per_min=61,
            amplitude=350,
            status=Status.ENCRYPTED | Status.ON_FINGER | Status.SMARTPOINT,
            battery_tenths=29,
            counter=42,
        ),
    ),
    (
        "0a481d0000002b7f01ff",
        Measurement(
            spo2_percent=None,
            pulse_per_min=None,
            amplitude=0,
            status=Status.ENCRYPTED | Status.SEARCHING,
            battery_tenths=29,
            counter=43,
        ),
    ),
]


@pytest.fixture
def decoder():
    return DRIVER.decoder("finger")


def tell(decoder, status, spo2=97, pulse=61):
    one = Measurement(spo2_percent=spo2, pulse_per_min=pulse, amplitude=350, status=status)
    return list(decoder.feed(one.to_bytes(), AT, MEASUREMENT))


@pytest.mark.parametrize(("data", "one"), VECTORS)
def test_measurements_both_ways(data, one):
    assert Measurement.from_bytes(bytes.fromhex(data)) == one
    assert one.to_bytes().hex() == data


@given(
    st.builds(
        Measurement,
        spo2_percent=st.none() | octets.filter(lambda one: one != 127),
        pulse_per_min=st.none() | words.filter(lambda one: one != 511),
        amplitude=words,
        status=octets.map(Status),
        battery_tenths=octets,
        counter=words,
    )
)
def test_measurement_round_trip(one):
    assert Measurement.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("data", ["", GOOD[:-2], GOOD + "00", "0b" + GOOD[2:], "09" + GOOD[2:]])
def test_wrong_length_is_refused(decoder, data):
    with pytest.raises(FrameError):
        decoder.feed(bytes.fromhex(data), AT, MEASUREMENT)


def test_rate_above_255_is_read_high_octet_first(decoder):
    outputs = tell(decoder, Status.ON_FINGER, pulse=261)
    assert {one.code: one.value for one in outputs} == {
        SPO2: 97.0, PULSE_RATE: 261.0, PERFUSION_INDEX: 3.5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "value", "state", "quality"),
    [
        (Status.ON_FINGER, 97.0, State.MEASURED, 1.0),
        (Status.ON_FINGER | Status.SMARTPOINT, 97.0, State.MEASURED, 1.0),
        (Status.ON_FINGER | Status.WEAK_SIGNAL, 97.0, State.MEASURED, 0.6),
        (Status.ON_FINGER | Status.SEARCHING, None, State.SEARCHING, 0.0),
        (Status.SEARCHING, None, State.NOT_ATTACHED, 0.0),
        (Status.NONE, None, State.NOT_ATTACHED, 0.0),
    ],
)
def test_number_counts_only_on_a_finger_with_a_pulse(decoder, status, value, state, quality):
    one = tell(decoder, status)[0]
    assert (one.code, one.value, one.state, one.quality) == (SPO2, value, state, quality)


def test_low_battery_is_told_once(decoder):
    low = Status.ON_FINGER | Status.BATTERY_LOW
    told = [one for _ in range(3) for one in tell(decoder, low) if isinstance(one, Event)]
    assert [one.detail for one in told] == [{"annunciation": "battery-low", "state": "on"}]


def test_battery_level_is_read_where_there_is_one(decoder):
    assert list(decoder.open(AT)) == [Read(BATTERY_LEVEL)]
    (one,) = decoder.feed(b"\x4b", AT, BATTERY_LEVEL)
    assert (one.code, one.value) == (BATTERY, 75.0)
