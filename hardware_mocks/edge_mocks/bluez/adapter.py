"""``Adapter1`` and ``AdvertisementMonitorManager1``: who is listening, and what they hear."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from dbus_fast import Message, Variant

from edge_mocks.bluez.objects import BluezError, Interface, Method, ObjectTree, Reply
from edge_mocks.bluez.peripheral import Peripheral

_MONITOR = "org.bluez.AdvertisementMonitor1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_EXPORT_PATIENCE = 40
_EXPORT_POLL_S = 0.005

Pattern = tuple[int, int, bytes]
"""Start position, advertising data type, content."""


class Devices(Protocol):
    """What the adapter needs of the daemon's table of devices."""

    def remove(self, path: str) -> bool:
        """Forget the device at ``path``; tell whether it was known."""

    def power_lost(self) -> None:
        """Drop every link."""

    def discovery_ended(self) -> None:
        """Let signal strengths go stale, and temporary devices expire later."""


class Adapter1(Interface):
    """A Bluetooth adapter. ``stop_errors``: so many StopDiscovery calls answer InProgress."""

    name = "org.bluez.Adapter1"

    def __init__(self, tree: ObjectTree, path: str, devices: Devices) -> None:
        super().__init__(tree, path)
        self.powered = True
        self.stop_errors = 0
        self._devices = devices
        self._sessions: set[str] = set()
        self._filters: dict[str, frozenset[str]] = {}

    @property
    def discovering(self) -> bool:
        """Whether somebody is scanning."""
        return bool(self._sessions)

    def properties(self) -> dict[str, Variant]:
        """Return identity and state."""
        alias = self.path.rpartition("/")[2]
        return {
            "Address": Variant("s", "00:1A:7D:DA:71:00"),
            "AddressType": Variant("s", "public"),
            "Name": Variant("s", alias),
            "Alias": Variant("s", alias),
            "Class": Variant("u", 0),
            "Powered": Variant("b", self.powered),
            "Discoverable": Variant("b", False),  # noqa: FBT003 (a D-Bus boolean)
            "Pairable": Variant("b", False),  # noqa: FBT003 (a D-Bus boolean)
            "Discovering": Variant("b", self.discovering),
            "UUIDs": Variant("as", []),
            "Roles": Variant("as", ["central"]),
        }

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "SetDiscoveryFilter": self._set_filter,
            "StartDiscovery": self._start,
            "StopDiscovery": self._stop,
            "RemoveDevice": self._remove_device,
        }

    def set_property(self, name: str, value: object) -> None:
        """Take ``Powered``; nothing else may be set.

        :raises BluezError: another property.
        """
        if name != "Powered":
            super().set_property(name, value)
        self.set_powered(on=bool(value))

    def set_powered(self, *, on: bool) -> None:
        """Switch the adapter; switching it off ends every scan and every link."""
        if on == self.powered:
            return
        self.powered = on
        if not on:
            self._devices.power_lost()
            self._end_sessions(set(self._sessions))
        self.changed("Powered")

    def wants(self, peripheral: Peripheral) -> bool:
        """Tell whether some scan is interested in this sensor."""
        offered = {uuid.lower() for uuid in peripheral.advertises}
        filters = (self._filters.get(client) for client in self._sessions)
        return any(not wanted or wanted & offered for wanted in filters)

    def client_gone(self, client: str) -> None:
        """End the scan of a client that has left the bus."""
        self._filters.pop(client, None)
        self._end_sessions({client})

    async def _set_filter(self, message: Message) -> Reply:
        uuids = message.body[0].get("UUIDs")
        self._filters[message.sender or ""] = frozenset(
            uuid.lower() for uuid in (uuids.value if uuids else ())
        )
        return None

    async def _start(self, message: Message) -> Reply:
        if not self.powered:
            raise BluezError("NotReady", "Resource Not Ready")
        if message.sender in self._sessions:
            raise BluezError("InProgress", "Operation already in progress")
        first = not self._sessions
        self._sessions.add(message.sender or "")
        if first:
            self.changed("Discovering")
        return None

    async def _stop(self, message: Message) -> Reply:
        if not self.powered:
            raise BluezError("NotReady", "Resource Not Ready")
        if message.sender not in self._sessions:
            raise BluezError("Failed", "No discovery started")
        self._end_sessions({message.sender})
        if self.stop_errors:
            self.stop_errors -= 1
            raise BluezError("InProgress", "Operation already in progress")
        return None

    async def _remove_device(self, message: Message) -> Reply:
        if not self._devices.remove(message.body[0]):
            raise BluezError("DoesNotExist", "Does Not Exist")
        return None

    def _end_sessions(self, clients: set[str]) -> None:
        ended = self._sessions & clients
        self._sessions -= clients
        if ended and not self._sessions:
            self._devices.discovery_ended()
            self.changed("Discovering")


