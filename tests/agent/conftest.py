"""A hub on virtual time, with a real outbox and a real collector on loopback."""

import asyncio
import contextlib
import random

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import VirtualClock
from edge_agent.collector import Collector
from edge_agent.plan import plan
from edge_agent.store.keys import CARD_FILE, HubIdentity

CONFIG = """
[hub]
state_dir = "state"
control_socket = "{socket}"
summary_interval_s = 60
[collector]
url = "http://127.0.0.1:{port}"
recipient = "collector/recipient.json"
"""
SUBJECT = """
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
bed = "3"
"""


class Bedside:
    """A hub whose links stand still; a test plays their part with ``agent.receive``.

    Those of a hub that is ``linked`` run.
    """

    def __init__(self, folder):
        self.folder = folder
        self.clock = VirtualClock()
        self.subjects = SUBJECT

    async def open_collector(self):
        self.collector = await Collector.open(self.folder / "collector")
        HubIdentity.load_or_create(self.folder / "state")
        self.collector.enrol(self.folder / "state" / CARD_FILE)
        self.port = await self.collector.start("127.0.0.1", 0)

    def write_config(self, extra=""):
        config = self.folder / "hub.toml"
        socket = self.folder / "c.sock"
        config.write_text(CONFIG.format(port=self.port, socket=socket) + self.subjects + extra)
        return config

    @contextlib.asynccontextmanager
    async def hub(self, extra="", *, started=True, linked=False):
        agent = Agent(plan(self.write_config(extra)), self.clock, random.Random(1))
        if not linked:
            agent.links.tasks.clear()
        stop = asyncio.Event()
        running = asyncio.create_task(agent.run(stop))
        try:
            await self.until(lambda: not started or agent.records.uploader or running.done())
            yield agent
        finally:
            stop.set()
            await self.settle(running)
        running.result()

    async def settle(self, running):
        """Let a hub that is shutting down have the virtual seconds it asks for."""
        while not running.done():
            await self.clock.advance(0.1)
            await asyncio.sleep(0.005)

    async def until(self, happened):
        async with asyncio.timeout(20):
            while not happened():
                await asyncio.sleep(0.002)

    async def stored(self, agent):
        """Wait until everything that waits to be sealed is in the outbox."""
        await self.until(lambda: len(agent.records.outgoing) == 0 and len(agent.readings) == 0)


@pytest.fixture
async def bedside(tmp_path):
    bedside = Bedside(tmp_path)
    await bedside.open_collector()
    yield bedside
    await bedside.collector.close()
