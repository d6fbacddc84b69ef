"""Modbus room sensors: one driver, completed by a register map in TOML (a profile).

A profile names the blocks of registers to read and the values in them::

    title = "…"
    poll_s = 5.0
    [[block]]
    function = 4                # 3 holding, 4 input registers
    address = 1                 # 0-based wire address
    count = 2
    [[block.value]]
    code = "MDC_TEMP_ROOM"      # reference id of a quantity the hub knows
    offset = 0                  # registers from the start of the block
    type = "int16"              # int16 uint16 int32 uint32 float32
    scale = 0.1                 # register * scale is in the quantity's unit
    errors = [0x7FFF]           # register contents that mean "no value"

Numbers are high octet first; ``word_order = "little"`` swaps the registers of a 32-bit number.
``sign = "offset-10000"`` is for sensors that send -3.5 as 10035.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from edge_agent.codes import BY_REFID
from edge_agent.driver import (
    Decoder,
    Driver,
    FrameError,
    Modbus,
    Output,
    ProfiledDriver,
    RegisterBlock,
    Serial,
)
from edge_agent.model import Boottime, Code, Observation, State
from edge_drivers.profile_table import Table

_LAYOUTS = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f"}
_SIGN_OFFSET = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Where one quantity stands in a block, and how its registers become a number."""

    code: Code
    offset: int
    type: str
    scale: float
    errors: frozenset[int]
    word_order: str
    sign: str
    low: float
    high: float

    @property
    def registers(self) -> int:
        """How many registers the number takes."""
        return struct.calcsize(_LAYOUTS[self.type]) // 2

    def decode(self, block: bytes) -> tuple[float | None, State]:
        """Return the number (in ``code.unit``) and how far it can be relied on."""
        octets = self._ordered(block[2 * self.offset : 2 * (self.offset + self.registers)])
        if int.from_bytes(octets, "big") in self.errors:
            return None, State.SENSOR_FAULT
        (raw,) = struct.unpack(">" + _LAYOUTS[self.type], octets)
        if self.sign == "offset-10000" and raw >= _SIGN_OFFSET:
            raw = _SIGN_OFFSET - raw
        value = raw * self.scale
        if not math.isfinite(value):
            return None, State.SENSOR_FAULT
        # 305 * 0.1 is 30.500000000000004; no sensor here means more than six decimals.
        value = round(value, 6)
        plausible = self.low <= value <= self.high and self.code.is_plausible(value)
        return value, State.MEASURED if plausible else State.QUESTIONABLE

    def encode(self, value: float) -> bytes:
        """Return the registers that stand for ``value``, high octet first."""
        raw: float = value / self.scale
        if self.type != "float32":
            raw = round(raw)
        if self.sign == "offset-10000" and raw < 0:
            raw = _SIGN_OFFSET - raw
        return self._ordered(struct.pack(">" + _LAYOUTS[self.type], raw))

    def _ordered(self, octets: bytes) -> bytes:
        """Swap the registers of a 32-bit number where the sensor sends the low one first."""
        return octets[2:] + octets[:2] if self.word_order == "little" else octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One contiguous read and the values in it."""

    registers: RegisterBlock
    values: tuple[Value, ...]

    def encode(self, values: Mapping[Code, float]) -> list[int]:
        """Return the block's registers with ``values`` in them, zero where nothing is given."""
        octets = bytearray(2 * self.registers.count)
        for value in self.values:
            if value.code in values:
                at = 2 * value.offset
                octets[at : at + 2 * value.registers] = value.encode(values[value.code])
        return list(struct.unpack(f">{self.registers.count}H", octets))


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
        profile.check_counts()
        return profile

    def check_counts(self) -> None:
        """Refuse two blocks of one length.

        An answer that comes late is told from the answer to the next request only by its length.
        """
        counts = [block.registers.count for block in self.blocks]
        for index, count in enumerate(counts):
            if count in counts[:index]:
                first = counts.index(count)
                raise ValueError(
                    f"block[{index}].count: {count} is also the count of block[{first}]; "
                    "read a different number of registers, so that late answers can be told apart"
                )

    @property
    def codes(self) -> tuple[Code, ...]:
        """Every quantity the sensor gives."""
        return tuple(value.code for block in self.blocks for value in block.values)


