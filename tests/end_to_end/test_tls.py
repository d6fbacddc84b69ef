"""A whole hub that delivers over HTTPS, to the collector it was enrolled with and to no other."""

import asyncio
import random

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import SystemClock
from edge_agent.collector import Collector
from edge_agent.errors import ConfigError
from edge_agent.model import Event, EventKind
from edge_agent.plan import plan
from edge_agent.store.keys import HubIdentity
from edge_agent.sync.enrolment import enrol
from tests.certificates import Authority

CONFIG = """
[hub]
state_dir = "state"
control_socket = "c.sock"
summary_interval_s = 1
[subject]
pseudonym = "00112233445566778899aabbccddeeff"
[collector]
url = "https://127.0.0.1:{port}"
{more}
"""


@pytest.fixture
async def collector(tmp_path):
    collector = await Collector.open(tmp_path / "collector")
    collector.port = await collector.start("127.0.0.1", 0, ["127.0.0.1"])
    yield collector
    await collector.close()


async def enrol_hub(tmp_path, collector):
    identity = HubIdentity.load_or_create(tmp_path / "state")
    url, token = f"https://127.0.0.1:{collector.port}", collector.draw_token()
    await enrol(url, token, identity, tmp_path / "state", SystemClock())


async def run_hub(tmp_path, port, until, more=""):
    config = tmp_path / "hub.toml"
    config.write_text(CONFIG.format(port=port, more=more))
    agent, stop = Agent(plan(config), SystemClock(), random.Random(1)), asyncio.Event()
    running = asyncio.create_task(agent.run(stop))
    at = agent.clock.boottime()
    agent.receive(Event(kind=EventKind.CONNECTED, at=at, sensor="s"))
    async with asyncio.timeout(20):
        while agent.records.uploader is None or not until(agent.records.uploader.state):
            await asyncio.sleep(0.01)
    stop.set()
    await running
    return agent


async def test_an_enrolled_hub_needs_no_more_than_the_collectors_address(tmp_path, collector):
    await enrol_hub(tmp_path, collector)
    await run_hub(tmp_path, collector.port, lambda state: state.sent)
    assert (await collector.stats()).kept.stored >= 1


async def test_a_collector_with_a_stranger_s_certificate_gets_nothing(tmp_path, collector):
    await enrol_hub(tmp_path, collector)
    ca = Authority(tmp_path / "stranger").file
    until, more = (lambda state: state.last_error), f'ca = "{ca}"'
    agent = await run_hub(tmp_path, collector.port, until, more)
    assert "certificate" in agent.records.uploader.state.last_error
    assert (await collector.stats()).kept.stored == 0


async def test_a_hub_that_was_never_enrolled_is_told_how_before_the_start(tmp_path, collector):
    config = tmp_path / "hub.toml"
    config.write_text(CONFIG.format(port=collector.port, more=""))
    with pytest.raises(ConfigError, match=r"collector\.recipient.*edge-agent enroll https"):
        plan(config)


async def test_an_authority_that_can_not_be_used_is_found_before_the_start(tmp_path, collector):
    await enrol_hub(tmp_path, collector)
    config = tmp_path / "hub.toml"
    config.write_text(CONFIG.format(port=collector.port, more='ca = "absent.pem"'))
    with pytest.raises(ConfigError, match=r"collector\.ca"):
        plan(config)
