"""What was measured and what was alarmed on, as FHIR Observations."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

from edge_agent import codes
from edge_agent.collector.fhir.identifiers import (
    NS_PER_S,
    hub_stamp,
    is_wall_clock,
    observation_identifier,
    sensor_stamp,
)
from edge_agent.collector.fhir.planned import Planned
from edge_agent.collector.fhir.source import OpenedRecord
from edge_agent.collector.fhir.terms import (
    BLOOD_PRESSURE_LOINC,
    BLOOD_PRESSURE_MDC,
    COINCIDENT_EXTENSION,
    GATEWAY_EXTENSION,
    GUIDE,
    LOINC,
    MDC,
    OBSERVATION_IDENTIFIER,
    RULES,
    STATISTICS,
    Json,
    absent_reason,
    code_of,
    concept,
    is_vital_sign,
    quantity,
)
from edge_agent.model import RELIABLE_QUALITY, Code

_ABSENT_REASONS = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_STATUS = "http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status"
_TIME_ABSOLUTE, _TIME_RELATIVE = (67975, "MDC_ATTR_TIME_ABS"), (67983, "MDC_ATTR_TIME_REL")
_DOUBTED = frozenset({"questionable", "not-attached", "searching", "sensor-fault"})

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """What the Observations of one sensor in one record have in common.

    ``patient``, ``gateway`` and ``device`` are references; ``device_id`` names the sensor in
    identifiers. ``is_test`` marks demonstrations (HTEST). ``note`` goes with each of them.
    """

    record: OpenedRecord
    patient: str
    gateway: str
    device: str
    device_id: str
    is_test: bool = False
    note: str = ""

    def observation(self, profile: str, code: Json, *, vital: bool = False) -> Json:
        """Return an Observation without value and time."""
        resource: Json = {
            "resourceType": "Observation",
            "meta": {"profile": [f"{GUIDE}/StructureDefinition/{profile}"]},
            "extension": [{"url": GATEWAY_EXTENSION, "valueReference": _to(self.gateway)}],
            "status": "final",
            "category": [concept(f"{GUIDE}/CodeSystem/PhdObservationCategories", "phd", "PHD")],
            "code": code,
            "subject": _to(self.patient),
            "device": _to(self.device),
        }
        if vital:
            resource["category"].append(concept(_CATEGORIES, "vital-signs", "Vital Signs"))
        if self.is_test:
            resource["meta"]["security"] = [_htest()]
        if self.note:
            resource["note"] = [{"text": self.note}]
        return resource

    def planned(self, resource: Json, identifier: str) -> Planned:
        """Return the resource with its identifier, under which it is created once."""
        resource["identifier"] = [{"system": OBSERVATION_IDENTIFIER, "value": identifier}]
        return Planned(resource, OBSERVATION_IDENTIFIER, identifier)

    def stamp(self, row: Row) -> str:
        """Return the time of a row as the sensor told it, or the hub's count where it did not."""
        if row["device_ns"] is not None:
            return sensor_stamp(row["device_ns"])
        duration_ns = row["last_ns"] - row["first_ns"]
        return hub_stamp(self.record.hub, self.record.epoch, row["last_ns"], duration_ns)


