"""What an outbox does beside its work after it was opened: read itself through, or salvage.

Both go in steps of a few records with a transaction each, so that an alarm never waits for more
than one step.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path

from edge_agent.errors import StoreDamaged, StoreFull
from edge_agent.store import gaps
from edge_agent.store.database import Database, Transaction
from edge_agent.store.eviction import Eviction
from edge_agent.store.keys import HubCard
from edge_agent.store.refill import INSERT_IF_NEW
from edge_agent.store.salvage import Found, HighWater, Wreck, record_row
from edge_agent.store.seal import SIGNATURE_OCTETS, RecordClass

_STEP = 32

_IN_BOTH_INDEXES = """
    SELECT count(*) AS records FROM record AS one NOT INDEXED
    WHERE seq BETWEEN ? AND ?
    AND EXISTS (SELECT 1 FROM record INDEXED BY record_by_class
                WHERE class = one.class AND seq = one.seq AND size = one.size)
    AND EXISTS (SELECT 1 FROM record INDEXED BY sqlite_autoindex_record_1 WHERE id = one.id)
"""


async def read_through(database: Database) -> None:
    """Read every record and what leads to it; drop those that the storage has changed.

    :raises StoreDamaged: something can't be read, or table and indexes disagree.
    """
    last = -1

    async def step(transaction: Transaction) -> int | None:
        return await _read_on(transaction, database.path, last)

    while (reached := await database.transaction(step)) is not None:
        last = reached
    await database.transaction(lambda work: _compare_lengths(work, database.path))


async def salvage(
    database: Database,
    hub: HubCard,
    eviction: Eviction,
    found: Callable[[Path, int], None],
) -> None:
    """Copy what can be read of the damaged files beside ``database``; tell ``found`` how many.

    A record for which there is no room is left behind. Interrupted, it begins again at the next
    start: a record that was delivered meanwhile is known to the collector by its hash.

    :raises StoreError: the fresh database can't be written.
    """
    pending = await database.transaction(
        lambda work: work.rows("SELECT rowid, source, salvaged FROM salvage WHERE done = 0")
    )
    mark = await asyncio.to_thread(HighWater.load, database.path)
    for row in pending:
        source = database.path.with_name(row["source"])
        if row["source"] and source.exists():
            found(source, row["salvaged"])
            with Wreck.open(source, hub, mark or HighWater()) as wreck:
                records = wreck.records()
                while some := await _next_step(records):
                    found(source, await _copy(database, some, eviction, row["rowid"]))
        await _set(database, "done = 1", row["rowid"])


async def _next_step(records: Iterator[Found]) -> list[Found]:
    """Read on in a thread; also when cancelled, not before that thread has let go of the file."""
    step = asyncio.ensure_future(asyncio.to_thread(lambda: list(islice(records, _STEP))))
    try:
        return await asyncio.shield(step)
    finally:
        await asyncio.wait({step})


async def _copy(
    database: Database,
    some: list[Found],
    eviction: Eviction,
    row: int,
) -> int:
    async def work(transaction: Transaction) -> int:
        copied = 0
        for one in some:
            header = one.record.header
            with contextlib.suppress(StoreFull):
                record_class = RecordClass(header.record_class)
                await eviction.make_room(transaction, record_class, len(one.record.octets))
                copied += await transaction.execute(
                    INSERT_IF_NEW, *record_row(one.record, one.sealed_at_ns)
                )
        await transaction.execute(
            "UPDATE salvage SET salvaged = salvaged + ? WHERE rowid = ?", copied, row
        )
        return copied

    return await database.transaction(work)


async def _set(database: Database, change: str, row: int) -> None:
    await database.transaction(
        lambda work: work.execute(f"UPDATE salvage SET {change} WHERE rowid = ?", row)  # noqa: S608
    )


async def _read_on(transaction: Transaction, path: Path, last: int) -> int | None:
    """Read a few records after ``last``; return the place of the last one, ``None`` at the end."""
    rows = await transaction.rows(
        "SELECT seq, id, octets FROM record NOT INDEXED WHERE seq > ? ORDER BY seq LIMIT ?",
        last,
        _STEP,
    )
    if not rows:
        return None
    (both,) = await transaction.rows(_IN_BOTH_INDEXES, rows[0]["seq"], rows[-1]["seq"])
    if both["records"] != len(rows):
        raise _disagreement(path)
    changed = [row["seq"] for row in rows if not _is_whole(row)]
    await gaps.drop(transaction, changed, "damaged")
    return int(rows[-1]["seq"])


def _is_whole(row: sqlite3.Row) -> bool:
    return sha256(row["octets"][:-SIGNATURE_OCTETS]).digest() == bytes(row["id"])


async def _compare_lengths(transaction: Transaction, path: Path) -> None:
    """Find entries of an index that lead nowhere."""
    (counted,) = await transaction.rows(
        "SELECT (SELECT count(*) FROM record NOT INDEXED) AS rows, "
        "(SELECT count(*) FROM record INDEXED BY record_by_class WHERE class >= 0) AS classes, "
        "(SELECT count(*) FROM record INDEXED BY sqlite_autoindex_record_1 WHERE id >= x'') AS ids"
    )
    if not counted["rows"] == counted["classes"] == counted["ids"]:
        raise _disagreement(path)


def _disagreement(path: Path) -> StoreDamaged:
    return StoreDamaged(f"database {path}", "a table and its index disagree", "It is put aside")
