"""Records that are kept and not opened, because opening them would be a guess.

Two things bring a record here: a version, suite or class that this collector does not know, and a
day key that does not fit what was seen of its hub (:mod:`edge_agent.collector.signers`). Its
signature was checked at the door; its hub has a receipt for it and holds it no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.collector.signers import Signers
from edge_agent.errors import SealError
from edge_agent.store.database import Database, Transaction
from edge_agent.store.seal import SealedRecord, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A record in quarantine, and why it is there."""

    id: str
    hub: str
    epoch: int
    seq: int
    octets: int
    received_utc_ns: int
    reason: str


async def reason_to_wait(record: SealedRecord, signers: Signers) -> str:
    """Return why a record goes into quarantine; "" when it does not."""
    return record.header.unknown or await signers.judge(record)


async def quarantined(database: Database) -> list[Quarantined]:
    """List what is in quarantine, oldest arrival first."""

    async def work(transaction: Transaction) -> list[Quarantined]:
        rows = await transaction.rows(
            "SELECT id, hub, epoch, seq, length(octets) AS size, received_utc_ns, quarantine "
            "FROM record WHERE quarantine != '' ORDER BY received_utc_ns, seq"
        )
        return [
            Quarantined(
                id=row["id"].hex(),
                hub=row["hub"].hex(),
                epoch=row["epoch"],
                seq=row["seq"],
                octets=row["size"],
                received_utc_ns=row["received_utc_ns"],
                reason=row["quarantine"],
            )
            for row in rows
        ]

    return await database.transaction(work)


async def release(
    database: Database, record_ids: Sequence[bytes] | None, *, trust: bool
) -> tuple[int, int]:
    """Judge records once more, all of them when none is named; return how many go and stay.

    ``trust`` takes a person's word for the signer, as after a hub was restored from an older copy
    of its card. Nobody's word makes an unknown format known.

    :raises SealError: a record is named that is not in quarantine.
    """
    known = {bytes.fromhex(one.id) for one in await quarantined(database)}
    for record_id in record_ids or ():
        if record_id not in known:
            step = "Look at: edge-agent collector quarantine list"
            raise SealError(f"record {record_id.hex()}", "not in quarantine", step)
    wanted = known if record_ids is None else set(record_ids)

    async def work(transaction: Transaction) -> int:
        signers, released = Signers(transaction), 0
        for row in await transaction.rows(
            "SELECT id, octets FROM record WHERE quarantine != '' ORDER BY hub, seq"
        ):
            if row["id"] in wanted:
                reason = await _still(row["octets"], signers, trust=trust)
                await transaction.execute(
                    "UPDATE record SET quarantine = ? WHERE id = ?", reason, row["id"]
                )
                released += not reason
        return released

    released = await database.transaction(work)
    return released, len(wanted) - released


async def _still(octets: bytes, signers: Signers, *, trust: bool) -> str:
    """Return why a record must stay; "" when it may go."""
    try:
        record = parse(octets)
    except SealError as error:
        return error.reason
    return "" if trust else await signers.judge(record)
