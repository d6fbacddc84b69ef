"""The demo's account: what was read, sealed, sent, opened, lost, duplicated."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from edge_agent.collector import Collector
from edge_agent.demo.hub_process import HubProcess
from edge_agent.status import Status
from edge_agent.store.outbox import Outbox

_NS_PER_S = 1e9


class Report(Struct, frozen=True, kw_only=True):
    """What ``edge-agent demo --report`` writes. Counts span every life of the hub.

    Readings, beats and alarms are those the hub last reported of each life: a killed life may
    have had a few more. ``lost`` counts records that were committed to the outbox and are neither
    at the collector nor still buffered; ``duplicated`` counts places of the hub's order that two
    records claim there, and values that stand there twice by the sensor's own time.
    """

    duration_s: float
    hub_lives: int
    readings_per_driver: dict[str, int]
    beats: int
    records_sealed: int
    records_sent: int
    records_received: int
    records_opened: int
    records_buffered: int
    resent: int
    lost: int
    duplicated: int
    alarms_raised: int
    seconds_to_first_reading: float | None
    seconds_to_first_delivery: float | None
    seconds_to_stop: float | None
    peak_resident_mib: float


async def account(
    hub: HubProcess, collector: Collector, outbox: Outbox, duration_s: float
) -> Report:
    """Draw up the account from the hub's statuses, its outbox and the collector's store."""
    counts, buffered = await outbox.counts(), await _ids(outbox)
    await collector.open_records()
    stats, held = await collector.stats(), await collector.queries.record_ids()
    readings: Counter[str] = Counter()
    for life in hub.lives:
        for sensor in life.sensors:
            readings[sensor.driver] += sensor.readings
    uplinks = [life.uplink for life in hub.lives if life.uplink is not None]
    first = hub.lives[0]
    return Report(
        duration_s=round(duration_s, 1),
        hub_lives=len(hub.lives),
        readings_per_driver=dict(readings),
        beats=sum(life.beds[0].beats for life in hub.lives),
        records_sealed=counts.sealed_total,
        records_sent=sum(uplink.sent for uplink in uplinks),
        records_received=stats.kept.stored,
        records_opened=stats.kept.opened,
        records_buffered=len(buffered),
        resent=stats.duplicates,
        lost=counts.sealed_total - len(set(held) | buffered),
        duplicated=sum(account.forks for account in stats.hubs)
        + await collector.queries.repeated_values(),
        alarms_raised=sum(life.beds[0].alarms_raised for life in hub.lives),
        seconds_to_first_reading=_since_spawn(hub, first, first.first_reading_after_s),
        seconds_to_first_delivery=_since_spawn(hub, first, first.first_delivery_after_s),
        seconds_to_stop=None if hub.stop_s is None else round(hub.stop_s, 2),
        peak_resident_mib=round(max(life.peak_resident_mib for life in hub.lives), 1),
    )


async def _ids(outbox: Outbox) -> set[bytes]:
    """Return the id of every record that is still in the outbox."""
    found: set[bytes] = set()
    while record := await outbox.next(exclude=frozenset(found)):
        found.add(record.id)
    return found


def _since_spawn(hub: HubProcess, life: Status, after_s: float | None) -> float | None:
    """Count from the start of the process, imports included."""
    if after_s is None:
        return None
    return round((life.started_at_ns - hub.spawned_at_ns[0]) / _NS_PER_S + after_s, 2)
