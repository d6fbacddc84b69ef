"""The collector's database: sealed records as they came, and the rows of those that open."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.collector.quarantine import reason_to_wait
from edge_agent.collector.signers import Signers
from edge_agent.collector.sink import Kept
from edge_agent.collector.tables import SCHEMA_VERSION, TABLES, checked
from edge_agent.errors import SealError
from edge_agent.store.database import Database, Transaction, Value, numbered_schemas
from edge_agent.store.payload import Row
from edge_agent.store.seal import SealedRecord

log = logging.getLogger(__name__)

DATABASE_FILE = "collector.db"

_SCHEMAS = numbered_schemas(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many records are kept: opened, failed to, waiting to be, or in quarantine."""

    stored: int
    opened: int
    unopened: int
    waiting: int
    quarantined: int = 0


class CollectorStore:
    """The open database. :meth:`close` it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    async def open(cls, directory: Path) -> CollectorStore:
        """Open the database in ``directory``, creating it on first use.

        :raises StoreError: see :meth:`Database.open`.
        """
        return cls(await Database.open(directory / DATABASE_FILE, _SCHEMAS))

    async def close(self) -> None:
        """Close the database."""
        await self.database.close()

    async def keep(self, records: Sequence[SealedRecord], received_utc_ns: int) -> tuple[Kept, ...]:
        """Store sealed records durably, in one transaction: see :class:`RecordSink`."""

        async def work(transaction: Transaction) -> tuple[Kept, ...]:
            signers, kept = Signers(transaction), []
            for one in records:
                is_new = await _insert(transaction, one, received_utc_ns)
                if is_new and (reason := await reason_to_wait(one, signers)):
                    log.warning("record %s goes into quarantine: %s", one.id.hex(), reason)
                    await transaction.execute(
                        "UPDATE record SET quarantine = ? WHERE id = ?", reason, one.id
                    )
                kept.append(Kept.of(one, is_new=is_new))
            return tuple(kept)

        return await self.database.transaction(work)

    async def to_open(self, at_most: int) -> list[tuple[bytes, bytes]]:
        """Return id and octets of records that nobody has tried to open, oldest arrival first."""

        async def work(transaction: Transaction) -> list[tuple[bytes, bytes]]:
            rows = await transaction.rows(
                "SELECT id, octets FROM record WHERE state = 'sealed' AND quarantine = '' "
                "ORDER BY received_utc_ns LIMIT ?",
                at_most,
            )
            return [(row["id"], row["octets"]) for row in rows]

        return await self.database.transaction(work)

    async def write_out(self, record: SealedRecord, tables: Mapping[str, Sequence[Row]]) -> None:
        """Write the tables of a kept record, all or none, and note it as opened.

        What another process has opened meanwhile is left alone.

        :raises SealError: an unknown schema version, tables that don't fit it, or another number
            of rows than the header says.
        """
        header = record.header
        if header.schema_version != SCHEMA_VERSION:
            step = "The record is kept sealed; look for a newer collector"
            raise SealError("record", f"schema {header.schema_version} is not known", step)
        if sum(len(rows) for rows in tables.values()) != header.count:
            raise SealError("record", "holds another number of rows than its header says")
        known = {name: checked(name, rows) for name, rows in tables.items() if name in TABLES}
        other = {name: rows for name, rows in tables.items() if name not in TABLES}
        origin = (record.id, header.hub_id, header.epoch)

        async def work(transaction: Transaction) -> None:
            if not await transaction.execute(
                "UPDATE record SET state = 'opened', failure = '' "
                "WHERE id = ? AND state != 'opened'",
                record.id,
            ):
                return
            for name, rows in known.items():
                whose = (header.subject,) if name == "observation" else ()
                for row in rows:
                    await transaction.execute(_INSERT[name], *origin, *row, *whose)
            for name, unknown in other.items():
                for one in unknown:
                    await transaction.execute(_INSERT["other"], *origin, name, json.dumps(one))

        await self.database.transaction(work)

    async def set_unopened(self, record_id: bytes, failure: str) -> None:
        """Note why a record does not open. It stays as it is."""
        await self._execute(
            "UPDATE record SET state = 'unopened', failure = ? WHERE id = ?", failure, record_id
        )

    async def retry_unopened(self) -> None:
        """Have every record that did not open tried again."""
        await self._execute("UPDATE record SET state = 'sealed' WHERE state = 'unopened'")

    async def tally(self) -> Tally:
        """Count the records by what became of them."""

        async def work(transaction: Transaction) -> Tally:
            rows = await transaction.rows(
                "SELECT CASE quarantine WHEN '' THEN state ELSE 'quarantined' END, count(*) "
                "FROM record GROUP BY 1"
            )
            counts: dict[str, int] = {row[0]: row[1] for row in rows}
            return Tally(
                stored=sum(counts.values()),
                opened=counts.get("opened", 0),
                unopened=counts.get("unopened", 0),
                waiting=counts.get("sealed", 0),
                quarantined=counts.get("quarantined", 0),
            )

        return await self.database.transaction(work)

    async def _execute(self, sql: str, *values: Value) -> None:
        await self.database.transaction(lambda transaction: transaction.execute(sql, *values))


async def _insert(transaction: Transaction, record: SealedRecord, received_utc_ns: int) -> bool:
    """Insert a sealed record; false when it was there already."""
    header = record.header
    inserted = await transaction.execute(
        "INSERT OR IGNORE INTO record (id, hub, epoch, seq, class, subject, rows, "
        "previous, received_utc_ns, octets, day_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        record.id, header.hub_id, header.epoch, header.seq, header.record_class,
        header.subject, header.count, header.previous, received_utc_ns, record.octets,
        None if record.certificate is None else record.certificate.public_octets,
    )  # fmt: skip
    return inserted > 0


_INSERT = {
    "clock": "INSERT INTO clock VALUES (?, ?, ?, ?, ?, ?, ?)",
    "observation": (
        "INSERT OR IGNORE INTO observation "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    ),
    "event": "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)",
    "alarm": "INSERT INTO alarm VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "forecast": "INSERT INTO forecast VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "gap": "INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?, ?)",
    "sensor": "INSERT INTO sensor VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    "other": "INSERT INTO other VALUES (?, ?, ?, ?, ?)",
}
