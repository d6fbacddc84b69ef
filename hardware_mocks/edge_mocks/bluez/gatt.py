"""The GATT objects of one device: ``GattService1``, ``GattCharacteristic1``, ``GattDescriptor1``.

Object paths end in handles, as those of BlueZ do, and clients read the handles from them.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping

from dbus_fast import Message, Variant

from edge_mocks.bluez.objects import BluezError, Interface, Method, ObjectTree, Reply
from edge_mocks.bluez.peripheral import Characteristic, Peripheral, Service, att_error
from edge_mocks.bluez.personality import Personality

_FIRST_OWN_HANDLE = 0x0010


def _uuid16(number: int) -> str:
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


class GattService1(Interface):
    """A primary service."""

    name = "org.bluez.GattService1"

    def __init__(self, tree: ObjectTree, path: str, uuid: str) -> None:
        super().__init__(tree, path)
        self._uuid = uuid

    def properties(self) -> dict[str, Variant]:
        """Return UUID, device and kind."""
        return {
            "UUID": Variant("s", self._uuid),
            "Device": Variant("o", self.path.rpartition("/")[0]),
            "Primary": Variant("b", True),  # noqa: FBT003 (a D-Bus boolean)
            "Includes": Variant("ao", []),
        }


class GattDescriptor1(Interface):
    """A Client Characteristic Configuration descriptor; clients use StartNotify instead."""

    name = "org.bluez.GattDescriptor1"

    def __init__(self, tree: ObjectTree, path: str, characteristic: GattCharacteristic1) -> None:
        super().__init__(tree, path)
        self._characteristic = characteristic

    def properties(self) -> dict[str, Variant]:
        """Return UUID and value."""
        return {
            "UUID": Variant("s", _uuid16(0x2902)),
            "Characteristic": Variant("o", self._characteristic.path),
            "Value": Variant("ay", self._value()),
        }

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {"ReadValue": self._read, "WriteValue": self._write}

    def _value(self) -> bytes:
        characteristic = self._characteristic.characteristic
        on = 1 if "notify" in characteristic.flags else 2
        return bytes([on if characteristic.subscribed else 0, 0])

    async def _read(self, _: Message) -> Reply:
        return "ay", self._value()

    async def _write(self, _: Message) -> Reply:
        raise att_error(0x03)


class GattCharacteristic1(Interface):
    """A characteristic of a connected device."""

    name = "org.bluez.GattCharacteristic1"

    def __init__(
        self,
        tree: ObjectTree,
        path: str,
        characteristic: Characteristic,
        peripheral: Peripheral,
        secure: Callable[[str], Awaitable[None]],
    ) -> None:
        super().__init__(tree, path)
        self.characteristic = characteristic
        self._peripheral, self._secure = peripheral, secure
        self._subscribers: set[str] = set()
        self._connected = True

    def properties(self) -> dict[str, Variant]:
        """Return what BlueZ shows; ``MTU`` is what a client sizes its writes by."""
        view = {
            "UUID": Variant("s", self.characteristic.uuid),
            "Service": Variant("o", self.path.rpartition("/")[0]),
            "Value": Variant("ay", self.characteristic.value),
            "Flags": Variant("as", list(self.characteristic.flags)),
            "MTU": Variant("q", self._peripheral.mtu),
        }
        if self.characteristic.notifies:
            view["Notifying"] = Variant("b", bool(self._subscribers))
        return view

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by name. AcquireNotify and AcquireWrite are not served."""
        return {
            "ReadValue": self._read,
            "WriteValue": self._write,
            "StartNotify": self._start_notify,
            "StopNotify": self._stop_notify,
        }

    def link_up(self) -> None:
        """Note that the device is connected."""
        self._connected = True

    def link_lost(self) -> None:
        """End every subscription; the object stays until the device is removed."""
        self._connected = False
        if self._subscribers:
            self._subscribers.clear()
            self._subscriptions_changed(before=True)

    def client_gone(self, client: str) -> None:
        """End the subscription of a client that has left the bus."""
        before = bool(self._subscribers)
        self._subscribers.discard(client)
        self._subscriptions_changed(before=before)

    async def _read(self, message: Message) -> Reply:
        characteristic = self.characteristic
        await self._ready(message)
        if "read" not in characteristic.flags:
            raise att_error(0x02)
        if characteristic.on_read is not None:
            characteristic.value = characteristic.on_read()
        self.changed("Value")  # BlueZ shows a read to subscribers as if it were a notification
        return "ay", characteristic.value

    async def _write(self, message: Message) -> Reply:
        data, options = bytes(message.body[0]), message.body[1]
        kind = options["type"].value if "type" in options else "request"
        await self._ready(message)
        needed = "write-without-response" if kind == "command" else "write"
        if needed not in self.characteristic.flags:
            raise att_error(0x03)
        if kind == "command" and len(data) > self._peripheral.mtu - 3:
            raise att_error(0x0D)
        if self.characteristic.on_write is not None:
            self.characteristic.on_write(data)
        return None

    async def _start_notify(self, message: Message) -> Reply:
        await self._ready(message)
        if not self.characteristic.notifies:
            raise BluezError("NotSupported", "Operation is not supported")
        if message.sender in self._subscribers:
            raise BluezError("InProgress", "In Progress")
        before = bool(self._subscribers)
        self._subscribers.add(message.sender or "")
        self._subscriptions_changed(before=before)
        return None

    async def _stop_notify(self, message: Message) -> Reply:
        if message.sender not in self._subscribers:
            raise BluezError("Failed", "No notify session started")
        self._subscribers.discard(message.sender)
        self._subscriptions_changed(before=True)
        return None

    async def _ready(self, message: Message) -> None:
        """Stand in for the radio: refuse, fall silent, or raise the security of the link."""
        if not self._connected:
            raise BluezError("Failed", "Not connected")
        if self.characteristic.silent:
            await asyncio.Event().wait()
        if self.characteristic.errors:
            raise self.characteristic.errors.popleft()
        if self.characteristic.encrypted:
            await self._secure(message.sender or "")

    def _subscriptions_changed(self, *, before: bool) -> None:
        now = bool(self._subscribers)
        if now == before:
            return
        characteristic = self.characteristic
        characteristic.mtu = self._peripheral.mtu
        characteristic.deliver = self._deliver if now else None
        self.changed("Notifying")
        if characteristic.on_subscribe is not None:
            characteristic.on_subscribe(now)

    def _deliver(self, data: bytes) -> None:
        self.characteristic.value = data
        self.changed("Value")