def coincident(frame: Frame, row: Row) -> Planned:
    """Return what the sensor's clock said when the hub's said ``last_ns``.

    While both run alike it is one Observation for the whole boot: its identifier holds their
    difference in seconds.
    """
    record, device_ns = frame.record, row["device_ns"]
    knows_date = is_wall_clock(device_ns)
    code, refid = _TIME_ABSOLUTE if knows_date else _TIME_RELATIVE
    resource: Json = {
        "resourceType": "Observation",
        "meta": {"profile": [f"{GUIDE}/StructureDefinition/PhdCoincidentTimeStampObservation"]},
        "status": "final",
        "code": concept(MDC, code, refid),
        "subject": _to(frame.device),
        "device": _to(frame.gateway),
        "effectiveDateTime": moment(record.utc_ns(row["last_ns"])),
    }
    if knows_date:
        resource["valueDateTime"] = moment(device_ns)
    else:
        resource["valueQuantity"] = quantity(device_ns // 1000, "us")
    if frame.is_test:
        resource["meta"]["security"] = [_htest()]
    difference_s = round((device_ns - row["last_ns"]) / NS_PER_S)
    clocks = f"{record.hub}.{record.epoch}{difference_s:+d}"
    return frame.planned(
        resource, observation_identifier(code, "", "-", frame.device_id, clocks, "coincident")
    )


def numeric(frame: Frame, row: Row, time: Planned | None) -> Planned:
    """Return the Observation of one row: the mean of an interval, or the one value there was."""
    code: Code = codes.BY_REFID[row["code"]]
    resource = frame.observation("PhdNumericObservation", code_of(code), vital=is_vital_sign(code))
    _refer(resource, time)
    resource |= _effective(frame.record, row)
    value = row["mean"] if row["n"] > 1 else row["last"]
    if value is None or row["n"] == 0:
        resource["dataAbsentReason"] = _absent(row)
    else:
        resource["valueQuantity"] = quantity(value, row["unit"])
        resource |= _interpretation(row)
    if row["n"] > 1:
        resource["component"] = [
            _statistic("minimum", row["min"], row["unit"]),
            _statistic("maximum", row["max"], row["unit"]),
            _statistic("count", row["n"], "1"),
        ]
    said = row["state"] if row["last"] is None else row["last"]
    identifier = observation_identifier(
        code.mdc, row["unit"], frame.record.subject, frame.device_id, frame.stamp(row), said
    )
    return frame.planned(resource, identifier)


def blood_pressure(frame: Frame, rows: list[Row], time: Planned | None) -> Planned:
    """Return the pressures of one measurement as one Observation with components."""
    code = concept(MDC, BLOOD_PRESSURE_MDC, "blood pressure")
    code["coding"].append({"system": LOINC, "code": BLOOD_PRESSURE_LOINC})
    resource = frame.observation("PhdCompoundNumericObservation", code, vital=True)
    _refer(resource, time)
    resource |= _effective(frame.record, rows[0])
    resource |= _interpretation(max(rows, key=lambda row: len(_doubts(row))))
    resource["component"] = [
        {"code": code_of(codes.BY_REFID[row["code"]])}
        | (
            {"dataAbsentReason": _absent(row)}
            if row["last"] is None
            else {"valueQuantity": quantity(row["last"], row["unit"])}
        )
        for row in rows
    ]
    said = "/".join(str(row["last"] or row["state"]) for row in rows)
    identifier = observation_identifier(
        BLOOD_PRESSURE_MDC, rows[0]["unit"], frame.record.subject, frame.device_id,
        frame.stamp(rows[0]), said,
    )  # fmt: skip
    return frame.planned(resource, identifier)


def ecg_strip(frame: Frame, event: Row) -> Planned:
    """Return the strip of ECG of a finding: the hub's counts of a microvolt as they are."""
    detail, record = event["detail"], frame.record
    start_ns, rate_hz, data = detail["strip_start_ns"], detail["strip_hz"], detail["strip_uV"]
    length_ns = round(len(data.split()) / rate_hz * NS_PER_S)
    resource = frame.observation("PhdRtsaObservation", code_of(codes.ECG))
    start_utc_ns = record.utc_ns(start_ns)
    resource["effectivePeriod"] = {
        "start": moment(start_utc_ns),
        "end": moment(start_utc_ns + length_ns),
    }
    resource["valueSampledData"] = {
        "origin": quantity(0, codes.ECG.unit.value),
        "period": 1000.0 / rate_hz,
        "factor": 1,
        "dimensions": 1,
        "data": data,
    }
    finding = str(detail.get("finding", "")).replace("-", " ")
    resource.setdefault("note", []).append({"text": f"ECG at the finding: {finding}"})
    stamp = hub_stamp(record.hub, record.epoch, start_ns, length_ns)
    identifier = observation_identifier(
        codes.ECG.mdc, codes.ECG.unit.value, record.subject, frame.device_id, stamp, finding
    )
    return frame.planned(resource, identifier)


def alarm_step(frame: Frame, alarm: Row) -> Planned:
    """Return one step of an alarm, with the values it was raised on as components."""
    record = frame.record
    resource = frame.observation(
        "PhdStringObservation", concept(RULES, alarm["rule"], alarm["title"])
    )
    kind = "technical alarm" if alarm["technical"] else "alarm"
    resource["effectiveDateTime"] = moment(record.utc_ns(alarm["at_ns"]))
    resource["valueString"] = (
        f"{alarm['title']}: {kind} of {alarm['priority']} priority {alarm['phase']}"
    )
    components = [_evidence(one) for one in alarm["evidence"] if _is_number(one.get("value"))]
    if components:
        resource["component"] = components
    stamp = hub_stamp(record.hub, record.epoch, alarm["at_ns"])
    said = f"{alarm['episode']} {alarm['phase']} {alarm['priority']}"
    identifier = observation_identifier(
        alarm["rule"], "", record.subject, frame.device_id, stamp, said
    )
    return frame.planned(resource, identifier)


def moment(utc_ns: int) -> str:
    """Return a time in UTC as FHIR writes it, to the millisecond."""
    whole = dt.datetime.fromtimestamp(utc_ns // NS_PER_S, dt.UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{utc_ns % NS_PER_S // 1_000_000:03d}Z"


def _to(reference: str) -> Json:
    return {"reference": reference}


def _htest() -> Json:
    return {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


def _refer(resource: Json, time: Planned | None) -> None:
    if time is not None:
        reference = {"url": COINCIDENT_EXTENSION, "valueReference": _to(time.urn)}
        resource["extension"].append(reference)


def _effective(record: OpenedRecord, row: Row) -> Json:
    last = moment(record.utc_ns(row["last_ns"]))
    if row["n"] <= 1 or row["first_ns"] == row["last_ns"]:
        return {"effectiveDateTime": last}
    return {"effectivePeriod": {"start": moment(record.utc_ns(row["first_ns"])), "end": last}}


def _absent(row: Row) -> Json:
    return concept(_ABSENT_REASONS, absent_reason(row["state"]), row["state"])


def _doubts(row: Row) -> frozenset[str]:
    quality = row["quality"]
    low = {"questionable"} if quality is not None and quality < RELIABLE_QUALITY else set()
    return frozenset(row["state"].split()) & _DOUBTED | low


def _interpretation(row: Row) -> Json:
    if not _doubts(row):
        return {}
    return {"interpretation": [concept(_STATUS, "questionable", ", ".join(sorted(_doubts(row))))]}


def _statistic(name: str, value: float, unit: str) -> Json:
    return {"code": concept(STATISTICS, name, name), "valueQuantity": quantity(value, unit)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _evidence(one: Row) -> Json:
    known = codes.BY_REFID.get(one["quantity"])
    code = {"text": one["quantity"]} if known is None else code_of(known)
    value = quantity(one["value"], one["unit"]) if one["unit"] else {"value": one["value"]}
    return {"code": code, "valueQuantity": value}
