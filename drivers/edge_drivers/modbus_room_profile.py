"""The register map (profile) of one kind of Modbus sensor, read from TOML.

A profile looks like this::

    title = "…"
    poll_s = 5.0                # how often; 5 s unless said
    timeout_s = 1.0             # longer than the sensor's slowest answer
    baud = 9600                 # the line as delivered; parity = "N", stopbits = 1
    [[block]]
    function = 4                # 2 discrete inputs, 3 holding registers, 4 input registers
    address = 1                 # 0-based wire address
    count = 2                   # registers, or inputs
    [[block.value]]
    code = "MDC_TEMP_ROOM"      # reference id of a quantity the hub knows
    offset = 0                  # registers, or inputs, from the start of the block
    type = "int16"              # int16 uint16 int32 uint32 float32 bit
    scale = 0.1                 # register * scale is in the quantity's unit
    low = -20                   # what this sensor can measure, in the quantity's unit
    high = 60
    errors = [0x7FFF]           # register contents that mean "no value"
    optional = true             # not every sensor of the kind has this part

Numbers are high octet first; ``word_order = "little"`` swaps the registers of a 32-bit number.
``sign = "offset-10000"`` is for sensors that send -3.5 as 10035. ``fault_offset`` and
``fault_mask`` name a status register of the same block and those of its bits that void the value.

A ``bit`` is 0 or 1: a discrete input, or bit number ``bit`` of a register; ``invert = true`` for a
contact that is normally closed. A sensor gives one value of each quantity: of eight contacts, a
profile names one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from edge_agent.codes import BY_REFID
from edge_agent.driver import RegisterBlock
from edge_agent.model import Code
from edge_drivers.modbus_room_value import (
    LAYOUTS,
    OFFSET_10000,
    Contact,
    Fault,
    Number,
    RegisterBit,
    Value,
)
from edge_drivers.profile_table import Table

_INPUTS = 2
_MOST_REGISTERS, _MOST_INPUTS = 125, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One contiguous read and the values in it."""

    read: RegisterBlock
    values: tuple[Value, ...]

    @property
    def octets(self) -> int:
        """How many octets the link hands over for the block."""
        return self.read.count if self.has_inputs else 2 * self.read.count

    @property
    def has_inputs(self) -> bool:
        """Whether the block is one of discrete inputs."""
        return self.read.function == _INPUTS

    def encode(self, values: Mapping[Code, float]) -> list[int]:
        """Return the registers, or the inputs as 0 and 1; zero where ``values`` gives nothing."""
        octets = bytearray(self.octets)
        for value in self.values:
            if value.code in values:
                value.encode(values[value.code], octets)
        return list(octets if self.has_inputs else struct.unpack(f">{self.read.count}H", octets))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The register map of one kind of sensor."""

    title: str
    poll_s: float
    timeout_s: float
    baud: int
    parity: str
    stopbits: int
    blocks: tuple[Block, ...]

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> Profile:
        """Read a parsed TOML table.

        :raises ValueError: names the key and what is wrong with it.
        """
        reader = Table(table, "")
        profile = cls(
            title=reader.text("title"),
            poll_s=reader.number("poll_s", 5.0, low=0.1, high=3600),
            timeout_s=reader.number("timeout_s", 1.0, low=0.05, high=60),
            baud=reader.integer("baud", 9600, low=300, high=1_000_000),
            parity=reader.choice("parity", "N", ("N", "E", "O")),
            stopbits=reader.integer("stopbits", 1, low=1, high=2),
            blocks=tuple(
                _block(block, index) for index, block in enumerate(reader.tables("block"))
            ),
        )
        reader.end()
        profile.check()
        return profile

    def check(self) -> None:
        """Refuse blocks that can't be told apart, and quantities that come twice.

        An answer that comes late is told from the answer to the next request only by its function
        and its length.
        """
        seen: dict[object, str] = {}
        for path, key, advice in self._identities():
            if key in seen:
                raise ValueError(f"{path} is also that of {seen[key]}; {advice}")
            seen[key] = path.partition(":")[0]
        if not self.codes(optional=False):
            raise ValueError("block: every value is optional; say what the sensor is there for")

    def _identities(self) -> Iterator[tuple[str, object, str]]:
        for index, block in enumerate(self.blocks):
            read = block.read
            length = -(-read.count // 8) if block.has_inputs else 2 * read.count
            yield (
                f"block[{index}].count: the answer's length with {read.count}",
                (read.function, length),
                "read a different number, so that late answers can be told apart",
            )
            for place, value in enumerate(block.values):
                yield (
                    f"block[{index}].value[{place}].code: {value.code.refid}",
                    value.code,
                    "give one of them, or make a second profile",
                )

    def codes(self, *, optional: bool) -> tuple[Code, ...]:
        """Return the quantities that every sensor of the kind gives, or only some."""
        values = (value for block in self.blocks for value in block.values)
        return tuple(value.code for value in values if value.optional is optional)


def _block(table: Table, index: int) -> Block:
    function = table.integer("function", low=2, high=4)
    most = _MOST_INPUTS if function == _INPUTS else _MOST_REGISTERS
    count = table.integer("count", low=1, high=most)
    block = Block(
        read=RegisterBlock(
            name=f"block{index}",
            function=cast("Literal[2, 3, 4]", function),
            address=table.integer("address", low=0, high=0xFFFF),
            count=count,
        ),
        values=tuple(_value(value, function, count) for value in table.tables("value")),
    )
    table.end()
    if block.read.address + count > 1 << 16:
        raise ValueError(f"{table.name('count')}: the block reaches beyond address 65535")
    return block


def _value(table: Table, function: int, count: int) -> Value:
    code = BY_REFID[table.choice("code", None, tuple(BY_REFID))]
    offset = table.integer("offset", low=0, high=count - 1)
    optional = table.flag("optional")
    has_inputs = function == _INPUTS
    types = ("bit",) if has_inputs else (*LAYOUTS, "bit")
    kind = table.choice("type", "bit" if has_inputs else "int16", types)
    value: Value
    if kind != "bit":
        value = _number(table, code, offset, kind, count, optional=optional)
    elif has_inputs:
        invert = table.flag("invert")
        value = Contact(code=code, offset=offset, optional=optional, invert=invert)
    else:
        bit, invert = table.integer("bit", low=0, high=15), table.flag("invert")
        value = RegisterBit(code=code, offset=offset, optional=optional, bit=bit, invert=invert)
    table.end()
    return value


def _number(
    table: Table, code: Code, offset: int, kind: str, count: int, *, optional: bool
) -> Number:
    number = Number(
        code=code,
        offset=offset,
        optional=optional,
        type=kind,
        scale=table.number("scale", 1.0),
        errors=frozenset(table.integers("errors", high=_largest(kind))),
        word_order=table.choice("word_order", "big", ("big", "little")),
        sign=table.choice("sign", "twos-complement", ("twos-complement", OFFSET_10000)),
        low=table.number("low", code.low),
        high=table.number("high", code.high),
        fault=_fault(table, count),
    )
    if number.scale == 0:
        raise ValueError(f"{table.name('scale')}: 0 would make every value 0")
    if number.offset + number.registers > count:
        raise ValueError(f"{table.name('offset')}: {kind} reaches beyond the block's {count}")
    if number.low >= number.high:
        raise ValueError(f"{table.name('low')}: {number.low:g} is not below high, {number.high:g}")
    return number


def _fault(table: Table, count: int) -> Fault | None:
    if not table.has("fault_offset") and not table.has("fault_mask"):
        return None
    return Fault(
        offset=table.integer("fault_offset", low=0, high=count - 1),
        mask=table.integer("fault_mask", low=1, high=0xFFFF),
    )


def _largest(kind: str) -> int:
    """Return the largest content of the registers of a ``kind`` of number."""
    return (1 << 8 * struct.calcsize(LAYOUTS[kind])) - 1
