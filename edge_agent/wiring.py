"""Matches configured sensors with drivers and links; a mismatch is a problem with its key path."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent.buses import Placed, bus_of, line_of, shared, wire_problems
from edge_agent.clock import Clock
from edge_agent.config import SensorSettings, is_path
from edge_agent.driver import Driver, Gatt, Modbus, Serial
from edge_agent.errors import Problem
from edge_agent.link.bus import Bus
from edge_agent.link.feed import Feed
from edge_agent.model import Reading
from edge_agent.registry import DriverError, resolve
from edge_agent.shared_files import shared_file

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
        self._clock, self._rng = clock, rng
        self.feeds = {
            one.settings.name: Feed(one.settings.name, one.driver, clock, emit) for one in sensors
        }
        self.tasks: dict[str, Run] = {}
        gatt = [(one, one.driver.link) for one in sensors if isinstance(one.driver.link, Gatt)]
        serial = [(one, one.driver.link) for one in sensors if isinstance(one.driver.link, Serial)]
        modbus = [(one, one.driver.link) for one in sensors if isinstance(one.driver.link, Modbus)]
        if gatt:
            self._add_gatt(gatt)
        if serial:
            self._add_serial(serial)
        if modbus:
            self._add_modbus(modbus)

    def _add_gatt(self, sensors: list[tuple[Sensor, Gatt]]) -> None:
        from edge_agent.link.gatt import Adapter, GattLink  # noqa: PLC0415 - only when needed

        adapter = Adapter()
        for one, gatt in sensors:
            name, address = one.settings.name, one.settings.address or ""
            feed = self.feeds[name]
            poll_s = gatt.poll_s and (one.settings.poll_s or gatt.poll_s)
            polled = dataclasses.replace(gatt, poll_s=poll_s)
            self.tasks[name] = GattLink(feed, address, polled, adapter, self._clock, self._rng).run

    def _add_serial(self, sensors: list[tuple[Sensor, Serial]]) -> None:
        from edge_agent.link.serial import SerialLink  # noqa: PLC0415 - only when needed

        for one, line in sensors:
            name, port = one.settings.name, one.settings.port or ""
            line_here = line_of(line, one.settings)
            self.tasks[name] = SerialLink(
                self.feeds[name], port, line_here, self._clock, self._rng
            ).run

    def _add_modbus(self, sensors: list[tuple[Sensor, Modbus]]) -> None:
        from edge_agent.link.modbus import ModbusBus, Station  # noqa: PLC0415 - only when needed

        places: dict[str, list[tuple[Bus, Station]]] = {}
        for one, modbus in sensors:
            here = one.settings
            polled = dataclasses.replace(modbus, poll_s=here.poll_s or modbus.poll_s)
            station = Station(self.feeds[here.name], here.unit, polled)
            bus = bus_of(modbus, here)
            places.setdefault(str(bus), []).append((bus, station))
        for members in places.values():
            stations = [station for _, station in members]
            name = "+".join(station.feed.sensor for station in stations)
            bus = shared(bus for bus, _ in members)
            self.tasks[name] = ModbusBus(bus, stations, self._clock, self._rng).run
