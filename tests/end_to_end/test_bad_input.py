"""A whole hub in this process, with every mock sensor, when things go wrong around it."""

import asyncio
import contextlib
import json
import logging
import random
import time

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SystemClock
from edge_agent.collector import Collector
from edge_agent.model import Event, EventKind
from edge_agent.plan import plan
from edge_agent.store.keys import CARD_FILE, HubIdentity
from edge_mocks.rtu_line import corrupted
from edge_mocks.uplink import Uplink
from edge_mocks.world import MockWorld

HANG_S = 40.0
SENSORS = {"ecg-patch", "cgm", "oximeter", "room", "room-tcp"}


class Ward:
    """The hub under test with its world, its link and its collector."""

    def __init__(self, agent, world, uplink, collector):
        self.agent, self.world, self.uplink, self.collector = agent, world, uplink, collector

    async def until(self, happened, what):
        deadline = time.monotonic() + HANG_S
        while not await happened():
            assert time.monotonic() < deadline, f"never happened: {what}"
            await asyncio.sleep(0.05)

    async def sensors(self):
        return {one.name: one for one in (await self.agent.status()).sensors}

    async def values(self):
        status = await self.agent.status()
        return {
            one.title for one in status.beds[0].variables if one.value is not None and not one.stale
        }


def write_config(folder, world, port):
    sensors = "".join(
        "[[sensor]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in one.items())
        for one in world.sensors
    )
    config = folder / "hub.toml"
    config.write_text(f"""
[hub]
state_dir = "state"
control_socket = "c.sock"
summary_interval_s = 1
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
[collector]
url = "http://127.0.0.1:{port}"
recipient = "collector/recipient.json"
{sensors}""")
    return config


@pytest.fixture
async def ward(tmp_path, monkeypatch):
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    async with contextlib.AsyncExitStack() as closing:
        collector = await Collector.open(tmp_path / "collector")
        closing.push_async_callback(collector.close)
        HubIdentity.load_or_create(tmp_path / "state")
        collector.enrol(tmp_path / "state" / CARD_FILE)
        uplink = Uplink(await collector.start("127.0.0.1", 0))
        await uplink.start()
        closing.push_async_callback(uplink.cut)
        world = await closing.enter_async_context(MockWorld(seed=3, first_glucose_after_s=1.0))
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", world.bus_address)
        config = write_config(tmp_path, world, uplink.port)
        agent, stop = Agent(plan(config), SystemClock(), random.Random(3)), asyncio.Event()
        running = asyncio.create_task(agent.run(stop))
        yield Ward(agent, world, uplink, collector)
        stop.set()
        await running


def events_of(agent):
    """Collect the events that reach the pipeline from now on."""
    events, take = [], agent.beds[0].pipeline.take

    def listen(reading, now):
        if isinstance(reading, Event):
            events.append(reading)
        return take(reading, now)

    agent.beds[0].pipeline.take = listen
    return events


ALL_VALUES = {"heart rate", "SpO2", "glucose", "room temperature", "room CO2"}


async def test_garbage_on_every_link_is_counted_and_the_hub_recovers(ward):
    async def everything_flows():
        return await ward.values() >= ALL_VALUES

    await ward.until(everything_flows, "every sensor gives values")
    strap = ward.world.strap.peripheral
    for characteristic in (one for service in strap.services for one in service.characteristics):
        characteristic.faults.corrupt = 1.0
        characteristic.faults.garbage = 0.5
    ward.world.cgm.measurement.faults.garbage = 1.0
    ward.world.cgm.measurement.notify(b"\x0f\xe3garbage")
    ward.world.oximeter.line.fault = lambda octets: bytes(reversed(octets))
    ward.world.room.line.fault = corrupted(random.Random(3))

    async def everything_is_rejected():
        sensors = await ward.sensors()
        return (
            sensors["cgm"].rejected > 0
            and sensors["ecg-patch"].rejected > 0
            and sensors["room"].failures > 0
            and EventKind.FRAME_REJECTED in {one.kind for one in events if one.sensor == "oximeter"}
        )

    events = events_of(ward.agent)
    await ward.until(everything_is_rejected, "garbage is rejected on every link")
    assert (await ward.agent.status()).sensors
    for characteristic in (one for service in strap.services for one in service.characteristics):
        characteristic.faults.heal()
    ward.world.cgm.measurement.faults.heal()
    ward.world.oximeter.line.fault = None
    ward.world.room.line.fault = None
    before = {name: one.readings for name, one in (await ward.sensors()).items()}

    async def everything_reads_on():
        after = await ward.sensors()
        fast = SENSORS - {"cgm"}  # the next glucose value comes within a minute
        return all(after[name].readings > before[name] + 3 for name in fast)

    await ward.until(everything_reads_on, "every sensor gives values again")


async def test_sensors_that_vanish_are_named_and_the_others_go_on(ward):
    async def everything_flows():
        return await ward.values() >= ALL_VALUES

    await ward.until(everything_flows, "every sensor gives values")
    ward.world.oximeter.line.unplug()
    await ward.world.room_tcp.stop()
    ward.world.strap.peripheral.in_range = False
    ward.world.strap.peripheral.drop_link()

    async def the_losses_show():
        sensors = await ward.sensors()
        gone = ("ecg-patch", "oximeter", "room-tcp")
        return all(not sensors[name].connected and sensors[name].last_error for name in gone)

    await ward.until(the_losses_show, "every loss is named")

    async def alarms_stand():
        titles = {one.rule for one in (await ward.agent.status()).alarms}
        return {"stale-ecg-patch", "stale-oximeter"} <= titles

    await ward.until(alarms_stand, "the stale sensors are alarms")
    room = (await ward.sensors())["room"]
    assert room.connected
    assert (await ward.sensors())["cgm"].connected


async def test_a_link_that_is_cut_again_and_again_delivers_everything_once(ward):
    for _ in range(4):
        await asyncio.sleep(0.7)
        await ward.uplink.cut()
        await asyncio.sleep(0.7)
        await ward.uplink.restore()

    async def delivered():
        counts = await ward.agent.records.outbox.counts()
        return counts.sealed_total >= 5 and counts.buffered == 0

    await ward.until(delivered, "everything is delivered")
    await ward.collector.open_records()
    stats = await ward.collector.stats()
    assert stats.kept.stored == stats.kept.opened
    (account,) = stats.hubs
    assert (account.missing, account.lost, account.chain_breaks, account.forks) == (0, 0, 0, 0)