class AdvertisementMonitorManager1(Interface):
    """Passive scanning: a client leaves patterns and hears only what matches one of them."""

    name = "org.bluez.AdvertisementMonitorManager1"

    def __init__(self, tree: ObjectTree, path: str) -> None:
        super().__init__(tree, path)
        self._monitors: dict[tuple[str, str], tuple[Pattern, ...]] = {}

    def properties(self) -> dict[str, Variant]:
        """Return what kinds of monitor there are."""
        return {
            "SupportedMonitorTypes": Variant("as", ["or_patterns"]),
            "SupportedFeatures": Variant("as", []),
        }

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {"RegisterMonitor": self._register, "UnregisterMonitor": self._unregister}

    def wants(self, peripheral: Peripheral) -> bool:
        """Tell whether a pattern of some monitor matches the advertisement of this sensor."""
        fields = _advertisement(peripheral)
        return any(
            content == octets[start : start + len(content)]
            for patterns in self._monitors.values()
            for start, kind, content in patterns
            for octets in fields.get(kind, ())
        )

    def client_gone(self, client: str) -> None:
        """Forget the monitors of a client that has left the bus."""
        self._monitors = {key: value for key, value in self._monitors.items() if key[0] != client}

    async def _register(self, message: Message) -> Reply:
        key = (message.sender or "", str(message.body[0]))
        if key in self._monitors:
            raise BluezError("AlreadyExists", "Already Exists")
        self._monitors[key] = ()
        self.tree.tasks.spawn(self._activate(*key))
        return None

    async def _unregister(self, message: Message) -> Reply:
        if self._monitors.pop((message.sender or "", str(message.body[0])), None) is None:
            raise BluezError("DoesNotExist", "Does Not Exist")
        return None

    async def _activate(self, client: str, path: str) -> None:
        """Read the patterns; the client exports its monitor only after registering it."""
        for _ in range(_EXPORT_PATIENCE):
            await asyncio.sleep(_EXPORT_POLL_S)
            try:
                answer = await self.tree.call(client, path, _PROPERTIES, "GetAll", "s", [_MONITOR])
            except BluezError:
                continue  # not exported yet
            patterns = cast("dict[str, Variant]", answer[0])["Patterns"].value
            if (client, path) in self._monitors:
                self._monitors[client, path] = tuple(
                    (start, kind, bytes(content)) for start, kind, content in patterns
                )
                await self.tree.call(client, path, _MONITOR, "Activate")
            return
        self._monitors.pop((client, path), None)


def _advertisement(peripheral: Peripheral) -> dict[int, Sequence[bytes]]:
    """Return the advertising data by type (Core Specification Supplement, Part A)."""
    short = [bytes.fromhex(uuid[4:8])[::-1] for uuid in peripheral.advertises]
    makers = [
        number.to_bytes(2, "little") + octets for number, octets in peripheral.manufacturer.items()
    ]
    return {
        0x01: [b"\x06"],
        0x03: [b"".join(short)],
        0x09: [peripheral.name.encode()],
        0xFF: makers,
    }
