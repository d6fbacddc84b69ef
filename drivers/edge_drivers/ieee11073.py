"""Number, checksum and date formats that medical Bluetooth profiles share, in both directions.

Sources: ISO/IEEE 11073-20601 annex F.8 (FLOAT-Type and SFLOAT-Type), Bluetooth GATT Specification
Supplement (date-time), Bluetooth CGM Service 1.0.2 (E2E-CRC).
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from dataclasses import dataclass

from edge_agent.driver import FrameError

NAN, NRES, POSITIVE_INFINITY, NEGATIVE_INFINITY = 0x07FF, 0x0800, 0x07FE, 0x0802
_RESERVED = 0x0801

_SPECIAL = {
    NAN: math.nan,
    NRES: math.nan,
    POSITIVE_INFINITY: math.inf,
    NEGATIVE_INFINITY: -math.inf,
    _RESERVED: math.nan,
}


def decode_sfloat(raw: int) -> float:
    """Turn a 16-bit SFLOAT into a number.

    The special values exist only with an exponent of zero: 0xF7FF is 204.7. "Not a number", "not
    at this resolution" and the reserved value give NaN.
    """
    if raw in _SPECIAL:
        return _SPECIAL[raw]
    return _scaled(_signed(raw & 0x0FFF, 12), _signed(raw >> 12, 4))


def encode_sfloat(value: float) -> int:
    """Turn a number into the SFLOAT nearest to it.

    :raises ValueError: beyond the range of the format (mantissa -2048 to 2047, exponent -8 to 7).
    """
    if math.isnan(value):
        return NAN
    if math.isinf(value):
        return POSITIVE_INFINITY if value > 0 else NEGATIVE_INFINITY
    for exponent in range(-8, 8):
        scaled = value / 10.0**exponent
        if math.isinf(scaled):
            continue
        mantissa = round(scaled)
        # With exponent zero the outermost mantissas are the special values.
        lowest, highest = (-2045, 2045) if exponent == 0 else (-2048, 2047)
        if lowest <= mantissa <= highest:
            return _packed(*_shortest(mantissa, exponent))
    raise ValueError(f"{value} does not fit an SFLOAT")


def crc16_mcrf4xx(data: bytes) -> int:
    """Return the E2E-CRC: polynomial 0x1021 reflected, initial value 0xFFFF, no final change."""
    crc = 0xFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8408 if crc & 1 else 0)
    return crc


@dataclass(frozen=True, slots=True)
class DateTime:
    """The seven-octet date-time: local time of the sensor, without a zone."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int

    @classmethod
    def from_bytes(cls, data: bytes) -> DateTime:
        """Decode seven octets.

        :raises FrameError: too few octets.
        """
        if len(data) < 7:
            raise FrameError("date-time", "expected seven octets", len(data))
        return cls(*struct.unpack_from("<H5B", data))

    def to_bytes(self) -> bytes:
        """Encode to seven octets."""
        return struct.pack(
            "<H5B", self.year, self.month, self.day, self.hour, self.minute, self.second
        )

    def utc_s(self, offset_s: int = 0) -> int | None:
        """Return seconds since 1970 for a clock ``offset_s`` east of UTC; ``None`` if no date.

        Sensors send zeros for a part they do not know.
        """
        try:
            local = dt.datetime(
                self.year, self.month, self.day, self.hour, self.minute, self.second, tzinfo=dt.UTC
            )
        except ValueError:
            return None
        return int(local.timestamp()) - offset_s


def _scaled(mantissa: int, exponent: int) -> float:
    # Dividing by a power of ten rounds once; multiplying by 0.1 would round twice.
    return mantissa * 10.0**exponent if exponent >= 0 else mantissa / 10.0**-exponent


def _shortest(mantissa: int, exponent: int) -> tuple[int, int]:
    """Drop trailing zeros, as far as the exponent stays at most zero."""
    while exponent < 0 and mantissa % 10 == 0:
        mantissa, exponent = mantissa // 10, exponent + 1
    return mantissa, exponent


def _packed(mantissa: int, exponent: int) -> int:
    return ((exponent & 0xF) << 12) | (mantissa & 0xFFF)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
