"""The reports of liveness: a hang of loop, store or link ends them, and nothing else does."""

import asyncio
import random
import socket
import threading

import pytest

from edge_agent import codes
from edge_agent.agent import Agent
from edge_agent.clock import NS_PER_S, SystemClock, VirtualClock
from edge_agent.link.serial import SerialLink
from edge_agent.model import Observation
from edge_agent.plan import plan
from edge_agent.turning import SLACK_S, Turning

LIMIT_S = 30
OXIMETER = """
[[sensor]]
name = "oximeter"
driver = "nonin-2"
port = "absent"
"""


class Manager:
    """A service manager's end of the notification socket."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(0)

    def heard(self):
        """Return what has been said since the last time."""
        said = []
        while True:
            try:
                said.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return said

    def close(self):
        self._socket.close()


@pytest.fixture
def manager(tmp_path, monkeypatch):
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", str(LIMIT_S * 1_000_000))
    yield manager
    manager.close()


async def pass_time(clock, seconds):
    """Let time pass in steps that give tasks their turns in between."""
    for _ in range(round(seconds)):
        await clock.advance(1)
        await asyncio.sleep(0.001)


async def test_a_healthy_hub_whose_sensor_is_away_goes_on_reporting(bedside, manager):
    async with bedside.hub(OXIMETER, linked=True) as agent:
        for _ in range(20):
            manager.heard()
            await pass_time(bedside.clock, LIMIT_S)
            assert "WATCHDOG=1" in manager.heard()
        assert agent.links.feeds["oximeter"].status.failures > 3
        assert agent.watchdog.stuck() == []


async def test_a_store_whose_writer_is_stalled_ends_the_reports(bedside, manager):
    """The thread of the database is held up, as by a card that no longer answers."""
    go_on = threading.Event()
    async with bedside.hub() as agent:
        await bedside.until(lambda: agent.records.outbox._database._database is not None)
        connection = agent.records.outbox._database._database._connection
        held_up = asyncio.create_task(connection._execute(go_on.wait))
        agent.receive(
            Observation(code=codes.SPO2, value=97, at=bedside.clock.boottime(), sensor="ox")
        )
        await pass_time(bedside.clock, 60 + 30 + SLACK_S + 5)
        try:
            assert agent.watchdog.stuck() == ["store: has stopped turning"]
            manager.heard()
            await pass_time(bedside.clock, 3 * LIMIT_S)
            assert "WATCHDOG=1" not in manager.heard()
        finally:
            go_on.set()
        await held_up
        await bedside.stored(agent)
        await pass_time(bedside.clock, LIMIT_S)
        assert "WATCHDOG=1" in manager.heard()


async def test_a_link_that_has_stopped_turning_ends_the_reports(bedside, manager, monkeypatch):
    async def never(self):
        await asyncio.Event().wait()

    monkeypatch.setattr(SerialLink, "_session", never)
    async with bedside.hub(OXIMETER, linked=True) as agent:
        await pass_time(bedside.clock, LIMIT_S)
        assert "WATCHDOG=1" in manager.heard()
        await pass_time(bedside.clock, 60)
        assert agent.watchdog.stuck() == ["link oximeter: has stopped turning"]
        manager.heard()
        await pass_time(bedside.clock, 3 * LIMIT_S)
        assert "WATCHDOG=1" not in manager.heard()


async def test_a_task_that_has_ended_for_good_ends_the_reports(bedside, manager):
    async with bedside.hub() as agent:
        agent._tasks["tick"].cancel()
        await pass_time(bedside.clock, 2)
        assert "tick: its task has ended" in agent.watchdog.stuck()


def test_a_blocked_event_loop_ends_the_reports(tmp_path, manager, monkeypatch):
    """The hub runs in a thread of its own on the machine's clock, and its loop is held up."""
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    config = tmp_path / "hub.toml"
    config.write_text(
        f'[hub]\nstate_dir = "state"\ncontrol_socket = "{tmp_path}/c"\n'
        '[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n'
    )
    held, go_on, waits = threading.Event(), threading.Event(), threading.Event()
    parts = {}

    def block():
        held.set()
        go_on.wait(60)

    async def live():
        agent = Agent(plan(config), SystemClock(), random.Random(1))
        parts["loop"], parts["stop"] = asyncio.get_running_loop(), asyncio.Event()
        await agent.run(parts["stop"])

    hub = threading.Thread(target=asyncio.run, args=(live(),))
    hub.start()

    def reported():
        """Wait for a report, for as long as a hub may take to start on a busy machine."""
        for _ in range(600):
            if "WATCHDOG=1" in manager.heard():
                return True
            waits.wait(0.05)
        return False

    try:
        assert reported()
        parts["loop"].call_soon_threadsafe(block)
        assert held.wait(30)
        manager.heard()
        waits.wait(0.5)  # ten intervals
        assert manager.heard() == []
        go_on.set()
        assert reported()
    finally:
        go_on.set()
        parts["loop"].call_soon_threadsafe(parts["stop"].set)
        hub.join(30)


async def test_the_newest_promise_counts_and_calls_are_promised_beside_it():
    clock = VirtualClock()
    turning = Turning(clock)
    assert turning.late_s(clock.boottime()) == 0
    turning.within(10)
    await clock.advance(10 + SLACK_S + 2)
    assert turning.late_s(clock.boottime()) == 2
    turning.waits()
    await clock.advance(10_000)
    assert turning.late_s(clock.boottime()) == 0
    with turning.promised(5), turning.promised(100):
        turning.within(50)
        await clock.advance(5 + SLACK_S + 1)
        assert turning.late_s(clock.boottime()) == 1
    assert turning.late_s(clock.boottime()) == 0
    assert clock.boottime() > 10_000 * NS_PER_S
