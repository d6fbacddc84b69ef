"""A collector's file of an older version is brought up to date, whole or not at all."""

import sqlite3
from pathlib import Path

import pytest

import edge_agent.collector
from edge_agent.collector.store import DATABASE_FILE, CollectorStore
from edge_agent.errors import StoreError

FOLDER = Path(edge_agent.collector.__file__).parent
SENSOR = '{"sensor": "strap", "driver": "d", "title": "t", "address": "", "software": "0.1.0"}'


@pytest.fixture
def version_1(tmp_path):
    """Write a file as version 1 did, with a record whose sensors it did not know yet."""
    connection = sqlite3.connect(tmp_path / DATABASE_FILE)
    connection.executescript((FOLDER / "schema_v1.sql").read_text())
    with connection:
        connection.execute(
            "INSERT INTO record VALUES (x'01', x'02', 1, 1, 2, x'03', 1, x'04', 5, x'06', "
            "'opened', '')"
        )
        connection.execute("INSERT INTO other VALUES (x'01', x'02', 1, 'sensor', ?)", (SENSOR,))
        connection.execute("INSERT INTO other VALUES (x'01', x'02', 1, 'weather', '{}')")
    connection.close()
    return tmp_path


async def test_what_an_older_collector_kept_is_there_in_the_newer(version_1):
    store = await CollectorStore.open(version_1)
    rows = await store.database.transaction(
        lambda one: one.rows(
            "SELECT sensor, driver FROM sensor UNION ALL SELECT name, '' FROM other"
        )
    )
    assert [tuple(row) for row in rows] == [("strap", "d"), ("weather", "")]
    assert (await store.tally()).opened == 1
    await store.close()
    again = await CollectorStore.open(version_1)
    assert (await again.tally()).opened == 1
    await again.close()


async def test_a_migration_that_fails_leaves_the_file_as_it_was(version_1):
    with sqlite3.connect(version_1 / DATABASE_FILE) as connection:
        connection.execute("UPDATE other SET row = 'no JSON'")
    connection.close()
    with pytest.raises(StoreError, match="malformed JSON"):
        await CollectorStore.open(version_1)
    connection = sqlite3.connect(version_1 / DATABASE_FILE)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "sensor" not in tables
