"""The hub's health as Prometheus text: queues, links, store, uplink, alarms by priority.

Nothing that was measured of the person is in it, nor who it is. Names follow Prometheus' own
conventions (a unit in the name, ``_total`` for what only grows); the text is its exposition format
0.0.4.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edge_agent.model import Priority
from edge_agent.status import SensorStatus, Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MIB = 1 << 20

Labels = Mapping[str, str]


@dataclass(slots=True)
class _Family:
    """One metric: its type, what it means, and its samples."""

    name: str
    kind: str
    about: str
    samples: list[tuple[Labels, float]] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        yield f"# HELP {self.name} {self.about}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, value in self.samples:
            named = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
            yield f"{self.name}{{{named}}} {value:.15g}" if named else f"{self.name} {value:.15g}"


def exposition(status: Status) -> str:
    """Return the metrics of a hub, as Prometheus reads them."""
    families = [*_hub(status), *_queues(status), *_links(status), *_store(status), *_uplink(status)]
    lines = [line for one in families if one.samples for line in one.lines()]
    return "\n".join(lines) + "\n"


def ailments(status: Status) -> list[str]:
    """Return what is wrong with the hub itself, in words; nothing when it is well.

    A sensor that is away and a collector that can't be reached are no ailments of the hub.
    """
    found = list(status.service.stuck)
    if status.store is not None and not status.store.is_open:
        found.append(f"store: not open. {status.store.last_error}".rstrip())
    return found


def _one(name: str, kind: str, about: str, value: float, **labels: str) -> _Family:
    return _Family(f"edge_agent_{name}", kind, about, [(labels, value)])


def _hub(status: Status) -> list[_Family]:
    standing = Counter(alarm.priority for alarm in status.alarms)
    alarms = _Family("edge_agent_alarms_standing", "gauge", "Alarms that stand, by priority.")
    alarms.samples = [
        ({"priority": one.name.lower()}, float(standing[one.name.lower()])) for one in Priority
    ]
    raised = sum(bed.alarms_raised for bed in status.beds)
    service = status.service
    return [
        _one("build_info", "gauge", "The version that runs.", 1.0, version=status.version),
        _one("uptime_seconds", "gauge", "Seconds since the start.", status.uptime_s),
        _one("resident_memory_bytes", "gauge", "Memory in use.", status.resident_mib * _MIB),
        _one("beds", "gauge", "Beds that are watched.", float(len(status.beds))),
        _one("stuck_tasks", "gauge", "Tasks without progress.", float(len(service.stuck))),
        _one("config_reloads_total", "counter", "Configurations taken.", float(service.reloads)),
        _one("config_refused", "gauge", "1 while the file that is there can't be used.",
             float(bool(service.refused))),
        alarms,
        _one("alarms_raised_total", "counter", "Alarms raised since the start.", float(raised)),
    ]  # fmt: skip


def _queues(status: Status) -> list[_Family]:
    length = _Family("edge_agent_queue_length", "gauge", "What waits in a queue.")
    capacity = _Family("edge_agent_queue_capacity", "gauge", "What fits into a queue.")
    dropped = _Family("edge_agent_queue_dropped_total", "counter", "What had to go.")
    for one in status.queues:
        labels = {"queue": one.name.replace(" ", "_")}
        length.samples.append((labels, float(one.length)))
        capacity.samples.append((labels, float(one.capacity)))
        for what, count in one.dropped.items():
            dropped.samples.append(({**labels, "what": what.replace(" ", "_")}, float(count)))
    return [length, capacity, dropped]


_COUNTED = (
    ("connections", "Times the link was made."),
    ("failures", "Times it failed."),
    ("frames", "Frames that arrived."),
    ("rejected", "Frames that did not decode."),
    ("readings", "Readings that were decoded."),
    ("gaps", "Gaps in a stream."),
    ("clock_resets", "Times the sensor's clock began anew."),
)


def _links(status: Status) -> list[_Family]:
    def labels(one: SensorStatus) -> Labels:
        return {"sensor": one.name, "driver": one.driver}

    connected = _Family("edge_agent_link_connected", "gauge", "1 while the sensor is connected.")
    age = _Family("edge_agent_link_last_frame_age_seconds", "gauge", "Seconds since a frame.")
    counters = [
        _Family(f"edge_agent_link_{key}_total", "counter", about) for key, about in _COUNTED
    ]
    for one in status.sensors:
        connected.samples.append((labels(one), float(one.connected)))
        if one.last_frame_age_s is not None:
            age.samples.append((labels(one), one.last_frame_age_s))
        for family, (key, _) in zip(counters, _COUNTED, strict=True):
            family.samples.append((labels(one), float(getattr(one, key))))
    return [connected, age, *counters]


def _store(status: Status) -> list[_Family]:
    store = status.store
    if store is None:
        return []
    return [
        _one("store_open", "gauge", "1 while the outbox can be written.", float(store.is_open)),
        _one("store_buffered_records", "gauge", "Records that wait.", float(store.buffered)),
        _one("store_buffered_bytes", "gauge", "Their octets.", float(store.buffered_bytes)),
        _one("store_sealed_records_total", "counter", "Records sealed.", float(store.sealed)),
        _one("store_evicted_records_total", "counter", "Records that made room for others.",
             float(store.evicted)),
    ]  # fmt: skip


def _uplink(status: Status) -> list[_Family]:
    uplink = status.uplink
    if uplink is None:
        return []
    families = [
        _one("uplink_connected", "gauge", "1 while the collector answers.",
             float(uplink.connected)),
        _one("uplink_sent_records_total", "counter", "Records taken by it.", float(uplink.sent)),
        _one("uplink_refused_records_total", "counter", "Records it refused.",
             float(uplink.refused)),
    ]  # fmt: skip
    if uplink.last_success_age_s is not None:
        age_s = uplink.last_success_age_s
        families.append(
            _one("uplink_last_success_age_seconds", "gauge", "Seconds since a receipt.", age_s)
        )
    return families


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
