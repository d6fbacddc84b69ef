"""Mock Modbus room sensors, served by pymodbus over RTU and TCP.

The registers are worked out from the truth at each request, through the same profile that the
hub's driver reads them with.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, Self, cast

from pymodbus.constants import ExcCodes
from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge_agent import codes
from edge_agent.model import Code
from edge_agent.shared_files import shared_file
from edge_drivers.modbus_room import Profile
from edge_mocks.rtu_line import RtuLine
from edge_mocks.traces import RoomAir

LOOPBACK: Final = "127.0.0.1"

Values = Callable[[], Mapping[Code, float]]
"""What the sensor measures now, in each quantity's unit."""


def profile_path(name: str) -> Path:
    """Return the path of the register map ``name`` (such as ``jxct-air``) that the hub ships.

    :raises EdgeError: the installation is incomplete.
    """
    return shared_file(f"config/modbus/{name}.toml")


def read_profile(name: str) -> Profile:
    """Read the register map ``name``.

    :raises EdgeError: there is none of this name.
    """
    return Profile.from_table(tomllib.loads(profile_path(name).read_text(encoding="utf-8")))


def room_values(air: RoomAir) -> Mapping[Code, float]:
    """Return the air of a room by quantity."""
    return {
        codes.ROOM_TEMPERATURE: air.temperature_c,
        codes.ROOM_HUMIDITY: air.humidity_percent,
        codes.ROOM_CO2: air.co2_ppm,
    }


class _Server(Protocol):
    """What both servers of pymodbus can do."""

    async def serve_forever(self, *, background: bool = False) -> None:
        """Listen."""

    async def shutdown(self) -> None:
        """Stop listening and hang up."""


class RtuRoomSensor:
    """A room sensor with address ``unit`` on an RTU line that is its own (9600 baud, 8N1)."""

    def __init__(self, path: Path, profile: Profile, unit: int, values: Values) -> None:
        self.line = RtuLine(path, [unit])
        self._device = _device(profile, unit, values)
        self._server: _Server | None = None

    async def __aenter__(self) -> Self:
        self.line.open()
        self._server = ModbusSerialServer(
            self._device, framer=FramerType.RTU, port=self.line.server_port, baudrate=9600
        )
        await self._server.serve_forever(background=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            await self._server.shutdown()
        self.line.close()


class TcpRoomSensor:
    """A room sensor behind a Modbus TCP gateway on loopback; :attr:`port` is chosen at the start.

    :meth:`stop` and :meth:`start` are the gateway without power, and with it again.
    """

    def __init__(self, profile: Profile, unit: int, values: Values) -> None:
        self.host, self.port = LOOPBACK, 0
        self._device = _device(profile, unit, values)
        self._server: _Server | None = None

    async def start(self) -> None:
        """Listen, on the same port as before."""
        server = ModbusTcpServer(self._device, address=(self.host, self.port))
        await server.serve_forever(background=True)
        self.port = cast("asyncio.Server", server.transport).sockets[0].getsockname()[1]
        self._server = server

    async def stop(self) -> None:
        """Hang up on every client and refuse new ones."""
        if self._server is not None:
            await self._server.shutdown()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def _device(profile: Profile, unit: int, values: Values) -> SimDevice:
    """Describe one unit to pymodbus: readable exactly where the profile has blocks."""
    reads = [block.registers for block in profile.blocks]
    first = min(read.address for read in reads)
    count = max(read.address + read.count for read in reads) - first

    async def answer(
        function: int,
        start: int,
        address: int,
        wanted: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if written is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        for block in profile.blocks:
            read = block.registers
            after = read.address + read.count
            if read.function == function and read.address <= address <= after - wanted:
                registers[read.address - start : after - start] = block.encode(values())
                return None
        return ExcCodes.ILLEGAL_ADDRESS

    simdata = SimData(first, values=[0] * count, datatype=DataType.REGISTERS)
    return SimDevice(unit, simdata=simdata, action=answer)
