"""Matches configured sensors with drivers and links; a mismatch is a problem with its key path."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_agent.buses import Placed, bus_of, line_of, shared, wire_problems
from edge_agent.clock import Clock
from edge_agent.config import SensorSettings, is_path
from edge_agent.driver import Driver, Gatt, Modbus, Serial
from edge_agent.errors import Problem
from edge_agent.link.feed import Feed
from edge_agent.model import Reading
from edge_agent.registry import DriverError, resolve
from edge_agent.shared_files import shared_file

if TYPE_CHECKING:  # a hub without Bluetooth must not load it
    from edge_agent.link.adapter import Adapter

_PROFILES = "config/modbus"
_POLLS_MISSED = 4


@dataclass(frozen=True, slots=True)
class Sensor:
    """A configured sensor with its driver."""

    settings: SensorSettings
    driver: Driver

    @property
    def stale_after_s(self) -> float | None:
        """For how many seconds the sensor may give nothing usable before an alarm says so.

        ``None`` is for ever: a sensor that comes only now and then (a cuff, a scale) is missed by
        nobody, unless the configuration says from when on.
        """
        link = self.driver.link
        if self.settings.stale_after_s is None and isinstance(link, Gatt) and link.episodic:
            return None
        polls_s = _POLLS_MISSED * (self.settings.poll_s or 0.0)
        return self.settings.stale_after_s or max(link.silence_s, polls_s)


def match(settings: list[SensorSettings]) -> tuple[list[Sensor], list[Problem]]:
    """Find the driver of every sensor; return the sensors that fit and every problem."""
    sensors: list[Sensor] = []
    problems: list[Problem] = []
    placed: list[Placed] = []
    for index, one in enumerate(settings):
        path = f"sensor[{index}]"
        try:
            driver = resolve(one.driver, profile_file(one.profile))
        except DriverError as error:
            key = "profile" if error.thing.startswith("profile") else "driver"
            problems.append(
                Problem(f"{path}.{key}", f"{error.thing}: {error.reason}", error.next_step)
            )
            continue
        found = list(_misfits(path, one, driver))
        problems += found
        if not found:
            sensors.append(Sensor(one, driver))
            placed.append((path, one, driver.link))
    return sensors, problems + list(wire_problems(placed))


def profile_file(profile: str | None) -> Path | None:
    """Return where a profile is: a path as it stands, a bare name among those shipped.

    :raises DriverError: no profile of this name is shipped.
    """
    if profile is None or is_path(profile):
        return None if profile is None else Path(profile)
    folder = shared_file(_PROFILES)
    file = folder / f"{profile}.toml"
    if not file.is_file():
        known = ", ".join(sorted(one.stem for one in folder.glob("*.toml")))
        raise DriverError(f"profile {profile!r}", "not shipped", f"Shipped: {known}; or a path")
    return file


_WAYS = {"address": "a Bluetooth address", "port": "a serial port", "host": "a network host"}


def _misfits(path: str, one: SensorSettings, driver: Driver) -> Iterator[Problem]:
    """Find keys that say another way to the sensor than its driver takes."""
    match driver.link:
        case Gatt():
            ways = {"address"}
        case Serial():
            ways = {"port"}
        case Modbus():
            ways = {"port", "host"}
    given = {way for way in _WAYS if getattr(one, way) is not None}
    wanted = " or ".join(f"{way!r} ({_WAYS[way]})" for way in sorted(ways))
    for way in sorted(given - ways):
        yield Problem(f"{path}.{way}", f"driver {driver.name!r} does not use it", f"give {wanted}")
    if len(given & ways) != 1:
        reason = "more than one way to the sensor" if given & ways else "no way to the sensor"
        yield Problem(path, reason, f"driver {driver.name!r} needs {wanted}")


Run = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class _Wire:
    """What one task takes care of: its sensors, and how it is made from their feeds."""

    sensors: tuple[Sensor, ...]
    make: Callable[[], Run]


class Links:
    """Every sensor's feed, and one task for each link.

    Sensors on one Modbus bus share a task; Bluetooth sensors share the adapter's turn. A link's
    client library is imported only when a sensor needs it: a hub without Bluetooth saves 10 MB.
    """

    def __init__(
        self,
        sensors: list[Sensor],
        emit: Callable[[Reading], None],
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._clock, self._rng, self._emit = clock, rng, emit
        self.feeds: dict[str, Feed] = {}
        self.tasks: dict[str, Run] = {}
        self._sensors: dict[str, Sensor] = {}
        self._tended: dict[str, tuple[Sensor, ...]] = {}
        self._adapter: Adapter | None = None
        self.change(sensors)

    def outdated(self, sensors: list[Sensor]) -> list[str]:
        """Return the tasks that have to end before :meth:`change` to ``sensors``."""
        wanted = self._wires(sensors)
        return [name for name, old in self._tended.items() if not _goes_on(old, wanted.get(name))]

    def change(self, sensors: list[Sensor]) -> list[str]:
        """Take care of ``sensors`` from now on; return the names of the tasks that are new.

        A sensor that stays as it was keeps its feed, and its task unless others share the wire.
        """
        wanted = self._wires(sensors)
        going_on = {name for name, old in self._tended.items() if _goes_on(old, wanted.get(name))}
        feeds = {}
        for one in sensors:
            name, known = one.settings.name, self._sensors.get(one.settings.name)
            is_same = known is not None and _is_same(known, one)
            feeds[name] = (
                self.feeds[name] if is_same else Feed(name, one.driver, self._clock, self._emit)
            )
        self.feeds = feeds
        self._sensors = {one.settings.name: one for one in sensors}
        self._tended = {name: wire.sensors for name, wire in wanted.items()}
        self.tasks = {
            name: self.tasks[name] if name in going_on else wire.make()
            for name, wire in wanted.items()
        }
        return [name for name in self.tasks if name not in going_on]

    def _wires(self, sensors: list[Sensor]) -> dict[str, _Wire]:
        wires: dict[str, _Wire] = {}
        places: dict[str, list[tuple[Sensor, Modbus]]] = {}
        for one in sensors:
            name = one.settings.name
            match one.driver.link:
                case Gatt() as gatt:
                    wires[name] = _Wire((one,), partial(self._gatt, one, gatt))
                case Serial() as line:
                    wires[name] = _Wire((one,), partial(self._serial, one, line))
                case Modbus() as modbus:
                    place = str(bus_of(modbus, one.settings))
                    places.setdefault(place, []).append((one, modbus))
        for members in places.values():
            name = "+".join(one.settings.name for one, _ in members)
            wires[name] = _Wire(tuple(one for one, _ in members), partial(self._modbus, members))
        return wires

    def _gatt(self, one: Sensor, gatt: Gatt) -> Run:
        from edge_agent.link.gatt import Adapter, GattLink  # noqa: PLC0415 - only when needed

        self._adapter = self._adapter or Adapter()
        name, address = one.settings.name, one.settings.address or ""
        poll_s = gatt.poll_s and (one.settings.poll_s or gatt.poll_s)
        polled = dataclasses.replace(gatt, poll_s=poll_s)
        feed = self.feeds[name]
        return GattLink(feed, address, polled, self._adapter, self._clock, self._rng).run

    def _serial(self, one: Sensor, line: Serial) -> Run:
        from edge_agent.link.serial import SerialLink  # noqa: PLC0415 - only when needed

        name, port = one.settings.name, one.settings.port or ""
        line_here = line_of(line, one.settings)
        return SerialLink(self.feeds[name], port, line_here, self._clock, self._rng).run

    def _modbus(self, members: list[tuple[Sensor, Modbus]]) -> Run:
        from edge_agent.link.modbus import ModbusBus, Station  # noqa: PLC0415 - only when needed

        stations = []
        for one, modbus in members:
            here = one.settings
            polled = dataclasses.replace(modbus, poll_s=here.poll_s or modbus.poll_s)
            stations.append(Station(self.feeds[here.name], here.unit, polled))
        bus = shared(bus_of(modbus, one.settings) for one, modbus in members)
        return ModbusBus(bus, stations, self._clock, self._rng).run


def _goes_on(old: tuple[Sensor, ...], wire: _Wire | None) -> bool:
    """Tell whether a task that takes care of ``old`` can go on for ``wire``."""
    if wire is None or len(old) != len(wire.sensors):
        return False
    return all(_is_same(*pair) for pair in zip(old, wire.sensors, strict=True))


def _is_same(one: Sensor, other: Sensor) -> bool:
    """Tell whether two sensors are read alike; who lies in which bed is no matter of links."""

    def reading(sensor: Sensor) -> tuple[object, ...]:
        settings = msgspec.structs.replace(sensor.settings, bed=None, stale_after_s=None)
        driver = sensor.driver
        decoder: object = driver.decoder
        if isinstance(decoder, partial):  # a register map: equal when made from equal tables
            decoder = (decoder.func, decoder.args, decoder.keywords)
        return settings, driver.name, driver.link, driver.measures, driver.also, decoder

    return reading(one) == reading(other)
