"""The outbox: sealed records, in order, until the collector has durably taken them.

What :meth:`Outbox.append` has returned is on the disk: it survives SIGKILL and, on storage that
keeps its promises, a power cut. Only :meth:`Outbox.acknowledge` with a record's own hash takes it
out, or eviction when the quota is reached: then summaries go and last events, never an alarm, and
a sealed gap record tells the collector which ones. Alarms are kept a second time in a ring
(:mod:`edge_agent.store.ring`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.errors import StoreError
from edge_agent.model import Boottime
from edge_agent.store import gaps
from edge_agent.store.chain import Appended, Chain
from edge_agent.store.database import PAGE_OCTETS, Transaction
from edge_agent.store.eviction import ROUTINE, ROUTINE_SHARE
from edge_agent.store.files import private_directory
from edge_agent.store.keys import HubIdentity, Recipient
from edge_agent.store.payload import Tables, encode, pad
from edge_agent.store.recovery import Recovery
from edge_agent.store.refill import refill
from edge_agent.store.ring import AlarmRing
from edge_agent.store.salvage import HighWater
from edge_agent.store.seal import SUBJECT_OCTETS, Recipients, RecordClass, sealed_octets
from edge_agent.store.sending import Receipt, Stored, Wanted, forget, take
from edge_agent.store.sound import SoundDatabase

__all__ = ["ROUTINE_SHARE", "Appended", "Counts", "Outbox", "RecordClass", "Stored"]

log = logging.getLogger(__name__)


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
    """An open outbox. One process has it open; :meth:`close` it, or use ``async with``."""

    def __init__(
        self,
        database: SoundDatabase,
        chain: Chain,
        recipients: Recipients,
        ring: AlarmRing,
    ) -> None:
        self._database, self._chain = database, chain
        self._recipients, self._ring = recipients, ring
        self._is_closed = False

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
        """Open the outbox at ``path``, or a fresh one where what is there is damaged.

        Records are sealed to ``recipient``, and to ``recovery`` where it is given. ``subject`` is
        the pseudonym (16 octets) of whom records are about that name nobody else; ``boot_id`` the
        kernel's random id of this boot: a new one begins a new epoch. The file may have
        ``quota_bytes``. A small file is checked at once; a large one, and what can be salvaged of
        a damaged one, is read beside the work: see :meth:`settled`.

        :raises StoreError: in use by another process, of another hub, of a newer version, or on
            a disk that can't be used. Damage does not raise: see :attr:`recovery`.
        :raises SealError: the two recipients don't go together.
        """
        recipients = Recipients(recipient, recovery)
        if len(subject) != SUBJECT_OCTETS:
            reason = f"{len(subject)} octets long"
            raise StoreError("the subject's pseudonym", reason, f"Give {SUBJECT_OCTETS}")
        await asyncio.to_thread(private_directory, path.parent)
        ring = await asyncio.to_thread(AlarmRing.open, path.with_name(f"{path.name}.alarms"))
        try:
            kept = await asyncio.to_thread(ring.alarms, identity.card)
            mark = await asyncio.to_thread(HighWater.load, path) or HighWater()
            chain = await asyncio.to_thread(Chain, path, identity, recipients, subject)

            async def begin(transaction: Transaction) -> None:
                await chain.create(transaction)
                await refill(transaction, kept, mark)
                await chain.begin_epoch(transaction, boot_id)

            quota_pages = quota_bytes // PAGE_OCTETS
            database = await SoundDatabase.open(path, identity.card, quota_pages, begin)
        except BaseException:
            ring.close()
            raise
        return cls(database, chain, recipients, ring)

    @property
    def recovery(self) -> Recovery | None:
        """What happened when the outbox was found damaged; ``None`` when it was not."""
        return self._database.recovery

    async def settled(self) -> None:
        """Wait until a large file has been read through, or a damaged one salvaged."""
        await self._database.settled()

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

        is_alarm = record_class is RecordClass.ALARM
        eviction = self._database.eviction

        async def work(transaction: Transaction) -> Appended:
            octets = sealed_octets(self._recipients, len(padded))
            await eviction.make_room(transaction, record_class, octets)
            report = await gaps.collect(transaction)
            if report:
                told = await self._chain.append(
                    transaction, RecordClass.AUDIT, pad(encode({"gap": report})), len(report), at
                )
                await gaps.carried(transaction, told.seq)
            return await self._chain.append(
                transaction, record_class, padded, rows, at, subject=subject
            )

        async def into_ring(appended: Appended) -> None:
            try:
                is_kept = await asyncio.to_thread(self._ring.keep, appended.octets, at)
            except StoreError as error:  # the alarm is in the database: it is not lost
                log.error("%s", error)  # noqa: TRY400
            else:
                if not is_kept:
                    log.warning("an alarm of %d octets is too large for the ring", len(padded))

        return await self._database.transaction(
            work, into_ring if is_alarm else None, is_routine=record_class in ROUTINE
        )

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
        """Wait for what is being written and close the files."""
        await self._database.close()
        if not self._is_closed:
            self._is_closed = True
            self._ring.close()
