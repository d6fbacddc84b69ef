"""Mock Modbus room sensors, served by pymodbus over RTU, TCP and TLS.

The registers are worked out from the truth at each request, through the same profile that the
hub's driver reads them with.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, Self, cast

from pymodbus.framer import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer

from edge_agent import codes
from edge_agent.driver import Serial
from edge_agent.errors import EdgeError
from edge_agent.model import Code
from edge_agent.shared_files import shared_file
from edge_drivers.modbus_room_profile import Profile
from edge_mocks.modbus_device import Unit, Values, device
from edge_mocks.rtu_line import RtuCable, RtuLine
from edge_mocks.traces import RoomAir, SimulatedRoom

LOOPBACK: Final = "127.0.0.1"
_FOLDER = "config/modbus"


def profile_path(name: str) -> Path:
    """Return the path of the register map ``name`` (such as ``jxct-air``) that the hub ships.

    :raises EdgeError: the installation is incomplete.
    """
    return shared_file(f"{_FOLDER}/{name}.toml")


def profile_names() -> tuple[str, ...]:
    """Return the names of the register maps that the hub ships, sorted."""
    return tuple(sorted(file.stem for file in shared_file(_FOLDER).glob("*.toml")))


def read_profile(name: str) -> Profile:
    """Read the register map ``name``.

    :raises EdgeError: there is none of this name.
    """
    return Profile.from_table(tomllib.loads(profile_path(name).read_text(encoding="utf-8")))


def room_values(air: RoomAir) -> Mapping[Code, float]:
    """Return the air of a room by quantity, and what else a sensor can tell of a room at rest."""
    return {
        codes.ROOM_TEMPERATURE: air.temperature_c,
        codes.ROOM_HUMIDITY: air.humidity_percent,
        codes.ROOM_CO2: air.co2_ppm,
        codes.ROOM_VOC: 180.0,
        codes.ROOM_PM2_5: 9.0,
        codes.ROOM_PM10: 14.0,
        codes.ROOM_CO: 1.5,
        codes.ROOM_ILLUMINANCE: 312.5,
        codes.ROOM_SOUND: 38.5,
        codes.ROOM_MOTION: 33.0,
        codes.CONTACT_CLOSED: 1.0,
        codes.CONTACT_COUNT: 100_002.0,
        codes.BED_OCCUPIED: 1.0,
        codes.POWER: 234.5,
        codes.ENERGY: 1204.75,
    }


class _Server(Protocol):
    """What the servers of pymodbus can do."""

    async def serve_forever(self, *, background: bool = False) -> None:
        """Listen."""

    async def shutdown(self) -> None:
        """Stop listening and hang up."""


class RtuRoom:
    """Sensors on one RTU line."""

    def __init__(self, line: RtuLine, units: Sequence[Unit]) -> None:
        self.line = line
        self._devices = [device(unit) for unit in units]
        self._server: _Server | None = None

    async def __aenter__(self) -> Self:
        self.line.open()
        self._server = ModbusSerialServer(
            self._devices, framer=FramerType.RTU, port=self.line.server_port, baudrate=9600
        )
        await self._server.serve_forever(background=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            await self._server.shutdown()
        self.line.close()


class RtuRoomSensor(RtuRoom):
    """A room sensor with address ``unit`` on an RTU line that is its own, a pseudo-terminal."""

    def __init__(self, path: Path, profile: Profile, unit: int, values: Values) -> None:
        super().__init__(RtuLine(path, [unit]), [Unit(unit, profile, values)])


class TcpRoomSensor:
    """A room sensor behind a Modbus TCP gateway on loopback; :attr:`port` is chosen at the start.

    :meth:`stop` and :meth:`start` are the gateway without power, and with it again. With ``tls``,
    the context of a server, it speaks Modbus/TCP Security.
    """

    def __init__(
        self,
        profile: Profile,
        unit: int,
        values: Values,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.host, self.port = LOOPBACK, port
        self._device, self._tls = device(Unit(unit, profile, values)), tls
        self._server: _Server | None = None

    async def start(self) -> None:
        """Listen, on the same port as before.

        :raises EdgeError: the port is taken or may not be used.
        """
        where = (self.host, self.port)
        server: ModbusTcpServer = (
            ModbusTcpServer(self._device, address=where)
            if self._tls is None
            else ModbusTlsServer(self._device, address=where, sslctx=self._tls)
        )
        try:
            await server.serve_forever(background=True)
        except RuntimeError as error:
            step = "Give another port, or 0 for any"
            raise EdgeError(f"port {self.port} of {self.host}", "can't be used", step) from error
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomMock:
    """A room sensor that is running, and where a hub finds it.

    ``where`` are the keys of its table in the hub's configuration: ``port`` on a pseudo-terminal,
    ``host`` and ``tcp_port`` over TCP, nothing at a cable, whose other end the hub knows itself.
    """

    profile: str
    unit: int
    where: Mapping[str, str | int]

    def sensor_table(self, name: str = "room") -> str:
        """Return the ``[[sensor]]`` table for the hub's configuration."""
        keys = {"name": name, "driver": "modbus-room", "profile": self.profile, "unit": self.unit}
        lines = [
            f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
            for key, value in {**keys, **self.where}.items()
        ]
        return "[[sensor]]\n" + "".join(f"{line}\n" for line in lines)


@contextlib.asynccontextmanager
async def room_mock(
    profile: str, *, port: Path | None = None, tcp: int | None = None, unit: int = 1, seed: int = 1
) -> AsyncIterator[RoomMock]:
    """Run a room sensor with the shipped register map ``profile``; its air lives by ``seed``.

    It speaks RTU on the real serial port ``port`` (on the line of the profile; other sensors may
    be on the same wires), or Modbus TCP at port ``tcp`` of the loopback (0 takes any), or, with
    neither, RTU on a pseudo-terminal of its own.

    :raises EdgeError: there is no such profile, or the port can't be used.
    """
    if profile not in profile_names():
        known = ", ".join(profile_names())
        raise EdgeError(f"profile {profile!r}", "not shipped", f"There are: {known}")
    table = read_profile(profile)
    began_s = asyncio.get_running_loop().time()
    room = SimulatedRoom(seed)

    def values() -> Mapping[Code, float]:
        return room_values(room.at(asyncio.get_running_loop().time() - began_s))

    if port is not None and tcp is not None:
        raise EdgeError("mock modbus-room", "has both a serial and a TCP port", "Give one of them")
    if tcp is not None:
        async with TcpRoomSensor(table, unit, values, port=tcp) as sensor:
            where: dict[str, str | int] = {"host": sensor.host, "tcp_port": sensor.port}
            yield RoomMock(profile=profile, unit=unit, where=where)
    elif port is not None:
        cable = RtuCable(port, [unit], _line(table))
        async with RtuRoom(cable, [Unit(unit, table, values)]):
            yield RoomMock(profile=profile, unit=unit, where={})
    else:
        with tempfile.TemporaryDirectory(prefix="edge-mock-") as folder:
            path = Path(folder) / "usb-Mock_RS485"
            async with RtuRoomSensor(path, table, unit, values):
                # A pseudo-terminal knows no parity.
                where = {"port": str(path), "parity": "N"}
                yield RoomMock(profile=profile, unit=unit, where=where)


def _line(profile: Profile) -> Serial:
    return Serial(
        baud=profile.baud,
        parity=cast("Literal['N', 'E', 'O']", profile.parity),
        stopbits=cast("Literal[1, 2]", profile.stopbits),
    )
