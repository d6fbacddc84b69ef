import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.codes import BODY_TEMPERATURE
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, State
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import (
    CURRENT_TIME,
    DATE_TIME,
    LIVE_WITHIN_S,
    NO_DATE,
    OLDEST_S,
    CurrentTime,
    Placed,
    SensorTime,
    clock_reading,
)
from tests.wire_values import date_times, octets

NS_PER_S = 10**9
AT = Boottime(10**15)
NOON = dt.datetime(2026, 3, 14, 12, 0, 0, tzinfo=dt.UTC)


def shown(moment):
    return DateTime(*moment.timetuple()[:6])


def ago(seconds):
    return shown(NOON - dt.timedelta(seconds=seconds))


def later(seconds):
    return Boottime(AT + seconds * NS_PER_S)


@pytest.fixture
def time():
    """Give a sensor's time whose clock showed noon at ``AT``."""
    time = SensorTime()
    time.note(shown(NOON), AT)
    return time


def test_record_lies_as_far_back_as_the_sensor_s_clock_says(time):
    placed = time.place(ago(60), later(30))
    assert placed.at == later(-60)
    assert placed.device_ns == round((NOON.timestamp() - 60) * NS_PER_S)
    assert not placed.backfilled


def test_clock_that_is_set_wrong_places_records_as_well_as_one_that_is_right():
    time = SensorTime()
    time.note(DateTime(2000, 1, 1, 0, 2, 0), AT)
    assert time.place(DateTime(2000, 1, 1, 0, 1, 0), AT).at == later(-60)


@pytest.mark.parametrize(
    ("age_s", "backfilled"), [(LIVE_WITHIN_S, False), (LIVE_WITHIN_S + 1, True)]
)
def test_record_is_live_for_five_minutes(time, age_s, backfilled):
    placed = time.place(ago(age_s), AT)
    assert (placed.at, placed.backfilled) == (later(-age_s), backfilled)


def test_age_counts_to_arrival_and_not_to_the_reading_of_the_clock(time):
    assert time.place(ago(200), later(200)).backfilled


def test_stamp_a_moment_ahead_is_the_rounding_of_two_clocks(time):
    placed = time.place(ago(-2), AT)
    assert (placed.at, placed.backfilled) == (AT, False)


@pytest.mark.parametrize("age_s", [-60, -86_400, OLDEST_S + 1])
def test_stamp_of_the_future_or_of_another_age_is_not_trusted(time, age_s):
    placed = time.place(ago(age_s), AT)
    assert (placed.at, placed.backfilled) == (AT, True)
    assert placed.device_ns is not None


@pytest.mark.parametrize(
    "stamp", [NO_DATE, DateTime(2026, 2, 30, 0, 0, 0), DateTime(1582, 1, 1, 0, 0, 0),
              DateTime(9999, 1, 1, 0, 0, 0), DateTime(2026, 3, 14, 24, 0, 0)],
)  # fmt: skip
def test_stamp_that_is_no_date_leaves_the_record_where_it_arrived(time, stamp):
    assert time.place(stamp, later(7)) == Placed(at=later(7), backfilled=True)


def test_record_without_a_stamp_is_live(time):
    assert time.place(None, later(7)) == Placed(at=later(7))
    assert SensorTime().place(None, AT) == Placed(at=AT)


def test_stamp_proves_nothing_where_the_clock_is_not_known():
    placed = SensorTime().place(ago(10), AT)
    assert (placed.at, placed.backfilled) == (AT, True)
    assert placed.device_ns == round((NOON.timestamp() - 10) * NS_PER_S)


def test_clock_that_has_lost_its_date_is_not_known_any_more(time):
    time.note(NO_DATE, later(10))
    assert time.place(ago(10), later(20)).backfilled


def test_clock_that_was_set_is_the_clock_from_then_on(time):
    time.note(shown(NOON + dt.timedelta(hours=1)), later(5))
    assert time.place(shown(NOON + dt.timedelta(hours=1)), later(5)).at == later(5)


@given(date_times, date_times, st.integers(0, 10**9))
def test_no_record_lies_ahead_and_every_time_fits_64_bits(now, stamp, waited_s):
    time = SensorTime()
    time.note(now, AT)
    placed = time.place(stamp, later(waited_s))
    assert placed.at <= later(waited_s)
    assert placed.device_ns is None or 0 <= placed.device_ns < 2**63
    assert placed.backfilled or (later(waited_s) - placed.at) <= LIVE_WITHIN_S * NS_PER_S


# Computed from the layout in the GATT Specification Supplement.
def test_current_time_both_ways():
    one = CurrentTime(
        date_time=DateTime(2026, 3, 14, 8, 5, 9), weekday=6, fraction_256=128, adjust_reason=1
    )
    assert CurrentTime.from_bytes(bytes.fromhex("ea07030e080509068001")) == one
    assert one.to_bytes().hex() == "ea07030e080509068001"


@given(
    st.builds(
        CurrentTime,
        date_time=date_times,
        weekday=st.integers(0, 7),
        fraction_256=octets,
        adjust_reason=octets,
    )
)
def test_current_time_round_trip(one):
    assert CurrentTime.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        (CURRENT_TIME, "ea07030e0805090680"),
        (CURRENT_TIME, "ea07030e08050906800100"),
        (CURRENT_TIME, "ea07030e080509088001"),
        (DATE_TIME, "ea07030e0805"),
        (DATE_TIME, "ea07030e08050906"),
        (DATE_TIME, ""),
    ],
)
def test_clock_of_a_wrong_length_is_refused(channel, data):
    with pytest.raises(FrameError):
        clock_reading(bytes.fromhex(data), channel)


def test_both_clocks_give_a_date_and_time():
    expected = DateTime(2026, 3, 14, 8, 5, 9)
    assert clock_reading(bytes.fromhex("ea07030e080509068001"), CURRENT_TIME) == expected
    assert clock_reading(bytes.fromhex("ea07030e080509"), DATE_TIME) == expected


@pytest.mark.parametrize(
    ("value", "given_state", "told", "state"),
    [
        (37.0, State.MEASURED, 37.0, State.MEASURED),
        (50.0, State.MEASURED, 50.0, State.QUESTIONABLE),
        (37.0, State.QUESTIONABLE, 37.0, State.QUESTIONABLE),
        (math.nan, State.MEASURED, None, State.SENSOR_FAULT),
        (math.nan, State.QUESTIONABLE, None, State.SENSOR_FAULT),
        (math.inf, State.MEASURED, None, State.ABOVE_RANGE),
        (-math.inf, State.MEASURED, None, State.BELOW_RANGE),
        (37.0, State.ABOVE_RANGE, None, State.ABOVE_RANGE),
        (37.0, State.NOT_ATTACHED, None, State.NOT_ATTACHED),
    ],
)
def test_observation_has_a_number_only_where_there_is_one_to_tell(value, given_state, told, state):
    one = Placed(at=AT, device_ns=5, backfilled=True).observation(
        BODY_TEMPERATURE, value, "mouth", state=given_state
    )
    assert (one.value, one.state) == (told, state)
    assert one.quality == (1.0 if state.is_measurement else 0.0)
    assert (one.at, one.device_ns, one.backfilled, one.sensor) == (AT, 5, True, "mouth")
