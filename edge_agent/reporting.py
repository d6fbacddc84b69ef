"""Puts a running hub into the words of :class:`~edge_agent.status.Status`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from edge_agent import __version__
from edge_agent.alarms.pause import Pause
from edge_agent.alarms.sentence import evidence_words, sentence
from edge_agent.bed import Bed
from edge_agent.dsp.glycemia import Glycemia, Profile
from edge_agent.glucose_channel import GlucoseForecast
from edge_agent.glycaemia_watch import DAYS
from edge_agent.imports.record import PersonRecord
from edge_agent.link.feed import Feed
from edge_agent.model import Alarm, Boottime
from edge_agent.outgoing import ALARMS_AT_MOST, SUMMARIES_AT_MOST
from edge_agent.person_watch import PersonWatch
from edge_agent.plan import Plan
from edge_agent.reading_queue import ReadingQueue
from edge_agent.records import Records
from edge_agent.reloading import Outcome
from edge_agent.status import (
    AlarmStatus,
    BedStatus,
    FatigueStatus,
    ForecastStatus,
    GlycaemiaStatus,
    PauseStatus,
    PersonStatus,
    ProfileStatus,
    QueueStatus,
    SensorStatus,
    ServiceStatus,
    Status,
    StoreStatus,
    UplinkStatus,
    VariableStatus,
)
from edge_agent.store.outbox import Counts
from edge_agent.sync.client import Uploader
from edge_agent.twin.state import FRESH_FOR_S, Variable
from edge_agent.warning_report import warning_status
from edge_agent.wiring import Sensor

_NS_PER_S = 1e9
_PROCESS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The parts of a running hub, as they stand at ``now``; ``counts`` are its outbox's."""

    plan: Plan
    now: Boottime
    started_at: Boottime
    first_reading_at: Boottime | None
    readings: ReadingQueue
    beds: Sequence[Bed]
    feeds: Mapping[str, Feed]
    records: Records
    counts: Counts | None
    stuck: list[str]
    reloaded: Outcome


def report(hub: Hub) -> Status:
    """Return the status of ``hub``."""
    now, uploader = hub.now, hub.records.uploader
    delivered_at = None if uploader is None else uploader.state.first_success
    return Status(
        version=__version__,
        hub=hub.records.hub_id,
        pid=os.getpid(),
        started_at_ns=hub.started_at,
        uptime_s=_seconds(hub.started_at, now),
        resident_mib=_memory_mib("VmRSS"),
        peak_resident_mib=_memory_mib("VmHWM"),
        first_reading_after_s=_after(hub.started_at, hub.first_reading_at),
        first_delivery_after_s=_after(hub.started_at, delivered_at),
        beds=[_bed(one, now) for one in hub.beds],
        sensors=[_sensor(one, hub.feeds[one.settings.name], now) for one in hub.plan.sensors],
        queues=[_readings(hub.readings), _outgoing(hub.records)],
        store=_store(hub.records, hub.counts),
        uplink=_uplink(hub.plan, uploader, now),
        service=ServiceStatus(stuck=hub.stuck, **asdict(hub.reloaded)),
    )


def _bed(bed: Bed, now: Boottime) -> BedStatus:
    pipeline = bed.pipeline
    return BedStatus(
        bed=bed.subject.bed,
        pseudonym=bed.subject.pseudonym,
        sensors=sorted(bed.sensors),
        beats=pipeline.beats,
        alarms_raised=pipeline.alarms_raised,
        variables=[_variable(one) for one in pipeline.twin.snapshot(now)],
        forecasts=[
            _forecast(one, now)
            for one in pipeline.forecasts
            if _seconds(one.at, now) <= FRESH_FOR_S[one.code]
        ],
        alarms=[_alarm(one, raised_at, now) for one, raised_at in pipeline.alarms.standing],
        person=_person(bed.person),
        pause=_pause(pipeline.alarms.paused, now),
        fatigue=FatigueStatus(**asdict(pipeline.alarms.figures)),
        warning=warning_status(bed.warning, now),
        glycaemia=[
            _glycaemia(hours, figures)
            for hours in (24.0, 24.0 * DAYS)
            if (figures := pipeline.glycaemia.of_last(hours, now)) is not None
        ],
        profile=_profile(pipeline.glycaemia.agp()),
    )


def _glycaemia(hours: float, one: Glycemia) -> GlycaemiaStatus:
    return GlycaemiaStatus(
        hours=hours,
        readings=one.n,
        below_percent=round(one.below_54_percent + one.from_54_to_69_percent, 1),
        in_range_percent=round(one.in_range_percent, 1),
        above_percent=round(one.above_250_percent + one.from_181_to_250_percent, 1),
        mean_mgdl=round(one.mean_mgdl, 1),
        cv_percent=None if one.cv_percent is None else round(one.cv_percent, 1),
        gmi_percent=round(one.gmi_percent, 1),
    )


