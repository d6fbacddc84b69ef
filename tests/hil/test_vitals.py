"""Cuff, scale, thermometer, meter and oximeters, seen through the product's own link.

What is tried here is theirs and not the daemon's, so one daemon is enough.
"""

import time

import pytest

from edge_agent.codes import (
    BATTERY,
    BODY_TEMPERATURE,
    BODY_WEIGHT,
    CAPILLARY_GLUCOSE,
    CUFF_PULSE_RATE,
    PULSE_RATE,
    SPO2,
    SYSTOLIC,
)
from edge_agent.model import Event, EventKind, Observation, State
from edge_drivers.blood_pressure import BloodPressure, Status
from edge_drivers.glucose_meter_codec import Fluid, Glucose
from edge_drivers.racp import RacpOperator, RacpResult
from edge_drivers.sensor_time import CURRENT_TIME
from edge_mocks.bluez import BLUEZ_5_82, att_error

pytestmark = pytest.mark.parametrize("bluez", [BLUEZ_5_82], indirect=True, ids=["bluez-5.82"])

NS_PER_S = 10**9
PUSHING = [
    ("blood-pressure", SYSTOLIC),
    ("thermometer", BODY_TEMPERATURE),
    ("weight-scale", BODY_WEIGHT),
]
pushing = pytest.mark.parametrize(("name", "code"), PUSHING)


def readings(bench, code, *, live=None):
    return [
        one
        for one in bench.emitted
        if isinstance(one, Observation)
        and one.code is code
        and (live is None or one.backfilled is not live)
    ]


def told(bench):
    return [
        one.detail["annunciation"]
        for one in bench.emitted
        if isinstance(one, Event) and one.kind is EventKind.ANNUNCIATION
    ]


def age_s(bench, one):
    """Return how old a reading is by the hub's clock."""
    return (bench.clock.boottime() - one.at) / NS_PER_S


async def memory_read(bench):
    """Wait until the meter has reported the three samples that it holds at first."""
    await bench.until(lambda: bench.feed.decoder._newest is not None, "the memory")
    assert len(readings(bench, CAPILLARY_GLUCOSE)) == 3


def without_clock(sensor):
    """Take the clock out of a sensor that nobody has connected to yet."""
    sensor.peripheral.services = [
        service
        for service in sensor.peripheral.services
        if all(one.uuid != CURRENT_TIME for one in service.characteristics)
    ]


@pushing
async def test_old_records_fill_the_record_and_a_fresh_one_is_live(ble_bench, name, code):
    async with ble_bench(name) as bench:
        bench.mock.every_s = 0.2
        await bench.until(lambda: readings(bench, code, live=True), "a live reading")
        yesterday, hour_ago = readings(bench, code, live=False)
        assert age_s(bench, yesterday) == pytest.approx(86_400, abs=30)
        assert age_s(bench, hour_ago) == pytest.approx(3600, abs=30)
        assert age_s(bench, readings(bench, code, live=True)[0]) < 30
    assert bench.feed.status.rejected == 0


@pushing
async def test_clock_that_was_never_set_tells_fresh_from_old(ble_bench, name, code):
    async with ble_bench(name) as bench:
        bench.mock.clock.ahead_s = 946_684_800 - time.time()  # it is new year's night of 2000
        bench.mock._kept.clear()
        bench.mock.measure(3600)
        bench.mock.measure(10)
        await bench.until(lambda: len(readings(bench, code)) >= 2, "both records")
        old, fresh = readings(bench, code)[:2]
        assert (old.backfilled, fresh.backfilled) == (True, False)
        assert age_s(bench, old) == pytest.approx(3600, abs=30)


@pushing
async def test_stamp_of_a_sensor_that_shows_no_clock_proves_nothing(ble_bench, name, code):
    async with ble_bench(name) as bench:
        without_clock(bench.mock)
        bench.mock.every_s = 0.2
        await bench.until(lambda: len(readings(bench, code)) > 3, "readings")
        assert not readings(bench, code, live=True)
        assert all(one.device_ns is not None for one in readings(bench, code))


