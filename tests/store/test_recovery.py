import asyncio
import random
import sqlite3

import pytest

from edge_agent.errors import StoreError
from edge_agent.model import Boottime
from edge_agent.store import recovery as recovery_module
from edge_agent.store import settling
from edge_agent.store.outbox import RecordClass
from edge_agent.store.payload import decode, unpad
from edge_agent.store.recovery import SEQ_LEAP, recover
from edge_agent.store.salvage import SCHEMAS, HighWater
from edge_agent.store.seal import open_, parse, verify

AT = Boottime(1)
BIG = {"noise": [{"text": random.Random(n).randbytes(60).hex()} for n in range(40)]}


async def filled(open_outbox, records=60):
    async with await open_outbox() as outbox:
        return [await outbox.append(RecordClass.SUMMARY, BIG, at=AT) for _ in range(records)]


async def drain(outbox):
    records = []
    while stored := await outbox.next():
        records.append(parse(stored.octets))
        await outbox.acknowledge(stored.id)
    return records


def overwrite(path, offset, octets):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(octets)


@pytest.mark.parametrize("octets", [b"", b"garbage" * 999, b"SQLite format 3\0" + bytes(99)])
async def test_a_file_that_is_no_database_is_put_aside_and_the_order_leaps(
    open_outbox, path, octets
):
    before = await filled(open_outbox, 5)
    path.write_bytes(octets)
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert outbox.recovery.salvaged == 0
        assert outbox.recovery.quarantined.read_bytes() == octets
        assert "damaged" in str(outbox.recovery)
        appended = await outbox.append(RecordClass.ALARM, BIG, at=AT)
        assert appended.seq > before[-1].seq + SEQ_LEAP
    async with await open_outbox() as outbox:
        assert outbox.recovery is None


@pytest.mark.parametrize("seed", range(8))
async def test_torn_pages_lose_only_what_they_held_and_all_that_is_left_verifies(
    open_outbox, path, identity, recipient_key, seed
):
    before = await filled(open_outbox)
    rng = random.Random(seed)
    pages = path.stat().st_size // 4096
    torn = sorted(rng.sample(range(2, pages), 3))
    for page in torn:
        overwrite(path, page * 4096, rng.randbytes(4096))
    async with await open_outbox() as outbox:
        await outbox.settled()
        records = await drain(outbox)
        kept = [r for r in records if r.header.record_class is RecordClass.SUMMARY]
    for record in records:
        verify(record, identity.card)
    assert {record.id for record in kept} <= {one.id for one in before}
    assert len(kept) >= len(before) - 45, f"seed {seed}, pages {torn} of {pages}"
    if outbox.recovery is None:  # damage inside a record, which SQLite does not see
        assert len(kept) >= len(before) - 3
    for record in kept:
        assert decode(unpad(open_(record, recipient_key))) == BIG


async def test_a_truncated_database_keeps_what_is_before_the_cut(open_outbox, path):
    before = await filled(open_outbox)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size * 3 // 4 // 4096 * 4096)
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert 0 < outbox.recovery.salvaged < len(before)
        kept = [r.id for r in await drain(outbox) if r.header.seq <= before[-1].seq]
        assert len(kept) == outbox.recovery.salvaged


async def test_the_gap_and_the_broken_chain_are_told_after_a_recovery(
    open_outbox, path, recipient_key
):
    before = await filled(open_outbox, 5)
    path.write_bytes(b"garbage")
    async with await open_outbox("boot-1") as outbox:
        await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
        audit, summary = await drain(outbox)
    assert audit.header.record_class is RecordClass.AUDIT
    assert audit.header.previous == bytes(32)
    assert summary.header.previous == audit.id
    assert audit.header.epoch == 2, "a fresh order begins an epoch, so that nothing sorts before"
    damaged, unused = decode(unpad(open_(audit, recipient_key)))["gap"]
    assert (damaged["first_seq"], damaged["reason"]) == (1, "damaged")
    assert damaged["last_seq"] >= before[-1].seq
    assert unused["first_seq"] == damaged["last_seq"] + 1
    assert (unused["last_seq"], unused["reason"]) == (audit.header.seq - 1, "unused")


