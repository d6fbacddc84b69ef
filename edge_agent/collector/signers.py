"""What the collector has seen of a hub's day keys, and what that forbids (docs/envelope.md).

A certificate vouches for a record by itself (:func:`edge_agent.store.seal.verify`). Whoever has
the hub's identity key could still certify another key for places that are past. So the collector
remembers: the keys of an honest hub follow each other in its order, and what breaks that is not
opened, whenever it arrives.
"""

from __future__ import annotations

from edge_agent.store.certificate import Certificate
from edge_agent.store.database import Transaction
from edge_agent.store.header import SEQ_LIMIT
from edge_agent.store.seal import SealedRecord

_BEYOND = SEQ_LIMIT + 1


class Signers:
    """Judges records within one transaction; what it learns is written in that transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._ends: dict[tuple[bytes, bytes], int] = {}
        """Where the places of a key end that was judged: at the first of the next key known."""

    async def judge(self, record: SealedRecord) -> str:
        """Return why the record must not be opened; "" when nothing speaks against it.

        A day key that is new and fits is remembered.
        """
        header, certificate = record.header, record.certificate
        known = (header.hub_id, b"" if certificate is None else certificate.octets)
        if known not in self._ends:
            if certificate is not None and (reason := await self._meet(header.hub_id, certificate)):
                return reason
            first_seq = 0 if certificate is None else certificate.first_seq
            self._ends[known] = await self._end(header.hub_id, first_seq)
        end = self._ends[known]
        if header.seq < end:
            return ""
        return f"place {header.seq} belongs to a newer day key, from place {end} on"

    async def _end(self, hub: bytes, first_seq: int) -> int:
        """Return the first place of the next key that is known."""
        row = await self._transaction.row(
            "SELECT min(first_seq) FROM day_key WHERE hub = ? AND first_seq > ?", hub, first_seq
        )
        return _BEYOND if row is None or row[0] is None else int(row[0])

    async def _meet(self, hub: bytes, certificate: Certificate) -> str:
        """Remember a key, or tell what speaks against it."""
        row = await self._transaction.row(
            "SELECT certificate FROM day_key WHERE hub = ? AND public_key = ?",
            hub, certificate.public_octets,
        )  # fmt: skip
        if row is not None:
            same = row["certificate"] == certificate.octets
            return "" if same else "one day key came with two certificates"
        if reason := await self._objection(hub, certificate):
            return reason
        await self._transaction.execute(
            "INSERT INTO day_key VALUES (?, ?, ?, ?, ?, ?, ?)",
            hub, certificate.public_octets, certificate.epoch, certificate.first_seq,
            certificate.last_seq, certificate.previous, certificate.octets,
        )  # fmt: skip
        self._ends.clear()  # the places of the key before it end here
        return ""

    async def _objection(self, hub: bytes, certificate: Certificate) -> str:
        first_seq, epoch = certificate.first_seq, certificate.epoch
        (row,) = await self._transaction.rows(
            "SELECT max(epoch) FILTER (WHERE first_seq < ?) AS before,"
            "       min(epoch) FILTER (WHERE first_seq > ?) AS after,"
            "       count(*) FILTER (WHERE first_seq = ?) AS same FROM day_key WHERE hub = ?",
            first_seq, first_seq, first_seq, hub,
        )  # fmt: skip
        if row["same"]:
            return f"two day keys begin at place {first_seq}"
        before = epoch if row["before"] is None else row["before"]
        after = epoch if row["after"] is None else row["after"]
        if not before <= epoch <= after:
            return f"its day key is of epoch {epoch}, those around it of {before} and {after}"
        older = await self._transaction.row(
            "SELECT seq FROM record WHERE hub = ? AND seq >= ? AND quarantine = '' AND ("
            "  day_key IS NULL OR day_key IN"
            "  (SELECT public_key FROM day_key WHERE hub = ? AND first_seq < ?)) LIMIT 1",
            hub, first_seq, hub, first_seq,
        )  # fmt: skip
        if older is not None:
            return f"its day key begins at place {first_seq}, and {older['seq']} is an older key's"
        return ""


async def interruptions(transaction: Transaction, hub: bytes) -> int:
    """Count day keys of a hub that the key known before them did not hand over to."""
    (row,) = await transaction.rows(
        "SELECT count(*) FROM (SELECT previous, lag(public_key) OVER (ORDER BY first_seq) AS before"
        "  FROM day_key WHERE hub = ?) WHERE before IS NOT NULL AND previous != before",
        hub,
    )
    return int(row[0])
