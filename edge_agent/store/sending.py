"""What goes to the collector next, and what its receipts take out of the outbox."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from edge_agent.errors import SealError
from edge_agent.store import gaps
from edge_agent.store.database import Transaction
from edge_agent.store.seal import RecordClass, parse

Receipt = tuple[int, int, bytes]
"""Epoch, place and hash (32 octets) of a record that the collector has durably."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record to be sent: ``octets`` is the whole sealed record."""

    epoch: int
    seq: int
    id: bytes
    record_class: RecordClass
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a batch may hold.

    ``octets`` bounds the records together; the first is taken whatever its size. ``classes`` are
    the only ones wanted (``None``: all), ``exclude`` the ids not wanted: a few at most. Records
    from the place ``live_from`` on go before the backlog.
    """

    records: int
    octets: int
    classes: Collection[RecordClass] | None = None
    exclude: frozenset[bytes] = frozenset()
    live_from: int | None = None


async def take(transaction: Transaction, wanted: Wanted) -> list[Stored]:
    """Return the most urgent records: alarms, then the live ones, then the oldest.

    A record that the storage has changed is not sent; its place is reported as damaged.
    """
    while True:
        batch, are_damaged = await _look(transaction, wanted)
        if batch or not are_damaged:
            return batch


async def _look(transaction: Transaction, wanted: Wanted) -> tuple[list[Stored], bool]:
    """Return a batch, which may be empty only because what came first was damaged and is gone."""
    batch: list[Stored] = []
    are_damaged = False
    taken = set(wanted.exclude)
    room = wanted.octets
    for where, values in _by_urgency(wanted):
        limit = wanted.records - len(batch) + len(taken)
        for row in await transaction.rows(
            f"SELECT seq, id, size FROM record WHERE {where} ORDER BY seq LIMIT ?",  # noqa: S608
            *values,
            limit,
        ):
            if len(batch) == wanted.records:
                return batch, are_damaged
            if row["id"] in taken:
                continue
            if batch and row["size"] > room:
                return batch, are_damaged
            taken.add(row["id"])
            one = await _whole(transaction, row["seq"], row["id"])
            if one is None:
                are_damaged = True
                continue
            batch.append(one)
            room -= row["size"]
    return batch, are_damaged


async def forget(transaction: Transaction, receipts: Iterable[Receipt]) -> int:
    """Delete the records that ``receipts`` name, each by its own hash; return how many."""
    deleted = 0
    for epoch, seq, record_id in receipts:
        deleted += await transaction.execute(
            "DELETE FROM record WHERE seq = ? AND epoch = ? AND id = ?", seq, epoch, record_id
        )
    if deleted:
        await transaction.execute("UPDATE chain SET delivered_total = delivered_total + ?", deleted)
    return deleted


def _by_urgency(wanted: Wanted) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Give one condition after another; what an earlier one has found is passed over later."""
    classes = set(RecordClass) if wanted.classes is None else set(wanted.classes)
    if RecordClass.ALARM in classes:
        yield "class = ?", (RecordClass.ALARM,)
    rest = sorted(classes - {RecordClass.ALARM})
    if not rest:
        return
    # All classes: in the order of the table, which needs no sorting of a whole backlog.
    where = "class != ?"
    values: tuple[int, ...] = (RecordClass.ALARM,)
    if len(rest) < len(RecordClass) - 1:
        where, values = f"class IN ({', '.join('?' * len(rest))})", tuple(map(int, rest))
    if wanted.live_from is not None:
        yield f"{where} AND seq >= ?", (*values, wanted.live_from)
        where, values = f"{where} AND seq < ?", (*values, wanted.live_from)
    yield where, values


async def _whole(transaction: Transaction, seq: int, record_id: bytes) -> Stored | None:
    """Return the record at a place, or drop what is no longer the record with that id."""
    (row,) = await transaction.rows("SELECT octets FROM record WHERE seq = ?", seq)
    try:
        record = parse(row["octets"])
    except SealError:
        record = None
    if record is None or record.id != record_id:
        await gaps.drop(transaction, [seq], "damaged")
        return None
    return Stored(
        epoch=record.header.epoch,
        seq=seq,
        id=record.id,
        record_class=RecordClass(record.header.record_class),
        octets=record.octets,
    )
