"""What is missing: every hub's order is gapless, so what never came can be told and counted.

Records arrive out of order (alarms first), so nothing here is decided on arrival: it is worked
out from all that is stored. A record is *missing* when its place lies between the lowest and the
highest that came and no gap record of the hub speaks of it; *lost* when the hub says that it was
evicted or damaged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.collector.signers import interruptions
from edge_agent.store.database import Database, Transaction
from edge_agent.store.seal import NO_RECORD

_LOST = ("evicted", "damaged")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAccount:
    """What came from one hub, and what did not.

    ``chain_breaks`` counts records that do not follow the one before them: the hub lost its
    store, was restored from an older copy, or somebody forged. ``forks`` counts places that two
    records claim. ``quarantined`` records are kept and not opened. ``interruptions`` counts day
    keys without a handover from the one before: what they sign rests on the hub's identity alone.
    """

    hub: str
    records: int
    lowest_seq: int
    highest_seq: int
    missing: int
    lost: int
    chain_breaks: int
    forks: int
    quarantined: int = 0
    interruptions: int = 0


async def account(database: Database) -> tuple[HubAccount, ...]:
    """Work out the account of every hub, sorted by its id."""

    async def work(transaction: Transaction) -> tuple[HubAccount, ...]:
        hubs = await transaction.rows("SELECT DISTINCT hub FROM record ORDER BY hub")
        return tuple([await _account(transaction, row["hub"]) for row in hubs])

    return await database.transaction(work)


async def _account(transaction: Transaction, hub: bytes) -> HubAccount:
    (seen,) = await transaction.rows(
        "SELECT count(*) AS records, min(seq) AS lowest, max(seq) AS highest, "
        "count(DISTINCT seq) AS places, count(*) FILTER (WHERE quarantine != '') AS quarantined "
        "FROM record WHERE hub = ?",
        hub,
    )
    lowest, highest = seen["lowest"], seen["highest"]
    gaps = [
        (max(row["first_seq"], lowest), min(row["last_seq"], highest), row["reason"])
        for row in await transaction.rows("SELECT * FROM gap WHERE hub = ?", hub)
    ]
    explained = await _not_received(transaction, hub, ((first, last) for first, last, _ in gaps))
    lost = await _not_received(
        transaction, hub, ((first, last) for first, last, reason in gaps if reason in _LOST)
    )
    return HubAccount(
        hub=hub.hex(),
        records=seen["records"],
        lowest_seq=lowest,
        highest_seq=highest,
        missing=highest - lowest + 1 - seen["places"] - explained,
        lost=lost,
        chain_breaks=await _chain_breaks(transaction, hub, lowest),
        forks=seen["records"] - seen["places"],
        quarantined=seen["quarantined"],
        interruptions=await interruptions(transaction, hub),
    )


async def _not_received(
    transaction: Transaction, hub: bytes, ranges: Iterable[tuple[int, int]]
) -> int:
    """Count the places in the union of ``ranges`` from which no record came."""
    count, reached = 0, -1
    for start, last in sorted(ranges):
        first = max(start, reached + 1)
        if first > last:
            continue
        (row,) = await transaction.rows(
            "SELECT count(DISTINCT seq) FROM record WHERE hub = ? AND seq BETWEEN ? AND ?",
            hub, first, last,
        )  # fmt: skip
        count += last - first + 1 - row[0]
        reached = last
    return count


async def _chain_breaks(transaction: Transaction, hub: bytes, lowest: int) -> int:
    """Count records whose ``previous`` is not the record before them, where that can be told."""
    (row,) = await transaction.rows(
        "SELECT count(*) FROM record AS this WHERE hub = ? AND ("
        "  (previous = ? AND seq > ?)"
        "  OR EXISTS (SELECT 1 FROM record WHERE id = this.previous AND seq != this.seq - 1)"
        "  OR (EXISTS (SELECT 1 FROM record WHERE hub = this.hub AND seq = this.seq - 1)"
        "      AND NOT EXISTS (SELECT 1 FROM record WHERE hub = this.hub"
        "                      AND seq = this.seq - 1 AND id = this.previous)))",
        hub, NO_RECORD, lowest,
    )  # fmt: skip
    return int(row[0])
