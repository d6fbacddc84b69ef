"""How far the writer has come with a server, durably: a restart goes on where the last one ended.

What was sent and not noted here is sent again, and created under a condition: nothing is doubled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.collector.fhir.planned import Planned
from edge_agent.collector.fhir.source import Place
from edge_agent.store.database import Database, Transaction

PROGRESS_FILE = "fhir.db"

_SCHEMA = Path(__file__).with_name("progress_v1.sql")
_NOWHERE = Place(0, b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAside:
    """A resource that a server refuses, with its words; ``utc_ns`` is when."""

    server: str
    identifier: str
    kind: str
    record: str
    reason: str
    utc_ns: int
    resource: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A planned resource of the record at ``place`` that was refused with ``reason``."""

    place: Place
    planned: Planned
    reason: str


class Progress:
    """The open file. :meth:`close` it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, directory: Path) -> Progress:
        """Open the file in the collector's folder, creating it on first use.

        :raises StoreError: it can't be used.
        """
        schema = _SCHEMA.read_text(encoding="utf-8")
        return cls(await Database.open(directory / PROGRESS_FILE, [schema]))

    async def close(self) -> None:
        """Close the file."""
        await self._database.close()

    async def reached(self, server: str) -> Place:
        """Return the last place that is dealt with."""
        row = await self._database.transaction(
            lambda one: one.row("SELECT number, record FROM reached WHERE server = ?", server)
        )
        return _NOWHERE if row is None else Place(row["number"], row["record"])

    async def begin_anew(self, server: str) -> None:
        """Forget how far it was: the collector's file is not the one it was."""

        async def work(transaction: Transaction) -> None:
            await transaction.execute("DELETE FROM reached WHERE server = ?", server)
            await transaction.execute("DELETE FROM put_off WHERE server = ?", server)

        await self._database.transaction(work)

    async def put_off(self, server: str) -> list[Place]:
        """Return the places that were not ready when their turn came."""
        rows = await self._database.transaction(
            lambda one: one.rows(
                "SELECT number, record FROM put_off WHERE server = ? ORDER BY number", server
            )
        )
        return [Place(row["number"], row["record"]) for row in rows]

    async def note(
        self,
        server: str,
        *,
        done: Sequence[Place],
        not_ready: Sequence[Place],
        refused: Sequence[Refused],
        utc_ns: int,
    ) -> None:
        """Note what became of a round of records, all of it or nothing."""

        async def work(transaction: Transaction) -> None:
            for place in done:
                await transaction.execute(
                    "DELETE FROM put_off WHERE server = ? AND record = ?", server, place.record
                )
            for place in not_ready:
                await transaction.execute(
                    "INSERT OR IGNORE INTO put_off VALUES (?, ?, ?)",
                    server, place.number, place.record,
                )  # fmt: skip
            for one in refused:
                await transaction.execute(
                    "INSERT OR REPLACE INTO put_aside VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    server, one.planned.value, one.planned.kind, one.place.number,
                    one.place.record, one.reason, utc_ns,
                    msgspec.json.encode(one.planned.resource).decode(),
                )  # fmt: skip
            last = max((*done, *not_ready), key=lambda place: place.number)
            await transaction.execute(
                "INSERT INTO reached VALUES (?, ?, ?) ON CONFLICT (server) DO UPDATE "
                "SET number = excluded.number, record = excluded.record "
                "WHERE excluded.number > number",
                server, last.number, last.record,
            )  # fmt: skip

        if done or not_ready:
            await self._database.transaction(work)

    async def aside(self) -> list[PutAside]:
        """Return everything that was refused, oldest first."""
        rows = await self._database.transaction(
            lambda one: one.rows("SELECT * FROM put_aside ORDER BY utc_ns, rowid")
        )
        return [
            PutAside(
                server=row["server"],
                identifier=row["identifier"],
                kind=row["kind"],
                record=row["record"].hex(),
                reason=row["reason"],
                utc_ns=row["utc_ns"],
                resource=row["resource"],
            )
            for row in rows
        ]

    async def retry_aside(self) -> int:
        """Have everything that was refused tried again; return how many there were."""

        async def work(transaction: Transaction) -> int:
            await transaction.execute(
                "INSERT OR IGNORE INTO put_off SELECT DISTINCT server, number, record "
                "FROM put_aside"
            )
            return await transaction.execute("DELETE FROM put_aside")

        return await self._database.transaction(work)
