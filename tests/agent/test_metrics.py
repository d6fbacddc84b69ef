"""The hub's health: as Prometheus reads it, and at a look; nothing of the person in either."""

import asyncio
import re
import socket

import aiohttp

from edge_agent import codes
from edge_agent.metrics import exposition
from edge_agent.model import Observation

OXIMETER = '[[sensor]]\nname = "oximeter"\ndriver = "nonin-2"\nport = "absent"\n'
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
UNITS = ("_seconds", "_bytes", "_total", "_info")
DIMENSIONLESS = re.compile(
    "_(connected|open|refused|length|capacity|beds|standing|records|stuck_tasks)$"
)


def parsed(text):
    """Read the exposition format 0.0.4 strictly: HELP and TYPE before the samples of each name."""
    assert text.endswith("\n")
    types, samples, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in types
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == current
            assert kind in {"gauge", "counter"}
            types[name] = kind
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name == current
            key = (name, tuple(re.findall(LABEL, labels or "")))
            assert key not in samples
            samples[key] = float(value)
    return types, samples


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def fetched(port, path):
    async with aiohttp.ClientSession() as session:
        for _ in range(200):
            try:
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    return answer.status, answer.headers["Content-Type"], await answer.text()
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.02)
    raise AssertionError("nothing answers")


async def test_prometheus_reads_the_hub_s_health_and_nothing_of_the_person(bedside):
    port = free_port()
    async with bedside.hub(f"{OXIMETER}[metrics]\nport = {port}\n", linked=True) as agent:
        for _ in range(8):
            agent.receive(
                Observation(code=codes.SPO2, value=71.5, at=bedside.clock.boottime(), sensor="ox")
            )
            await bedside.clock.advance(1)
        await bedside.stored(agent)
        status, content_type, text = await fetched(port, "/metrics")
    assert (status, content_type) == (200, "text/plain; version=0.0.4; charset=utf-8")
    types, samples = parsed(text)
    for name, kind in types.items():
        assert name.startswith("edge_agent_")
        assert name.endswith("_total") == (kind == "counter")
        assert name.endswith(UNITS) or DIMENSIONLESS.search(name), name
    assert samples["edge_agent_beds", ()] == 1
    assert samples["edge_agent_alarms_standing", ('priority="high"',)] == 1
    assert samples["edge_agent_store_open", ()] == 1
    link = ('sensor="oximeter"', 'driver="nonin-2"')
    assert samples["edge_agent_link_connected", link] == 0
    assert samples["edge_agent_link_failures_total", link] >= 1
    assert samples["edge_agent_queue_capacity", ('queue="readings"',)] > 0
    assert "71.5" not in text
    assert "00112233" not in text
    assert "SpO2" not in text


async def test_a_label_s_text_is_escaped(bedside):
    async with bedside.hub(OXIMETER) as agent:
        status = await agent.status()
        import msgspec

        (sensor,) = status.sensors
        odd = msgspec.structs.replace(sensor, driver='a "b" \\ c\nd')
        _, samples = parsed(exposition(msgspec.structs.replace(status, sensors=[odd])))
    assert any('driver="a \\"b\\" \\\\ c\\nd"' in labels for _, labels in samples)


async def test_health_is_well_with_a_sensor_away_and_unwell_when_something_hangs(bedside):
    port = free_port()
    async with bedside.hub(f"{OXIMETER}[metrics]\nport = {port}\n", linked=True) as agent:
        await bedside.clock.advance(20)
        assert await fetched(port, "/health") == (
            200, "application/json; charset=utf-8", '{"status": "well", "ailments": []}',
        )  # fmt: skip
        agent._tasks["tick"].cancel()
        await asyncio.sleep(0.05)
        status, _, text = await fetched(port, "/health")
    assert status == 503
    assert "tick: its task has ended" in text


async def test_nothing_listens_unless_it_is_configured(bedside):
    async with bedside.hub() as agent:
        assert "metrics" not in agent._tasks


async def test_a_port_that_is_taken_costs_the_metrics_and_not_the_hub(bedside, caplog):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with bedside.hub(f"[metrics]\nport = {port}\n") as agent:
            await bedside.until(lambda: "metrics failed" in caplog.text)
            assert not (await agent.status()).service.stuck
    assert "Give metrics.port another number" in caplog.text
