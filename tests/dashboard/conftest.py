"""A hub with the bedside page, on real time: sensors' parts are played by the test."""

import asyncio
import contextlib
import random

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SystemClock
from edge_agent.plan import plan

ONE_BED = """
[hub]
state_dir = "state"
control_socket = "{socket}"
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
bed = "3"
[page]
port = {port}
"""


class PageHub:
    """Hubs on one state folder and one port of loopback."""

    def __init__(self, folder):
        self.folder, self.port = folder, 0
        self.config = ONE_BED
        self.stack = contextlib.AsyncExitStack()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def hub(self):
        config = self.folder / "hub.toml"
        config.write_text(self.config.format(port=self.port, socket=self.folder / "c.sock"))
        agent, stop = Agent(plan(config), SystemClock(), random.Random(1)), asyncio.Event()
        agent.links.tasks.clear()
        running = asyncio.create_task(agent.run(stop))
        try:
            async with asyncio.timeout(20):
                while agent.page is None or not agent.page.port:
                    await asyncio.sleep(0.01)
                    assert not running.done(), running.exception()
            self.port = agent.page.port
            yield agent
        finally:
            stop.set()
            await running


@pytest.fixture
def page_hub(tmp_path):
    return PageHub(tmp_path)
