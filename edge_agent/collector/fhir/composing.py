"""From an opened record to the resources that say the same in FHIR."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edge_agent import codes
from edge_agent.collector.fhir import devices
from edge_agent.collector.fhir.observations import (
    Frame,
    Row,
    alarm_step,
    blood_pressure,
    coincident,
    ecg_strip,
    numeric,
)
from edge_agent.collector.fhir.planned import Planned
from edge_agent.collector.fhir.source import OpenedRecord
from edge_agent.collector.fhir.terms import BLOOD_PRESSURES, LEFT_OUT

UNCERTAIN_NS = 60 * 1_000_000_000
"""A clock that may be off by more is not right yet."""

_PRESSURES = {code.refid: place for place, code in enumerate(BLOOD_PRESSURES)}


@dataclass(frozen=True, slots=True)
class Composed:
    """What a record says: first who took part, then how sensors' clocks ran, then the rest.

    ``vital`` are those without which nothing of the record can be written: person and hub.
    """

    vital: list[Planned]
    sensors: list[Planned] = field(default_factory=list)
    times: list[Planned] = field(default_factory=list)
    observations: list[Planned] = field(default_factory=list)

    @property
    def everything(self) -> list[Planned]:
        """All of them, in the order in which they refer to each other."""
        return [*self.vital, *self.sensors, *self.times, *self.observations]


def compose(
    record: OpenedRecord, *, patients: Mapping[str, str] | None = None, is_test: bool = False
) -> Composed:
    """Return the resources of a record; ``patients`` gives the references of known pseudonyms."""
    software = next((card.software for card in record.sensors.values() if card.software), "")
    hub = devices.gateway(record.hub, software)
    reference = (patients or {}).get(record.subject)
    person = devices.patient(record.subject)
    composed = Composed([hub] if reference else [hub, person])
    frames: dict[str, Frame] = {}
    for name in sorted(record.sensors):
        gives = frozenset(row["code"] for row in record.observations if row["sensor"] == name)
        sensor = devices.sensor(record.hub, record.sensors[name], gives)
        composed.sensors.append(sensor)
        frames[name] = Frame(
            record, reference or person.urn, hub.urn, sensor.urn, sensor.value, is_test,
            _note(record),
        )  # fmt: skip
    for rows in _measurements(record.observations):
        frame = frames[rows[0]["sensor"]]
        time = None if rows[0]["device_ns"] is None else coincident(frame, rows[0])
        if time is not None:
            composed.times.append(time)
        composed.observations.append(
            blood_pressure(frame, rows, time) if len(rows) > 1 else numeric(frame, rows[0], time)
        )
    composed.observations.extend(
        ecg_strip(frames[event["sensor"]], event)
        for event in record.events
        if event["detail"].get("strip_uV")
    )
    for alarm in record.alarms:
        of = alarm["evidence"][0]["sensor"] if alarm["evidence"] else ""
        composed.observations.append(alarm_step(frames[of], alarm))
    return composed


def _measurements(rows: list[Row]) -> Iterator[list[Row]]:
    """Give rows that belong together: the pressures of one measurement, else one by one."""
    pressures: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["code"] in LEFT_OUT or row["code"] not in codes.BY_REFID:
            continue
        if row["code"] in _PRESSURES and row["n"] <= 1:
            pressures[row["sensor"], row["last_ns"], row["device_ns"]].append(row)
        else:
            yield [row]
    for together in pressures.values():
        yield sorted(together, key=lambda row: _PRESSURES[row["code"]])


def _note(record: OpenedRecord) -> str:
    uncertainty_ns = record.uncertainty_ns
    if uncertainty_ns is None or uncertainty_ns <= UNCERTAIN_NS:
        return ""
    return f"The hub's clock was not verified: times may be off by {uncertainty_ns // 10**9} s"
