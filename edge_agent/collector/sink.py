"""Where the collector's door puts what it has taken: the one promise behind every receipt.

What :meth:`RecordSink.keep` has returned a receipt for survives a power cut on storage that keeps
its promises. Embedded, the sink is the collector's own SQLite file
(:class:`~edge_agent.collector.store.CollectorStore`); at scale it is a JetStream stream that
several ingest processes share (:mod:`edge_agent.collector.jetstream`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_agent.store.seal import SealedRecord


@dataclass(frozen=True, slots=True)
class Kept:
    """The record of place (``epoch``, ``seq``) named ``id`` is kept durably.

    ``is_new`` is false when it was there already: a record that is sent again changes nothing.
    """

    epoch: int
    seq: int
    id: bytes
    is_new: bool

    @classmethod
    def of(cls, record: SealedRecord, *, is_new: bool) -> Kept:
        """Return the receipt of ``record``."""
        return cls(record.header.epoch, record.header.seq, record.id, is_new)


class RecordSink(Protocol):
    """Keeps sealed records, verified ones only, without opening any."""

    async def keep(self, records: Sequence[SealedRecord], received_utc_ns: int) -> tuple[Kept, ...]:
        """Keep ``records`` durably; return a receipt for each, in their order.

        All of them or none: an error means that nobody may be told that any is kept.

        :raises StoreError: they can't be kept now; the sender has to keep them.
        """
