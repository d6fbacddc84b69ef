"""The outbox: sealed records, in order, until the collector has durably taken them.

What :meth:`Outbox.append` has returned is on the disk: it survives SIGKILL and, on storage that
keeps its promises, a power cut. Only :meth:`Outbox.acknowledge` with a record's own hash takes it
out, or eviction when the quota is reached: then the oldest summaries go, never an alarm, and a
sealed gap record tells the collector which ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.errors import StoreError, StoreFull
from edge_agent.model import Boottime
from edge_agent.store import gaps
from edge_agent.store.chain import Appended, Chain
from edge_agent.store.database import PAGE_OCTETS, Database, Transaction
from edge_agent.store.files import private_directory
from edge_agent.store.keys import HubIdentity, Recipient
from edge_agent.store.payload import Tables, encode, pad
from edge_agent.store.recovery import Recovery, recover
from edge_agent.store.salvage import SCHEMAS
from edge_agent.store.seal import (
    SUBJECT_OCTETS,
    Recipients,
    RecordClass,
    sealed_octets,
)
from edge_agent.store.sending import Receipt, Stored, Wanted, forget, take

__all__ = ["ROUTINE_SHARE", "Appended", "Counts", "Outbox", "RecordClass", "Stored"]

ROUTINE_SHARE = 0.8
"""Of the quota, what summaries and events may fill; the rest is kept for alarms."""

_EVICT_STEP = 8
_SLACK_PAGES = 8
_ROUTINE = frozenset({RecordClass.SUMMARY, RecordClass.EVENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the outbox holds, and what it has done in its life.

    ``oldest_at`` is the boot time, in ``oldest_epoch``, at which the oldest record was sealed.
    """

    buffered: int
    buffered_alarms: int
    buffered_octets: int
    sealed_total: int
    delivered_total: int
    evicted_total: int
    epoch: int
    oldest_epoch: int | None
    oldest_at: Boottime | None


