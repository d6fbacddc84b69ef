"""Serves D-Bus objects with exact control over which signal goes out, and when.

dbus-fast's own service classes hide the sender of a call and send ``InterfacesAdded`` from the
wrong path for BlueZ, so this module answers raw messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import ClassVar

from dbus_fast import Message, MessageType, NameFlag, RequestNameReply, Variant
from dbus_fast.aio import MessageBus

from edge_agent.errors import EdgeError
from edge_mocks.tasks import Tasks

_DBUS = "org.freedesktop.DBus"
_OBJECT_MANAGER = f"{_DBUS}.ObjectManager"
_PROPERTIES = f"{_DBUS}.Properties"


class BluezError(Exception):
    """An error reply. A ``name`` without a dot belongs to ``org.bluez.Error``."""

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text
        super().__init__(f"{self.name}: {text}")


Reply = tuple[str, object] | None
"""Signature and value of a method's one result, or nothing."""

Method = Callable[[Message], Awaitable[Reply]]


class Interface:
    """One interface of one object: its properties as they are now, and its methods."""

    name: ClassVar[str]

    def __init__(self, tree: ObjectTree, path: str) -> None:
        self.tree, self.path = tree, path

    def properties(self) -> dict[str, Variant]:
        """Return every property with its present value."""
        return {}

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by member name."""
        return {}

    def set_property(self, name: str, value: object) -> None:
        """Take a new value from a client.

        :raises BluezError: the property is read-only.
        """
        raise BluezError(f"{_DBUS}.Error.PropertyReadOnly", name)

    def changed(self, *names: str, invalidated: Iterable[str] = ()) -> None:
        """Send one ``PropertiesChanged`` with the present values of ``names``."""
        present = self.properties()
        body = [self.name, {name: present[name] for name in names}, list(invalidated)]
        self.tree.signal(self.path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", body)


class ObjectTree:
    """Every object of one bus name, or of a connection without a name, and what serves them."""

    def __init__(self, address: str, name: str | None, client_gone: Callable[[str], None]) -> None:
        self.tasks = Tasks()
        self._address, self._name, self._client_gone = address, name, client_gone
        self._bus: MessageBus | None = None
        self._objects: dict[str, dict[str, Interface]] = {}

    async def open(self) -> None:
        """Connect, and own the name if there is one.

        :raises EdgeError: somebody else owns it: this is not a private bus.
        """
        self._bus = await MessageBus(bus_address=self._address).connect()
        self._bus.add_message_handler(self._receive)
        rule = f"type='signal',sender='{_DBUS}',member='NameOwnerChanged'"
        await self.call(_DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", "s", [rule])
        if self._name is None:
            return
        reply = await self._bus.request_name(self._name, NameFlag.DO_NOT_QUEUE)
        if reply is not RequestNameReply.PRIMARY_OWNER:
            await self.close()
            raise EdgeError(
                f"bus {self._address}", f"{self._name} is taken", "Give the mock a private bus"
            )

    async def close(self) -> None:
        """Leave the bus without a word, as a killed process does."""
        if self._bus is not None:
            self._bus.disconnect()
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
            self._bus = None
        await self.tasks.close()

    async def flush(self) -> None:
        """Wait until the bus has taken every signal sent so far."""
        await self.call(_DBUS, "/org/freedesktop/DBus", f"{_DBUS}.Peer", "Ping")

    def add(self, *interfaces: Interface) -> None:
        """Announce new interfaces of one object."""
        path = interfaces[0].path
        self._objects.setdefault(path, {}).update({one.name: one for one in interfaces})
        views = {one.name: one.properties() for one in interfaces}
        self.signal("/", _OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, views])

    def remove(self, path: str, *names: str) -> None:
        """Take interfaces of one object back (all of them when none is named)."""
        interfaces = self._objects.get(path, {})
        gone = [name for name in names or tuple(interfaces) if interfaces.pop(name, None)]
        if not interfaces:
            self._objects.pop(path, None)
        if gone:
            self.signal("/", _OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, gone])

    def interfaces(self) -> list[Interface]:
        """Return every interface of every object."""
        return [one for interfaces in self._objects.values() for one in interfaces.values()]

    def paths_below(self, path: str) -> list[str]:
        """Return the paths of every object under ``path``, parents first."""
        return sorted(one for one in self._objects if one.startswith(f"{path}/"))

    def signal(
        self, path: str, interface: str, member: str, signature: str, body: Sequence[object]
    ) -> None:
        """Broadcast a signal; before :meth:`open` there is nobody to hear it."""
        if self._bus is not None and self._bus.connected:
            self._bus.send(Message.new_signal(path, interface, member, signature, list(body)))

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[object] | None = None,
    ) -> list[object]:
        """Call a method of a client.

        :raises BluezError: the client answers with an error, or the bus is down.
        """
        if self._bus is None:
            raise BluezError(f"{_DBUS}.Error.Disconnected", "the bus is down")
        reply = await self._bus.call(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body or ()),
            )
        )
        if reply.message_type is MessageType.ERROR:
            raise BluezError(reply.error_name or "Failed", str(next(iter(reply.body), "")))
        return list(reply.body)

    def _receive(self, message: Message) -> bool:
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            name, _, new_owner = message.body
            if not new_owner:
                self._client_gone(name)
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        if message.interface == f"{_DBUS}.Peer":
            return False
        self.tasks.spawn(self._answer(message))
        return True

    async def _answer(self, message: Message) -> None:
        try:
            reply = await self._method(message)(message)
        except BluezError as error:
            self._send(Message.new_error(message, error.name, error.text))
        except Exception as error:
            # The client must not hang on a bug of the mock; Tasks keeps the error itself.
            self._send(Message.new_error(message, f"{_DBUS}.Error.Failed", repr(error)))
            raise
        else:
            signature, body = (reply[0], [reply[1]]) if reply else ("", [])
            self._send(Message.new_method_return(message, signature, list(body)))
        # Let this message reach the socket before the next one is answered.
        await asyncio.sleep(0)

    def _send(self, message: Message) -> None:
        if self._bus is not None and self._bus.connected:
            self._bus.send(message)

    def _method(self, message: Message) -> Method:
        if message.interface == _OBJECT_MANAGER and message.member == "GetManagedObjects":
            return self._get_managed_objects
        interfaces = self._objects.get(message.path or "")
        if interfaces is None:
            raise BluezError(f"{_DBUS}.Error.UnknownObject", f"no object {message.path}")
        if message.interface == _PROPERTIES:
            return self._on_properties
        interface = interfaces.get(message.interface or "")
        methods = interface.methods() if interface is not None else {}
        method = methods.get(message.member or "")
        if method is None:
            wanted = f"{message.interface}.{message.member}"
            raise BluezError(f"{_DBUS}.Error.UnknownMethod", f"no method {wanted}")
        return method

    async def _get_managed_objects(self, _: Message) -> Reply:
        objects = {
            path: {name: one.properties() for name, one in interfaces.items()}
            for path, interfaces in self._objects.items()
        }
        return "a{oa{sa{sv}}}", objects

    async def _on_properties(self, message: Message) -> Reply:
        interface = self._objects[message.path or ""].get(message.body[0])
        if interface is None:
            raise BluezError(f"{_DBUS}.Error.UnknownInterface", message.body[0])
        properties = interface.properties()
        if message.member == "GetAll":
            return "a{sv}", properties
        name = message.body[1]
        if name not in properties:
            raise BluezError(f"{_DBUS}.Error.UnknownProperty", name)
        if message.member == "Get":
            return "v", properties[name]
        interface.set_property(name, message.body[2].value)
        return None