def objects(
    tree: ObjectTree,
    device: str,
    peripheral: Peripheral,
    secure: Callable[[str], Awaitable[None]],
    personality: Personality,
) -> Iterator[Interface]:
    """Lay out the GATT objects of ``peripheral`` below the path ``device``, in handle order."""
    generic = list(_generic_services(peripheral))
    listed = generic if personality.lists_generic_access else generic[1:]
    handles = itertools.count(0x0001 if personality.lists_generic_access else 0x0006)
    for service in (*listed, *peripheral.services):
        if service is peripheral.services[0]:
            handles = itertools.count(_FIRST_OWN_HANDLE)
        parent = GattService1(tree, f"{device}/service{next(handles):04x}", service.uuid)
        yield parent
        for characteristic in service.characteristics:
            path = f"{parent.path}/char{next(handles):04x}"
            next(handles)  # the handle of the value
            one = GattCharacteristic1(tree, path, characteristic, peripheral, secure)
            yield one
            if characteristic.notifies:
                yield GattDescriptor1(tree, f"{path}/desc{next(handles):04x}", one)


def _generic_services(peripheral: Peripheral) -> Iterator[Service]:
    name = Characteristic(uuid=_uuid16(0x2A00), flags=("read",), value=peripheral.name.encode())
    appearance = Characteristic(uuid=_uuid16(0x2A01), flags=("read",), value=b"\0\0")
    yield Service(uuid=_uuid16(0x1800), characteristics=(name, appearance))
    changed = Characteristic(uuid=_uuid16(0x2A05), flags=("indicate",))
    yield Service(uuid=_uuid16(0x1801), characteristics=(changed,))
