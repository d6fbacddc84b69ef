"""Brings back alarms that the alarm ring has and the database has lost."""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.store.database import Transaction
from edge_agent.store.ring import Kept
from edge_agent.store.salvage import HighWater, record_row

INSERT_IF_NEW = "INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)"


async def refill(transaction: Transaction, kept: Sequence[Kept], mark: HighWater) -> int:
    """Insert what ``kept`` has and the database should have; return how many alarms that were.

    A sound database holds, or has handed over, everything before its next place: only alarms from
    there on were lost, by storage that forgot a commit it had acknowledged. Then nobody can tell
    which other places were used: the order goes on behind the high-water ``mark``, in an epoch of
    its own. A database made in place of a damaged one gets every alarm of the ring once; one that
    the collector has already is known there by its hash.
    """
    (chain,) = await transaction.rows("SELECT * FROM chain")
    is_new = await transaction.execute("UPDATE salvage SET ring_read = 1 WHERE ring_read = 0")
    lost = [one for one in kept if one.record.header.seq >= chain["next_seq"]]
    inserted = 0
    for one in kept if is_new else lost:
        inserted += await transaction.execute(
            INSERT_IF_NEW, *record_row(one.record, one.sealed_at_ns)
        )
    if lost or mark.epoch > chain["epoch"]:
        await _leap(transaction, chain["next_seq"], lost, mark)
    return inserted


async def _leap(
    transaction: Transaction, next_seq: int, lost: Sequence[Kept], mark: HighWater
) -> None:
    """Go on behind every place that may have been used."""
    places = [one.record.header.seq for one in lost]
    epochs = [one.record.header.epoch for one in lost]
    onward = max(mark.seq, *places, next_seq - 1) + 1 if places else max(mark.seq + 1, next_seq)
    # No boot has the id '': the next thing that happens is another epoch.
    await transaction.execute(
        "UPDATE chain SET next_seq = ?, epoch = max(epoch, ?), boot_id = ''",
        onward,
        max(mark.epoch, *epochs) if epochs else mark.epoch,
    )
    if lost:
        await transaction.execute("UPDATE chain SET previous = ?", lost[-1].record.id)
    if onward > next_seq:
        await transaction.execute(
            "INSERT INTO gap VALUES (?, ?, 'damaged', NULL, NULL)", next_seq, onward - 1
        )
