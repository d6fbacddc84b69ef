"""A hub's outbox with some records, an uploader on virtual time, and a collector at fault."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web

from edge_agent.clock import VirtualClock
from edge_agent.model import Boottime
from edge_agent.store.keys import HubIdentity, RecipientKey
from edge_agent.store.outbox import Outbox, RecordClass
from edge_agent.store.seal import parse
from edge_agent.store.suites import Suite
from edge_agent.sync.client import Uploader
from edge_agent.sync.protocol import RECORDS_PATH, Receipt, Receipts, split

HANG_S = 60.0
Answer = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


class FaultyCollector:
    """Keeps each record once, and answers as the test tells it to: ``answers`` go first.

    ``requests`` has the ids of each batch.
    """

    def __init__(self) -> None:
        self.kept: dict[bytes, bytes] = {}
        self.requests: list[list[bytes]] = []
        self.answers: list[Answer] = []
        self.always: Answer | None = None
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application(client_max_size=2 << 20)
        app.router.add_post(RECORDS_PATH, self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        octets = await request.read()
        self.requests.append([parse(one).id for one in split(octets)])
        answer = self.answers.pop(0) if self.answers else self.always
        if answer is not None:
            return await answer(request, octets)
        return self.keep(octets)

    @property
    def arrived(self) -> list[bytes]:
        """The ids of all that was sent, in order."""
        return [one for batch in self.requests for one in batch]

    @staticmethod
    def receipt_for(octets: bytes, status: str = "stored", **changed) -> Receipt:
        record = parse(octets)
        header = record.header
        fields = {"epoch": header.epoch, "seq": header.seq, "hash": record.id.hex()}
        return Receipt(**{**fields, "status": status, **changed})

    @staticmethod
    def answer(receipts: list[Receipt]) -> web.Response:
        return web.Response(
            body=Receipts(tuple(receipts)).to_json(), content_type="application/json"
        )

    def keep(self, octets: bytes) -> web.Response:
        receipts = []
        for one in split(octets):
            record_id = parse(one).id
            status = "known" if record_id in self.kept else "stored"
            self.kept[record_id] = one
            receipts.append(self.receipt_for(one, status))
        return self.answer(receipts)


class Rig:
    """An outbox, an uploader that runs, and a clock that the test moves."""

    def __init__(self, outbox: Outbox, collector: FaultyCollector) -> None:
        self.outbox, self.collector = outbox, collector
        self.clock = VirtualClock()
        self.uploader: Uploader | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self, **changed) -> None:
        settings = {"timeout_s": HANG_S, **changed}
        rng = random.Random(5)
        self.uploader = Uploader(self.outbox, self.collector.url, self.clock, rng, **settings)
        self.task = asyncio.create_task(self.uploader.run())

    async def add(self, name: str = "SUMMARY") -> bytes:
        tables = {"t": [{"a": 1}]}
        return (await self.outbox.append(RecordClass[name], tables, at=Boottime(0))).id

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait in real time, for the network only: virtual time stands still."""
        async with asyncio.timeout(HANG_S):
            while not condition():
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.002)

    async def until_failed(self) -> None:
        await self.until(lambda: self.uploader.state.next_try is not None)

    async def buffered(self) -> int:
        return (await self.outbox.counts()).buffered

    async def until_empty(self) -> None:
        async with asyncio.timeout(HANG_S):
            while await self.buffered():
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.002)


@pytest.fixture
async def collector():
    collector = FaultyCollector()
    await collector.start()
    yield collector
    await collector.stop()


@pytest.fixture
async def rig(tmp_path: Path, collector: FaultyCollector):
    key = RecipientKey.generate(Suite.X25519)
    async with await Outbox.open(
        tmp_path / "outbox.db",
        identity=HubIdentity.load_or_create(tmp_path),
        recipient=key.public,
        subject=b"S" * 16,
        boot_id="boot",
        quota_bytes=8 << 20,
    ) as outbox:
        rig = Rig(outbox, collector)
        yield rig
        if rig.task is not None:
            rig.task.cancel()
            await asyncio.gather(rig.task, return_exceptions=True)
