"""The end-to-end checksum that Bluetooth medical services put behind their values.

Sources: Bluetooth CGM Service 1.0.2 and Insulin Delivery Service 1.0.2 (E2E-CRC).
"""

from __future__ import annotations

import struct

from edge_agent.driver import FrameError
from edge_drivers.ieee11073 import crc16_mcrf4xx


def with_crc(body: bytes) -> bytes:
    """Append the E2E-CRC of ``body``, low octet first."""
    return body + struct.pack("<H", crc16_mcrf4xx(body))


def checked(data: bytes, frame: str) -> bytes:
    """Return ``data`` without its CRC.

    :raises FrameError: shorter than a CRC, or the CRC is wrong.
    """
    body, crc = data[:-2], int.from_bytes(data[-2:], "little")
    if len(data) < 2 or crc16_mcrf4xx(body) != crc:
        raise FrameError(frame, "wrong CRC", len(body))
    return body