async def test_a_sound_chain_in_a_damaged_database_is_carried_on(open_outbox, path):
    before = await filled(open_outbox)
    with sqlite3.connect(path) as connection:
        # Two entries of one index for rows that are elsewhere: the table itself stays readable.
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'record_by_class'")
    connection.close()
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert outbox.recovery.salvaged == len(before)
        counts = await outbox.counts()
        assert counts.sealed_total == len(before)
        await outbox.append(RecordClass.ALARM, BIG, at=AT)
        records = await drain(outbox)
    (audit,) = [r for r in records if r.header.record_class is RecordClass.AUDIT]
    assert audit.header.previous == before[-1].id


async def test_a_changed_record_is_not_salvaged_under_a_hash_of_its_own(open_outbox, path):
    before = await filled(open_outbox, 6)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE record SET octets = CAST(octets || X'00' AS BLOB) WHERE seq = 2")
        (octets,) = connection.execute("SELECT octets FROM record WHERE seq = 4").fetchone()
        changed = octets[:200] + b"\0\0\0\0" + octets[204:]
        connection.execute("UPDATE record SET octets = ? WHERE seq = 4", (changed,))
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'record_by_class'")
    connection.close()
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert outbox.recovery.salvaged == 4
        kept = [record.id for record in await drain(outbox)]
    assert kept == [before[n].id for n in (0, 2, 4, 5)]


async def test_what_lies_far_behind_the_damage_is_found_from_the_end(open_outbox, path):
    before = await filled(open_outbox, 30)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE chain SET next_seq = next_seq + 5000000")
    connection.close()
    after = await filled(open_outbox, 30)
    with sqlite3.connect(path) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'record'"
        ).fetchone()
    connection.close()
    root = path.read_bytes()[(page - 1) * 4096 : page * 4096]
    assert root[0] == 5, "an interior page: its first cell leads to the first leaf"
    first_cell = int.from_bytes(root[12:14], "big")
    leaf = int.from_bytes(root[first_cell : first_cell + 4], "big")
    overwrite(path, (leaf - 1) * 4096, b"\xff" * 4096)
    async with await open_outbox() as outbox:
        await outbox.settled()
        kept = {record.id for record in await drain(outbox)}
    assert {one.id for one in after} <= kept
    assert 0 < len({one.id for one in before} & kept) < len(before)


async def test_a_missing_database_is_noticed(open_outbox, path):
    before = await filled(open_outbox, 3)
    for file in path.parent.glob("outbox.db*"):
        if "high-water" not in file.name:
            file.unlink()
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert outbox.recovery.reason == "outbox missing"
        appended = await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
        assert appended.seq > before[-1].seq + SEQ_LEAP


async def test_a_lost_or_damaged_high_water_mark_alone_changes_nothing(open_outbox, path):
    before = await filled(open_outbox, 3)
    mark = HighWater.path_for(path)
    for damage in (None, b"", b'{"seq":"x"}'):
        mark.unlink() if damage is None else mark.write_bytes(damage)
        async with await open_outbox() as outbox:
            assert outbox.recovery is None
            appended = await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
            before.append(appended)
        assert HighWater.load(path).seq >= appended.seq
    assert [one.seq for one in before] == [1, 2, 3, 4, 5, 6]


async def test_damage_inside_a_record_keeps_it_from_being_sent_and_is_told(
    open_outbox, path, recipient_key
):
    before = await filled(open_outbox, 4)
    with sqlite3.connect(path) as connection:
        (octets,) = connection.execute("SELECT octets FROM record WHERE seq = 2").fetchone()
        changed = octets[:200] + b"\0\0\0\0" + octets[204:]
        connection.execute("UPDATE record SET octets = ? WHERE seq = 2", (changed,))
    connection.close()
    async with await open_outbox() as outbox:
        assert outbox.recovery is None
        kept = await drain(outbox)
        assert [record.header.seq for record in kept] == [1, 3, 4]
        assert (await outbox.counts()).delivered_total == 3
        await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
        audit, _ = await drain(outbox)
    assert len(before) == 4
    assert decode(unpad(open_(audit, recipient_key))) == {
        "gap": [{"first_seq": 2, "last_seq": 2, "reason": "damaged", "rows": 40}]
    }


