"""What the product's link makes of a daemon that dies and of an adapter that is switched off."""

import random

from edge_agent import codes
from edge_agent.model import EventKind, Observation
from edge_mocks.cgm import CgmSensor
from edge_mocks.traces import SimulatedGlucose
from tests.hil.conftest import SEED

STRAP = "polar-pmd"


async def again(bench, connections):
    """Wait for a new connection and everything the sensor is there for."""
    await bench.until(lambda: bench.feed.status.connections > connections, "a new link")
    begun = len(bench.emitted)
    await bench.until(lambda: not bench.missing(begun), "every quantity again")


async def test_a_killed_daemon_is_noticed_and_the_link_made_again(ble_bench, bluez):
    async with ble_bench(STRAP) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        connections = bench.feed.status.connections
        await bluez.crash()
        await bench.until(lambda: bench.events(EventKind.DISCONNECTED), "the loss is noticed")
        await bluez.start()
        await again(bench, connections)


async def test_a_restarted_daemon_is_survived(ble_bench, bluez):
    async with ble_bench(STRAP) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        connections = bench.feed.status.connections
        await bluez.restart()
        await again(bench, connections)


async def test_an_adapter_switched_off_and_on_is_used_again(ble_bench, bluez):
    async with ble_bench(STRAP) as bench:
        await bench.until(lambda: not bench.missing(), "every quantity")
        connections = bench.feed.status.connections
        bluez.adapter.set_powered(on=False)
        await bench.until(lambda: bench.events(EventKind.DISCONNECTED), "the loss is noticed")
        bluez.adapter.set_powered(on=True)
        await again(bench, connections)


async def test_a_day_of_glucose_comes_over_the_encrypted_link(ble_bench, bluez):
    sensor = CgmSensor(
        SimulatedGlucose(SEED), random.Random(SEED), worn_min=287, first_after_s=600, bonded=True
    )

    async with ble_bench("cgm", sensor) as bench:
        await bench.until(lambda: len(fetched(bench)) >= 288, "every record")
        assert bluez.device(sensor.peripheral).encrypted
    assert {round(one.value) for one in fetched(bench)} == {
        round(record.glucose_mgdl) for record in sensor.records.values()
    }
    assert bench.feed.status.rejected == 0


def fetched(bench):
    return [
        one
        for one in bench.emitted
        if isinstance(one, Observation) and one.code == codes.GLUCOSE and one.backfilled
    ]