async def test_sensor_that_hangs_up_is_read_at_each_visit_and_each_record_once(ble_bench):
    async with ble_bench("weight-scale") as bench:
        scale = bench.mock
        scale.every_s, scale.hangs_up_after_s = 0.3, 0.5
        await bench.until(lambda: bench.feed.status.connections > 1, "a second visit")
        scale.hangs_up_after_s = None
        begun = len(readings(bench, BODY_WEIGHT))
        scale.push_again()
        await bench.until(lambda: len(readings(bench, BODY_WEIGHT)) > begun + 2, "more")
        scale.push_again()
        # As the sensor hung up, its last record may have been on the way.
        assert 0 <= len(set(scale.pushed)) - len(readings(bench, BODY_WEIGHT)) <= 2
    assert not bench.events(EventKind.LINK_FAILED)
    assert bench.feed.status.rejected == 0


@pushing
async def test_smallest_mtu_is_enough(ble_bench, name, code):
    async with ble_bench(name) as bench:
        bench.mock.peripheral.mtu = 23
        await bench.until(lambda: len(readings(bench, code)) > 2, "readings")
    assert bench.feed.status.rejected == 0


async def test_link_lost_while_records_are_pushed_costs_none(ble_bench, bluez):
    async with ble_bench("blood-pressure") as bench:
        sensor = bench.mock
        for minutes in range(2, 60):
            sensor.measure(60 * minutes)
        await bench.until(lambda: len(readings(bench, SYSTOLIC)) > 5, "some records")
        bluez.device(sensor.peripheral).link_lost()
        assert sensor._kept
        await bench.until(lambda: not sensor._kept, "the rest")
        await bench.until(lambda: len(readings(bench, SYSTOLIC)) >= 60, "every record")
    stamps = [one.device_ns for one in readings(bench, SYSTOLIC)]
    assert len(stamps) - len(set(stamps)) <= 1  # two measurements may fall into one second


async def test_cuff_that_was_moved_and_then_shared_says_so(ble_bench):
    async with ble_bench("blood-pressure") as bench:
        cuff = bench.mock
        cuff.every_s, cuff.status = 0.2, Status.BODY_MOVEMENT
        await bench.until(lambda: "body-movement" in told(bench), "the movement")
        assert readings(bench, SYSTOLIC)[-1].state is State.QUESTIONABLE
        cuff.status, cuff.user = Status.IRREGULAR_PULSE, 2
        await bench.until(lambda: "several-users" in told(bench), "the other user")
        await bench.until(lambda: "irregular-pulse" in told(bench), "the pulse")
        assert readings(bench, SYSTOLIC)[-1].quality == 0.6
        assert readings(bench, CUFF_PULSE_RATE)


async def test_values_are_those_that_the_cuff_measured(ble_bench):
    async with ble_bench("blood-pressure") as bench:
        await bench.until(lambda: len(readings(bench, SYSTOLIC)) > 2, "readings")
        count = len(readings(bench, SYSTOLIC))
        pushed = [BloodPressure.from_bytes(octets) for octets in bench.mock.pushed[:count]]
        assert [one.value for one in readings(bench, SYSTOLIC)] == [one.systolic for one in pushed]
        assert [one.value for one in readings(bench, BATTERY)][-1] == 74.0


async def test_meter_is_asked_for_what_is_new_and_gives_each_sample_once(ble_bench, bluez):
    async with ble_bench("glucose-meter") as bench:
        meter = bench.mock
        await memory_read(bench)
        assert [one.backfilled for one in readings(bench, CAPILLARY_GLUCOSE)] == [True, True, False]
        bluez.device(meter.peripheral).link_lost()
        await bench.until(lambda: len(readings(bench, CAPILLARY_GLUCOSE)) == 4, "the new sample")
        asked = [(one.operator, *one.bounds) for one in meter.requests]
        assert asked == [(RacpOperator.ALL,), (RacpOperator.FROM, 43)]
        await bench.until(lambda: told(bench).count("sample-context") == 4, "every context")
    assert not readings(bench, CAPILLARY_GLUCOSE)[-1].backfilled


