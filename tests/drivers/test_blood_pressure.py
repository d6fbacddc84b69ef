"""Vectors marked LibreArm and kmp-ble are from the tests of these public drivers; the others are
computed from the layout of the Blood Pressure service 1.1.1."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import CUFF_PULSE_RATE, DIASTOLIC, MEAN_PRESSURE, SYSTOLIC
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Event, Observation, State
from edge_drivers.blood_pressure import DRIVER, MEASUREMENT, BloodPressure, Status
from edge_drivers.gatt import BATTERY_LEVEL
from edge_drivers.ieee11073 import DateTime
from tests.wire_values import date_times, octets, sfloats, words

AT = Boottime(10**15)
WHOLE = BloodPressure(
    systolic=132.0,
    diastolic=84.0,
    mean=100.0,
    stamp=DateTime(2026, 3, 14, 7, 30, 5),
    pulse_per_min=72.0,
    user=1,
    status=Status.IRREGULAR_PULSE,
)
VECTORS = [
    ("1e840054006400ea07030e071e054800010400", WHOLE),
    ("01b0f070f085f0", BloodPressure(systolic=17.6, diastolic=11.2, mean=13.3, in_kpa=True)),
    (  # LibreArm
        "14780050005d0048000400",
        BloodPressure(
            systolic=120.0,
            diastolic=80.0,
            mean=93.0,
            pulse_per_min=72.0,
            status=Status.IRREGULAR_PULSE,
        ),
    ),
    (  # kmp-ble
        "02780050005d00e807030f0a1e2d",
        BloodPressure(
            systolic=120.0, diastolic=80.0, mean=93.0, stamp=DateTime(2024, 3, 15, 10, 30, 45)
        ),
    ),
    (  # kmp-ble
        "10780050005d000500",
        BloodPressure(
            systolic=120.0,
            diastolic=80.0,
            mean=93.0,
            status=Status.BODY_MOVEMENT | Status.IRREGULAR_PULSE,
        ),
    ),
]


def decode(data):
    return list(DRIVER.decoder("arm").feed(bytes.fromhex(data), AT, MEASUREMENT))


def reading(outputs, code):
    (one,) = [one for one in outputs if isinstance(one, Observation) and one.code is code]
    return one


@pytest.mark.parametrize(("data", "one"), VECTORS)
def test_measurements_both_ways(data, one):
    assert BloodPressure.from_bytes(bytes.fromhex(data)) == one
    assert one.to_bytes().hex() == data


@given(
    st.builds(
        BloodPressure,
        systolic=sfloats,
        diastolic=sfloats,
        mean=sfloats,
        in_kpa=st.booleans(),
        stamp=st.none() | date_times,
        pulse_per_min=st.none() | sfloats,
        user=st.none() | octets,
        status=st.none() | words.map(Status),
    )
)
def test_measurement_round_trip(one):
    assert BloodPressure.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("length", range(19))
def test_measurement_that_is_cut_is_refused_at_every_length(length):
    with pytest.raises(FrameError):
        BloodPressure.from_bytes(WHOLE.to_bytes()[:length])


def test_measurement_that_is_longer_than_its_flags_say_is_refused():
    with pytest.raises(FrameError):
        BloodPressure.from_bytes(WHOLE.to_bytes() + b"\0")


def test_kilopascal_is_told_in_millimetres_of_mercury():
    outputs = decode("01a0f02be47cf0")  # LibreArm: 16.0 and 10.67 kPa are 120.01 and 80.03 mmHg
    assert reading(outputs, SYSTOLIC).value == pytest.approx(120.01, abs=0.005)
    assert reading(outputs, DIASTOLIC).value == pytest.approx(80.03, abs=0.005)
    assert reading(outputs, MEAN_PRESSURE).state is State.MEASURED


@pytest.mark.parametrize("raw", ["ff07", "0008", "0108"])
def test_pressure_that_is_no_number_leaves_none_and_doubts_the_other(raw):
    outputs = decode(f"00{raw}50005d00")
    systolic, diastolic = reading(outputs, SYSTOLIC), reading(outputs, DIASTOLIC)
    assert (systolic.value, systolic.state) == (None, State.SENSOR_FAULT)
    assert (diastolic.value, diastolic.state) == (80.0, State.QUESTIONABLE)


def test_mean_that_a_cuff_does_not_tell_is_left_out():
    assert {one.code for one in decode("0078005000ff07")} == {SYSTOLIC, DIASTOLIC}


@pytest.mark.parametrize(
    ("status", "name", "state", "quality"),
    [
        (0x0000, None, State.MEASURED, 1.0),
        (0x0001, "body-movement", State.QUESTIONABLE, 0.0),
        (0x0002, "cuff-loose", State.QUESTIONABLE, 0.0),
        (0x0004, "irregular-pulse", State.MEASURED, 0.6),
        (0x0020, "improper-position", State.QUESTIONABLE, 0.0),
        (0x8000, None, State.MEASURED, 1.0),
    ],
)
def test_what_the_cuff_noticed_counts_and_is_told(status, name, state, quality):
    outputs = decode("10780050005d00" + status.to_bytes(2, "little").hex())
    for code in (SYSTOLIC, DIASTOLIC, MEAN_PRESSURE):
        one = reading(outputs, code)
        assert (one.state, one.quality) == (state, quality)
    told = [one.detail["annunciation"] for one in outputs if isinstance(one, Event)]
    assert told == ([] if name is None else [name])


@pytest.mark.parametrize(
    ("status", "value", "state"),
    [(0, 72.0, State.MEASURED), (8, None, State.ABOVE_RANGE), (16, None, State.BELOW_RANGE)],
)
def test_pulse_outside_what_the_cuff_counts_has_no_number(status, value, state):
    outputs = decode(f"14780050005d004800{status:02x}00")
    pulse = reading(outputs, CUFF_PULSE_RATE)
    assert (pulse.value, pulse.state) == (value, state)
    assert reading(outputs, SYSTOLIC).state is State.MEASURED


def test_systolic_that_is_not_above_the_diastolic_is_doubted():
    assert reading(decode("00500050005000"), SYSTOLIC).state is State.QUESTIONABLE


def test_number_of_the_user_leaves_the_decoder_in_no_way():
    one = BloodPressure(systolic=120.0, diastolic=80.0, mean=math.inf, user=173)
    assert "173" not in repr(decode(one.to_bytes().hex()))


def test_shared_cuff_is_told_once():
    decoder = DRIVER.decoder("arm")
    events = [
        one
        for user in (1, 255, 1, 2, 1, 2, 3)
        for one in decoder.feed(
            BloodPressure(systolic=120.0, diastolic=80.0, mean=90.0, user=user).to_bytes(),
            AT,
            MEASUREMENT,
        )
        if isinstance(one, Event)
    ]
    assert [one.detail["annunciation"] for one in events] == ["several-users"]


@pytest.mark.parametrize("stamp", [None, DateTime(2026, 3, 14, 7, 30, 5)])
@pytest.mark.parametrize("pulse", [None, 72.0])
def test_scrub_blanks_the_number_of_the_user_and_nothing_else(stamp, pulse):
    one, clean = (
        BloodPressure(
            systolic=132.0,
            diastolic=84.0,
            mean=100.0,
            stamp=stamp,
            pulse_per_min=pulse,
            user=user,
            status=Status.NONE,
        ).to_bytes()
        for user in (173, 0)
    )
    assert DRIVER.scrub(one, MEASUREMENT) == clean


@pytest.mark.parametrize(
    ("channel", "data"),
    [(MEASUREMENT, "1e8400"), (MEASUREMENT, "00780050005d00"), (BATTERY_LEVEL, "55")],
)
def test_scrub_leaves_alone_what_has_no_user(channel, data):
    assert DRIVER.scrub(bytes.fromhex(data), channel).hex() == data
