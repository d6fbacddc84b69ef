"""The demo's account: what was read, sealed, sent, opened, lost, duplicated."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from edge_agent.collector import Collector
from edge_agent.demo.hub_process import HubProcess
from edge_agent.status import Status

_NS_PER_S = 1e9


class Report(Struct, frozen=True, kw_only=True):
    """What ``edge-agent demo --report`` writes. Counts span every life of the hub.

    Readings, beats and alarms are those the hub last reported of each life: a killed life may
    have had a few more. ``lost`` counts records that were committed to the outbox and are neither
    at the collector nor still buffered; ``duplicated`` counts records stored there twice.
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


def account(
    hub: HubProcess, collector: Collector, sealed: int, buffered: set[str], duration_s: float
) -> Report:
    """Draw up the account from the hub's statuses, its outbox and the collector's store.

    ``sealed`` is how many records the outbox has ever committed, ``buffered`` the ids in it now.
    """
    stats = collector.stats()
    held = collector.record_ids()
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
        beats=sum(life.beats for life in hub.lives),
        records_sealed=sealed,
        records_sent=sum(uplink.sent for uplink in uplinks),
        records_received=stats.received,
        records_opened=stats.opened,
        records_buffered=len(buffered),
        resent=stats.duplicates,
        lost=sealed - len(set(held) | buffered),
        duplicated=len(held) - len(set(held)),
        alarms_raised=sum(life.alarms_raised for life in hub.lives),
        seconds_to_first_reading=_since_spawn(hub, first, first.first_reading_after_s),
        seconds_to_first_delivery=_since_spawn(hub, first, first.first_delivery_after_s),
        seconds_to_stop=None if hub.stop_s is None else round(hub.stop_s, 2),
        peak_resident_mib=round(max(life.peak_resident_mib for life in hub.lives), 1),
    )


def _since_spawn(hub: HubProcess, life: Status, after_s: float | None) -> float | None:
    """Count from the start of the process, imports included."""
    if after_s is None:
        return None
    return round((life.started_at_ns - hub.spawned_at_ns[0]) / _NS_PER_S + after_s, 2)
