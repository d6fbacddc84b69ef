"""The thermometer stands for every sensor here: its records are the shortest."""

import pytest

from edge_agent.driver import FrameError, Read
from edge_agent.model import Boottime, Observation
from edge_drivers.gatt import BATTERY_LEVEL
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import CURRENT_TIME, DATE_TIME, NO_DATE, CurrentTime
from edge_drivers.stamped_records import MANUFACTURER_NAME
from edge_drivers.thermometer import DRIVER, MEASUREMENT, Temperature

NS_PER_S = 10**9
ZERO = Boottime(10**15)


class Thermometer:
    """Plays the sensor's side; seconds count from its first connection, and so does its clock."""

    def __init__(self):
        self.decoder = DRIVER.decoder("mouth")

    def at(self, second):
        return Boottime(ZERO + round(second * NS_PER_S))

    def shows(self, second):
        return DateTime(2026, 3, 14, 7, *divmod(second, 60))

    def open(self, second):
        return [request.channel for request in self.decoder.open(self.at(second))]

    def feed(self, second, channel, octets):
        return list(self.decoder.feed(octets, self.at(second), channel))

    def clock(self, second, shows=None):
        now = CurrentTime(date_time=self.shows(second) if shows is None else shows)
        return self.feed(second, CURRENT_TIME, now.to_bytes())

    def maker(self, second):
        return self.feed(second, MANUFACTURER_NAME, b"Mock")

    def record(self, second, measured, value=37.0):
        octets = Temperature(value=value, stamp=self.shows(measured)).to_bytes()
        return self.feed(second, MEASUREMENT, octets)

    def live(self, second, value=37.0):
        return self.feed(second, MEASUREMENT, Temperature(value=value).to_bytes())


@pytest.fixture
def sensor():
    return Thermometer()


def placed(outputs, sensor):
    """Return second and liveness of each reading."""
    readings = [one for one in outputs if isinstance(one, Observation)]
    return [((one.at - ZERO) / NS_PER_S, not one.backfilled) for one in readings]


def test_clock_is_read_before_the_battery_and_the_maker_last(sensor):
    asked = sensor.open(0)
    assert asked[-4:] == [CURRENT_TIME, DATE_TIME, BATTERY_LEVEL, MANUFACTURER_NAME]


def test_record_pushed_before_the_clock_was_read_is_placed_by_it(sensor):
    assert sensor.record(100, 40) == []
    sensor.open(100)
    assert placed(sensor.clock(101), sensor) == [(40, True)]
    assert sensor.maker(102) == []


def test_record_of_a_sensor_without_a_clock_is_given_once_its_maker_is_known(sensor):
    sensor.open(100)
    assert sensor.record(101, 40) == []
    assert placed(sensor.maker(102), sensor) == [(101, False)]
    assert placed(sensor.record(103, 41), sensor) == [(103, False)]


def test_record_of_a_sensor_that_answers_nothing_waits_for_the_next_one(sensor):
    sensor.open(100)
    assert sensor.record(101, 40) == []
    assert sensor.record(105, 41) == []
    assert placed(sensor.record(112, 42), sensor) == [(101, False), (105, False), (112, False)]


def test_battery_report_ends_a_wait_that_was_too_long(sensor):
    sensor.open(100)
    assert sensor.record(101, 40) == []
    assert placed(sensor.feed(105, BATTERY_LEVEL, b"\x40"), sensor)[:-1] == []
    assert placed(sensor.feed(112, BATTERY_LEVEL, b"\x40"), sensor)[1:] == [(101, False)]


def test_record_without_a_stamp_waits_for_nothing(sensor):
    assert placed(sensor.live(1), sensor) == [(1, True)]


def test_record_on_a_later_connection_waits_until_the_clock_is_read_again(sensor):
    sensor.open(0)
    sensor.clock(0)
    sensor.maker(0)
    assert sensor.record(500, 490) == [Read(CURRENT_TIME)]
    assert sensor.record(500.2, 491) == []
    # Somebody has set the clock back by 60 s meanwhile; by the old tie both would be older.
    assert placed(sensor.clock(501, shows=sensor.shows(492)), sensor) == [(499, True), (500, True)]


def test_clock_that_was_just_read_is_not_read_again(sensor):
    sensor.open(0)
    sensor.clock(0)
    assert placed(sensor.record(30, 20), sensor) == [(20, True)]


def test_lost_answer_of_the_clock_costs_ten_seconds_and_no_record(sensor):
    sensor.open(0)
    sensor.clock(0)
    assert sensor.record(500, 490) == [Read(CURRENT_TIME)]
    assert placed(sensor.record(511, 509), sensor) == [(490, True), (509, True)]


def test_record_that_had_to_wait_for_another_connection_is_not_live(sensor):
    assert sensor.record(0, 0) == []
    sensor.open(400)
    assert placed(sensor.clock(400), sensor) == [(0, False)]


def test_damaged_clock_is_refused_and_releases_nothing(sensor):
    sensor.open(0)
    assert sensor.record(1, 0) == []
    with pytest.raises(FrameError):
        sensor.feed(1, CURRENT_TIME, b"\x00")
    assert placed(sensor.clock(2), sensor) == [(0, True)]


def test_date_time_stands_in_for_a_current_time_and_never_over_it(sensor):
    sensor.open(0)
    sensor.clock(10)
    sensor.feed(10, DATE_TIME, NO_DATE.to_bytes())
    assert placed(sensor.record(11, 5), sensor) == [(5, True)]
    other = Thermometer()
    other.open(0)
    other.feed(10, DATE_TIME, other.shows(10).to_bytes())
    assert placed(other.record(11, 5), other) == [(5, True)]


def test_record_that_comes_again_is_given_once_on_every_connection(sensor):
    sensor.open(0)
    sensor.clock(10)
    assert len(sensor.record(11, 5)) == 1
    assert sensor.record(12, 5) == []
    sensor.open(20)
    sensor.clock(20)
    assert sensor.record(21, 5) == []
    assert len(sensor.record(22, 5, value=37.1)) == 1
    assert len(sensor.record(23, 6)) == 1


def test_equal_values_without_a_stamp_are_two_values(sensor):
    assert len(sensor.live(1)) == len(sensor.live(2)) == 1


def test_memory_stays_bounded_whatever_is_pushed(sensor):
    given = 0
    for count in range(3000):
        octets = Temperature(value=count / 100, stamp=sensor.shows(0)).to_bytes()
        given += len(sensor.feed(count / 1000, MEASUREMENT, octets))
    assert len(sensor.decoder._held) <= 33
    assert len(sensor.decoder._given) <= 1024
    assert given + len(sensor.decoder._held) == 3000
