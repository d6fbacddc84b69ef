"""Gap records: the outbox tells the collector what it no longer holds, and why.

A record that leaves the outbox undelivered leaves its place in the table ``gap``. The next append
seals all places not told yet into one record of class ``audit``, with a table ``gap`` of
(``first_seq``, ``last_seq``, ``reason``, ``rows``). While such a record still waits, the next one
takes its place and tells everything together: an outage of months costs one gap record, not
thousands.

Reasons: ``evicted`` for want of room; ``damaged`` by the storage, as far as it was not delivered;
``superseded`` by a later gap record; ``unused`` (no record was ever sealed there). ``rows`` is
how many table rows went with the places, or ``None`` where nobody knows.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_agent.store.database import Transaction
from edge_agent.store.payload import Row

_RANGES_AT_MOST = 1000
"""More ranges than these are not carried over: the waiting gap record stays and a new one joins."""


async def drop(transaction: Transaction, places: Sequence[int], reason: str) -> None:
    """Take the records at ``places`` out of the outbox and note where they were."""
    for seq in places:
        await transaction.execute(
            "INSERT INTO gap SELECT seq, seq, ?, rows, NULL FROM record WHERE seq = ?", reason, seq
        )
        await transaction.execute("DELETE FROM record WHERE seq = ?", seq)


async def collect(transaction: Transaction) -> list[Row]:
    """Return the rows of a gap record to be sealed now; none when everything has been told.

    A waiting gap record is taken out of the outbox, and its rows are among those returned.
    """
    if await transaction.row("SELECT 1 FROM gap WHERE carried_by IS NULL") is None:
        return []
    (waiting,) = await transaction.rows(
        "SELECT carried_by, count(*) AS ranges FROM gap "
        "WHERE carried_by = (SELECT max(carried_by) FROM gap)"
    )
    if waiting["carried_by"] is not None and waiting["ranges"] < _RANGES_AT_MOST:
        # First take the rows over: those of a record that leaves would leave with it.
        await transaction.execute(
            "UPDATE gap SET carried_by = NULL WHERE carried_by = ?", waiting["carried_by"]
        )
        await drop(transaction, [waiting["carried_by"]], "superseded")
    return await _merge(transaction)


async def carried(transaction: Transaction, seq: int) -> None:
    """Note that the gap record at ``seq`` tells everything that had not been told."""
    await transaction.execute("UPDATE gap SET carried_by = ? WHERE carried_by IS NULL", seq)


async def _merge(transaction: Transaction) -> list[Row]:
    """Join neighbouring places with the same reason, in the table too."""
    merged: list[dict[str, str | int | None]] = []
    for place in await transaction.rows(
        "SELECT first_seq, last_seq, reason, rows FROM gap WHERE carried_by IS NULL "
        "ORDER BY first_seq"
    ):
        last = merged[-1] if merged else None
        if last and (last["last_seq"], last["reason"]) == (place["first_seq"] - 1, place["reason"]):
            known = last["rows"] is not None and place["rows"] is not None
            last["last_seq"] = place["last_seq"]
            last["rows"] = int(last["rows"] or 0) + place["rows"] if known else None
        else:
            merged.append(dict(place))
    await transaction.execute("DELETE FROM gap WHERE carried_by IS NULL")
    for row in merged:
        await transaction.execute("INSERT INTO gap VALUES (?, ?, ?, ?, NULL)", *row.values())
    return list(merged)