def _profile(agp: Profile | None) -> list[ProfileStatus]:
    """Return the hours of the profile that have readings."""
    if agp is None:
        return []
    return [
        ProfileStatus(
            hour=hour - 0.5, p5=p5, p25=p25, p50=p50, p75=p75, p95=p95, readings=int(count)
        )
        for hour, (p5, p25, p50, p75, p95), count in zip(
            agp.hour.tolist(), agp.percentiles.round(1).tolist(), agp.n, strict=True
        )
        if count
    ]


def _variable(one: Variable) -> VariableStatus:
    return VariableStatus(
        code=one.code.refid,
        title=one.code.title,
        domain=one.domain.value,
        sensor=one.sensor,
        value=one.value,
        unit=one.code.unit.value,
        state=one.state.value,
        quality=one.quality,
        age_s=round(one.age_s, 1),
        stale=one.is_stale,
    )


def _forecast(one: GlucoseForecast, now: Boottime) -> ForecastStatus:
    return ForecastStatus(
        code=one.code.refid,
        horizon_min=one.horizon_min,
        mean=round(one.forecast.mean, 1),
        low90=round(one.forecast.low90, 1),
        high90=round(one.forecast.high90, 1),
        unit=one.code.unit.value,
        age_s=round(_seconds(one.at, now), 1),
    )


def _sensor(sensor: Sensor, feed: Feed, now: Boottime) -> SensorStatus:
    seen = feed.status
    return SensorStatus(
        name=sensor.settings.name,
        driver=sensor.driver.name,
        connected=seen.connected,
        connections=seen.connections,
        failures=seen.failures,
        frames=seen.frames,
        rejected=seen.rejected,
        readings=seen.readings,
        gaps=seen.gaps,
        overlaps=seen.overlaps,
        clock_resets=seen.clock_resets,
        last_frame_age_s=None if seen.last_frame_at is None else _seconds(seen.last_frame_at, now),
        last_error=seen.last_error,
    )


def _alarm(one: Alarm, raised_at: Boottime, now: Boottime) -> AlarmStatus:
    return AlarmStatus(
        rule=one.rule,
        episode=one.episode,
        title=one.title,
        priority=one.priority.name.lower(),
        phase=one.phase.value,
        technical=one.technical,
        age_s=round(_seconds(raised_at, now), 1),
        phase_age_s=round(_seconds(one.at, now), 1),
        evidence=[evidence_words(evidence) for evidence in one.evidence],
        message=sentence(one),
        advice=one.advice,
        silent=one.silent,
        by=one.by,
    )


def _pause(pause: Pause | None, now: Boottime) -> PauseStatus | None:
    if pause is None:
        return None
    age_s = round(_seconds(pause.begun, now), 1)
    return PauseStatus(by=pause.by, age_s=age_s, left_s=round(pause.left_s(now), 1))


def _readings(queue: ReadingQueue) -> QueueStatus:
    return QueueStatus(
        name="readings",
        length=len(queue),
        longest=queue.longest,
        capacity=queue.capacity,
        dropped=dict(queue.dropped),
    )


def _outgoing(records: Records) -> QueueStatus:
    return QueueStatus(
        name="to be sealed",
        length=len(records.outgoing),
        longest=records.outgoing.longest,
        capacity=ALARMS_AT_MOST + SUMMARIES_AT_MOST,
        dropped={kind.label: count for kind, count in records.outgoing.dropped.items()}
        | {"unsealable": records.unsealable},
    )


def _person(watch: PersonWatch) -> PersonStatus | None:
    record = watch.record or PersonRecord()
    if watch.record is None and not watch.error:
        return None
    return PersonStatus(
        results=len(record.results),
        medications=len(record.medications),
        genotypes=len(record.genotypes),
        error=watch.error,
    )


def _store(records: Records, counts: Counts | None) -> StoreStatus | None:
    if not records.are_kept:
        return None
    recovery = None if records.outbox is None else records.outbox.recovery
    return StoreStatus(
        is_open=counts is not None,
        buffered=counts.buffered if counts else 0,
        buffered_bytes=counts.buffered_octets if counts else 0,
        sealed=counts.sealed_total if counts else 0,
        delivered=counts.delivered_total if counts else 0,
        evicted=counts.evicted_total if counts else 0,
        last_error=records.error,
        recovered="" if recovery is None else str(recovery),
    )


def _uplink(plan: Plan, uploader: Uploader | None, now: Boottime) -> UplinkStatus | None:
    if plan.settings.collector is None or uploader is None:
        return None
    state = uploader.state
    success = state.last_success
    return UplinkStatus(
        url=plan.settings.collector.url,
        connected=state.connected,
        is_metered=state.is_metered,
        sent=state.sent,
        duplicates=state.duplicates,
        refused=state.refused,
        last_error=state.last_error,
        last_success_age_s=None if success is None else _seconds(success, now),
    )


def _seconds(since: Boottime, now: Boottime) -> float:
    return (now - since) / _NS_PER_S


def _after(start: Boottime, at: Boottime | None) -> float | None:
    return None if at is None else round(_seconds(start, at), 3)


def _memory_mib(field: str) -> float:
    """Read a figure of the kernel's account of this process; it counts in KiB."""
    for line in _PROCESS.read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0
