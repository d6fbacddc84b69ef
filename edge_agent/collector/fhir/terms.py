"""The words of FHIR: code systems, profiles, and how each quantity of the hub is written.

Codes after ISO/IEEE 11073-10101, LOINC and UCUM; profiles after the HL7 Personal Health Device
Implementation Guide 2.0.0 (https://hl7.org/fhir/uv/phd).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from edge_agent import codes
from edge_agent.model import Code

Json = dict[str, Any]
"""A FHIR resource or a part of one, as it is written."""

MDC = "urn:iso:std:iso:11073:10101"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
GUIDE = "http://hl7.org/fhir/uv/phd"
OBSERVATION_IDENTIFIER = f"{GUIDE}/StructureDefinition/PhdBaseObservation"
"""The system of the identifiers by which an Observation is created once."""
GATEWAY_EXTENSION = "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice"
COINCIDENT_EXTENSION = f"{GUIDE}/StructureDefinition/CoincidentTimeStampReference"
EUI64 = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"
BLUETOOTH = "http://hl7.org/fhir/sid/eui-48/bluetooth"
RULES = "urn:uuid:8a0d5f0c-3c7c-4c55-9a5e-0f6a4d7f1b26"
"""The code system of the hub's alarm rules: names from its rule files, drawn for this project."""

STATISTICS = "http://terminology.hl7.org/CodeSystem/observation-statistics"

LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {code.refid: "of a device, not of a person" for code in (codes.BATTERY,)}
    | {
        code.refid: "of the room, not of a person"
        for code in (
            codes.ROOM_TEMPERATURE, codes.ROOM_HUMIDITY, codes.ROOM_CO2, codes.ROOM_PM2_5,
            codes.ROOM_PM10, codes.ROOM_VOC, codes.ROOM_CO, codes.ROOM_ILLUMINANCE,
            codes.ROOM_SOUND, codes.ROOM_MOTION, codes.CONTACT_CLOSED, codes.CONTACT_COUNT,
            codes.BED_OCCUPIED, codes.POWER, codes.ENERGY,
        )
    }
    | {
        code.refid: "a raw signal; what it says of an interval means nothing"
        for code in (codes.ACCELERATION_X, codes.ACCELERATION_Y, codes.ACCELERATION_Z)
    }
    | {
        code.refid: "expected, not measured"
        for code in (codes.GLUCOSE_IN_15_MIN, codes.GLUCOSE_IN_30_MIN)
    }
)  # fmt: skip
"""Quantities that are not written as Observations, and why; the research export has them."""

_MORE_LOINC = {codes.SPO2.refid: ("2708-6",)}
"""FHIR's vital signs profiles ask for a code of their own beside the exact one."""
_VITAL_SIGNS = frozenset({"8867-4", "9279-1", "2708-6", "8310-5", "29463-7", "8302-2", "39156-5"})
"""LOINC codes of FHIR R4's vital signs, of those the hub knows."""

BLOOD_PRESSURE_MDC, BLOOD_PRESSURE_LOINC = 150020, "85354-9"
"""MDC_PRESS_BLD_NONINV: systolic, diastolic and mean pressure of one measurement, together."""
BLOOD_PRESSURES = (codes.SYSTOLIC, codes.DIASTOLIC, codes.MEAN_PRESSURE)

GENERIC_PROFILE = (528457, "MDC_DEV_SPEC_PROFILE_GENERIC")
_PROFILES: tuple[tuple[tuple[Code, ...], int, str], ...] = (
    (BLOOD_PRESSURES, 528391, "MDC_DEV_SPEC_PROFILE_BP"),
    ((codes.SPO2,), 528388, "MDC_DEV_SPEC_PROFILE_PULS_OXIM"),
    ((codes.BODY_TEMPERATURE,), 528392, "MDC_DEV_SPEC_PROFILE_TEMP"),
    ((codes.BODY_WEIGHT,), 528399, "MDC_DEV_SPEC_PROFILE_SCALE"),
    ((codes.CAPILLARY_GLUCOSE,), 528401, "MDC_DEV_SPEC_PROFILE_GLUCOSE"),
    ((codes.INSULIN_RESERVOIR, codes.INSULIN_BOLUS), 528403, "MDC_DEV_SPEC_PROFILE_INSULIN_PUMP"),
    ((codes.GLUCOSE,), 528409, "MDC_DEV_SPEC_PROFILE_CGM"),
    ((codes.HEART_RATE, codes.RR_INTERVAL), 528525, "MDC_DEV_SUB_SPEC_PROFILE_HR"),
)

_ABSENT = (
    ("sensor-fault", "error"),
    ("not-attached", "not-performed"),
    ("searching", "temp-unknown"),
    ("below-range", "negative-infinity"),
    ("above-range", "positive-infinity"),
)
"""Why there is no number, the strongest reason first; as an SFLOAT says "LO" and "HI"."""


def concept(system: str, code: str | int, text: str) -> Json:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": str(code)}], "text": text}


def code_of(code: Code) -> Json:
    """Return the code of a quantity: MDC first, LOINC where it has one."""
    mdc = {"system": MDC, "code": str(code.mdc), "display": code.refid}
    return {"coding": [mdc, *_loinc_codings(code)], "text": code.title}


def loincs(code: Code) -> tuple[str, ...]:
    """Return the LOINC codes of a quantity, the general before the exact."""
    exact = () if code.loinc is None else (code.loinc,)
    return _MORE_LOINC.get(code.refid, ()) + exact


def is_vital_sign(code: Code) -> bool:
    """Tell whether FHIR counts the quantity among the vital signs."""
    return not _VITAL_SIGNS.isdisjoint(loincs(code))


def quantity(value: float, unit: str) -> Json:
    """Return a Quantity in UCUM."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def absent_reason(states: str) -> str:
    """Return FHIR's code for why there is no number; ``states`` as a summary row has them."""
    found = states.split()
    return next((reason for state, reason in _ABSENT if state in found), "unknown")


def specialisation(refids: frozenset[str]) -> tuple[int, str]:
    """Return the device specialisation (MDC code, reference id) of what a sensor gives."""
    for gives, code, refid in _PROFILES:
        if any(one.refid in refids for one in gives):
            return code, refid
    return GENERIC_PROFILE


def mapping_table() -> Iterator[str]:
    """Give the lines of the table in docs/fhir.md: every quantity, and how it is written."""
    yield "| quantity | MDC | reference id | LOINC | UCUM | written |"
    yield "| --- | ---: | --- | --- | --- | --- |"
    for code in codes.ALL:
        if code in (codes.ECG, codes.PLETH):
            how = "strips of it, sampled data" if code is codes.ECG else "no: it stays in the hub"
        elif code.refid in LEFT_OUT:
            how = f"no: {LEFT_OUT[code.refid]}"
        elif code in BLOOD_PRESSURES:
            how = f"component of {BLOOD_PRESSURE_MDC}, {BLOOD_PRESSURE_LOINC} (vital sign)"
        else:
            how = "numeric, vital sign" if is_vital_sign(code) else "numeric"
        cells = (
            code.title, str(code.mdc), f"`{code.refid}`", ", ".join(loincs(code)),
            f"`{code.unit.value}`", how,
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def _loinc_codings(code: Code) -> list[Json]:
    return [{"system": LOINC, "code": one} for one in loincs(code)]
