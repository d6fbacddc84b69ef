"""One mock sensor on its own, for a hub, a serial cable or a radio of the user's."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from edge_agent import registry
from edge_agent.driver import Driver, Serial
from edge_agent.errors import EdgeError
from edge_mocks import shelf
from edge_mocks.bluez import Bluez, Peripheral
from edge_mocks.bus import PrivateBus
from edge_mocks.faults import FrameFaults
from edge_mocks.modbus import profile_names, room_mock
from edge_mocks.on_air import OnAir
from edge_mocks.serial_line import SerialLine
from edge_mocks.serial_port import SerialPort
from edge_mocks.shelf import BleMock, BleSensor, SerialMock

_ROOM, _ROOM_TITLE = "modbus-room", "room sensor with a register map of your choice"
_SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"


def titles() -> list[tuple[str, str]]:
    """Return name and title of every mock."""
    return [(name, shelf.find(name).title) for name in shelf.names()] + [(_ROOM, _ROOM_TITLE)]


def stage(
    name: str,
    *,
    port: Path | None = None,
    adapter: str = "",
    profile: str = "",
    tcp: int | None = None,
    faults: Sequence[str] = (),
    seed: int = 1,
) -> AbstractAsyncContextManager[str]:
    """Return what runs the mock ``name``, and gives, in words, what a hub needs to read it.

    :raises EdgeError: no mock of this name, or an option that it has no use for.
    """
    if name == _ROOM:
        _refuse(name, {"--adapter": adapter, "--fault": " ".join(faults)})
        return room(profile, port, tcp, seed)
    try:
        mock = shelf.find(name)
    except KeyError:
        known = ", ".join(known for known, _ in titles())
        raise EdgeError(f"mock {name!r}", "not on the shelf", f"There are: {known}") from None
    if isinstance(mock, BleMock):
        _refuse(name, {"--port": port, "--profile": profile, "--tcp": tcp})
        return bluetooth(mock, name, adapter, faults, seed)
    _refuse(name, {"--adapter": adapter, "--profile": profile, "--tcp": tcp})
    return serial(mock, name, port, faults, seed)


def _faults(wanted: Sequence[str], seed: int) -> FrameFaults:
    return FrameFaults.from_words(wanted, random.Random(seed))  # noqa: S311 - a mock's faults


def _spoil(line: SerialLine, wanted: Sequence[str], seed: int) -> None:
    if wanted:
        faults = _faults(wanted, seed)
        line.fault = lambda octets: b"".join(faults.through(octets))
        line.late_s = faults.late_s if faults.delay_s else None


def _refuse(name: str, options: dict[str, object]) -> None:
    for option, value in options.items():
        if value not in {None, ""}:
            raise EdgeError(f"mock {name!r}", f"has no use for {option}", "Leave it out")


@contextlib.asynccontextmanager
async def bluetooth(
    mock: BleMock, name: str, adapter: str, faults: Sequence[str], seed: int
) -> AsyncIterator[str]:
    """Run a Bluetooth mock, on a mock adapter or a real one; give what to do with it, in words."""
    sensor = mock.make(random.Random(seed))  # noqa: S311 - a mock's measurements
    for service in sensor.peripheral.services:
        for characteristic in service.characteristics:
            characteristic.faults = _faults(faults, seed)
    where = _on_air(sensor.peripheral, adapter) if adapter else _mock_adapter(sensor, seed)
    async with where as words, sensor:
        table = _sensor_table(name, "address", _address(sensor, adapter))
        yield f"{mock.title}: {words}\n\n{table}"


@contextlib.asynccontextmanager
async def serial(
    mock: SerialMock, name: str, port: Path | None, faults: Sequence[str], seed: int
) -> AsyncIterator[str]:
    """Run a serial mock, on a pseudo-terminal or a real port; give what to do with it, in words."""
    rng = random.Random(seed)  # noqa: S311 - a mock's measurements
    if port is not None:
        with SerialPort(port, _line(name)) as cable:
            _spoil(cable, faults, seed)
            async with mock.make(cable, rng):
                yield f"{mock.title}: speaks at {port}; the hub listens at the cable's other end."
        return
    with tempfile.TemporaryDirectory(prefix="edge-mock-") as folder:
        line = SerialLine(Path(folder) / f"usb-Mock_{name}")
        _spoil(line, faults, seed)
        line.replug()
        try:
            async with mock.make(line, rng):
                table = _sensor_table(name, "port", str(line.path))
                yield f'{mock.title}: on a pseudo-terminal.\n\n{table}parity = "N"\n'
        finally:
            line.unplug()


@contextlib.asynccontextmanager
async def room(profile: str, port: Path | None, tcp: int | None, seed: int) -> AsyncIterator[str]:
    """Run a Modbus mock with a register map; give what to do with it, in words."""
    if not profile:
        known = ", ".join(profile_names())
        raise EdgeError(f"mock {_ROOM!r}", "needs a register map", f"Give --profile: {known}")
    async with room_mock(profile, port=port, tcp=tcp, seed=seed) as mock:
        yield f"{_ROOM_TITLE}: {profile}. In the hub's file:\n\n{mock.sensor_table()}"


@contextlib.asynccontextmanager
async def _on_air(peripheral: Peripheral, adapter: str) -> AsyncIterator[str]:
    bus = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", _SYSTEM_BUS)
    async with OnAir(peripheral, adapter, bus):
        yield f"on the air from {adapter}. Run the hub on another machine, with"


@contextlib.asynccontextmanager
async def _mock_adapter(sensor: BleSensor, seed: int) -> AsyncIterator[str]:
    with PrivateBus() as bus:
        rng = random.Random(seed)  # noqa: S311 - a mock's faults
        async with Bluez(bus.address, rng=rng) as daemon:
            daemon.add(sensor.peripheral)
            yield (
                "on a mock adapter. Run the hub with this in its environment\n\n"
                f"DBUS_SYSTEM_BUS_ADDRESS='{bus.address}'\n\nand this in its file:"
            )


def _address(sensor: BleSensor, adapter: str) -> str:
    return f"the address of {adapter}" if adapter else sensor.peripheral.address


def _sensor_table(name: str, key: str, value: str) -> str:
    return f'[[sensor]]\nname = "{name}"\ndriver = "{name}"\n{key} = "{value}"\n'


def _line(name: str) -> Serial:
    driver = registry.find(name)
    if isinstance(driver, Driver) and isinstance(driver.link, Serial):
        return driver.link
    raise EdgeError(f"driver {name!r}", "is not a serial one")