class Outbox:
    """An open outbox. One process has it open; :meth:`close` it, or use ``async with``.

    ``recovery`` tells what happened when the outbox was found damaged, else it is ``None``.
    """

    def __init__(
        self,
        database: Database,
        chain: Chain,
        recipients: Recipients,
        quota_pages: int,
        recovery: Recovery | None,
    ) -> None:
        self.recovery = recovery
        self._database, self._chain = database, chain
        self._recipients, self._quota_pages = recipients, quota_pages

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        identity: HubIdentity,
        recipient: Recipient,
        recovery: Recipient | None = None,
        subject: bytes,
        boot_id: str,
        quota_bytes: int,
    ) -> Self:
        """Open the outbox at ``path``, checking it first and salvaging what it holds if damaged.

        Records are sealed to ``recipient``, and to ``recovery`` where it is given. ``subject`` is
        the pseudonym (16 octets) of whom records are about that name nobody else; ``boot_id`` the
        kernel's random id of this boot: a new one begins a new epoch. The check reads the whole
        file, so this may take seconds; alarms need not wait for it.

        :raises StoreError: in use by another process, of another hub, of a newer version, or on
            a disk that can't be used. Damage does not raise: see ``recovery``.
        :raises SealError: the two recipients don't go together.
        """
        recipients = Recipients(recipient, recovery)
        if len(subject) != SUBJECT_OCTETS:
            reason = f"{len(subject)} octets long"
            raise StoreError("the subject's pseudonym", reason, f"Give {SUBJECT_OCTETS}")
        quota_pages = quota_bytes // PAGE_OCTETS
        found = await asyncio.to_thread(_prepare, path, identity)
        database = await Database.open(
            path,
            SCHEMAS,
            quota_pages=quota_pages,
            exclusive=True,
        )
        try:
            chain = await asyncio.to_thread(Chain, path, identity, recipients, subject)
            await database.transaction(lambda work: chain.begin_epoch(work, boot_id))
        except BaseException:
            await database.close()
            raise
        return cls(database, chain, recipients, quota_pages, found)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def append(
        self,
        record_class: RecordClass,
        tables: Tables,
        *,
        at: Boottime,
        subject: bytes | None = None,
    ) -> Appended:
        """Seal ``tables`` as the next record; when this returns, the record is durable.

        ``at`` is the present boot time; ``subject`` the pseudonym (16 octets) of whom it is about,
        if not the one that :meth:`open` was given.

        :raises StoreFull: no room for a routine record even without any older summary, or for an
            alarm in the whole quota. Nothing was changed.
        :raises SealError: tables that don't fit a record.
        """
        padded = pad(encode(tables), alarm=record_class is RecordClass.ALARM)
        rows = sum(len(table) for table in tables.values())

        async def work(transaction: Transaction) -> Appended:
            await self._make_room(transaction, record_class, len(padded))
            report = await gaps.collect(transaction)
            if report:
                octets = pad(encode({"gap": report}))
                told = await self._chain.append(
                    transaction, RecordClass.AUDIT, octets, len(report), at
                )
                await gaps.carried(transaction, told.seq)
            return await self._chain.append(
                transaction, record_class, padded, rows, at, subject=subject
            )

        return await self._database.transaction(work)

    async def next(self, exclude: frozenset[bytes] = frozenset()) -> Stored | None:
        """Return the most urgent record whose id is not in ``exclude``: alarms, then the oldest."""
        batch = await self.batch(1, 0, exclude=exclude)
        return batch[0] if batch else None

    async def batch(
        self,
        limit_records: int,
        limit_octets: int,
        classes: Collection[RecordClass] | None = None,
        *,
        exclude: frozenset[bytes] = frozenset(),
        live_from: int | None = None,
    ) -> list[Stored]:
        """Return records to send together, in one read: alarms first, then the oldest.

        At most ``limit_records`` of them and ``limit_octets`` in all; a first record is returned
        whatever its size. Only ``classes``, where they are given; not those whose id is in
        ``exclude`` (a few at most). With ``live_from`` the records from that place on go before
        the backlog. A record that the storage has changed is not sent; its place is reported as
        damaged.
        """
        wanted = Wanted(
            records=limit_records,
            octets=limit_octets,
            classes=classes,
            exclude=exclude,
            live_from=live_from,
        )
        return await self._database.transaction(lambda work: take(work, wanted))

    async def acknowledge_all(self, receipts: Iterable[Receipt]) -> int:
        """Delete in one transaction every record that a receipt names; return how many there were.

        A receipt is (epoch, place, hash): one that does not name a record here in all three, or
        that came before, takes nothing out.
        """
        named = list(receipts)
        return await self._database.transaction(lambda work: forget(work, named))

    async def acknowledge(self, record_id: bytes) -> bool:
        """Delete the record with this hash; false when there is none (any more)."""

        async def work(transaction: Transaction) -> bool:
            row = await transaction.row("SELECT epoch, seq FROM record WHERE id = ?", record_id)
            return row is not None and bool(await forget(transaction, [(*row, record_id)]))

        return await self._database.transaction(work)

    async def counts(self) -> Counts:
        """Count what is held and what was done."""

        async def work(transaction: Transaction) -> Counts:
            (held,) = await transaction.rows(
                "SELECT count(*) AS records, total(size) AS octets, "
                "count(*) FILTER (WHERE class = ?) AS alarms FROM record",
                RecordClass.ALARM,
            )
            (chain,) = await transaction.rows("SELECT * FROM chain")
            oldest = await transaction.row(
                "SELECT epoch, sealed_at_ns FROM record ORDER BY seq LIMIT 1"
            )
            return Counts(
                buffered=held["records"],
                buffered_alarms=held["alarms"],
                buffered_octets=int(held["octets"]),
                sealed_total=chain["sealed_total"],
                delivered_total=chain["delivered_total"],
                evicted_total=chain["evicted_total"],
                epoch=chain["epoch"],
                oldest_epoch=oldest["epoch"] if oldest else None,
                oldest_at=Boottime(oldest["sealed_at_ns"]) if oldest else None,
            )

        return await self._database.transaction(work)

    async def close(self) -> None:
        """Wait for what is being written and close the file."""
        await self._database.close()

    async def _make_room(
        self, transaction: Transaction, record_class: RecordClass, padded_octets: int
    ) -> None:
        """Evict the oldest summaries until a record fits in the share of routine records."""
        sealed = sealed_octets(self._recipients, padded_octets)
        limit = int(self._quota_pages * ROUTINE_SHARE) - sealed // PAGE_OCTETS - _SLACK_PAGES
        while await _used_pages(transaction) > limit:
            rows = await transaction.rows(
                "SELECT seq FROM record WHERE class = ? ORDER BY seq LIMIT ?",
                RecordClass.SUMMARY,
                _EVICT_STEP,
            )
            if not rows:
                if record_class in _ROUTINE:
                    step = "Bring the link up, or give the store more room"
                    raise StoreFull(f"outbox {self._database.path}", "full", step)
                return
            await gaps.drop(transaction, [row["seq"] for row in rows], "evicted")
            await transaction.execute(
                "UPDATE chain SET evicted_total = evicted_total + ?", len(rows)
            )


def _prepare(path: Path, identity: HubIdentity) -> Recovery | None:
    private_directory(path.parent)
    return recover(path, identity.card)


async def _used_pages(transaction: Transaction) -> int:
    """Count the pages of the file that hold something."""
    (pages,) = await transaction.rows("PRAGMA page_count")
    (free,) = await transaction.rows("PRAGMA freelist_count")
    return int(pages[0] - free[0])
