"""Number, checksum and date formats that medical Bluetooth profiles share, in both directions.

Sources: ISO/IEEE 11073-20601 annex F.8 (FLOAT-Type and SFLOAT-Type), Bluetooth GATT Specification
Supplement (date-time), Bluetooth CGM Service 1.0.2 (E2E-CRC).
"""

from __future__ import annotations

import datetime as dt
import math
import struct
from dataclasses import dataclass
from functools import lru_cache

from edge_agent.driver import FrameError


@dataclass(frozen=True, slots=True)
class _Format:
    """A decimal floating-point format; its special values sit around the largest mantissa.

    The special values exist only with an exponent of zero: the SFLOAT 0xF7FF is 204.7.
    """

    name: str
    mantissa_bits: int
    exponent_bits: int

    @property
    def nan(self) -> int:
        return (1 << (self.mantissa_bits - 1)) - 1

    @property
    def positive_infinity(self) -> int:
        return self.nan - 1

    @property
    def nres(self) -> int:
        return self.nan + 1

    @property
    def negative_infinity(self) -> int:
        return self.nan + 3

    def decode(self, raw: int) -> float:
        if self.positive_infinity <= raw <= self.negative_infinity:
            return {self.positive_infinity: math.inf, self.negative_infinity: -math.inf}.get(
                raw, math.nan
            )
        mantissa = _signed(raw & ((1 << self.mantissa_bits) - 1), self.mantissa_bits)
        exponent = _signed(raw >> self.mantissa_bits, self.exponent_bits)
        try:
            return _scaled(mantissa, exponent)
        except OverflowError:
            return math.nan

    def encode(self, value: float) -> int:
        if math.isnan(value):
            return self.nan
        if math.isinf(value):
            return self.positive_infinity if value > 0 else self.negative_infinity
        bound, reach = 1 << (self.mantissa_bits - 1), 1 << (self.exponent_bits - 1)
        # No number here needs more than 20 decimals, and 10 ** -128 would not divide cleanly.
        for exponent in range(max(-reach, -20), reach):
            scaled = _scaled(value, -exponent)
            if math.isinf(scaled):
                continue
            mantissa = round(scaled)
            # With exponent zero the outermost mantissas are the special values.
            lowest, highest = (3 - bound, bound - 3) if exponent == 0 else (-bound, bound - 1)
            if lowest <= mantissa <= highest:
                return self._packed(*_shortest(mantissa, exponent))
        raise ValueError(f"{value} does not fit {self.name}")

    def _packed(self, mantissa: int, exponent: int) -> int:
        high = exponent & ((1 << self.exponent_bits) - 1)
        return (high << self.mantissa_bits) | (mantissa & ((1 << self.mantissa_bits) - 1))


_SFLOAT = _Format("an SFLOAT", mantissa_bits=12, exponent_bits=4)
_FLOAT = _Format("a FLOAT", mantissa_bits=24, exponent_bits=8)


@lru_cache(maxsize=1024)
def decode_sfloat(raw: int) -> float:
    """Turn a 16-bit SFLOAT into a number.

    "Not a number", "not at this resolution" and the reserved value give NaN.
    """
    return _SFLOAT.decode(raw)


def encode_sfloat(value: float) -> int:
    """Turn a number into the SFLOAT nearest to it.

    :raises ValueError: beyond the range of the format (mantissa -2048 to 2047, exponent -8 to 7).
    """
    return _SFLOAT.encode(value)


@lru_cache(maxsize=1024)
def decode_float(raw: int) -> float:
    """Turn a 32-bit FLOAT (24-bit mantissa, 8-bit exponent) into a number; NaN as for SFLOAT."""
    return _FLOAT.decode(raw)


def encode_float(value: float) -> int:
    """Turn a number into the FLOAT nearest to it.

    :raises ValueError: beyond the range of the format.
    """
    return _FLOAT.encode(value)


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


def _scaled(mantissa: float, exponent: int) -> float:
    # Dividing by a power of ten rounds once; multiplying by 0.1 would round twice.
    return mantissa * 10.0**exponent if exponent >= 0 else mantissa / 10.0**-exponent


def _shortest(mantissa: int, exponent: int) -> tuple[int, int]:
    """Drop trailing zeros, as far as the exponent stays at most zero."""
    while exponent < 0 and mantissa % 10 == 0:
        mantissa, exponent = mantissa // 10, exponent + 1
    return mantissa, exponent


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value
