"""What every Bluetooth SIG profile shares: short UUIDs and the battery level."""

from __future__ import annotations

from edge_agent.codes import BATTERY
from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Observation

_BASE = "0000{:04x}-0000-1000-8000-00805f9b34fb"


def uuid16(number: int) -> str:
    """Return the full UUID of a 16-bit Bluetooth SIG number."""
    return _BASE.format(number)


BATTERY_SERVICE = uuid16(0x180F)
BATTERY_LEVEL = uuid16(0x2A19)


def battery_level(data: bytes, at: Boottime, sensor: str) -> Observation:
    """Decode a Battery Level value (one octet, percent).

    :raises FrameError: not exactly one octet, or above 100.
    """
    if len(data) != 1 or data[0] > 100:
        raise FrameError("battery level", "expected one octet of 0 to 100")
    return Observation(code=BATTERY, value=float(data[0]), at=at, sensor=sensor)
