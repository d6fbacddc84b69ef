"""The chain of a hub's records: each gets the next place and names the record before it."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import StoreError, StoreFull
from edge_agent.model import Boottime
from edge_agent.store.database import Transaction
from edge_agent.store.day_keys import DayKeys
from edge_agent.store.keys import HubIdentity
from edge_agent.store.salvage import INSERT_RECORD, HighWater, record_row
from edge_agent.store.seal import NO_RECORD, DaySigner, Header, Recipients, RecordClass, seal

_RESERVE = 64
"""How far the high-water mark is moved ahead: one small file written for that many records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """A record that is durably in the outbox: ``octets`` is the whole sealed record."""

    seq: int
    id: bytes
    octets: bytes


class Chain:
    """Seals records one after another. Its state is in the database, never only in memory."""

    def __init__(
        self, path: Path, identity: HubIdentity, recipients: Recipients, subject: bytes
    ) -> None:
        self._path = path
        self._identity, self._recipients, self._subject = identity, recipients, subject
        self._day_keys = DayKeys(path.parent, identity)
        self._mark = HighWater.load(path) or HighWater()

    async def create(self, transaction: Transaction) -> None:
        """Begin the chain of a new outbox."""
        await transaction.execute(
            "INSERT OR IGNORE INTO chain (only, hub_id, boot_id, epoch, next_seq, previous) "
            "VALUES (1, ?, '', 0, 1, ?)",
            self._identity.hub_id,
            NO_RECORD,
        )

    async def begin_epoch(self, transaction: Transaction, boot_id: str) -> None:
        """Count boots: an epoch is one boot of the machine, not one start of the program."""
        await transaction.execute(
            "UPDATE chain SET epoch = epoch + 1, boot_id = ? WHERE boot_id != ?", boot_id, boot_id
        )

    async def append(
        self,
        transaction: Transaction,
        record_class: RecordClass,
        padded: bytes,
        rows: int,
        at: Boottime,
        *,
        subject: bytes | None = None,
    ) -> Appended:
        """Seal a padded payload at the next place and move the chain on."""
        (chain,) = await transaction.rows("SELECT * FROM chain")
        signer = await self._reserve(chain["next_seq"], chain["epoch"], at)
        recipient_key_id, recovery_key_id = self._recipients.key_ids
        header = Header(
            suite=self._recipients.suite,
            recipient_key_id=recipient_key_id,
            recovery_key_id=recovery_key_id,
            hub_id=self._identity.hub_id,
            subject=self._subject if subject is None else subject,
            record_class=record_class,
            epoch=chain["epoch"],
            seq=chain["next_seq"],
            count=rows,
            previous=chain["previous"],
            signer_key_id=self._identity.card.key_id,
        )
        record = seal(header, padded, self._recipients, signer)
        await transaction.execute(INSERT_RECORD, *record_row(record, at))
        await transaction.execute(
            "UPDATE chain SET next_seq = next_seq + 1, previous = ?, "
            "sealed_total = sealed_total + 1",
            record.id,
        )
        return Appended(seq=header.seq, id=record.id, octets=record.octets)

    async def _reserve(self, seq: int, epoch: int, at: Boottime) -> DaySigner:
        """Move the high-water mark ahead of ``seq``, a few dozen places at a time.

        Returns the day key that signs there. Both are files: neither is written in the event loop.
        """
        if seq > self._mark.seq or epoch > self._mark.epoch:
            mark = HighWater(seq=seq + _RESERVE, epoch=epoch)
            try:
                await asyncio.to_thread(mark.save, self._path)
            except OSError as error:
                reason = error.strerror or type(error).__name__
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                kind = StoreFull if full else StoreError
                raise kind(f"outbox {self._path}", reason, "Give the disk room") from error
            self._mark = mark
        signer = self._day_keys.current(epoch, seq, at)
        if signer is None:
            signer = await asyncio.to_thread(self._day_keys.signer, epoch, seq, at)
        return signer
