"""The page's server: what it lets through, what it says, and what it never waits for."""

import asyncio
import json
import ssl

import aiohttp
import pytest

from edge_agent import codes
from edge_agent.asking import ask_page_code
from edge_agent.config import load
from edge_agent.errors import ConfigError, ControlError
from edge_agent.model import Observation
from tests.certificates import Authority

OURS = {"X-Edge-Page": "1"}


def spo2(agent, value):
    at = agent.clock.boottime()
    agent.receive(Observation(code=codes.SPO2, value=value, at=at, sensor="ox"))


async def first_event(answer, kind):
    async for line in answer.content:
        if line == b"event: %s\n" % kind:
            return json.loads((await answer.content.readline()).removeprefix(b"data: "))
    raise AssertionError(f"no {kind}")


async def test_the_page_and_its_parts_come_from_the_hub_alone(page_hub):
    async with page_hub.hub(), aiohttp.ClientSession(page_hub.url) as browser:
        for path in ("/", "/page/page.js", "/page/page.css", "/page/icon.svg"):
            async with browser.get(path) as answer:
                assert answer.status == 200
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                text = await answer.text()
                assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


async def test_a_picture_holds_what_the_hub_says_of_itself(page_hub):
    async with page_hub.hub() as agent, aiohttp.ClientSession(page_hub.url) as browser:
        for _ in range(3):
            spo2(agent, 96)
        async with browser.get("/live") as answer:
            picture = await first_event(answer, b"state")
        (bed,) = picture["status"]["beds"]
        (value,) = [one for one in bed["variables"] if one["code"] == codes.SPO2.refid]
        assert (value["value"], value["sensor"]) == (96, "ox")
        assert picture["lost"] == []


async def test_another_site_s_page_reads_and_orders_nothing(page_hub):
    async with page_hub.hub(), aiohttp.ClientSession(page_hub.url) as browser:
        async with browser.get("/trends", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        order = {"order": "pause", "bed": "3", "minutes": 2}
        async with browser.post("/order", json=order) as answer:
            assert answer.status == 403
        async with browser.post("/order", json=order, headers=OURS) as answer:
            assert await answer.json() == {"paused_min": 2}


@pytest.mark.parametrize(
    "order",
    [b"{", b"[]", b'{"order": "acknowledge", "episode": ""}', b'{"order": "format"}',
     b'{"order": "pause", "bed": "9", "minutes": 2}', b'{"order": "resume"}',
     b'{"order": "pause", "bed": "3", "minutes": 600}'],
)  # fmt: skip
async def test_an_order_that_makes_no_sense_is_refused_in_words(page_hub, order):
    async with (
        page_hub.hub(),
        aiohttp.ClientSession(page_hub.url) as browser,
        browser.post("/order", data=order, headers=OURS) as answer,
    ):
        assert answer.status == 400
        assert (await answer.json())["error"]


async def test_an_order_larger_than_any_is_refused(page_hub):
    async with (
        page_hub.hub(),
        aiohttp.ClientSession(page_hub.url) as browser,
        browser.post("/order", data=b"x" * 10_000, headers=OURS) as answer,
    ):
        assert answer.status == 413


async def test_a_browser_that_never_reads_costs_the_hub_nothing(page_hub):
    async with page_hub.hub() as agent:
        _, writer = await asyncio.open_connection("127.0.0.1", page_hub.port)
        writer.write(b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await writer.drain()
        async with asyncio.timeout(10):
            while len(agent.page.audience) == 0:
                await asyncio.sleep(0.01)
        for _ in range(200):
            agent.page.audience.wave(b"x" * 100_000)
            await asyncio.sleep(0)
        spo2(agent, 95)
        async with asyncio.timeout(5):
            while len(agent.readings):
                await asyncio.sleep(0.01)
        writer.close()


async def test_a_hub_without_a_page_gives_no_code(bedside_socket):
    agent, path = bedside_socket
    with pytest.raises(ControlError, match="is not served"):
        agent.page_code()
    assert path.exists()


@pytest.fixture
async def bedside_socket(page_hub):
    page_hub.config = page_hub.config.partition("[page]")[0] + "# {port}\n"
    from edge_agent.agent import Agent
    from edge_agent.clock import SystemClock
    from edge_agent.plan import plan

    config = page_hub.folder / "hub.toml"
    socket = page_hub.folder / "c.sock"
    config.write_text(page_hub.config.format(socket=socket, port=0))
    agent, stop = Agent(plan(config), SystemClock()), asyncio.Event()
    running = asyncio.create_task(agent.run(stop))
    while not socket.exists():
        await asyncio.sleep(0.01)
    yield agent, socket
    stop.set()
    await running


def test_the_network_without_tls_is_a_problem_of_the_configuration(tmp_path):
    file = tmp_path / "hub.toml"
    subject = '[subject]\npseudonym = "00112233445566778899aabbccddeeff"\n'
    file.write_text(subject + '[page]\nhost = "0.0.0.0"\n')
    with pytest.raises(ConfigError, match="has no TLS"):
        load(file)
    file.write_text(subject + '[page]\nkey = "k.pem"\n')
    with pytest.raises(ConfigError, match="give 'certificate' too"):
        load(file)


async def test_over_tls_a_browser_is_let_in_by_a_code_and_known_afterwards(page_hub, tmp_path):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("localhost")
    page_hub.config = page_hub.config.replace(
        "port = {port}",
        f'host = "0.0.0.0"\nport = {{port}}\ncertificate = "{certificate}"\nkey = "{key}"',
    )
    trust = ssl.create_default_context(cafile=authority.file)
    async with page_hub.hub() as agent:
        base = f"https://localhost:{page_hub.port}"
        connector = aiohttp.TCPConnector(ssl=trust)
        jar = aiohttp.CookieJar()
        async with aiohttp.ClientSession(base, connector=connector, cookie_jar=jar) as browser:
            async with browser.get("/trends") as answer:
                assert answer.status == 401
            async with browser.get("/") as answer:
                assert "Type the code" in await answer.text()
            code = await ask_page_code(agent.plan.control_socket)
            async with browser.post("/admit", data={"code": "00000000"}) as answer:
                assert "Type the code" in await answer.text()
            async with browser.post("/admit", data={"code": code}) as answer:
                assert "Sensors and delivery" in await answer.text()
            async with browser.get("/trends") as answer:
                assert answer.status == 200
            (cookie,) = jar
            assert (cookie["httponly"], cookie["secure"]) == (True, True)
            assert cookie["samesite"] == "Strict"
