"""What ``org.bluez`` says on the system bus: its signals in order, for tests that judge them."""

import asyncio
import contextlib

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

_DBUS = "org.freedesktop.DBus"
_RULES = tuple(
    f"type='signal',sender='org.bluez',interface='{_DBUS}.{name}'"
    for name in ("ObjectManager", "Properties")
)
_SIGNS = {"InterfacesAdded": "+", "InterfacesRemoved": "-"}


class Trace:
    """Signals heard: interface (``+`` came, ``-`` went) and the properties that changed."""

    def __init__(self):
        self.heard = []

    def hear(self, message):
        """Take a message of the bus; most are no signals."""
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "PropertiesChanged":
            interface, changed, _ = message.body
            self._note(interface, {name: one.value for name, one in changed.items()})
        elif sign := _SIGNS.get(message.member):
            for interface in message.body[1]:
                self._note(interface, {}, sign)

    def about(self, interface, name):
        """Return each change of an interface's properties that ``name`` was part of."""
        return [changed for one, changed in self.heard if one == interface and name in changed]

    def order(self, *wanted):
        """Return, in order, which of these interfaces came or went and properties changed."""
        flat = [word for one, changed in self.heard for word in (one, *changed)]
        return [word for word in flat if word in wanted]

    def _note(self, interface, changed, sign=""):
        self.heard.append((sign + interface.removeprefix("org.bluez."), changed))


@contextlib.asynccontextmanager
async def tracing():
    """Trace what the daemon on the system bus says meanwhile."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    trace = Trace()
    bus.add_message_handler(trace.hear)
    for rule in _RULES:
        body = [rule]
        await bus.call(
            Message(
                destination=_DBUS,
                path="/org/freedesktop/DBus",
                interface=_DBUS,
                member="AddMatch",
                signature="s",
                body=body,
            )
        )
    try:
        yield trace
    finally:
        bus.disconnect()
        await asyncio.sleep(0)
