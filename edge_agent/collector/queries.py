"""What the collector shows: the latest observations and alarms, with wall-clock times.

The times in a record are boot times. Wall-clock time is worked out here, when it is asked for,
from the best clock reading the hub has sent in that boot: a clock that was set late also corrects
what was measured before.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_agent.collector.accounting import HubAccount, account
from edge_agent.collector.store import DATABASE_FILE
from edge_agent.collector.wall_clock import wall_clock
from edge_agent.store.database import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestObservation:
    """The newest summary of a quantity of a sensor of one subject; numbers are in ``unit`` (UCUM).

    ``utc_ns`` is when the last value was taken, ``None`` as long as the hub sent no clock.
    """

    hub: str
    subject: str
    code: str
    sensor: str
    unit: str
    last: float | None
    mean: float | None
    n: int
    state: str
    quality: float | None
    utc_ns: int | None
    uncertainty_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedAlarm:
    """One step of an alarm episode; ``evidence`` is JSON, ``by`` who acknowledged it."""

    hub: str
    subject: str
    rule: str
    episode: str
    title: str
    priority: str
    technical: bool
    phase: str
    evidence: str
    advice: str
    by: str
    utc_ns: int | None
    uncertainty_ns: int | None


class Queries:
    """Questions to a collector's database, also to one that another process is writing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def open(cls, directory: Path) -> Queries:
        """Open the database of the collector in ``directory``, to read only.

        :raises StoreError: when there is none, or it can't be read.
        """
        return cls(await Database.open_read_only(directory / DATABASE_FILE))

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    async def latest(self) -> list[LatestObservation]:
        """Return the newest live observation of every hub, subject, quantity and sensor."""

        async def work(transaction: Transaction) -> list[LatestObservation]:
            rows = await transaction.rows(
                "SELECT * FROM (SELECT *, row_number() OVER ("
                "  PARTITION BY hub, subject, code, sensor"
                "  ORDER BY epoch DESC, last_ns DESC) AS age"
                "  FROM observation WHERE NOT backfilled)"
                " WHERE age = 1 ORDER BY hub, subject, code, sensor"
            )
            found = []
            for row in rows:
                utc_ns, uncertainty_ns = await _wall_clock(
                    transaction, row["hub"], row["epoch"], row["last_ns"]
                )
                found.append(
                    LatestObservation(
                        hub=row["hub"].hex(),
                        subject=row["subject"].hex(),
                        code=row["code"],
                        sensor=row["sensor"],
                        unit=row["unit"],
                        last=row["last"],
                        mean=row["mean"],
                        n=row["n"],
                        state=row["state"],
                        quality=row["quality"],
                        utc_ns=utc_ns,
                        uncertainty_ns=uncertainty_ns,
                    )
                )
            return found

        return await self._database.transaction(work)

    async def alarms(self, at_most: int = 50) -> list[ReceivedAlarm]:
        """Return the newest alarm steps of each boot, newest boot first."""

        async def work(transaction: Transaction) -> list[ReceivedAlarm]:
            rows = await transaction.rows(
                "SELECT alarm.*, subject FROM alarm JOIN record ON record.id = record "
                "ORDER BY alarm.epoch DESC, at_ns DESC LIMIT ?",
                at_most,
            )
            found = []
            for row in rows:
                utc_ns, uncertainty_ns = await _wall_clock(
                    transaction, row["hub"], row["epoch"], row["at_ns"]
                )
                found.append(
                    ReceivedAlarm(
                        hub=row["hub"].hex(),
                        subject=row["subject"].hex(),
                        rule=row["rule"],
                        episode=row["episode"],
                        title=row["title"],
                        priority=row["priority"],
                        technical=bool(row["technical"]),
                        phase=row["phase"],
                        evidence=row["evidence"],
                        advice=row["advice"],
                        by=row["by"],
                        utc_ns=utc_ns,
                        uncertainty_ns=uncertainty_ns,
                    )
                )
            return found

        return await self._database.transaction(work)

    async def row_counts(self) -> dict[str, int]:
        """Return how many rows each table holds."""

        async def work(transaction: Transaction) -> dict[str, int]:
            rows = await transaction.rows(
                "SELECT 'clock', count(*) FROM clock UNION ALL "
                "SELECT 'observation', count(*) FROM observation UNION ALL "
                "SELECT 'event', count(*) FROM event UNION ALL "
                "SELECT 'alarm', count(*) FROM alarm UNION ALL "
                "SELECT 'forecast', count(*) FROM forecast UNION ALL "
                "SELECT 'gap', count(*) FROM gap UNION ALL "
                "SELECT 'sensor', count(*) FROM sensor UNION ALL "
                "SELECT 'other', count(*) FROM other"
            )
            return {row[0]: row[1] for row in rows}

        return await self._database.transaction(work)

    async def accounts(self) -> tuple[HubAccount, ...]:
        """Work out, per hub, what came and what is missing."""
        return await account(self._database)

    async def repeated_values(self) -> int:
        """Count values that are kept more than once, by the sensor's own time of them."""

        async def work(transaction: Transaction) -> int:
            (row,) = await transaction.rows(
                "SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM observation "
                "WHERE device_ns IS NOT NULL GROUP BY hub, subject, sensor, code, device_ns)"
            )
            return int(row[0])

        return await self._database.transaction(work)

    async def record_ids(self) -> list[bytes]:
        """Return the id of every record that is kept, opened or not."""

        async def work(transaction: Transaction) -> list[bytes]:
            return [row["id"] for row in await transaction.rows("SELECT id FROM record")]

        return await self._database.transaction(work)


async def _wall_clock(
    transaction: Transaction, hub: bytes, epoch: int, at_ns: int
) -> tuple[int | None, int | None]:
    """Return UTC (ns since 1970) and its uncertainty (ns) of a boot time."""
    clock = await wall_clock(transaction, hub, epoch, at_ns)
    return (clock.utc_ns, clock.uncertainty_ns) if clock else (None, None)
