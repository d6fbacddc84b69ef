"""A collector in a folder, an HTTP client for it, and hubs that seal records."""

from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from edge_agent.clock import VirtualClock
from edge_agent.collector import Collector
from edge_agent.store.keys import HubIdentity, Recipient
from edge_agent.store.payload import encode, pad
from edge_agent.store.seal import (
    NO_RECORD,
    DaySigner,
    Header,
    Recipients,
    RecordClass,
    SealedRecord,
    seal,
)
from edge_agent.store.suites import Suite
from edge_agent.sync.protocol import MEDIA_TYPE, RECORDS_PATH, frame


class Hub:
    """Seals whatever a test wants, right or wrong."""

    def __init__(self, directory: Path, recipient: Recipient) -> None:
        self.identity = HubIdentity.load_or_create(directory)
        self.card_file = directory / "hub.json"
        self.recipient = recipient
        self.previous, self.seq = NO_RECORD, 1
        self.signer: DaySigner | None = None

    def seal(self, tables, record_class=RecordClass.SUMMARY, **changed) -> SealedRecord:
        header = Header(
            suite=self.recipient.suite,
            recipient_key_id=self.recipient.key_id,
            hub_id=self.identity.hub_id,
            subject=b"S" * 16,
            record_class=record_class,
            epoch=1,
            seq=self.seq,
            count=sum(len(rows) for rows in tables.values()),
            previous=self.previous,
            signer_key_id=self.identity.card.key_id,
        )
        header = replace(header, **changed)
        if self.signer is None or not self.signer.certificate.covers(header.epoch, header.seq):
            self.signer = DaySigner.begin(
                self.identity, epoch=header.epoch, first_seq=header.seq, after=self.signer
            )
        record = seal(header, pad(encode(tables)), Recipients(self.recipient), self.signer)
        self.seq, self.previous = header.seq + 1, record.id
        return record


class Door:
    """Knocks at the collector's door."""

    def __init__(self, session: ClientSession, port: int) -> None:
        self._session, self._url = session, f"http://127.0.0.1:{port}{RECORDS_PATH}"

    async def post(self, body, media_type: str = MEDIA_TYPE):
        headers = {"Content-Type": media_type}
        async with self._session.post(self._url, data=body, headers=headers) as response:
            return response.status, await response.json()

    async def send(self, *records: SealedRecord | bytes):
        """Send a batch of records, right or wrong."""
        return await self.post(frame(getattr(one, "octets", one) for one in records))

    async def bring(self, *records: SealedRecord):
        """Send a batch that is taken; return the verdicts."""
        status, answer = await self.send(*records)
        assert status == 200, answer
        return [one["status"] for one in answer["receipts"]]


@pytest.fixture
async def collector(tmp_path: Path):
    collector = await Collector.open(
        tmp_path / "collector", suite=Suite.X25519, clock=VirtualClock()
    )
    yield collector
    await collector.close()


@pytest.fixture
def hub(tmp_path: Path, collector: Collector) -> Hub:
    hub = Hub(tmp_path / "hub", Recipient.load(collector.recipient_file))
    collector.enrol(hub.card_file)
    return hub


@pytest.fixture
async def door(collector: Collector):
    port = await collector.start("127.0.0.1", 0)
    async with ClientSession() as session:
        yield Door(session, port)
