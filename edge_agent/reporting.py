"""Puts a running hub into the words of :class:`~edge_agent.status.Status`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent import __version__
from edge_agent.model import Alarm, Boottime, Evidence
from edge_agent.outgoing import SUMMARIES_AT_MOST
from edge_agent.pipeline import GlucoseForecast
from edge_agent.reading_queue import ReadingQueue
from edge_agent.status import (
    AlarmStatus,
    ForecastStatus,
    QueueStatus,
    SensorStatus,
    Status,
    StoreStatus,
    UplinkStatus,
    VariableStatus,
)
from edge_agent.store.outbox import Counts
from edge_agent.twin.state import Variable

if TYPE_CHECKING:
    from edge_agent.agent import Agent

_NS_PER_S = 1e9
_PROCESS = Path("/proc/self/status")


def report(agent: Agent, counts: Counts | None) -> Status:
    """Return the status of ``agent`` at this moment, with its outbox's ``counts`` if it has one."""
    now = agent.clock.boottime()
    pipeline = agent.pipeline
    delivered_at = agent.uploader.state.first_success if agent.uploader else None
    return Status(
        version=__version__,
        hub=agent.hub_id,
        bed=agent.plan.settings.subject.bed,
        pid=os.getpid(),
        started_at_ns=agent.started_at,
        uptime_s=_seconds(agent.started_at, now),
        resident_mib=_memory_mib("VmRSS"),
        peak_resident_mib=_memory_mib("VmHWM"),
        first_reading_after_s=_after(agent.started_at, agent.first_reading_at),
        first_delivery_after_s=_after(agent.started_at, delivered_at),
        beats=pipeline.beats,
        alarms_raised=pipeline.alarms_raised,
        variables=[_variable(one) for one in pipeline.twin.snapshot(now)],
        forecasts=[_forecast(one, now) for one in pipeline.forecasts],
        sensors=[_sensor(agent, name, now) for name in agent.links.feeds],
        alarms=[_alarm(one, now) for one in pipeline.alarms.active],
        queues=[_readings(agent.readings), _outgoing(agent)],
        store=_store(agent, counts),
        uplink=_uplink(agent, now),
    )


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


def _sensor(agent: Agent, name: str, now: Boottime) -> SensorStatus:
    seen = agent.links.feeds[name].status
    driver = next(one.driver.name for one in agent.plan.sensors if one.settings.name == name)
    return SensorStatus(
        name=name,
        driver=driver,
        connected=seen.connected,
        connections=seen.connections,
        failures=seen.failures,
        frames=seen.frames,
        rejected=seen.rejected,
        readings=seen.readings,
        last_frame_age_s=None if seen.last_frame_at is None else _seconds(seen.last_frame_at, now),
        last_error=seen.last_error,
    )


def _alarm(one: Alarm, now: Boottime) -> AlarmStatus:
    return AlarmStatus(
        rule=one.rule,
        title=one.title,
        priority=one.priority.name.lower(),
        technical=one.technical,
        age_s=round(_seconds(one.at, now), 1),
        evidence=[evidence_words(evidence) for evidence in one.evidence],
    )


def evidence_words(one: Evidence) -> str:
    """Put one piece of evidence into a line: what was measured, where, and against which limit."""
    value = "no number" if one.value is None else f"{one.value:.4g} {one.unit}"
    limit = "" if one.limit is None else f" (limit {one.limit:g} {one.unit})"
    note = "" if one.note in {"", "measured"} else f": {one.note}"
    return f"{one.sensor}: {one.quantity} {value}{limit}{note}"


def _readings(queue: ReadingQueue) -> QueueStatus:
    return QueueStatus(
        name="readings",
        length=len(queue),
        longest=queue.longest,
        capacity=queue.capacity,
        dropped=dict(queue.dropped),
    )


def _outgoing(agent: Agent) -> QueueStatus:
    return QueueStatus(
        name="to be sealed",
        length=len(agent.outgoing),
        longest=agent.outgoing.longest,
        capacity=SUMMARIES_AT_MOST,
        dropped={"summaries": agent.outgoing.dropped, "unsealable": agent.unsealable},
    )


def _store(agent: Agent, counts: Counts | None) -> StoreStatus | None:
    if not agent.keeps_records:
        return None
    recovery = None if agent.outbox is None else agent.outbox.recovery
    return StoreStatus(
        is_open=counts is not None,
        buffered=counts.buffered if counts else 0,
        buffered_bytes=counts.buffered_octets if counts else 0,
        sealed=counts.sealed_total if counts else 0,
        delivered=counts.delivered_total if counts else 0,
        evicted=counts.evicted_total if counts else 0,
        last_error=agent.store_error,
        recovered="" if recovery is None else str(recovery),
    )


def _uplink(agent: Agent, now: Boottime) -> UplinkStatus | None:
    collector, uploader = agent.plan.settings.collector, agent.uploader
    if collector is None or uploader is None:
        return None
    state = uploader.state
    return UplinkStatus(
        url=collector.url,
        connected=state.connected,
        sent=state.sent,
        duplicates=state.duplicates,
        refused=state.refused,
        last_error=state.last_error,
        last_success_age_s=None
        if state.last_success is None
        else _seconds(state.last_success, now),
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
