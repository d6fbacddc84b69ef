"""Modbus sensors of a room: one driver, completed by a register map in TOML (a profile).

Those that are shipped lie in ``config/modbus``; :mod:`edge_drivers.modbus_room_profile` says how
one is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Literal, cast

from edge_agent.driver import (
    Decoder,
    Driver,
    FrameError,
    Modbus,
    Output,
    ProfiledDriver,
    Serial,
)
from edge_agent.model import Boottime, Observation, State
from edge_drivers.modbus_room_profile import Profile
from edge_drivers.modbus_room_value import Value

_SILENCE_POLLS, _SILENCE_AT_LEAST_S = 4, 30.0


class RoomDecoder(Decoder):
    """Decodes the blocks of one sensor."""

    def __init__(self, sensor: str, profile: Profile) -> None:
        super().__init__(sensor)
        self._blocks = {block.read.name: block for block in profile.blocks}

    def feed(self, data: bytes, at: Boottime, channel: str = "block0") -> Iterable[Output]:
        """Decode the registers or inputs of block ``channel``."""
        block = self._blocks.get(channel)
        if block is None:
            raise FrameError(f"block {channel}", "not in the profile")
        if len(data) != block.octets:
            raise FrameError(f"block {channel}", f"expected {block.octets} octets", len(data))
        if block.has_inputs and max(data) > 1:
            raise FrameError(f"block {channel}", "an input is 0 or 1", data.index(max(data)))
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
            blocks=tuple(block.read for block in profile.blocks),
            poll_s=profile.poll_s,
            timeout_s=profile.timeout_s,
            silence_s=max(_SILENCE_AT_LEAST_S, _SILENCE_POLLS * profile.poll_s),
            line=line,
        ),
        decoder=partial(RoomDecoder, profile=profile),
        measures=profile.codes(optional=False),
        also=profile.codes(optional=True),
    )


DRIVER = ProfiledDriver(
    name="modbus-room",
    title="Modbus room sensor (register map from TOML)",
    complete=complete,
    profiles="config/modbus",
)
