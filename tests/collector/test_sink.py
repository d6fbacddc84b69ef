from dataclasses import replace

import pytest

from edge_agent.collector.sink import Kept
from edge_agent.collector.store import CollectorStore
from edge_agent.store.payload import decode, unpad
from edge_agent.store.seal import open_
from edge_agent.store.suites import Suite

TABLES = {"event": [{"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}]}


@pytest.fixture
async def store(tmp_path):
    (tmp_path / "kept").mkdir()
    store = await CollectorStore.open(tmp_path / "kept")
    yield store
    await store.close()


async def test_each_record_of_a_batch_has_its_receipt_in_order(store, hub):
    records = [hub.seal(TABLES) for _ in range(3)]
    receipts = await store.keep([records[0], records[0], *records[1:]], 5)
    assert receipts == tuple(
        Kept(1, seq, records[seq - 1].id, is_new)
        for seq, is_new in [(1, True), (1, False), (2, True), (3, True)]
    )
    assert [one.is_new for one in await store.keep(records, 6)] == [False] * 3
    assert (await store.tally()).stored == 3


async def test_a_batch_is_kept_whole_or_not_at_all(store, hub):
    record = hub.seal(TABLES)
    # A place that is more than SQLite can hold: the door refuses it.
    unkeepable = replace(record, header=replace(record.header, seq=2**64 - 1))
    with pytest.raises(OverflowError):
        await store.keep([record, unkeepable], 5)
    assert (await store.tally()).stored == 0


async def test_a_record_opened_by_two_is_written_out_once(store, collector, hub):
    record = hub.seal(TABLES)
    await store.keep([record], 5)
    key = collector._keys[record.header.recipient_key_id]
    assert key.suite is Suite.X25519
    tables = decode(unpad(open_(record, key)))
    await store.write_out(record, tables)
    await store.write_out(record, tables)
    row = await store.database.transaction(lambda one: one.row("SELECT count(*) FROM event"))
    assert row[0] == 1
