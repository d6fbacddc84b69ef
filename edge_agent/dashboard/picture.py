"""The whole hub at one moment, for the page: its status, what was lost, what will be trouble."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edge_agent import codes
from edge_agent.status import BedStatus, SensorStatus, Status

BATTERY_LOW_PERCENT, BATTERY_EMPTY_PERCENT = 20.0, 8.0
_UNSTEADY = 5
"""Links made again so often since the start make a link unsteady."""


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is gone: how much of what, and why."""

    what: str
    count: int
    why: str


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """What will soon go wrong with a sensor, or is going wrong, in words."""

    sensor: str
    words: str


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows. ``now_s`` is boot time, ``utc_ms`` the wall clock, right or wrong."""

    now_s: float
    utc_ms: int
    status: Status
    lost: list[Lost]
    trouble: list[Trouble]


def picture_of(status: Status, now_s: float, utc_ms: int) -> Picture:
    """Return the picture of a hub."""
    return Picture(
        now_s=now_s,
        utc_ms=utc_ms,
        status=status,
        lost=list(_lost(status)),
        trouble=list(_trouble(status)),
    )


def _lost(status: Status) -> Iterator[Lost]:
    for queue in status.queues:
        for what, count in queue.dropped.items():
            if count:
                yield Lost(what=f"{what} ({queue.name})", count=count, why="it came too fast")
    for sensor in status.sensors:
        if sensor.rejected:
            why = "they arrived damaged"
            yield Lost(what=f"frames of {sensor.name}", count=sensor.rejected, why=why)
        if sensor.gaps:
            why = "they never arrived"
            yield Lost(what=f"stretches of {sensor.name}", count=sensor.gaps, why=why)
    if status.store is not None and status.store.evicted:
        why = "the buffer was full before the clinic had them"
        yield Lost(what="summaries", count=status.store.evicted, why=why)


def _trouble(status: Status) -> Iterator[Trouble]:
    batteries = {
        (one.sensor): one.value
        for bed in status.beds
        for one in bed.variables
        if one.code == codes.BATTERY.refid and one.value is not None and not one.stale
    }
    for sensor in status.sensors:
        yield from _of_sensor(sensor, batteries.get(sensor.name))


def _of_sensor(sensor: SensorStatus, battery: float | None) -> Iterator[Trouble]:
    if battery is not None and battery <= BATTERY_EMPTY_PERCENT:
        yield Trouble(sensor=sensor.name, words="battery nearly empty: change or charge it now")
    elif battery is not None and battery <= BATTERY_LOW_PERCENT:
        yield Trouble(sensor=sensor.name, words="battery low: have another ready")
    if not sensor.connected and sensor.last_error:
        yield Trouble(sensor=sensor.name, words=sensor.last_error)
    elif sensor.connections > _UNSTEADY:
        words = f"unsteady link, made {sensor.connections} times: move hub or sensor closer"
        yield Trouble(sensor=sensor.name, words=words)


def bed_title(bed: BedStatus) -> str:
    """How a bed is called on the page."""
    return bed.bed or bed.pseudonym[:8]
