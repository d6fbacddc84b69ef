"""What ``bluetoothd`` has to tell: whether it lives, what its adapters and devices are doing.

It is kept up to date by signals. The end of the daemon, of the bus or of an adapter is told at
once to whoever depends on it; bleak says nothing of the first, and goes on believing in links
that are no more. A daemon that is gone is asked for every few seconds: where D-Bus may start it,
that brings it back without a person.

Names and meanings: https://bluez.readthedocs.io (adapter-api, device-api) and the D-Bus
specification, NameOwnerChanged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from dbus_fast import Message, MessageType, unpack_variants

from edge_agent.link.bluez import (
    ADAPTER,
    BLUEZ,
    DEVICE,
    OBJECT_MANAGER,
    PROPERTIES,
    BluezBus,
    BluezError,
)

log = logging.getLogger(__name__)

_ASK_AGAIN_S: Final = 5.0
_INTERESTING: Final = (ADAPTER, DEVICE)
_OBJECTS: Final = "a{oa{sa{sv}}}"
_RULES: Final = (
    f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',interface='{OBJECT_MANAGER}'",
    # The first argument names the interface: the values of sensors are not for this connection.
    *(
        f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',arg0='{interface}'"
        for interface in _INTERESTING
    ),
    f"type='signal',sender='{BLUEZ}',interface='{DEVICE}',member='Disconnected'",
)
_OFF: Final = "Switch it on (rfkill unblock bluetooth; bluetoothctl power on)"
_SWITCHED_OFF: Final = "the adapter was switched off"

Properties = dict[str, object]
Lost = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device as the daemon knows it. ``heard`` is true while a scan is on that has heard it."""

    path: str
    address: str
    name: str
    heard: bool
    paired: bool
    connected: bool
    resolved: bool
    uuids: tuple[str, ...]


