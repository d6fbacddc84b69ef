"""Which configured sensors share a wire, and which of them can't."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import msgspec

from edge_agent.config import SensorSettings
from edge_agent.driver import Gatt, LinkDescription, Modbus, Serial
from edge_agent.errors import Problem
from edge_agent.link.bus import Bus, SerialBus, TcpBus
from edge_agent.link.tls import Tls, TlsFileError

Placed = tuple[str, SensorSettings, LinkDescription]
"""The key path of a sensor, its settings, and the link that its driver describes."""


def line_of(line: Serial, settings: SensorSettings) -> Serial:
    """Return the driver's line with what the configuration says otherwise."""
    return dataclasses.replace(
        line, baud=settings.baud or line.baud, parity=settings.parity or line.parity
    )


def bus_of(modbus: Modbus, settings: SensorSettings) -> Bus:
    """Return the bus that a Modbus sensor is on."""
    if settings.port is not None:
        return SerialBus(settings.port, line_of(modbus.line, settings))
    tls = None if settings.tls is None else Tls(**msgspec.structs.asdict(settings.tls))
    return TcpBus(settings.host or "", settings.network_port, tls)


def shared(buses: Iterable[Bus]) -> Bus:
    """Return the one bus that ``buses``, all at one place, stand for.

    Sensors with one stop bit understand a hub that sends two; the other way round they may not.
    """
    first, *others = buses
    if isinstance(first, TcpBus):
        return first
    lines = [first.line, *(bus.line for bus in others if isinstance(bus, SerialBus))]
    return SerialBus(first.port, max(lines, key=lambda line: line.stopbits))


def wire_problems(sensors: Iterable[Placed]) -> Iterator[Problem]:
    """Find sensors that can't be at one port, on one bus, or behind such certificates."""
    first: dict[str, Placed] = {}
    units: dict[tuple[str, int], str] = {}
    for placed in sensors:
        path, settings, link = placed
        if isinstance(link, Gatt):
            continue
        where = str(bus_of(link, settings)) if isinstance(link, Modbus) else settings.port or ""
        if where in first:
            yield from _misfits(placed, first[where], where)
        first.setdefault(where, placed)
        if isinstance(link, Modbus):
            other = units.setdefault((where, settings.unit), path)
            if other != path:
                reason = f"unit {settings.unit} on {where} is also that of {other}"
                yield Problem(f"{path}.unit", reason, "give each sensor of a bus its own address")
        yield from _tls_problems(path, settings)


def _misfits(placed: Placed, first: Placed, where: str) -> Iterator[Problem]:
    path, settings, link = placed
    other_path, other_settings, other_link = first
    if not isinstance(link, Modbus) or not isinstance(other_link, Modbus):
        reason = f"{where} is also the port of {other_path}"
        yield Problem(f"{path}.port", reason, "only Modbus sensors can share a port")
        return
    here, there = bus_of(link, settings), bus_of(other_link, other_settings)
    if isinstance(here, SerialBus) and isinstance(there, SerialBus):
        if _pace(here.line) != _pace(there.line):
            reason = f"{where} is at {_pace(here.line)}, for {other_path} at {_pace(there.line)}"
            expected = "set the sensors to one line, and 'baud' and 'parity' to the same"
            yield Problem(path, reason, expected)
    elif here != there:
        reason = f"{where} has other certificates than for {other_path}"
        yield Problem(f"{path}.tls", reason, "give the same for every sensor of a gateway")


def _pace(line: Serial) -> str:
    """Return what all sensors of a line must share, in words."""
    return f"{line.baud} baud, parity {line.parity}"


def _tls_problems(path: str, settings: SensorSettings) -> Iterator[Problem]:
    if settings.tls is None:
        return
    try:
        Tls(**msgspec.structs.asdict(settings.tls)).context()
    except TlsFileError as error:
        yield Problem(f"{path}.tls.{error.key}", f"{error.thing}: {error.reason}", error.next_step)
