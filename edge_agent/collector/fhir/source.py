"""What the collector's database holds, record by record, ready to be written elsewhere.

Records are taken in the order in which they came. One that is not opened yet, or whose hub has
not sent a clock to be trusted, is not ready: its turn comes later and holds up no other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from edge_agent.collector.fhir.devices import SensorCard
from edge_agent.collector.wall_clock import WallClock, wall_clock
from edge_agent.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in the order of arrival, and its id."""

    number: int
    record: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedRecord:
    """An opened record with wall-clock times; ``clocks`` by boot time (ns)."""

    place: Place
    hub: str
    subject: str
    epoch: int
    received_utc_ns: int
    observations: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    sensors: dict[str, SensorCard] = field(default_factory=dict)
    clocks: dict[int, WallClock] = field(default_factory=dict)

    @property
    def uncertainty_ns(self) -> int | None:
        """How far its times may be off; ``None`` when the hub sent no clock in that boot."""
        return max((one.uncertainty_ns for one in self.clocks.values()), default=None)

    @property
    def has_content(self) -> bool:
        """Whether there is anything in it that could be written."""
        return bool(self.observations or self.events or self.alarms)

    def utc_ns(self, boottime_ns: int) -> int:
        """Return the wall-clock time of one of its times."""
        return self.clocks[boottime_ns].utc_ns


class RecordSource:
    """Reads a collector's database, also one that another process is writing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_at(self, place: Place) -> bool:
        """Tell whether a place still is what it was: numbers change when a file is restored."""
        found = await self._database.transaction(
            lambda one: one.row("SELECT id FROM record WHERE rowid = ?", place.number)
        )
        return found is not None and found["id"] == place.record

    async def after(self, number: int, at_most: int) -> list[Place]:
        """Return the places of records that came after place ``number``."""
        rows = await self._database.transaction(
            lambda one: one.rows(
                "SELECT rowid, id FROM record WHERE rowid > ? ORDER BY rowid LIMIT ?",
                number,
                at_most,
            )
        )
        return [Place(row["rowid"], row["id"]) for row in rows]

    async def read(self, places: Iterable[Place]) -> list[OpenedRecord]:
        """Return those records that are opened, in order."""

        async def work(transaction: Transaction) -> list[OpenedRecord]:
            found = [await _record(transaction, place) for place in places]
            return [one for one in found if one is not None]

        return await self._database.transaction(work)


async def _record(transaction: Transaction, place: Place) -> OpenedRecord | None:
    head = await transaction.row(
        "SELECT hub, subject, epoch, received_utc_ns FROM record WHERE id = ? AND state = 'opened'",
        place.record,
    )
    if head is None:
        return None
    rows = {
        table: [
            dict(row)
            for row in await transaction.rows(
                f"SELECT * FROM {table} WHERE record = ? ORDER BY rowid",  # noqa: S608 - one of three
                place.record,
            )
        ]
        for table in ("observation", "event", "alarm")
    }  # fmt: skip
    record = OpenedRecord(
        place=place,
        hub=head["hub"].hex(),
        subject=head["subject"].hex(),
        epoch=head["epoch"],
        received_utc_ns=head["received_utc_ns"],
        observations=rows["observation"],
        events=[one | {"detail": json.loads(one["detail"])} for one in rows["event"]],
        alarms=[one | {"evidence": json.loads(one["evidence"])} for one in rows["alarm"]],
    )
    for at_ns in _times(record):
        clock = await wall_clock(transaction, head["hub"], record.epoch, at_ns)
        if clock is not None:
            record.clocks[at_ns] = clock
    for name in _sensors(record):
        record.sensors[name] = await _card(transaction, head["hub"], record.epoch, name)
    return record


async def _card(transaction: Transaction, hub: bytes, epoch: int, name: str) -> SensorCard:
    """Return what the hub told of a sensor up to that boot, else what it told first after it."""
    row = await transaction.row(
        "SELECT driver, title, address, software FROM sensor WHERE hub = ? AND sensor = ? "
        "ORDER BY epoch > ?, abs(epoch - ?), rowid DESC LIMIT 1",
        hub, name, epoch, epoch,
    )  # fmt: skip
    return SensorCard(name) if row is None else SensorCard(name, *row)


def _sensors(record: OpenedRecord) -> set[str]:
    nobody = {"sensor": ""}  # an alarm that gives no evidence is the hub's own
    evidence = [one for row in record.alarms for one in row["evidence"] or (nobody,)]
    return {row["sensor"] for row in (*record.observations, *record.events, *evidence)}


def _times(record: OpenedRecord) -> set[int]:
    times = {row[name] for row in record.observations for name in ("first_ns", "last_ns")}
    times |= {row["at_ns"] for row in (*record.events, *record.alarms)}
    times |= {start for row in record.events if (start := row["detail"].get("strip_start_ns"))}
    return times