class BluezWatch:
    """The present state of Bluetooth. :meth:`run` keeps it; until it has, nothing is known."""

    def __init__(self) -> None:
        self.bus = BluezBus()
        self.pairings: Counter[str] = Counter()
        """How often a device has been paired while this watched, by address."""
        self.links: Counter[str] = Counter()
        """How often a link to a device has come up, by address."""
        self.hang_ups: dict[str, str] = {}
        """Why the last link to a device ended, by address, where the daemon says so."""
        self._trouble: BluezError | None = BluezError("", "not looked for yet")
        self._adapters: dict[str, Properties] = {}
        self._devices: dict[str, Properties] = {}
        self._change, self._upset = asyncio.Event(), asyncio.Event()
        self._asked = asyncio.Event()
        self._dependants: dict[object, tuple[str, Lost]] = {}

    async def run(self) -> None:
        """Watch for ever, connecting and asking again after every loss."""
        try:
            while True:
                self._upset.clear()
                try:
                    await self._learn()
                except BluezError as error:
                    self._trouble = error
                self._asked.set()
                self._wake()
                await self._undisturbed()
        finally:
            await self.bus.close()

    def trouble(self) -> BluezError | None:
        """Return why nothing can be connected now; ``None`` when all is well."""
        if self._trouble is not None:
            return self._trouble
        if not self._adapters:
            return BluezError(
                "", "there is no Bluetooth adapter", "Plug one in (bluetoothctl list)"
            )
        if self.adapter() is None:
            return BluezError("", "the Bluetooth adapter is switched off", _OFF)
        return None

    def adapter(self) -> str | None:
        """Return the path of the first adapter that is on."""
        return next((path for path, one in self._adapters.items() if one.get("Powered")), None)

    def device(self, address: str) -> Device | None:
        """Return what the daemon knows of the device at ``address``."""
        for path, one in self._devices.items():
            if one.get("Address") == address:
                return _device(path, one)
        return None

    def device_at(self, path: str) -> Device | None:
        """Return what the daemon knows of the device with this object path.

        The path stays when pairing reveals the address behind a private one.
        """
        known = self._devices.get(path)
        return None if known is None else _device(path, known)

    async def asked(self) -> None:
        """Wait until the daemon has been asked once."""
        await self._asked.wait()

    async def change(self) -> None:
        """Wait for the next change of anything."""
        await self._change.wait()

    async def until(self, holds: Callable[[], bool], limit_s: float | None = None) -> bool:
        """Wait until ``holds`` is true, for ``limit_s`` seconds at most; tell whether it is."""
        try:
            async with asyncio.timeout(limit_s):
                while not holds():
                    await self._change.wait()
        except TimeoutError:
            return False
        return True

    @contextlib.contextmanager
    def depending(self, path: str, lost: Lost) -> Iterator[None]:
        """Have ``lost`` told, once, when the device at ``path`` can't be connected any more."""
        token = object()
        self._dependants[token] = (path, lost)
        try:
            yield
        finally:
            self._dependants.pop(token, None)

    async def _learn(self) -> None:
        if not self.bus.is_open:
            await self.bus.open()
            self.bus.listen(self._hear)
            for rule in _RULES:
                await self.bus.match(rule)
        await self.bus.call("/", OBJECT_MANAGER, "GetManagedObjects")

    async def _undisturbed(self) -> None:
        """Wait until something has to be asked anew."""
        ended = asyncio.create_task(self.bus.ended()) if self.bus.is_open else None
        upset = asyncio.create_task(self._upset.wait())
        tasks = {upset} if ended is None else {upset, ended}
        limit_s = None if self._trouble is None else _ASK_AGAIN_S
        try:
            await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        if not self.bus.is_open:
            self._forget(BluezError("", "D-Bus was lost", "It is tried again"))

    def _hear(self, message: Message) -> bool:
        """Take in one message. What is asked of us is for others to answer."""
        if message.message_type is MessageType.METHOD_RETURN and message.signature == _OBJECTS:
            self._take_all(unpack_variants(message.body[0]))
        if message.message_type is MessageType.SIGNAL:
            body = unpack_variants(message.body)
            match message.member:
                case "NameOwnerChanged" if body[0] == BLUEZ:
                    self._owner_changed(body[1])
                case "InterfacesAdded":
                    self._add(body[0], body[1])
                case "InterfacesRemoved":
                    self._remove(body[0], body[1])
                case "PropertiesChanged":
                    self._update(message.path or "", *body)
                case "Disconnected":
                    if device := self.device_at(message.path or ""):
                        self.hang_ups[device.address] = str(body[0])
            self._wake()
        return False

    def _owner_changed(self, old: str) -> None:
        if old:
            self._forget(BluezError("", "bluetoothd has ended", "It is asked for again"))
        self._upset.set()

    def _forget(self, trouble: BluezError) -> None:
        self._trouble = trouble
        self._adapters.clear()
        self._devices.clear()
        self._lose("/", trouble.reason)

    def _take_all(self, objects: Mapping[str, Mapping[str, Properties]]) -> None:
        self._trouble = None
        self._adapters.clear()
        self._devices.clear()
        for path, interfaces in objects.items():
            self._add(path, interfaces)

    def _add(self, path: str, interfaces: Mapping[str, Properties]) -> None:
        if ADAPTER in interfaces:
            self._adapters[path] = dict(interfaces[ADAPTER])
        if DEVICE in interfaces:
            self._devices[path] = dict(interfaces[DEVICE])

    def _remove(self, path: str, interfaces: list[str]) -> None:
        if ADAPTER in interfaces:
            self._adapters.pop(path, None)
            self._lose(path, "the adapter was taken away")
        if DEVICE in interfaces:
            self._devices.pop(path, None)

    def _update(
        self, path: str, interface: str, changed: Properties, invalidated: list[str]
    ) -> None:
        table = self._adapters if interface == ADAPTER else self._devices
        known = table.get(path)
        if known is None:
            return
        known.update(changed)
        for name in invalidated:
            known.pop(name, None)
        address = str(known.get("Address", ""))
        if interface == ADAPTER and changed.get("Powered") is False:
            self._lose(path, _SWITCHED_OFF)
        if interface == DEVICE and changed.get("Paired"):
            self.pairings[address] += 1
        if interface == DEVICE and changed.get("Connected"):
            self.links[address] += 1
            self.hang_ups.pop(address, None)

    def _lose(self, path: str, reason: str) -> None:
        """Tell everyone who depends on ``path`` or on something below it."""
        below = path.rstrip("/") + "/"
        for token, (dependent, lost) in list(self._dependants.items()):
            if dependent.startswith(below):
                del self._dependants[token]
                lost(reason)

    def _wake(self) -> None:
        event, self._change = self._change, asyncio.Event()
        event.set()


def _device(path: str, known: Properties) -> Device:
    return Device(
        path=path,
        address=str(known.get("Address", "")),
        name=str(known.get("Alias", "")),
        heard="RSSI" in known,
        paired=bool(known.get("Paired")),
        connected=bool(known.get("Connected")),
        resolved=bool(known.get("ServicesResolved")),
        uuids=tuple(cast("list[str]", known.get("UUIDs", []))),
    )
