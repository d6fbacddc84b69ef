"""A real listener that goes away and comes back, under a back-off of an hour."""

import asyncio
import random

import pytest

from edge_agent.clock import SystemClock, VirtualClock
from edge_agent.sync.client import Uploader
from edge_agent.sync.routes import Route
from edge_agent.sync.way_back import WayBack
from edge_mocks.uplink import Uplink
from tests.sync.conftest import HANG_S

HOUR_S = 3600.0
CABLE = frozenset({Route("eth0", "00000000/00000000", "0101A8C0", 100, is_default=True)})
RADIO = frozenset({Route("wwan0", "00000000/00000000", "0100000A", 700, is_default=True)})


class FarDraw(random.Random):
    """Draws the longest pause there is."""

    def uniform(self, a, b):
        return b


@pytest.fixture
async def uplink(collector):
    uplink = Uplink(collector.port)
    await uplink.start()
    yield uplink
    await uplink.cut()


def start(rig, port, **changed):
    clock, url = SystemClock(), f"http://127.0.0.1:{port}"
    settings = {"timeout_s": HOUR_S, "backoff_s": (HOUR_S, HOUR_S), **changed}
    rig.uploader = Uploader(rig.outbox, url, clock, FarDraw(1), **settings)
    rig.task = asyncio.create_task(rig.uploader.run())


async def test_a_link_that_is_back_is_used_at_once_whatever_the_back_off_says(
    rig, collector, uplink
):
    start(rig, uplink.port)
    await rig.add()
    rig.uploader.wake()
    await rig.until_empty()
    for _ in range(2):
        await uplink.cut()
        await rig.add()
        rig.uploader.wake()
        await rig.until_failed()
        assert rig.uploader.state.next_try - SystemClock().boottime() > (HOUR_S - 60) * 1e9
        await uplink.restore()
        await rig.until_empty()
    assert len(collector.kept) == 3


async def test_an_exchange_over_a_connection_that_died_unnoticed_is_given_up(rig, collector):
    """A router that is switched off sends no reset: the hub waits for an answer for an hour."""
    never = asyncio.Event()

    async def swallow(_request, octets):
        await never.wait()
        return collector.keep(octets)

    collector.answers = [swallow]
    await rig.add()
    start(rig, collector.port)
    await rig.until(lambda: collector.requests)
    await rig.until(rig.uploader._way.trouble.is_set)
    rig.uploader._way.lost()  # a probe in vain, while the far end is dark
    await rig.until_empty()
    assert len(collector.requests) == 2
    never.set()


async def test_a_collector_that_answers_with_faults_is_spared_by_the_back_off(rig, collector):
    async def fault(_request, _octets):
        return collector.answer([]).__class__(status=500)

    collector.always = fault
    await rig.add()
    start(rig, collector.port)
    await rig.until_failed()
    assert not rig.uploader._way.trouble.is_set()


class Watched:
    """A way on virtual time, and how often it was said to be back."""

    def __init__(self, port, *, may_probe=True):
        self.routes, self.calls, self.clock = CABLE, 0, VirtualClock()
        self.way = WayBack(
            "127.0.0.1", port, self.clock, random.Random(4), self.count, read_routes=self.read
        )
        self.way.may_probe = may_probe

    def read(self):
        return self.routes

    def count(self):
        self.calls += 1

    async def look(self, seconds=2.0):
        """Let the way look; the network takes real time."""
        await self.clock.advance(seconds)
        await asyncio.sleep(0.05)


@pytest.fixture
async def watched(collector):
    watched = Watched(collector.port)
    task = asyncio.create_task(watched.way.run())
    yield watched
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_only_a_change_from_bad_to_good_counts(watched, collector):
    watched.way.trouble.set()
    await watched.look()
    assert watched.calls == 0
    await collector.stop()
    await watched.look()
    assert watched.calls == 0
    await collector.start()
    async with asyncio.timeout(HANG_S):
        while not watched.calls:
            await watched.look()
    await watched.look()
    assert watched.calls == 1


async def test_a_collector_that_came_back_between_try_and_probe_is_noticed(watched):
    watched.way.lost()
    async with asyncio.timeout(HANG_S):
        while not watched.calls:
            await watched.look()


async def test_nothing_is_looked_at_while_all_is_well(watched, collector):
    watched.way.lost()
    watched.way.found("127.0.0.1")
    await watched.look(60)
    assert watched.calls == 0


async def test_another_network_is_tried_at_once_also_where_probes_cost(watched):
    watched.way.may_probe = False
    watched.way.lost()
    await watched.look()
    assert watched.calls == 0
    watched.routes = frozenset()
    await watched.look()
    assert watched.calls == 0
    watched.routes = RADIO
    await watched.look()
    assert watched.calls == 1


async def test_a_way_that_swallows_packets_is_down(watched, monkeypatch):
    monkeypatch.setattr("edge_agent.sync.way_back.CONNECT_S", 0.0)
    watched.way.trouble.set()
    await watched.look()
    assert watched.way._is_down