async def test_meter_that_counts_anew_is_read_from_the_beginning(ble_bench, bluez):
    async with ble_bench("glucose-meter") as bench:
        meter = bench.mock
        await memory_read(bench)
        meter.restart_numbering()
        bluez.device(meter.peripheral).link_lost()  # a sample follows, the first of the new count
        await bench.until(lambda: len(readings(bench, CAPILLARY_GLUCOSE)) == 4, "the new sample")
        asked = [(one.operator, *one.bounds) for one in meter.requests]
        assert asked == [(RacpOperator.ALL,), (RacpOperator.FROM, 43), (RacpOperator.ALL,)]


async def test_meter_whose_report_is_cut_off_gives_the_rest_later(ble_bench, bluez):
    async with ble_bench("glucose-meter") as bench:
        meter = bench.mock
        for minutes in range(100, 300):
            meter.measure(60 * minutes)
        await bench.until(lambda: len(readings(bench, CAPILLARY_GLUCOSE)) > 20, "some samples")
        bluez.device(meter.peripheral).link_lost()
        await bench.until(lambda: len(readings(bench, CAPILLARY_GLUCOSE)) == 204, "every sample")
        assert [one.operator for one in meter.requests] == [RacpOperator.ALL] * 2


async def test_meter_that_can_not_choose_and_then_not_report_is_told(ble_bench, bluez):
    async with ble_bench("glucose-meter") as bench:
        meter = bench.mock
        await memory_read(bench)
        meter.operators = {RacpOperator.ALL}
        meter.refusals.append(RacpResult.NOT_COMPLETED)
        bluez.device(meter.peripheral).link_lost()
        await bench.until(lambda: bench.events(EventKind.GAP), "the refusal is told")
        assert len(readings(bench, CAPILLARY_GLUCOSE)) == 3


async def test_control_solution_never_becomes_a_reading(ble_bench, bluez):
    async with ble_bench("glucose-meter") as bench:
        meter = bench.mock
        await memory_read(bench)
        meter.sample = Glucose(concentration=0.0, fluid=Fluid.CONTROL_SOLUTION)
        bluez.device(meter.peripheral).link_lost()
        await bench.until(lambda: "control-solution" in told(bench), "the test is told")
        assert len(readings(bench, CAPILLARY_GLUCOSE)) == 3


@pytest.mark.parametrize("name", ["plx", "nonin-ble"])
async def test_finger_that_is_pulled_out_leaves_no_number_until_it_is_back(ble_bench, name):
    async with ble_bench(name) as bench:
        sensor = bench.mock
        sensor.period_s = 0.1
        await bench.until(lambda: readings(bench, SPO2), "a value")
        sensor.attached = False
        await bench.until(
            lambda: readings(bench, SPO2)[-1].state is State.NOT_ATTACHED, "the finger is out"
        )
        assert readings(bench, SPO2)[-1].value is None
        assert readings(bench, PULSE_RATE)[-1].value is None
        sensor.attached, sensor.weak = True, True
        await bench.until(lambda: readings(bench, SPO2)[-1].quality == 0.6, "a weak pulse")
        assert readings(bench, SPO2)[-1].value == pytest.approx(sensor.spo2_percent, abs=2)


async def test_spot_check_of_a_sensor_that_shows_no_clock_is_not_live(ble_bench):
    async with ble_bench("plx") as bench:
        await bench.until(lambda: readings(bench, SPO2, live=True), "a value")
        bench.mock.spot_check()
        await bench.until(lambda: readings(bench, SPO2, live=False), "the spot check")


@pushing
async def test_a_sensor_that_hangs_up_before_its_clock_was_read_has_told_its_record(
    ble_bench, bluez, name, code
):
    """Nothing proves the record live then, but it is there: nobody measures again for the hub."""

    def leave():
        bluez.device(bench.mock.peripheral).link_lost()
        raise att_error(0x0E)

    async with ble_bench(name) as bench:
        for service in bench.mock.peripheral.services:
            for one in service.characteristics:
                if one.uuid == CURRENT_TIME:
                    one.on_read = leave
        await bench.until(lambda: readings(bench, code), "the record")
        assert bench.feed.status.connections == 1
