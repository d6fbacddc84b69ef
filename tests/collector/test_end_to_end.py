"""Outbox, uploader and collector together, over loopback."""

import asyncio
import random
import sqlite3

from edge_agent.clock import VirtualClock
from edge_agent.model import Boottime
from edge_agent.store.outbox import Outbox, RecordClass
from edge_agent.sync.client import Uploader

MARKER = "Plaintext-Marker-51c9"


def tables(n):
    event = {"kind": "connected", "sensor": MARKER, "at_ns": n, "detail": "{}"}
    return {"event": [event]}


async def open_outbox(path, hub):
    return await Outbox.open(
        path,
        identity=hub.identity,
        recipient=hub.recipient,
        subject=b"S" * 16,
        boot_id="boot",
        quota_bytes=8 << 20,
    )


async def test_a_backlog_arrives_once_in_full_and_opens_only_at_the_collector(
    collector, hub, tmp_path
):
    port = await collector.start("127.0.0.1", 0)
    path = tmp_path / "hub" / "outbox.db"
    async with await open_outbox(path, hub) as outbox:
        for n in range(40):
            name = "ALARM" if n % 10 == 0 else "SUMMARY"
            await outbox.append(RecordClass[name], tables(n), at=Boottime(n))
        uploader = Uploader(outbox, f"http://127.0.0.1:{port}", VirtualClock(), random.Random(1))
        running = asyncio.create_task(uploader.run())
        async with asyncio.timeout(60):
            while (await outbox.counts()).buffered:
                assert not running.done()
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for file in path.parent.iterdir():
            assert MARKER.encode() not in file.read_bytes()
    await collector.open_records()
    (account,) = (await collector.stats()).hubs
    assert (account.records, account.missing, account.chain_breaks) == (40, 0, 0)
    with sqlite3.connect(tmp_path / "collector" / "collector.db") as connection:
        rows = connection.execute("SELECT at_ns FROM event ORDER BY at_ns").fetchall()
    connection.close()
    assert [row[0] for row in rows] == list(range(40))


async def test_a_damaged_outbox_is_accounted_for_at_the_collector(collector, hub, door, tmp_path):
    path = tmp_path / "hub" / "outbox.db"
    async with await open_outbox(path, hub) as outbox:
        for n in range(10):
            await outbox.append(RecordClass.SUMMARY, tables(n), at=Boottime(n))
        for _ in range(3):  # delivered before the damage; the other seven are lost with the file
            await deliver_one(outbox, door)
    path.write_bytes(b"garbage")
    async with await open_outbox(path, hub) as outbox:
        assert outbox.recovery is not None
        await outbox.append(RecordClass.ALARM, tables(99), at=Boottime(99))
        for _ in range(2):  # the alarm and the gap record
            await deliver_one(outbox, door)
    await collector.open_records()
    (account,) = (await collector.stats()).hubs
    assert (account.records, account.missing, account.chain_breaks) == (5, 0, 1)
    # The hub can't tell more exactly: its high-water mark is moved 64 places at a time.
    assert 7 <= account.lost <= 7 + 64


async def deliver_one(outbox, door):
    stored = await outbox.next()
    status, answer = await door.send(stored.octets)
    assert (status, answer["receipts"][0]["status"]) == (200, "stored")
    assert await outbox.acknowledge(stored.id)
