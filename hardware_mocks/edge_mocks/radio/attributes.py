"""A mock's characteristics as attributes of bumble's GATT server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from bumble import att, gatt
from bumble.device import Connection
from bumble.gatt_server import Server

from edge_mocks.bluez import BluezError, Characteristic, att_error
from edge_mocks.radio.air import short_uuid

_T = TypeVar("_T")

_READ_NOT_PERMITTED: Final = 0x02
_WRITE_NOT_PERMITTED: Final = 0x03
_UNLIKELY: Final = 0x0E

_Properties = gatt.Characteristic.Properties
_Permissions = gatt.Characteristic.Permissions
_PROPERTIES: Final = {
    flag.name.lower().replace("_", "-"): flag for flag in _Properties if flag.name is not None
}
_CODES: Final = {str(att_error(code)): code for code in range(0xFF, 0, -1)}
"""The ATT code of each error a mock may raise; of several that BlueZ shows alike, the lowest."""


class Outbox(Protocol):
    """What a characteristic needs of the sensor it belongs to."""

    def send(self, transmission: Callable[[], Awaitable[None]]) -> None:
        """Send when everything before it has been sent, as a sensor's one radio does."""

    def failed(self, error: Exception) -> None:
        """Keep what a mock's own code has raised."""


class ServedCharacteristic:
    """One characteristic of a mock, served by bumble: its flags, its values, its errors.

    An ``encrypted`` one, and its configuration descriptor, are refused on a link that is not.
    """

    def __init__(self, characteristic: Characteristic, server: Server, outbox: Outbox) -> None:
        self.characteristic = characteristic
        self._server, self._outbox = server, outbox
        permissions = _Permissions.READABLE | _Permissions.WRITEABLE
        if characteristic.encrypted:
            permissions |= _Permissions.READ_REQUIRES_ENCRYPTION
            permissions |= _Permissions.WRITE_REQUIRES_ENCRYPTION
        properties = _Properties(0)
        for flag in characteristic.flags:
            properties |= _PROPERTIES[flag]
        value = gatt.CharacteristicValue[bytes](read=self._read, write=self._write)
        self.attribute = gatt.Characteristic[bytes](
            short_uuid(characteristic.uuid), properties, permissions, value
        )
        if characteristic.notifies:
            # bumble would add this descriptor, but never ask for an encrypted link.
            configuration = gatt.Descriptor(
                gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
                permissions,
                server.make_descriptor_value(self.attribute),
            )
            self.attribute.descriptors = [configuration]
        self.attribute.on(gatt.Characteristic.EVENT_SUBSCRIPTION, self._configured)

    def link_lost(self) -> None:
        """End the subscription with the link it was made over."""
        self._subscribe(None)

    async def _read(self, _: Connection) -> bytes:
        characteristic = self.characteristic
        await self._ready()
        if "read" not in characteristic.flags:
            raise att.ATT_Error(_READ_NOT_PERMITTED)
        if characteristic.on_read is not None:
            characteristic.value = self._ask(characteristic.on_read)
        return characteristic.value

    async def _write(self, _: Connection, data: bytes) -> None:
        await self._ready()
        on_write = self.characteristic.on_write
        if not {"write", "write-without-response"} & set(self.characteristic.flags):
            raise att.ATT_Error(_WRITE_NOT_PERMITTED)
        if on_write is not None:
            self._ask(lambda: on_write(data))

    async def _ready(self) -> None:
        """Do what the mock's faults say: never answer, or refuse."""
        if self.characteristic.silent:
            await asyncio.Event().wait()
        if self.characteristic.errors:
            raise _refusal(self.characteristic.errors.popleft())

    def _ask(self, question: Callable[[], _T]) -> _T:
        try:
            return question()
        except BluezError as error:
            raise _refusal(error) from error
        except Exception as error:
            # The client must not hang on a bug of the mock; the sensor raises it when it stops.
            self._outbox.failed(error)
            raise att.ATT_Error(_UNLIKELY) from error

    def _configured(self, connection: Connection, notify: bool, indicate: bool) -> None:
        """Hear of a write to the configuration descriptor."""
        self.characteristic.mtu = connection.att_mtu
        send = self._server.notify_subscriber if notify else self._server.indicate_subscriber

        def deliver(data: bytes) -> None:
            self._outbox.send(lambda: send(connection, self.attribute, data))

        self._subscribe(deliver if notify or indicate else None)

    def _subscribe(self, deliver: Callable[[bytes], None] | None) -> None:
        characteristic, before = self.characteristic, self.characteristic.subscribed
        characteristic.deliver = deliver
        told = characteristic.on_subscribe
        if characteristic.subscribed != before and told is not None:
            try:
                told(characteristic.subscribed)
            except Exception as error:  # noqa: BLE001 - the sensor raises it when it stops
                self._outbox.failed(error)


def _refusal(error: BluezError) -> att.ATT_Error:
    """Return the error as it goes over the air; what is none of ATT's is called unlikely."""
    return att.ATT_Error(_CODES.get(str(error), _UNLIKELY))
