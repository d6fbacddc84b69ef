"""The glucose sensor's memory, seen through the product's own link."""

import asyncio

import pytest

from edge_agent.codes import GLUCOSE
from edge_agent.model import EventKind, Observation
from edge_drivers.cgm_codec import CalibrationBit, SensorStatus
from edge_drivers.cgm_control import QUESTIONS
from edge_drivers.racp import RacpResult
from edge_mocks.bluez import BLUEZ_5_82

# What is tested here lies above BlueZ; every sensor is tested with each of its versions elsewhere.
pytestmark = pytest.mark.parametrize("bluez", [BLUEZ_5_82], indirect=True, ids=["bluez-5.82"])


def glucose(bench, *, live=None):
    return [
        one
        for one in bench.emitted
        if isinstance(one, Observation)
        and one.code is GLUCOSE
        and (live is None or one.backfilled is not live)
    ]


def fast(sensor, interval_s=0.1):
    """Let a minute of the session pass in ``interval_s``."""
    sensor._interval_s = interval_s
    return sensor


def minutes_of(bench, sensor):
    """Return the minutes of the session whose glucose has come, each as often as it came."""
    start_ns = sensor._start_utc_s * 10**9
    return [(one.device_ns - start_ns) // (60 * 10**9) for one in glucose(bench)]


async def live_value(bench):
    await bench.until(lambda: glucose(bench, live=True), "a live glucose")


def has_all(bench, sensor, first, last):
    return set(range(first, last + 1)) <= set(minutes_of(bench, sensor))


async def test_records_missed_while_the_link_was_cut_are_fetched_once(ble_bench, bluez):
    async with ble_bench("cgm") as bench:
        sensor = fast(bench.mock)
        await live_value(bench)
        cut_at = sensor._newest_min
        bluez.device(sensor.peripheral).link_lost()
        await bench.until(lambda: sensor._newest_min > cut_at + 5, "the session goes on")
        await bench.until(lambda: has_all(bench, sensor, 0, cut_at + 5), "what was missed")
        await bench.until(lambda: max(minutes_of(bench, sensor)) > cut_at + 8, "live again")
    came = minutes_of(bench, sensor)
    assert len(came) == len(set(came))
    assert bench.feed.status.rejected == 0


async def test_hole_inside_a_connection_is_filled_from_the_memory(ble_bench):
    async with ble_bench("cgm") as bench:
        sensor = fast(bench.mock)
        await live_value(bench)
        await bench.until(lambda: len(glucose(bench, live=True)) > 2, "live values")
        sensor.measurement.faults.drop = 1.0
        lost_from = sensor._newest_min + 1
        await bench.until(lambda: sensor._newest_min > lost_from + 3, "some are lost")
        lost_to = sensor._newest_min
        sensor.measurement.faults.heal()
        await bench.until(lambda: has_all(bench, sensor, lost_from, lost_to), "the hole filled")
    assert bench.feed.status.connections == 1
    lost = [
        one
        for one, minute in zip(glucose(bench), minutes_of(bench, sensor), strict=True)
        if lost_from <= minute <= lost_to
    ]
    assert all(one.backfilled for one in lost)


async def test_record_damaged_in_a_report_is_fetched_again(ble_bench):
    async with ble_bench("cgm") as bench:
        sensor = bench.mock
        sensor.record_gap_s = 0.001
        sensor.measurement.faults.corrupt = 0.05
        await bench.until(lambda: bench.feed.status.rejected > 2, "damage")
        await bench.until(lambda: len(glucose(bench)) > 200, "most of the report")
        sensor.measurement.faults.heal()
        await bench.until(lambda: has_all(bench, sensor, 1, 240), "the whole memory")
    came = minutes_of(bench, sensor)
    assert len(came) == len(set(came))


async def test_busy_memory_costs_no_live_value_and_no_link(ble_bench):
    async with ble_bench("cgm") as bench:
        sensor = fast(bench.mock)
        sensor.refusals.extend([RacpResult.BUSY] * 3)
        await bench.until(lambda: len(glucose(bench, live=True)) > 5, "live values")
        assert [one.detail["reason"] for one in bench.events(EventKind.GAP)] == [
            "the sensor's memory can't be read (result 10)"
        ]
        assert bench.feed.status.connections == 1


async def test_report_that_never_ends_leaves_live_values_live(ble_bench):
    async with ble_bench("cgm") as bench:
        sensor = fast(bench.mock)
        sensor.is_hung = True
        await bench.until(lambda: len(glucose(bench, live=True)) > 5, "live values")
        assert has_all(bench, sensor, 0, 240)


async def test_session_that_restarts_within_a_connection_is_followed(ble_bench):
    async with ble_bench("cgm") as bench:
        sensor = fast(bench.mock)
        await bench.until(lambda: len(glucose(bench, live=True)) > 2, "live values")
        sensor.restart_session()
        begun = len(bench.emitted)
        await bench.until(lambda: bench.events(EventKind.CLOCK_RESET), "the restart is noticed")
        await bench.until(
            lambda: any(
                not one.backfilled and one.device_ns >= sensor._start_utc_s * 10**9
                for one in glucose(bench)
            ),
            "live values of the new session",
        )
        await bench.until(lambda: has_all(bench, sensor, 0, 5), "its first records")
    assert bench.feed.status.connections == 1
    assert not any(
        one.code is GLUCOSE and one.device_ns < sensor._start_utc_s * 10**9
        for one in bench.emitted[begun + 5 :]
        if isinstance(one, Observation)
    )


async def test_at_the_smallest_mtu_the_memory_comes_record_by_record(bluez, ble_bench):
    async with ble_bench("cgm") as bench:
        fast(bench.mock)
        bench.mock.peripheral.mtu = 23
        await live_value(bench)
        bluez.device(bench.mock.peripheral).link_lost()
        await bench.until(lambda: bench.feed.status.connections == 2, "a new link")
        await bench.until(lambda: len(glucose(bench, live=True)) > 3, "live values")
        assert has_all(bench, bench.mock, 0, 240)
    assert bench.mock.measurement.mtu == 23
    assert bench.feed.status.rejected == 0


async def test_sensor_is_asked_what_it_is_and_never_told_what_to_do(ble_bench):
    async with ble_bench("cgm") as bench:
        sensor = bench.mock
        await bench.until(lambda: len(sensor.control.requests) == 4, "the questions")
        await live_value(bench)
        assert set(sensor.control.requests) <= set(QUESTIONS)
        told = [one.detail["annunciation"] for one in bench.events(EventKind.ANNUNCIATION)]
    assert "session-end" in told
    assert "patient-low-level" in told


async def test_what_the_sensor_says_of_itself_is_told_once_per_change(ble_bench):
    async with ble_bench("cgm") as bench:
        sensor = fast(bench.mock)
        sensor.status_bits = SensorStatus.BATTERY_LOW
        sensor.calibration_bits = CalibrationBit.CALIBRATION_REQUIRED
        await bench.until(lambda: len(glucose(bench, live=True)) > 5, "live values")
        sensor.calibration_bits = CalibrationBit(0)
        begun = len(glucose(bench, live=True))
        await bench.until(lambda: len(glucose(bench, live=True)) > begun + 3, "more of them")
        await asyncio.sleep(0)
    told = [
        (one.detail["annunciation"], one.detail["state"])
        for one in bench.events(EventKind.ANNUNCIATION)
    ]
    assert told.count(("battery-low", "on")) == 1
    assert told.count(("calibration-required", "on")) == 1
    assert told.count(("calibration-required", "off")) == 1
