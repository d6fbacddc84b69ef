"""Vectors are computed from the layout of the Pulse Oximeter service 1.0.1."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Event, Observation, State
from edge_drivers.ieee11073 import DateTime
from edge_drivers.plx import CONTINUOUS, DRIVER, SPOT_CHECK
from edge_drivers.plx_codec import Continuous, Details, DeviceStatus, Pair, SpotCheck, Status
from edge_drivers.stamped_records import MANUFACTURER_NAME
from tests.wire_values import date_times, sfloats, words

AT = Boottime(10**15)
NORMAL = Pair(spo2_percent=97.0, pulse_per_min=61.0)
WHOLE = Continuous(
    normal=NORMAL,
    fast=Pair(spo2_percent=96.0, pulse_per_min=62.0),
    slow=Pair(spo2_percent=97.0, pulse_per_min=60.0),
    details=Details(
        status=Status.ONGOING, device=DeviceStatus.PROCESSING_IRREGULAR, amplitude_percent=3.5
    ),
)
SPOT = SpotCheck(
    pair=Pair(spo2_percent=98.0, pulse_per_min=70.0), taken=DateTime(2026, 3, 14, 8, 0, 0)
)

pairs = st.builds(Pair, spo2_percent=sfloats, pulse_per_min=sfloats)
details = st.builds(
    Details,
    status=st.none() | words.map(Status),
    device=st.none() | st.integers(0, (1 << 24) - 1).map(DeviceStatus),
    amplitude_percent=st.none() | sfloats,
)


@pytest.fixture
def decoder():
    decoder = DRIVER.decoder("finger")
    decoder.open(AT)
    decoder.feed(b"Mock", AT, MANUFACTURER_NAME)
    return decoder


def tell(decoder, **changes):
    one = Continuous(normal=NORMAL, details=Details(**changes))
    return list(decoder.feed(one.to_bytes(), AT, CONTINUOUS))


def spo2(outputs):
    (one,) = [one for one in outputs if isinstance(one, Observation) and one.code is SPO2]
    return one


@pytest.mark.parametrize(
    ("data", "one"),
    [
        ("0061003d00", Continuous(normal=NORMAL)),
        ("1f61003d0060003e0061003c00200004000023f0", WHOLE),
    ],
)
def test_continuous_measurements_both_ways(data, one):
    assert Continuous.from_bytes(bytes.fromhex(data)) == one
    assert one.to_bytes().hex() == data


@pytest.mark.parametrize(
    ("data", "one"),
    [
        ("0162004600ea07030e080000", SPOT),
        ("1162004600ea07030e080000", dataclasses.replace(SPOT, clock_not_set=True)),
        (
            "0e62004600200220000023f0",
            SpotCheck(
                pair=SPOT.pair,
                details=Details(
                    status=Status.FROM_MEMORY | Status.ONGOING,
                    device=DeviceStatus.LOW_PERFUSION,
                    amplitude_percent=3.5,
                ),
            ),
        ),
    ],
)
def test_spot_checks_both_ways(data, one):
    assert SpotCheck.from_bytes(bytes.fromhex(data)) == one
    assert one.to_bytes().hex() == data


@given(
    st.builds(
        Continuous,
        normal=pairs,
        fast=st.none() | pairs,
        slow=st.none() | pairs,
        details=details,
    )
)
def test_continuous_measurement_round_trip(one):
    assert Continuous.from_bytes(one.to_bytes()) == one


@given(
    st.builds(
        SpotCheck,
        pair=pairs,
        taken=st.none() | date_times,
        details=details,
        clock_not_set=st.booleans(),
    )
)
def test_spot_check_round_trip(one):
    assert SpotCheck.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize("length", range(20))
def test_continuous_measurement_that_is_cut_is_refused_at_every_length(length):
    with pytest.raises(FrameError):
        Continuous.from_bytes(WHOLE.to_bytes()[:length])


@pytest.mark.parametrize("length", range(12))
def test_spot_check_that_is_cut_is_refused_at_every_length(length):
    with pytest.raises(FrameError):
        SpotCheck.from_bytes(SPOT.to_bytes()[:length])


def test_only_the_normal_pair_is_given(decoder):
    outputs = decoder.feed(WHOLE.to_bytes(), AT, CONTINUOUS)
    values = {one.code: one.value for one in outputs}
    assert values == {SPO2: 97.0, PULSE_RATE: 61.0, PERFUSION_INDEX: 3.5}


def test_finger_that_is_out_leaves_no_number(decoder):
    out = Continuous(normal=Pair(spo2_percent=math.nan, pulse_per_min=math.nan))
    assert out.to_bytes().hex() == "00ff07ff07"
    outputs = decoder.feed(out.to_bytes(), AT, CONTINUOUS)
    assert [(one.value, one.state) for one in outputs] == [(None, State.SEARCHING)] * 2


@pytest.mark.parametrize(
    ("status", "value", "state", "quality"),
    [
        (Status.ONGOING, 97.0, State.MEASURED, 1.0),
        (Status.EARLY, 97.0, State.MEASURED, 0.4),
        (Status.VALIDATED, 97.0, State.MEASURED, 1.0),
        (Status.FULLY_QUALIFIED, 97.0, State.MEASURED, 1.0),
        (Status.DEMONSTRATION, None, State.SENSOR_FAULT, 0.0),
        (Status.TESTING, None, State.SENSOR_FAULT, 0.0),
        (Status.CALIBRATION, None, State.SEARCHING, 0.0),
        (Status.UNAVAILABLE, None, State.SEARCHING, 0.0),
        (Status.QUESTIONABLE, 97.0, State.QUESTIONABLE, 0.0),
        (Status.INVALID, None, State.SEARCHING, 0.0),
    ],
)
def test_measurement_status_decides_how_a_number_counts(decoder, status, value, state, quality):
    one = spo2(tell(decoder, status=status))
    assert (one.value, one.state, one.quality) == (value, state, quality)


@pytest.mark.parametrize(
    ("device", "value", "state", "quality"),
    [
        (DeviceStatus.DISPLAY_HELD, 97.0, State.MEASURED, 1.0),
        (DeviceStatus.EQUIPMENT_MALFUNCTION, None, State.SENSOR_FAULT, 0.0),
        (DeviceStatus.PROCESSING_IRREGULAR, 97.0, State.QUESTIONABLE, 0.0),
        (DeviceStatus.SIGNAL_INADEQUATE, None, State.SEARCHING, 0.0),
        (DeviceStatus.SIGNAL_POOR, 97.0, State.MEASURED, 0.6),
        (DeviceStatus.LOW_PERFUSION, 97.0, State.MEASURED, 0.6),
        (DeviceStatus.SIGNAL_ERRATIC, 97.0, State.QUESTIONABLE, 0.0),
        (DeviceStatus.NOT_PULSATILE, None, State.SEARCHING, 0.0),
        (DeviceStatus.PULSE_QUESTIONABLE, 97.0, State.QUESTIONABLE, 0.0),
        (DeviceStatus.ANALYSIS_ONGOING, 97.0, State.MEASURED, 0.4),
        (DeviceStatus.INTERFERENCE, 97.0, State.QUESTIONABLE, 0.0),
        (DeviceStatus.NOT_ON_USER, None, State.NOT_ATTACHED, 0.0),
        (DeviceStatus.SENSOR_UNKNOWN, None, State.SENSOR_FAULT, 0.0),
        (DeviceStatus.SENSOR_DISPLACED, None, State.NOT_ATTACHED, 0.0),
        (DeviceStatus.SENSOR_MALFUNCTION, None, State.SENSOR_FAULT, 0.0),
        (DeviceStatus.SENSOR_DISCONNECTED, None, State.NOT_ATTACHED, 0.0),
        (DeviceStatus(1 << 20), 97.0, State.MEASURED, 1.0),
    ],
)
def test_device_status_decides_how_a_number_counts(decoder, device, value, state, quality):
    one = spo2(tell(decoder, device=device))
    assert (one.value, one.state, one.quality) == (value, state, quality)


def test_trouble_is_told_when_it_comes_and_when_it_goes(decoder):
    broken = {"device": DeviceStatus.SENSOR_MALFUNCTION | DeviceStatus.SIGNAL_POOR}
    told = [
        (one.detail["annunciation"], one.detail["state"])
        for outputs in (tell(decoder, **broken), tell(decoder, **broken), tell(decoder))
        for one in outputs
        if isinstance(one, Event)
    ]
    assert told == [("sensor-malfunction", "on"), ("sensor-malfunction", "off")]


@pytest.mark.parametrize(
    ("one", "backfilled"),
    [
        (SpotCheck(pair=NORMAL), False),
        (SpotCheck(pair=NORMAL, details=Details(status=Status.FROM_MEMORY)), True),
        (SPOT, True),  # the sensor's clock is not known: nothing proves that it is live
        (dataclasses.replace(SPOT, clock_not_set=True), True),
    ],
)
def test_spot_check_is_live_only_where_nothing_speaks_against_it(decoder, one, backfilled):
    reading = spo2(decoder.feed(one.to_bytes(), AT, SPOT_CHECK))
    assert (reading.at, reading.backfilled) == (AT, backfilled)


def test_spot_check_waits_ten_seconds_for_the_clock_and_no_continuous_value_waits():
    decoder = DRIVER.decoder("finger")
    assert list(decoder.feed(SPOT.to_bytes(), AT, SPOT_CHECK)) == []
    values = [
        [one.value for one in decoder.feed(Continuous(normal=NORMAL).to_bytes(), at, CONTINUOUS)]
        for at in (AT, Boottime(AT + 11 * 10**9))
    ]
    assert values == [[97.0, 61.0], [98.0, 70.0, 97.0, 61.0]]


def test_time_of_a_clock_that_is_not_set_is_not_passed_on(decoder):
    one = dataclasses.replace(SPOT, clock_not_set=True)
    assert spo2(decoder.feed(one.to_bytes(), AT, SPOT_CHECK)).device_ns is None
