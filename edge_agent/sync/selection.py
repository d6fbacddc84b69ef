"""What goes into the next batch."""

from __future__ import annotations

from edge_agent.store.outbox import Outbox, Stored
from edge_agent.store.seal import RecordClass
from edge_agent.sync.protocol import BATCH_OCTETS, framed_octets


async def select(
    outbox: Outbox, at_most: int, aside: frozenset[bytes], *, alarms_only: bool = False
) -> list[Stored]:
    """Return up to ``at_most`` records that fit a batch, without those ``aside``, urgent first."""
    batch: list[Stored] = []
    room = BATCH_OCTETS
    while len(batch) < at_most:
        one = await outbox.next(exclude=aside | {taken.id for taken in batch})
        if one is None or (alarms_only and one.record_class is not RecordClass.ALARM):
            break
        if batch and framed_octets(one.octets) > room:
            break
        batch.append(one)
        room -= framed_octets(one.octets)
    return batch
