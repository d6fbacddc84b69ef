"""A connection of our own to ``bluetoothd`` (``org.bluez``), beside those that bleak makes.

bleak neither notices that the daemon was killed nor answers for a person who pairs a sensor; both
need a connection that this project controls. Every call has a time limit: a daemon that hangs
answers nothing, and the bus would wait for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final, Self

from dbus_fast import BusType, Message, MessageType, unpack_variants
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError

from edge_agent.errors import LinkError

BLUEZ: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
DEVICE: Final = "org.bluez.Device1"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OBJECT_MANAGER: Final = "org.freedesktop.DBus.ObjectManager"
CALL_S: Final = 10.0
"""How long the daemon may take to answer what needs no radio."""

_BUS: Final = "org.freedesktop.DBus"
_BUS_PATH: Final = "/org/freedesktop/DBus"
_NO_ANSWER: Final = f"{_BUS}.Error.NoReply"
_NOT_RUNNING: Final = "Install and start them (systemctl start dbus bluetooth)"
_NEXT_STEPS: Final = {
    f"{_BUS}.Error.ServiceUnknown": "Start the Bluetooth service (systemctl start bluetooth)",
    f"{_BUS}.Error.NameHasNoOwner": "Start the Bluetooth service (systemctl start bluetooth)",
    f"{_BUS}.Error.AccessDenied": "Add the service's user to the group 'bluetooth'",
    _NO_ANSWER: "Start the Bluetooth service anew (systemctl restart bluetooth)",
}


class BluezError(LinkError):
    """An error answer of ``bluetoothd`` or of the bus; ``name`` is its D-Bus error name."""

    def __init__(self, name: str, reason: str, next_step: str = "") -> None:
        self.name = name
        super().__init__("Bluetooth", reason or name, next_step or _NEXT_STEPS.get(name, ""))


class BluezBus:
    """One connection to the system bus. Use it as a context manager, or open and close it."""

    def __init__(self) -> None:
        self._bus: MessageBus | None = None
        self._ended: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the bus can be used now."""
        return self._bus is not None and self._bus.connected

    async def open(self) -> None:
        """Connect.

        :raises BluezError: there is no bus, or it refuses us.
        """
        await self.close()
        bus = MessageBus(bus_type=BusType.SYSTEM)
        try:
            async with asyncio.timeout(CALL_S):
                await bus.connect()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            reason = "neither D-Bus nor Bluetooth is running here"
            raise BluezError(f"{_BUS}.Error.NoServer", reason, _NOT_RUNNING) from error
        except AuthError as error:
            raise BluezError(f"{_BUS}.Error.AuthFailed", f"D-Bus refuses us: {error}") from error
        except (OSError, EOFError, TimeoutError) as error:
            reason = f"D-Bus can't be reached: {error!r}"
            raise BluezError(f"{_BUS}.Error.NoServer", reason, _NOT_RUNNING) from error
        self._bus, self._ended = bus, asyncio.create_task(_end_of(bus))

    async def close(self) -> None:
        """Leave the bus; harmless when it is not open."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()
        await self.ended()

    async def ended(self) -> None:
        """Wait until the bus has hung up."""
        if self._ended is not None:
            await asyncio.wait({self._ended})  # unlike await, it may be cancelled on its own

    def listen(self, hear: Callable[[Message], bool]) -> None:
        """Show every message to ``hear``, which tells whether it has dealt with it."""
        self._connected().add_message_handler(hear)

    def answer(self, reply: Message) -> None:
        """Send the answer to a call that ``hear`` was shown; a bus that is gone needs none."""
        if self._bus is not None and self._bus.connected:
            self._bus.send(reply)

    async def match(self, rule: str) -> None:
        """Ask the bus for the signals that fit ``rule``.

        :raises BluezError: it refuses, or is gone.
        """
        await self._send(_BUS, _BUS_PATH, _BUS, "AddMatch", "s", [rule], CALL_S)

    async def owner(self) -> str:
        """Return the bus name of the connection that is ``bluetoothd``.

        :raises BluezError: it is not running, or the bus is gone.
        """
        body = await self._send(_BUS, _BUS_PATH, _BUS, "GetNameOwner", "s", [BLUEZ], CALL_S)
        return str(body[0])

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[object] = (),
        *,
        limit_s: float = CALL_S,
    ) -> list[object]:
        """Call a method of ``bluetoothd``; where it is not running, the bus may start it.

        :raises BluezError: an error answer, no answer within ``limit_s``, or no bus.
        """
        return await self._send(BLUEZ, path, interface, member, signature, body, limit_s)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: Sequence[object],
        limit_s: float,
    ) -> list[object]:
        message = Message(
            destination, path, interface, member, signature=signature, body=list(body)
        )
        try:
            async with asyncio.timeout(limit_s):
                reply = await self._connected().call(message)
        except TimeoutError:
            reason = f"no answer to {member} for {limit_s:.0f} s"
            raise BluezError(_NO_ANSWER, reason) from None
        except (OSError, EOFError, DBusError) as error:
            reason = f"D-Bus was lost: {error!r}"
            raise BluezError(f"{_BUS}.Error.Disconnected", reason) from error
        if reply is None or reply.message_type is MessageType.ERROR:
            name = reply.error_name if reply is not None else None
            text = str(next(iter(reply.body), "")) if reply is not None else ""
            raise BluezError(name or f"{_BUS}.Error.Failed", text)
        return list(unpack_variants(reply.body))

    def _connected(self) -> MessageBus:
        if self._bus is None or not self._bus.connected:
            raise BluezError(f"{_BUS}.Error.Disconnected", "D-Bus was lost", "It is tried again")
        return self._bus


async def _end_of(bus: MessageBus) -> None:
    """Wait until a bus hangs up. Why does not matter to anybody: it is gone."""
    with contextlib.suppress(OSError, EOFError):
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
