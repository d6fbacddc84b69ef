"""Who took part: the person, the hub (gateway) and the sensors, as FHIR resources."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from edge_agent.collector.fhir.identifiers import eui64, eui64_of_address
from edge_agent.collector.fhir.planned import Planned
from edge_agent.collector.fhir.terms import (
    BLUETOOTH,
    EUI64,
    GENERIC_PROFILE,
    GUIDE,
    MDC,
    Json,
    concept,
    specialisation,
)

_IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/ContinuaDeviceIdentifiers"
_V2_IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_URI = "urn:ietf:rfc:3986"
_GATEWAY, _SENSOR = (531981, "MDC_MOC_VMS_MDS_AHD"), (65573, "MDC_MOC_VMS_MDS_SIMP")
_SOFTWARE, _PROTOCOL = (531975, "MDC_ID_PROD_SPEC_SW"), (531977, "MDC_ID_PROD_SPEC_PROTOCOL")
_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SensorCard:
    """What a hub tells of a sensor: its driver, and its address where it has one of its own."""

    sensor: str
    driver: str = ""
    title: str = ""
    address: str = ""
    software: str = ""

    @property
    def is_bluetooth(self) -> bool:
        """Whether ``address`` is one of Bluetooth."""
        return self.address.count(":") == 5

    def system_id(self, hub: str) -> str:
        """Return its EUI-64: from its own address, else made from the hub's id and its name."""
        if self.is_bluetooth:
            return eui64_of_address(self.address)
        return eui64(hub, self.sensor, self.driver, self.address)


def patient(subject: str) -> Planned:
    """Return the Patient behind a pseudonym (32 hexadecimal digits)."""
    name = f"urn:uuid:{UUID(subject)}"
    kind = concept(_V2_IDENTIFIER_TYPES, "ANON", "pseudonym")
    resource: Json = {
        "resourceType": "Patient",
        "meta": {"profile": [f"{GUIDE}/StructureDefinition/PhdPatient"]},
        "identifier": [{"type": kind, "system": _URI, "value": name}],
    }
    return Planned(resource, _URI, name)


def gateway(hub: str, software: str) -> Planned:
    """Return the Device of a hub (32 hexadecimal digits)."""
    resource = _device("PhgDevice", eui64(hub), _GATEWAY)
    resource |= {
        "manufacturer": "bedside-edge-agent",
        "modelNumber": "bedside-edge-agent",
        "deviceName": [{"name": f"hub {hub[:8]}", "type": "user-friendly-name"}],
        "specialization": [_specialisation(*GENERIC_PROFILE)],
        "version": [_version(_SOFTWARE, software)],
    }
    return Planned(resource, EUI64, eui64(hub))


def sensor(hub: str, card: SensorCard, refids: frozenset[str]) -> Planned:
    """Return the Device of a sensor that gives the quantities ``refids``.

    A hub reads neither maker nor model out of a sensor: the model is what its driver is for.
    """
    resource = _device("PhdDevice", card.system_id(hub), _SENSOR)
    if card.is_bluetooth:
        address = card.address.upper().replace(":", "-")
        resource["identifier"].append(_identifier("BTMAC", BLUETOOTH, address))
    name = card.sensor or "the hub's own findings"
    resource |= {
        "manufacturer": _UNKNOWN,
        "modelNumber": card.title or _UNKNOWN,
        "deviceName": [{"name": name, "type": "user-friendly-name"}],
        "specialization": [_specialisation(*specialisation(refids))],
        "version": [_version(_PROTOCOL, card.driver)],
    }
    return Planned(resource, EUI64, card.system_id(hub))


def _device(profile: str, system_id: str, kind: tuple[int, str]) -> Json:
    return {
        "resourceType": "Device",
        "meta": {"profile": [f"{GUIDE}/StructureDefinition/{profile}"]},
        "identifier": [_identifier("SYSID", EUI64, system_id)],
        "type": concept(MDC, *kind),
    }


def _identifier(kind: str, system: str, value: str) -> Json:
    of_kind = {"coding": [{"system": _IDENTIFIER_TYPES, "code": kind}]}
    return {"type": of_kind, "system": system, "value": value}


def _specialisation(code: int, refid: str) -> Json:
    return {"systemType": concept(MDC, code, refid), "version": _UNKNOWN}


def _version(kind: tuple[int, str], value: str) -> Json:
    return {"type": concept(MDC, *kind), "value": value or _UNKNOWN}
