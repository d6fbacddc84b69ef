"""One SQLite connection on which transactions run one after another, each to its end.

A single connection per process, WAL with ``synchronous=FULL``: what is committed survives a power
cut on storage that keeps its promises. A task that is cancelled while its transaction runs leaves
a whole transaction behind, never half of one.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import aiosqlite

from edge_agent.errors import StoreDamaged, StoreError, StoreFull
from edge_agent.store.files import sync_directory

PAGE_OCTETS = 4096

_BUSY_S = 1.0
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = -1",  # a WAL that is truncated costs metadata writes to regrow
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA secure_delete = OFF",  # zeroing pages needs space that a full disk does not have
    "PRAGMA mmap_size = 0",
)

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SALVAGED = "A damaged outbox is put aside and salvaged by itself; restore another file"

Result = TypeVar("Result")
Value = int | str | bytes | float | None


def numbered_schemas(folder: Path) -> tuple[str, ...]:
    """Return the scripts ``schema_v1.sql``, ``schema_v2.sql`` and on in ``folder``, in order."""
    found = {int(one.stem.removeprefix("schema_v")): one for one in folder.glob("schema_v*.sql")}
    return tuple(found[number].read_text(encoding="utf-8") for number in sorted(found))


class Transaction:
    """What a transaction's work is done with."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, *values: Value) -> int:
        """Run a statement and return how many rows it changed."""
        async with self._connection.execute(sql, values) as cursor:
            return cursor.rowcount

    async def rows(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        """Run a query and return its rows."""
        return list(await self._connection.execute_fetchall(sql, values))

    async def row(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """Run a query and return its first row, or ``None``."""
        rows = await self.rows(sql, *values)
        return rows[0] if rows else None


class Database:
    """An open database file. :meth:`close` it: its connection has a thread."""

    def __init__(self, path: Path, connection: aiosqlite.Connection, begin: str) -> None:
        self.path = path
        self._connection, self._begin = connection, begin
        self._turn = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls, path: Path, schemas: Sequence[str], *, quota_pages: int = 0, exclusive: bool = False
    ) -> Database:
        """Open ``path`` (mode 0600), bringing it to the newest of the numbered ``schemas``.

        ``quota_pages`` bounds the file (0: no bound; the WAL takes about 1,000 pages more).
        ``exclusive`` keeps every other process out.

        :raises StoreError: unreadable, in use elsewhere, or written by a newer version.
        """
        pragmas = (
            *(("PRAGMA locking_mode = EXCLUSIVE",) if exclusive else ()),
            *_PRAGMAS,
            # Not kept in the file: without it at every open there is no quota.
            *((f"PRAGMA max_page_count = {quota_pages}",) if quota_pages else ()),
        )
        _claim(path)
        connection = await _connect(path, str(path), pragmas)
        try:
            with _translated(path):
                await _migrate(path, connection, schemas)
        except BaseException:
            await connection.close()
            raise
        return cls(path, connection, "BEGIN IMMEDIATE")

    @classmethod
    async def open_read_only(cls, path: Path) -> Database:
        """Open an existing database beside the process that writes it.

        :raises StoreError: when it is not there or can't be read.
        """
        return cls(path, await _connect(path, _read_only(path), ()), "BEGIN")

    async def transaction(
        self,
        work: Callable[[Transaction], Awaitable[Result]],
        then: Callable[[Result], Awaitable[None]] | None = None,
    ) -> Result:
        """Run ``work`` in a transaction of its own; it is committed when this returns.

        ``then`` is called with the result after the commit, before any other transaction begins.

        :raises StoreFull: the quota or the disk is full; nothing was changed.
        :raises StoreDamaged: the file is not what was written to it; nothing was changed.
        :raises StoreError: SQLite refused; nothing was changed.
        """
        return await asyncio.shield(self._run(work, then))

    async def close(self) -> None:
        """Wait for the running transaction and close the file."""
        async with self._turn:
            self._closed = True
            await self._connection.close()

    async def _run(
        self,
        work: Callable[[Transaction], Awaitable[Result]],
        then: Callable[[Result], Awaitable[None]] | None,
    ) -> Result:
        async with self._turn:
            if self._closed:
                raise StoreError(f"database {self.path}", "closed", "Open it again")
            with _translated(self.path):
                await self._connection.execute(self._begin)
                try:
                    result = await work(Transaction(self._connection))
                    await self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        await self._connection.execute("ROLLBACK")
                    raise
            if then is not None:
                await then(result)
            return result


def _claim(path: Path) -> None:
    """Create the file where it is missing, readable by its owner only (the WAL follows it)."""
    try:
        path.touch(mode=0o600)
        path.chmod(0o600)
        sync_directory(path.parent)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"database {path}", reason, "Check the folder and its owner") from error


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


def _try_to_open(name: str) -> None:
    sqlite3.connect(name, uri=name.startswith("file:")).close()


async def _connect(path: Path, name: str, pragmas: tuple[str, ...]) -> aiosqlite.Connection:
    with _translated(path):
        # aiosqlite leaves its thread running when a file can't be opened, and the thread then
        # speaks to a loop that may be closed by now: find out before there is a thread.
        await asyncio.to_thread(_try_to_open, name)
        connection = await aiosqlite.connect(
            name, isolation_level=None, timeout=_BUSY_S, uri=name.startswith("file:")
        )
        connection.row_factory = sqlite3.Row
        try:
            for pragma in pragmas:
                await connection.execute_fetchall(pragma)
        except BaseException:
            await connection.close()
            raise
    return connection


async def _migrate(path: Path, connection: aiosqlite.Connection, schemas: Sequence[str]) -> None:
    """Run every schema that the file has not seen, each in a transaction of its own.

    A schema is a script that ends by setting ``user_version`` to its number; a cut in the middle
    leaves the file as it was, and the next open goes on from there.
    """
    (row,) = await connection.execute_fetchall("PRAGMA user_version")
    if row[0] > len(schemas):
        reason = f"written by a newer version (schema {row[0]}, known: {len(schemas)})"
        raise StoreError(f"database {path}", reason, "Install that version again")
    for schema in schemas[row[0] :]:
        try:
            await connection.executescript(schema)
        except sqlite3.Error:
            if connection.in_transaction:
                await connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the hub's."""
    try:
        yield
    except UnicodeDecodeError as error:  # of a mangled name in SQLite's message
        raise StoreDamaged(f"database {path}", str(error), _SALVAGED) from error
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        reason = f"{error} ({name})"
        if name == "SQLITE_FULL":
            step = "Bring the link up, or give the store more room"
            raise StoreFull(f"database {path}", "full", step) from error
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGE or str(error).startswith("no such "):  # table, column or index
            raise StoreDamaged(f"database {path}", reason, _SALVAGED) from error
        step = {
            "SQLITE_CANTOPEN": "Check the path, and that you may read and write there",
            "SQLITE_BUSY": "Another process has it open: stop that one",
        }.get(name, "Check the disk and the file's owner")
        raise StoreError(f"database {path}", reason, step) from error
