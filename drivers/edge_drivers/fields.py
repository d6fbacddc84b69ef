"""Reads the fields of a Bluetooth value one after another.

Many values begin with flags that say which fields follow. A sensor of a later version of a service
may set flags that are reserved today and put fields behind those known; only then may octets be
left over.
"""

from __future__ import annotations

import struct

from edge_agent.driver import FrameError
from edge_drivers.ieee11073 import (
    DateTime,
    decode_float,
    decode_sfloat,
    encode_float,
    encode_sfloat,
)

DATE_TIME_OCTETS = 7

_U8, _U16, _S16 = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<h")
_U32 = struct.Struct("<I")


class Fields:
    """A place in ``data``, a value called ``frame``.

    Every method takes the next field and raises :class:`FrameError` where the value is too short.
    """

    __slots__ = ("_at", "_data", "_frame")

    def __init__(self, data: bytes, frame: str) -> None:
        self._data, self._frame, self._at = data, frame, 0

    def u8(self) -> int:
        """Take an octet."""
        return self._take(_U8)

    def u16(self) -> int:
        """Take an unsigned number of two octets."""
        return self._take(_U16)

    def s16(self) -> int:
        """Take a signed number of two octets."""
        return self._take(_S16)

    def u24(self) -> int:
        """Take an unsigned number of three octets."""
        return self.u16() | self.u8() << 16

    def sfloat(self) -> float:
        """Take an SFLOAT; NaN where the sensor has no number."""
        return decode_sfloat(self.u16())

    def float32(self) -> float:
        """Take a FLOAT; NaN where the sensor has no number."""
        return decode_float(self._take(_U32))

    def date_time(self) -> DateTime:
        """Take a date and time."""
        begin, self._at = self._at, self._at + DATE_TIME_OCTETS
        if len(self._data) < self._at:
            raise self._too_short()
        return DateTime.from_bytes(self._data[begin : self._at])

    def end(self, *, may_go_on: bool = False) -> None:
        """Check that nothing is left over, unless the value ``may_go_on``."""
        if len(self._data) > self._at and not may_go_on:
            raise FrameError(self._frame, "longer than its flags say", self._at)

    def _take(self, layout: struct.Struct) -> int:
        begin, self._at = self._at, self._at + layout.size
        if len(self._data) < self._at:
            raise self._too_short()
        number: int = layout.unpack_from(self._data, begin)[0]
        return number

    def _too_short(self) -> FrameError:
        return FrameError(self._frame, "shorter than its flags say", len(self._data))


def u16(value: int) -> bytes:
    """Encode an unsigned number of two octets."""
    return _U16.pack(value)


def s16(value: int) -> bytes:
    """Encode a signed number of two octets."""
    return _S16.pack(value)


def u24(value: int) -> bytes:
    """Encode an unsigned number of three octets."""
    return _U32.pack(value)[:3]


def sfloat(value: float) -> bytes:
    """Encode an SFLOAT.

    :raises ValueError: beyond the range of the format.
    """
    return _U16.pack(encode_sfloat(value))


def float32(value: float) -> bytes:
    """Encode a FLOAT.

    :raises ValueError: beyond the range of the format.
    """
    return _U32.pack(encode_float(value))
