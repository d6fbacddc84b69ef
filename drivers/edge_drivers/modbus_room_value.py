"""One value in a block of registers or inputs: where it stands and how it becomes a quantity.

A block arrives as the link hands it over: registers as two octets each, high octet first, discrete
inputs as one octet of 0 or 1 each.
"""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass

from edge_agent.model import Code, State

LAYOUTS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f"}
"""Name of a number's format -> its layout for :mod:`struct`."""

OFFSET_10000 = "offset-10000"
_SIGN_OFFSET = 10_000

Decoded = tuple[float | None, State]
"""The number, in the unit of its quantity, and how far it can be relied on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value(ABC):
    """A quantity in a block.

    ``offset`` counts registers or inputs from the start of the block. ``optional`` marks a part
    that not every sensor of the kind is fitted with.
    """

    code: Code
    offset: int
    optional: bool = False

    @abstractmethod
    def decode(self, block: bytes) -> Decoded:
        """Read the quantity out of ``block``."""

    @abstractmethod
    def encode(self, value: float, block: bytearray) -> None:
        """Write ``value`` (in the unit of the quantity) into ``block``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A status register of the sensor in the same block: any bit of ``mask`` voids the value."""

    offset: int
    mask: int

    def is_set(self, block: bytes) -> bool:
        """Tell whether the sensor reports a fault."""
        return bool(int.from_bytes(block[2 * self.offset : 2 * self.offset + 2], "big") & self.mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number(Value):
    """A number in one register or two.

    ``errors`` are contents that stand for "no value". ``low`` and ``high`` are what this sensor
    can measure.
    """

    type: str
    scale: float
    errors: frozenset[int]
    word_order: str
    sign: str
    low: float
    high: float
    fault: Fault | None = None

    @property
    def registers(self) -> int:
        """How many registers the number takes."""
        return struct.calcsize(LAYOUTS[self.type]) // 2

    def decode(self, block: bytes) -> Decoded:
        """Read the number; no number where the sensor says that it has none."""
        octets = self._ordered(block[2 * self.offset : 2 * (self.offset + self.registers)])
        if int.from_bytes(octets, "big") in self.errors:
            return None, State.SENSOR_FAULT
        if self.fault is not None and self.fault.is_set(block):
            return None, State.SENSOR_FAULT
        (raw,) = struct.unpack(">" + LAYOUTS[self.type], octets)
        if self.sign == OFFSET_10000 and raw >= _SIGN_OFFSET:
            raw = _SIGN_OFFSET - raw
        value = raw * self.scale
        if not math.isfinite(value):
            return None, State.SENSOR_FAULT
        # 305 * 0.1 is 30.500000000000004; no sensor here means more than six decimals.
        value = round(value, 6)
        plausible = self.low <= value <= self.high and self.code.is_plausible(value)
        return value, State.MEASURED if plausible else State.QUESTIONABLE

    def encode(self, value: float, block: bytearray) -> None:
        """Write the registers that stand for ``value``."""
        raw: float = value / self.scale
        if self.type != "float32":
            raw = round(raw)
        if self.sign == OFFSET_10000 and raw < 0:
            raw = _SIGN_OFFSET - raw
        octets = self._ordered(struct.pack(">" + LAYOUTS[self.type], raw))
        block[2 * self.offset : 2 * self.offset + len(octets)] = octets

    def _ordered(self, octets: bytes) -> bytes:
        """Swap the registers of a 32-bit number where the sensor sends the low one first."""
        return octets[2:] + octets[:2] if self.word_order == "little" else octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(Value):
    """A discrete input: closed is 1, or 0 where the contact is ``invert``-ed (normally closed)."""

    invert: bool

    def decode(self, block: bytes) -> Decoded:
        """Read the contact: 0 or 1."""
        return float(bool(block[self.offset]) is not self.invert), State.MEASURED

    def encode(self, value: float, block: bytearray) -> None:
        """Write the input."""
        block[self.offset] = bool(value) is not self.invert


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterBit(Value):
    """Bit number ``bit`` (0 is the lowest) of a register."""

    bit: int
    invert: bool

    def decode(self, block: bytes) -> Decoded:
        """Read the bit: 0 or 1."""
        octet, mask = self._place()
        return float(bool(block[octet] & mask) is not self.invert), State.MEASURED

    def encode(self, value: float, block: bytearray) -> None:
        """Write the bit and leave its neighbours."""
        octet, mask = self._place()
        is_set = bool(value) is not self.invert
        block[octet] = block[octet] | mask if is_set else block[octet] & ~mask

    def _place(self) -> tuple[int, int]:
        return 2 * self.offset + (self.bit < 8), 1 << self.bit % 8
