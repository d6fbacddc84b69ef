"""A health sensor's live and stored observations, seen through the product's own link."""

import pytest

from edge_agent.codes import BODY_TEMPERATURE, SPO2
from edge_agent.model import EventKind, Observation
from edge_drivers.ghs_codec import HealthObservation, Kind, Numeric
from edge_drivers.racp import RacpResult
from edge_mocks.bluez import BLUEZ_5_82

# What is tested here lies above BlueZ; every sensor is tested with each of its versions elsewhere.
pytestmark = pytest.mark.parametrize("bluez", [BLUEZ_5_82], indirect=True, ids=["bluez-5.82"])


def spo2(bench, *, live):
    return [
        one
        for one in bench.emitted
        if isinstance(one, Observation) and one.code is SPO2 and one.backfilled is not live
    ]


async def test_stored_and_live_observations_come_each_once(ble_bench):
    async with ble_bench("ghs") as bench:
        await bench.until(lambda: len(spo2(bench, live=True)) >= 2, "live values")
        await bench.until(lambda: len(spo2(bench, live=False)) >= 5, "stored values")
        now = bench.clock.boottime()
    ages_min = [(now - one.at) / 6e10 for one in spo2(bench, live=False)[:5]]
    assert ages_min == pytest.approx([5, 4, 3, 2, 1], abs=0.1)
    assert bench.feed.status.rejected == 0


async def test_what_was_stored_while_the_link_was_cut_is_fetched(ble_bench, bluez):
    async with ble_bench("ghs") as bench:
        sensor = bench.mock
        await bench.until(lambda: len(spo2(bench, live=True)) >= 2, "live values")
        held = len(sensor.records)
        bluez.device(sensor.peripheral).link_lost()
        await bench.until(lambda: bench.feed.status.connections == 2, "a new link")
        await bench.until(lambda: len(spo2(bench, live=False)) >= held, "what it has stored")
    # Half a second apart by a clock of whole seconds: two records may bear one time.
    times = [one.device_ns for one in spo2(bench, live=False)]
    assert sorted(times) == times
    assert len(times) <= len(sensor.records)


async def test_observations_at_the_smallest_mtu(ble_bench):
    async with ble_bench("ghs") as bench:
        bench.mock.peripheral.mtu = 23
        await bench.until(lambda: len(spo2(bench, live=True)) >= 2, "live values")
        await bench.until(lambda: len(spo2(bench, live=False)) >= 5, "stored values")
        assert bench.mock.live.mtu == 23
    assert bench.feed.status.rejected == 0


async def test_lost_segment_costs_one_observation(ble_bench):
    async with ble_bench("ghs") as bench:
        sensor = bench.mock
        sensor.peripheral.mtu = 23
        await bench.until(lambda: len(spo2(bench, live=True)) >= 1, "live values")
        sensor.lost_segments = 1
        await bench.until(lambda: bench.feed.status.rejected > 0, "segments that do not follow")
        begun = len(spo2(bench, live=True))
        await bench.until(lambda: len(spo2(bench, live=True)) > begun, "further values")
    assert bench.feed.status.connections == 1


async def test_stored_record_lost_on_its_way_is_fetched_again(ble_bench):
    async with ble_bench("ghs") as bench:
        sensor = bench.mock
        sensor.peripheral.mtu = 23
        sensor.stored.faults.drop = 0.15
        await bench.until(lambda: bench.feed.status.rejected > 0, "losses")
        sensor.stored.faults.heal()
        await bench.until(lambda: bench.events(EventKind.GAP), "the loss is told")
        await bench.until(lambda: len(spo2(bench, live=True)) >= 2, "live values all the same")


async def test_busy_memory_costs_no_live_value(ble_bench):
    async with ble_bench("ghs") as bench:
        bench.mock.refusals.append(RacpResult.BUSY)
        await bench.until(lambda: len(spo2(bench, live=True)) >= 2, "live values")
        assert bench.events(EventKind.GAP)
        assert bench.feed.status.connections == 1


async def test_sensor_that_was_erased_between_two_connections_is_read_anew(ble_bench, bluez):
    async with ble_bench("ghs") as bench:
        sensor = bench.mock
        await bench.until(lambda: len(spo2(bench, live=False)) >= 5, "stored values")
        sensor.erase()
        bluez.device(sensor.peripheral).link_lost()
        await bench.until(lambda: bench.events(EventKind.CLOCK_RESET), "the reset is noticed")


async def test_quantity_of_another_kind_is_given_too(ble_bench):
    async with ble_bench("ghs") as bench:
        await bench.until(lambda: spo2(bench, live=True), "live values")
        numeric = Numeric(4416, 98.6)
        bench.mock.send(
            HealthObservation(kind=Kind.NUMERIC, type=BODY_TEMPERATURE.mdc, value=numeric)
        )
        await bench.until(
            lambda: any(
                isinstance(one, Observation) and one.code is BODY_TEMPERATURE
                for one in bench.emitted
            ),
            "a temperature",
        )
    (one,) = [one for one in bench.emitted if getattr(one, "code", None) is BODY_TEMPERATURE]
    assert one.value == pytest.approx(37.0)
