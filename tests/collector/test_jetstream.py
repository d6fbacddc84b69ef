"""Ingests and consumers around a real JetStream stream, killed in the middle of their work."""

import asyncio
import re
import sqlite3
import sys
from contextlib import closing

import pytest
from aiohttp import ClientError, ClientSession

from edge_agent.collector import Collector
from edge_agent.collector.jetstream import JetStream, JetStreamSink
from edge_agent.collector.store import DATABASE_FILE
from edge_agent.errors import StoreError
from edge_agent.store.keys import Recipient
from edge_agent.store.suites import Suite
from edge_agent.sync.protocol import MEDIA_TYPE, RECORDS_PATH, frame, parse_receipts
from tests.nats_server import nats_server

HUBS, BATCHES, BATCH = 4, 12, 16


def tables(n):
    return {"event": [{"kind": "connected", "sensor": "strap", "at_ns": n, "detail": "{}"}]}


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    with nats_server(tmp_path_factory.mktemp("nats")) as url:
        yield url


async def test_a_record_published_twice_is_known_and_has_one_place(servers, hub):
    records = [hub.seal(tables(n)) for n in range(3)]
    async with await JetStream.connect(servers) as jetstream:
        sink = JetStreamSink(jetstream)
        assert [one.is_new for one in await sink.keep(records, 5)] == [True] * 3
        again = await sink.keep(records[:2], 6)
        assert [(one.id, one.is_new) for one in again] == [(one.id, False) for one in records[:2]]
        await jetstream.stream.purge_stream("EDGE_RECORDS")


async def test_without_a_server_nothing_is_promised(tmp_path):
    with pytest.raises(StoreError, match="Start nats-server"):
        await JetStream.connect("nats://127.0.0.1:9")


class Worker:
    """A process of the collector; it says when it is ready."""

    @classmethod
    async def start(cls, *arguments):
        self = cls()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "edge_agent", "collector", *map(str, arguments),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        self.said = (await self.process.stdout.readline()).decode()
        return self

    @property
    def url(self):
        return re.search(r"http://\S+", self.said)[0]

    async def kill(self):
        self.process.kill()  # SIGKILL, by its own id
        await self.end()

    async def end(self):
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()


async def deliver(session, urls, hub, sent):
    """Send as a hub does: a batch at a time, again until there is a receipt, to whoever answers."""
    for first in range(0, BATCHES * BATCH, BATCH):
        records = [hub.seal(tables(first + n)) for n in range(BATCH)]
        waiting = {one.id for one in records}
        for tries in range(10_000):
            url = urls[tries % len(urls)]
            try:
                async with session.post(
                    url + RECORDS_PATH, data=frame(one.octets for one in records),
                    headers={"Content-Type": MEDIA_TYPE},
                ) as response:  # fmt: skip
                    if response.status == 200:
                        receipts = parse_receipts(await response.read(), url)
                        waiting -= {
                            bytes.fromhex(one.hash) for one in receipts
                            if one.status in {"stored", "known"}
                        }  # fmt: skip
                        break
            except (ClientError, OSError):
                pass
            await asyncio.sleep(0.02)
        assert not waiting
        sent.update(one.id for one in records)
        urls.append(urls.pop(0))


async def test_two_ingests_and_three_consumers_one_of_each_killed_lose_and_double_nothing(
    servers, hub, tmp_path
):
    folder = tmp_path / "final"
    final = await Collector.open(folder, suite=Suite.X25519)
    hubs = [
        type(hub)(tmp_path / f"hub{n}", Recipient.load(final.recipient_file)) for n in range(HUBS)
    ]
    for one in hubs:
        final.enrol(one.card_file)
    await final.close()
    door = ("run", "--dir", folder, "--plain", "--port", "0", "--nats", servers)
    workers = await asyncio.gather(
        *(Worker.start(*door) for _ in range(2)),
        *(Worker.start("consume", "--dir", folder, "--nats", servers) for _ in range(3)),
    )
    try:
        sent: set[bytes] = set()
        urls = [workers[0].url, workers[1].url]
        async with ClientSession() as session:
            sending = asyncio.gather(*(deliver(session, list(urls), one, sent) for one in hubs))
            while len(sent) < HUBS * BATCHES * BATCH // 4:
                await asyncio.sleep(0.01)
            await workers[0].kill()
            await workers[2].kill()
            await sending
        assert len(sent) == HUBS * BATCHES * BATCH
        async with asyncio.timeout(60):
            while count(folder, "SELECT count(*) FROM record WHERE state = 'opened'") < len(sent):
                await asyncio.sleep(0.1)
        with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection:
            kept = {row[0] for row in connection.execute("SELECT id FROM record")}
        assert kept == sent
        assert count(folder, "SELECT count(*) FROM event") == len(sent)
    finally:
        for one in workers:
            await one.end()


def count(folder, query):
    with closing(sqlite3.connect(folder / DATABASE_FILE, timeout=30)) as connection:
        return connection.execute(query).fetchone()[0]