def _block(table: Table, index: int) -> Block:
    count = table.integer("count", low=1, high=125)
    block = Block(
        registers=RegisterBlock(
            name=f"block{index}",
            function=cast("Literal[3, 4]", table.integer("function", low=3, high=4)),
            address=table.integer("address", low=0, high=0xFFFF),
            count=count,
        ),
        values=tuple(_value(value, count) for value in table.tables("value")),
    )
    table.end()
    return block


def _value(table: Table, count: int) -> Value:
    code = BY_REFID[table.choice("code", None, tuple(BY_REFID))]
    kind = table.choice("type", "int16", tuple(_LAYOUTS))
    value = Value(
        code=code,
        offset=table.integer("offset", low=0, high=count - 1),
        type=kind,
        scale=table.number("scale", 1.0),
        errors=frozenset(table.integers("errors", high=_largest(kind))),
        word_order=table.choice("word_order", "big", ("big", "little")),
        sign=table.choice("sign", "twos-complement", ("twos-complement", "offset-10000")),
        low=table.number("low", code.low),
        high=table.number("high", code.high),
    )
    table.end()
    if value.scale == 0:
        raise ValueError(f"{table.path}.scale: 0 would make every value 0")
    if value.offset + value.registers > count:
        raise ValueError(f"{table.path}.offset: {value.type} reaches beyond the block's {count}")
    return value


def _largest(kind: str) -> int:
    """Return the largest content of the registers of a ``kind`` of number."""
    return (1 << 8 * struct.calcsize(_LAYOUTS[kind])) - 1


class RoomDecoder(Decoder):
    """Decodes the register blocks of one sensor."""

    def __init__(self, sensor: str, profile: Profile) -> None:
        super().__init__(sensor)
        self._blocks = {block.registers.name: block for block in profile.blocks}

    def feed(self, data: bytes, at: Boottime, channel: str = "block0") -> Iterable[Output]:
        """Decode the registers of block ``channel``."""
        block = self._blocks.get(channel)
        if block is None:
            raise FrameError(f"block {channel}", "not in the profile")
        if len(data) != 2 * block.registers.count:
            expected = 2 * block.registers.count
            raise FrameError(f"block {channel}", f"expected {expected} octets", len(data))
        return tuple(self._observation(value, data, at) for value in block.values)

    def _observation(self, value: Value, data: bytes, at: Boottime) -> Observation:
        number, state = value.decode(data)
        return Observation(
            code=value.code,
            value=number,
            at=at,
            sensor=self.sensor,
            state=state,
            quality=1.0 if state is State.MEASURED else 0.0,
        )


def complete(table: Mapping[str, object]) -> Driver:
    """Make a driver from a parsed profile.

    :raises ValueError: names the key and what is wrong with it.
    """
    profile = Profile.from_table(table)
    line = Serial(
        baud=profile.baud,
        parity=cast("Literal['N', 'E', 'O']", profile.parity),
        stopbits=cast("Literal[1, 2]", profile.stopbits),
    )
    return Driver(
        name="modbus-room",
        title=profile.title,
        link=Modbus(
            blocks=tuple(block.registers for block in profile.blocks),
            poll_s=profile.poll_s,
            timeout_s=profile.timeout_s,
            silence_s=max(30.0, 4 * profile.poll_s),
            line=line,
        ),
        decoder=partial(RoomDecoder, profile=profile),
        measures=profile.codes,
    )


DRIVER = ProfiledDriver(
    name="modbus-room", title="Modbus room sensor (register map from TOML)", complete=complete
)
