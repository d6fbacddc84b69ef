"""A collector's database of an earlier version is brought to today's, with all it holds."""

import sqlite3
from pathlib import Path

import pytest

from edge_agent import collector
from edge_agent.collector.queries import Queries
from edge_agent.collector.store import DATABASE_FILE, CollectorStore
from edge_agent.errors import StoreError

SCHEMAS = Path(collector.__file__).parent
HUB, SUBJECT, RECORD = b"h" * 16, b"s" * 16, b"r" * 32


def version_1(folder):
    """Return a database as version 1 left it: a record, a value, an alarm."""
    database = sqlite3.connect(folder / DATABASE_FILE)
    database.executescript((SCHEMAS / "schema_v1.sql").read_text(encoding="utf-8"))
    record = (RECORD, HUB, 1, 1, 1, SUBJECT, 2, b"", 0, b"sealed", "opened", "")
    database.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", record)
    value = (RECORD, HUB, 1, "MDC_CONC_GLU_ISF", "mg/dL", "cgm", 0, 5, 1, 99.0, 99.0, 99.0, 99.0,
             1.0, "measured", 0, 300)  # fmt: skip
    database.execute(f"INSERT INTO observation VALUES ({', '.join('?' * 17)})", value)
    alarm = (RECORD, HUB, 1, "spo2-low", "e1", "SpO2 low", "high", 0, "raised", 5, "[]")
    database.execute(f"INSERT INTO alarm VALUES ({', '.join('?' * 11)})", alarm)
    database.commit()
    database.close()


async def test_what_version_1_held_is_there_and_whose_it_is(tmp_path):
    version_1(tmp_path)
    store = await CollectorStore.open(tmp_path)
    queries = Queries(store.database)
    (value,), (alarm,) = await queries.latest(), await queries.alarms()
    await store.close()
    assert (value.last, value.subject) == (99.0, SUBJECT.hex())
    assert (alarm.rule, alarm.advice, alarm.by, alarm.subject) == (
        "spo2-low", "", "", SUBJECT.hex(),
    )  # fmt: skip


async def test_opening_it_again_changes_nothing(tmp_path):
    version_1(tmp_path)
    for _ in range(2):
        await (await CollectorStore.open(tmp_path)).close()
    database = sqlite3.connect(tmp_path / DATABASE_FILE)
    (version,) = database.execute("PRAGMA user_version").fetchone()
    database.close()
    assert version == len(list(SCHEMAS.glob("schema_v*.sql")))


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path):
    version_1(tmp_path)
    database = sqlite3.connect(tmp_path / DATABASE_FILE)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StoreError, match="newer version"):
        await CollectorStore.open(tmp_path)
