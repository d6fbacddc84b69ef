"""A Modbus sensor as pymodbus serves it: one unit, readable where its profile has blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pymodbus.constants import ExcCodes
from pymodbus.simulator import DataType, SimData, SimDevice

from edge_agent.driver import RegisterBlock
from edge_agent.model import Code
from edge_drivers.modbus_room_profile import Block, Profile

Values = Callable[[], Mapping[Code, float]]
"""What the sensor measures now, in each quantity's unit."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One sensor on a bus: its address, its register map, and what it measures."""

    address: int
    profile: Profile
    values: Values


def device(unit: Unit) -> SimDevice:
    """Describe one unit to pymodbus: readable exactly where the profile has blocks."""
    profile = unit.profile

    async def answer(
        function: int,
        start: int,
        address: int,
        wanted: int,
        words: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if written is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        for block in profile.blocks:
            read = block.read
            after = read.address + read.count
            if read.function == function and read.address <= address <= after - wanted:
                _fill(words, start, block, unit.values())
                return None
        return ExcCodes.ILLEGAL_ADDRESS

    coils, inputs = _bits(0, 1), [_bits(b.address, b.count) for b in _reads(profile, 2)]
    holding, registers = (
        [
            SimData(b.address, values=[0] * b.count, datatype=DataType.REGISTERS)
            for b in _reads(profile, function)
        ]
        for function in (3, 4)
    )
    nothing = [SimData(0, values=[0], datatype=DataType.REGISTERS)]
    simdata = ([coils], inputs or [_bits(0, 1)], holding or nothing, registers or nothing)
    return SimDevice(unit.address, simdata=simdata, action=answer)


def _reads(profile: Profile, function: int) -> list[RegisterBlock]:
    return [block.read for block in profile.blocks if block.read.function == function]


def _bits(address: int, count: int) -> SimData:
    return SimData(address, values=[False] * count, datatype=DataType.BITS)


def _fill(words: list[int], start: int, block: Block, values: Mapping[Code, float]) -> None:
    """Write ``values`` into the words that pymodbus answers from; inputs lie 16 in a word."""
    items, read = block.encode(values), block.read
    if not block.has_inputs:
        words[read.address - start : read.address - start + read.count] = items
        return
    for place, item in enumerate(items, read.address - 16 * start):
        mask = 1 << place % 16
        words[place // 16] = words[place // 16] | mask if item else words[place // 16] & ~mask
