"""The pump's state and history, seen through the product's own link, which can't command it."""

import asyncio
import time

import pytest

from edge_agent.codes import INSULIN_BOLUS, INSULIN_ON_BOARD, INSULIN_RESERVOIR
from edge_agent.driver import Write
from edge_agent.model import EventKind, Observation
from edge_drivers.insulin_delivery_codec import AnnunciationType
from edge_drivers.insulin_history_codec import RecordsResult
from edge_drivers.insulin_reader_codec import Question
from edge_mocks.bluez import BLUEZ_5_82
from edge_mocks.insulin_pump import COMMANDS

# What is tested here lies above BlueZ; every sensor is tested with each of its versions elsewhere.
pytestmark = pytest.mark.parametrize("bluez", [BLUEZ_5_82], indirect=True, ids=["bluez-5.82"])


def of(bench, code):
    return [one for one in bench.emitted if isinstance(one, Observation) and one.code is code]


async def test_pump_that_offers_commands_is_only_read(ble_bench):
    async with ble_bench("insulin-delivery") as bench:
        pump = bench.mock
        await bench.until(lambda: len(of(bench, INSULIN_BOLUS)) == 3, "the history")
        await bench.until(lambda: len(pump.questions) == 4, "every question")
        given = {one.code for one in bench.emitted if isinstance(one, Observation)}
        assert given == set(bench.driver.yields)
        assert pump.peripheral.characteristic(COMMANDS[0]) is not None
    assert pump.touched == []
    assert set(pump.questions) <= set(Question)
    assert bench.feed.status.rejected == 0


@pytest.mark.parametrize("command", COMMANDS)
async def test_link_refuses_a_command_even_if_it_is_asked_for(ble_bench, command):
    async with ble_bench("insulin-delivery") as bench:
        pump = bench.mock
        await bench.until(lambda: of(bench, INSULIN_RESERVOIR), "the reservoir")
        bench.feed.decoder._untold.append(Write(command, b"\x4b\x11"))
        bench.mock.announce(AnnunciationType.RESERVOIR_LOW)
        await bench.until(lambda: bench.events(EventKind.LINK_FAILED), "the refusal")
        assert "not on the driver's list" in bench.events(EventKind.LINK_FAILED)[0].detail["reason"]
    assert pump.touched == []


async def test_history_is_dated_by_the_pump_and_placed_in_the_hub_s_time(ble_bench):
    async with ble_bench("insulin-delivery") as bench:
        await bench.until(lambda: len(of(bench, INSULIN_BOLUS)) == 3, "the history")
        now = bench.clock.boottime()
    boluses = of(bench, INSULIN_BOLUS)
    assert [one.value for one in boluses] == [7.0, 6.0, 5.0]
    assert all(one.backfilled for one in boluses)
    ages_h = [(now - one.at) / 3.6e12 for one in boluses]
    assert ages_h == pytest.approx([12, 8, 4], abs=0.1)
    first, *_, last = [one.device_ns for one in boluses]
    assert last - first == pytest.approx(8 * 3.6e12, abs=2e9)


async def test_bolus_that_is_delivered_now_appears_once(ble_bench):
    async with ble_bench("insulin-delivery") as bench:
        pump = bench.mock
        await bench.until(lambda: len(of(bench, INSULIN_BOLUS)) == 3, "the history")
        await bench.until(lambda: len(pump.questions) == 4, "every question")
        pump.deliver_bolus(2.5)
        await bench.until(lambda: len(of(bench, INSULIN_BOLUS)) == 4, "the new bolus")
        await bench.until(
            lambda: of(bench, INSULIN_ON_BOARD)[-1].value == pump.on_board_iu, "insulin on board"
        )
        await asyncio.sleep(0.1)
    assert [one.value for one in of(bench, INSULIN_BOLUS)] == [7.0, 6.0, 5.0, 2.5]


async def test_history_damaged_on_its_way_is_fetched_again(ble_bench):
    async with ble_bench("insulin-delivery") as bench:
        pump = bench.mock
        pump.record_gap_s = 0.01
        for tenth in range(1, 41):
            pump.history.add_bolus(tenth / 10, time.time() - 3000 + 60 * tenth)
        await bench.until(lambda: len(of(bench, INSULIN_BOLUS)) > 2, "the history begins")
        pump.told.faults.corrupt = 0.15
        await bench.until(lambda: bench.feed.status.rejected > 2, "damage")
        pump.told.faults.heal()
        await bench.until(lambda: len(of(bench, INSULIN_BOLUS)) == 43, "the whole history")
    told = [one.value for one in of(bench, INSULIN_BOLUS)]
    assert told == [7.0, 6.0, 5.0, *(tenth / 10 for tenth in range(1, 41))]
    assert bench.events(EventKind.GAP) == []


async def test_refused_history_costs_no_state(ble_bench):
    async with ble_bench("insulin-delivery") as bench:
        bench.mock.refusals.extend([RecordsResult.NOT_COMPLETED] * 3)
        await bench.until(lambda: bench.events(EventKind.GAP), "the gap is told")
        await bench.until(lambda: of(bench, INSULIN_ON_BOARD), "the state")
        assert bench.feed.status.connections == 1


async def test_annunciation_reaches_the_hub_at_once(ble_bench):
    async with ble_bench("insulin-delivery") as bench:
        await bench.until(lambda: of(bench, INSULIN_RESERVOIR), "the reservoir")
        bench.mock.announce(AnnunciationType.OCCLUSION)
        await bench.until(
            lambda: any(
                one.detail["annunciation"] == "occlusion"
                for one in bench.events(EventKind.ANNUNCIATION)
            ),
            "the occlusion",
        )


async def test_pump_is_read_at_the_smallest_mtu(ble_bench):
    async with ble_bench("insulin-delivery") as bench:
        bench.mock.peripheral.mtu = 23
        await bench.until(lambda: len(of(bench, INSULIN_BOLUS)) == 3, "the history")
    assert bench.feed.status.rejected == 0
