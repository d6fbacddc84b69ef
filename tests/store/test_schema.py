"""Old databases are brought up to date, and every file is opened as the store needs it."""

import sqlite3
import stat
from pathlib import Path

import pytest

from edge_agent.errors import StoreError
from edge_agent.model import Boottime
from edge_agent.store.database import PAGE_OCTETS, Database, numbered_schemas
from edge_agent.store.outbox import RecordClass
from edge_agent.store.salvage import SCHEMAS, record_row
from tests.old_envelope import old_record

STORED = Path(__file__).parent / "old_databases"
TABLES = {"t": [{"a": 1}]}


def shape(connection):
    """Tables and indexes of a database, without the text's spacing."""
    return {
        name: " ".join(sql.split())
        for name, sql in connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql != ''")
    }


@pytest.mark.parametrize("stored", sorted(STORED.glob("outbox_v*.sql")), ids=lambda one: one.stem)
async def test_a_stored_old_database_is_brought_up_to_date_with_what_it_holds(
    stored, path, open_outbox, identity, recipient_key
):
    path.parent.mkdir(exist_ok=True)
    records, previous = [], bytes(32)
    for seq in (3, 4, 5):
        records.append(
            old_record(identity, recipient_key.public, TABLES, seq=seq, epoch=2, previous=previous)
        )
        previous = records[-1].id
    connection = sqlite3.connect(path)
    connection.executescript(stored.read_text(encoding="utf-8"))
    connection.execute(
        "INSERT INTO chain VALUES (1, ?, 'boot-0', 2, 6, ?, 5, 2, 0)", (identity.hub_id, previous)
    )
    connection.executemany(
        "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [record_row(record, 17) for record in records],
    )
    connection.execute("INSERT INTO gap VALUES (1, 2, 'evicted', 9, NULL)")
    connection.commit()
    connection.close()
    async with await open_outbox("boot-1") as outbox:
        assert outbox.recovery is None
        counts = await outbox.counts()
        assert (counts.epoch, counts.sealed_total, counts.delivered_total) == (3, 5, 2)
        appended = await outbox.append(RecordClass.SUMMARY, TABLES, at=Boottime(1))
        held = await outbox.batch(9, 1 << 20)
        assert [one.id for one in held][:3] == [record.id for record in records]
        assert [one.seq for one in held] == [3, 4, 5, 6, appended.seq]
    fresh = sqlite3.connect(":memory:")
    for schema in SCHEMAS:
        fresh.executescript(schema)
    migrated = sqlite3.connect(path)
    assert migrated.execute("PRAGMA user_version").fetchone() == (len(SCHEMAS),)
    assert shape(migrated) == shape(fresh)
    fresh.close()
    migrated.close()


def test_every_version_but_the_newest_has_a_stored_database():
    stored = {one.stem for one in STORED.glob("outbox_v*.sql")}
    assert stored == {f"outbox_v{number}" for number in range(1, len(SCHEMAS))}


async def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path):
    (tmp_path / "schema_v1.sql").write_text("BEGIN; CREATE TABLE t (a) STRICT; COMMIT;")
    good = "BEGIN; CREATE TABLE t (a INTEGER) STRICT; PRAGMA user_version = 1; COMMIT;"
    bad = "BEGIN; CREATE TABLE u (a INTEGER) STRICT; CREATE TABLE t (a INTEGER) STRICT; COMMIT;"
    path = tmp_path / "some.db"
    with pytest.raises(StoreError, match="already exists"):
        await Database.open(path, [good, bad])
    connection = sqlite3.connect(path)
    assert set(shape(connection)) == {"t"}
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()
    assert len(numbered_schemas(tmp_path)) == 1


async def test_each_file_is_opened_as_durability_needs_it(open_outbox):
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "wal_autocheckpoint": 1000,
        "journal_size_limit": -1,
        "locking_mode": "exclusive",
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "secure_delete": 0,
        "mmap_size": 0,
        "page_size": PAGE_OCTETS,
        "max_page_count": (8 << 20) // PAGE_OCTETS,
    }
    for _ in range(2):  # max_page_count is not kept in the file
        async with await open_outbox() as outbox:
            await outbox.append(RecordClass.SUMMARY, TABLES, at=Boottime(1))

            async def ask(transaction, pragma):
                (row,) = await transaction.rows(f"PRAGMA {pragma}")
                return row[0]

            for pragma, value in wanted.items():
                found = await outbox._database.transaction(
                    lambda work, pragma=pragma: ask(work, pragma)
                )
                assert found == value, pragma


async def test_the_folder_and_every_file_in_it_are_the_owners_only(open_outbox, path):
    async with await open_outbox() as outbox:
        await outbox.append(RecordClass.ALARM, TABLES, at=Boottime(1))
    path.write_bytes(b"")
    async with await open_outbox():  # after a damage there are more files
        files = [file for file in path.parent.rglob("*") if file.is_file()]
        names = {file.name for file in files}
        assert names >= {
            "outbox.db", "outbox.db-wal", "outbox.db.high-water", "outbox.db.alarms",
            "outbox.db.reserve", "outbox.db.damaged-1",
        }  # fmt: skip
        for file in files:
            if file.name != "hub.json":  # the hub's public card
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
