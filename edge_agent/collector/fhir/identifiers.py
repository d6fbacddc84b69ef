"""Names under which FHIR knows what hubs sent: the same for the same thing, however often sent.

The identifier of an Observation follows the guide (https://hl7.org/fhir/uv/phd, "The Observation
Identifier"): type, unit, patient, device and the time *as the sensor told it*, never as it was
corrected. The value goes in as well: meters count whole minutes, and two measurements of one
minute are two. A sensor without a clock has the hub's count of its boot in place of a time.
"""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

NS_PER_S = 1_000_000_000
_YEAR_2000_S = 946_684_800
_LOCALLY_ADMINISTERED, _NOT_GROUP = 0x02, 0xFE


def eui64(*parts: str) -> str:
    """Return a locally administered EUI-64 for what ``parts`` name, as the guide writes one."""
    octets = bytearray(sha256("\0".join(parts).encode()).digest()[:8])
    octets[0] = (octets[0] | _LOCALLY_ADMINISTERED) & _NOT_GROUP
    return "-".join(f"{octet:02X}" for octet in octets)


def eui64_of_address(address: str) -> str:
    """Return the EUI-64 that extends a 48-bit address (``FF-FE`` in the middle)."""
    octets = address.upper().replace(":", "-").split("-")
    return "-".join([*octets[:3], "FF", "FE", *octets[3:]])


def is_wall_clock(device_ns: int) -> bool:
    """Tell a sensor that knows the date from one that counts from its start."""
    return device_ns >= _YEAR_2000_S * NS_PER_S


def sensor_stamp(device_ns: int) -> str:
    """Return a sensor's time in seconds, since 2000-01-01 where it knows the date."""
    since_ns = _YEAR_2000_S * NS_PER_S if is_wall_clock(device_ns) else 0
    return _seconds(device_ns - since_ns)


def hub_stamp(hub: str, epoch: int, boottime_ns: int, duration_ns: int = 0) -> str:
    """Return the hub's own count: its id, the boot, seconds in it; a duration after ``..``."""
    stamp = f"{hub}.{epoch}.{_seconds(boottime_ns)}"
    return f"{stamp}..{_seconds(duration_ns)}" if duration_ns else stamp


def observation_identifier(
    code: str | int, unit: str, patient: str, device: str, stamp: str, value: object
) -> str:
    """Return the identifier of an Observation; ``value`` is any text that tells its value."""
    return " ".join([str(code), unit or "-", patient, device, stamp, str(value)]).replace("|", "/")


def search_query(system: str, value: str) -> str:
    """Return the search that finds a resource by its identifier."""
    escaped = "".join(f"\\{char}" if char in "\\$,|" else char for char in value)
    return f"identifier={quote(f'{system}|{escaped}', safe='')}"


def urn(text: str) -> str:
    """Return the ``urn:uuid`` that stands for something until a server has given it an id."""
    return f"urn:uuid:{uuid5(NAMESPACE_URL, text)}"


def _seconds(ns: int) -> str:
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    fraction = f"{ns % NS_PER_S:09d}".rstrip("0")
    return f"{sign}{ns // NS_PER_S}" + (f".{fraction}" if fraction else "")