async def test_a_power_cut_during_recovery_only_means_that_it_starts_again(
    open_outbox, path, identity
):
    before = await filled(open_outbox)
    overwrite(path, 4096 * 2, b"\xff" * 4096)
    fresh = path.with_name("outbox.db.fresh")
    fresh.write_bytes(b"half written")
    fresh.with_name("outbox.db.fresh-journal").write_bytes(b"stale")
    recovery = recover(path, identity.card)
    assert recovery is not None
    # The cut comes after the damaged file was put aside, before its log followed it.
    path.rename(fresh)
    wal = path.with_name("outbox.db-wal")
    wal.write_bytes(b"of the damaged one")
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert 0 < (await outbox.counts()).buffered <= len(before)
        assert outbox.recovery.is_complete
    assert path.with_name("outbox.db.damaged-1-wal").read_bytes() == b"of the damaged one"
    async with await open_outbox() as outbox:
        assert outbox.recovery is None


async def test_damage_in_a_large_file_is_found_beside_the_work_and_salvaged(
    open_outbox, path, monkeypatch
):
    before = await filled(open_outbox)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'record_by_class'")
    connection.close()
    monkeypatch.setattr(recovery_module, "CHECKED_AT_ONCE_OCTETS", 0)
    async with await open_outbox() as outbox:
        alarm = await outbox.append(RecordClass.ALARM, BIG, at=AT)
        await outbox.settled()
        assert outbox.recovery.is_complete
        assert outbox.recovery.salvaged == len(before) + 1
        kept = {record.id for record in await drain(outbox)}
    assert kept >= {one.id for one in [*before, alarm]}


async def test_a_changed_record_of_a_large_file_is_found_beside_the_work(
    open_outbox, path, monkeypatch
):
    await filled(open_outbox, 100)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE record SET octets = zeroblob(size) WHERE seq IN (7, 80)")
    connection.close()
    monkeypatch.setattr(recovery_module, "CHECKED_AT_ONCE_OCTETS", 0)
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert outbox.recovery is None
        assert (await outbox.counts()).buffered == 98


@pytest.mark.parametrize("call", ["append", "batch", "counts", "acknowledge_all"])
async def test_damage_that_shows_in_the_middle_of_the_work_has_the_file_replaced_at_once(
    open_outbox, path, call
):
    before = await filled(open_outbox)
    async with await open_outbox() as outbox:
        await outbox.settled()
        for file in (path, path.with_name("outbox.db-wal")):
            overwrite(file, 0, b"\xff" * file.stat().st_size)
        await outbox._database._database._connection.execute("PRAGMA shrink_memory")
        arguments = {
            "append": (RecordClass.ALARM, BIG),
            "batch": (9, 1 << 20),
            "acknowledge_all": ([(1, before[0].seq, before[0].id)],),
        }
        at = {"at": AT} if call == "append" else {}
        await getattr(outbox, call)(*arguments.get(call, ()), **at)
        await outbox.settled()
        appended = await outbox.append(RecordClass.SUMMARY, BIG, at=AT)
        assert appended.seq > before[-1].seq + SEQ_LEAP
        assert outbox.recovery.quarantined.exists()


async def test_a_salvage_that_is_cut_short_is_done_at_the_next_start(
    open_outbox, path, monkeypatch
):
    before = await filled(open_outbox)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("DELETE FROM sqlite_schema WHERE name = 'record_by_class'")
    connection.close()
    monkeypatch.setattr(settling, "_STEP", 4)
    async with await open_outbox() as outbox:
        while outbox.recovery.salvaged < 8:
            await asyncio.sleep(0)
    assert not outbox.recovery.is_complete
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert outbox.recovery.is_complete
        assert "60 record(s)" in str(outbox.recovery)
        assert [record.id for record in await drain(outbox)] == [one.id for one in before]


async def test_only_the_last_three_damaged_files_are_kept(open_outbox, path):
    for n in range(6):
        await filled(open_outbox, 1)
        path.write_bytes(b"garbage %d" % n)
    async with await open_outbox() as outbox:
        await outbox.settled()
        assert outbox.recovery.quarantined.name == "outbox.db.damaged-6"
    kept = sorted(file.name for file in path.parent.glob("outbox.db.damaged-*"))
    assert kept == [f"outbox.db.damaged-{n}" for n in (4, 5, 6)]


async def test_a_store_of_a_newer_version_is_refused_and_left_alone(open_outbox, path):
    await filled(open_outbox, 2)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(SCHEMAS) + 1}")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        await open_outbox()
    assert not list(path.parent.glob("*.damaged-*"))
