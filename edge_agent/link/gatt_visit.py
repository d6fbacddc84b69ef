"""One connection to one Bluetooth LE sensor, from connecting to hanging up, through bleak.

* A GATT call can hang for minutes (an unpaired read of an encrypted characteristic does), so every
  call has a time limit, and what is given up is got rid of.
* bleak's callbacks must not raise: what goes wrong in one is raised in the visit's own task.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.driver import Gatt, Read, Request, Write
from edge_agent.errors import LinkError
from edge_agent.link.adapter import Adapter
from edge_agent.link.feed import Feed
from edge_agent.link.waiting import first, limited
from edge_agent.model import Boottime, EventKind

log = logging.getLogger(__name__)

_T = TypeVar("_T")

CONNECT_S: Final = 20.0
"""How long connecting and finding the services may take; a sleepy sensor needs most of it."""
CALL_S: Final = 10.0
"""How long one read, write or subscription may take."""
HANG_UP_S: Final = 1.0
"""How long the farewell may take, and hanging up as well."""
_SHORTEST_WAIT_S: Final = 0.01
_INBOX_AT_MOST: Final = 32
_UNENCRYPTED: Final = {0x05, 0x0C, 0x0F}  # authentication, key size, encryption (Core, ATT)
_REFUSALS: Final = {
    f"org.bluez.Error.{name}" for name in ("NotPermitted", "NotSupported", "NotAuthorized")
}
_AUTHENTICATION: Final = "org.bluez.Error.Authentication"
_DISCONNECTED: Final = "the sensor disconnected"


class Ended(LinkError):
    """The sensor has hung up or fallen silent: for one that comes and goes, the usual end."""


class Unencrypted(LinkError):
    """The sensor gives nothing without an encrypted link, and could not have one."""


class _Refused(LinkError):
    """The sensor answered with an error of the attribute protocol; the link stands."""


class _Inbox:
    """What the visit still has to do: requests, a fault to raise, the end (``None``).

    A sensor that makes its decoder ask for more than the link can carry out is hung up on.
    """

    def __init__(self) -> None:
        self._items: asyncio.Queue[Request | Exception | None] = asyncio.Queue()

    def put(self, item: Request | Exception | None) -> None:
        if self._items.qsize() < _INBOX_AT_MOST:
            self._items.put_nowait(item)
        elif self._items.qsize() == _INBOX_AT_MOST:
            self._items.put_nowait(None)

    async def get(self) -> Request | Exception | None:
        return await self._items.get()


class Visit:
    """One connection. It gives what arrives to ``feed`` and carries out what its decoder asks."""

    def __init__(self, thing: str, feed: Feed, gatt: Gatt, clock: Clock) -> None:
        self._thing, self._feed, self._gatt, self._clock = thing, feed, gatt, clock
        self._inbox = _Inbox()
        self._has_hung_up = False

    async def run(self, device: BLEDevice, adapter: Adapter) -> None:
        """Be connected to ``device`` until that comes to an end, and leave nothing behind.

        :raises LinkError: why it ended; :class:`Ended` when the sensor was the one to end it.
        """
        last_frame_at = self._feed.status.last_frame_at
        client = BleakClient(device, disconnected_callback=self._lost, timeout=CONNECT_S)
        try:
            async with adapter.connecting():
                await self._call(client.connect(), "connect")
            await self._subscribe(client)
            self._tell_connected(last_frame_at)
            tasks = [self._converse(client)]
            stream = self._gatt.continuous
            if not stream or self._characteristic(client, stream) is not None:
                tasks.append(self._listen_for_silence())
            if self._gatt.poll_s is not None:
                tasks.append(self._poll(self._gatt.poll_s))
            await first(*tasks)
        except LinkError as error:
            if client.is_connected or isinstance(error, Unencrypted):
                raise
            # A call that the end of the link cut short fails in one of many words.
            reason = _DISCONNECTED if self._has_hung_up else error.reason
            raise Ended(error.thing, reason, error.next_step) from error
        finally:
            self._feed.ended()
            await self._hang_up(client, adapter)

    def _lost(self, _: BleakClient) -> None:
        self._has_hung_up = True
        self._inbox.put(None)

    def _tell_connected(self, last: Boottime | None) -> None:
        """Report the link, and for how long nothing came when there was one before."""
        is_again = self._feed.status.connections > 0
        self._feed.connected()
        if is_again and last is not None and not self._gatt.episodic:
            seconds = (self._clock.boottime() - last) / NS_PER_S
            self._feed.event(EventKind.GAP, reason="the link was down", seconds=round(seconds, 3))

    async def _subscribe(self, client: BleakClient) -> None:
        for uuid in (*self._gatt.notify, *self._gatt.optional):
            characteristic = self._characteristic(client, uuid)
            if characteristic is None:
                if uuid in self._gatt.optional:
                    continue
                raise self._error(
                    f"has no characteristic {uuid}", "Check that the driver fits this sensor"
                )
            if {"notify", "indicate"} & set(characteristic.properties):
                callback = self._receiver(uuid)
                await self._call(client.start_notify(characteristic, callback), "subscribe")

    def _receiver(self, uuid: str) -> Callable[[BleakGATTCharacteristic, bytearray], None]:
        inbox = self._inbox

        def receive(_: BleakGATTCharacteristic, data: bytearray) -> None:
            try:
                for request in self._feed.receive(bytes(data), uuid):
                    inbox.put(request)
            except Exception as error:  # noqa: BLE001 - raised again in the visit's own task
                inbox.put(error)

        return receive

    async def _converse(self, client: BleakClient) -> None:
        """Carry out what the decoder asks for until the link ends."""
        for request in self._feed.open():
            await self._carry_out(client, request)
        while True:
            item = await self._inbox.get()
            if item is None:
                raise Ended(self._thing, _DISCONNECTED, "The link is made anew")
            if isinstance(item, Exception):
                raise item
            await self._carry_out(client, item)

    async def _listen_for_silence(self) -> None:
        """End the visit when the sensor has said nothing of use for too long."""
        connected_at, limit_s = self._clock.boottime(), self._gatt.silence_s
        while (silence_s := self._feed.silence_s(connected_at)) < limit_s:
            wait_s = max(limit_s - silence_s, _SHORTEST_WAIT_S)
            with self._feed.turning.promised(wait_s):
                await self._clock.sleep(wait_s)
        raise Ended(self._thing, f"silent for {limit_s:.0f} s", "The link is made anew")

    async def _poll(self, poll_s: float) -> None:
        """Ask the decoder every ``poll_s`` seconds what to write."""
        while True:
            await self._clock.sleep(poll_s)
            for request in self._feed.poll():
                self._inbox.put(request)

    async def _carry_out(self, client: BleakClient, request: Request) -> None:
        characteristic = self._characteristic(client, request.channel)
        if characteristic is None:
            if request.channel in self._gatt.optional:
                return
            raise self._error(
                f"has no characteristic {request.channel}", "Check that the driver fits this sensor"
            )
        match request:
            case Read():
                await self._read(client, characteristic)
            case Write(channel, payload, response):
                if channel not in self._gatt.writable:
                    raise self._error(
                        f"the driver wants to write {channel}", "It is not on the driver's list"
                    )
                write = client.write_gatt_char(characteristic, payload, response=response)
                await self._call(write, "write")

    def _characteristic(self, client: BleakClient, uuid: str) -> BleakGATTCharacteristic | None:
        """Look up what the sensor has; bleak forgets it all at the moment the link ends."""
        try:
            return client.services.get_characteristic(uuid)
        except BleakError as error:
            raise Ended(self._thing, _DISCONNECTED, "The link is made anew") from error

    async def _read(self, client: BleakClient, characteristic: BleakGATTCharacteristic) -> None:
        """Read; what the driver can do without may be write-only, or refused by the sensor."""
        channel = characteristic.uuid
        is_optional = channel in self._gatt.optional
        if is_optional and "read" not in characteristic.properties:
            return
        try:
            data = await self._call(client.read_gatt_char(characteristic), "read")
        except _Refused as error:
            if not is_optional:
                raise
            log.info("%s: %s", self._thing, error.reason)
            return
        for follow_up in self._feed.receive(bytes(data), channel):
            await self._carry_out(client, follow_up)

    async def _hang_up(self, client: BleakClient, adapter: Adapter) -> None:
        """Let the sensor rest and drop the link; neither may take long or fail loudly."""
        is_there = client.is_connected and adapter.watch.trouble() is None
        try:
            if is_there:
                async with asyncio.timeout(HANG_UP_S):
                    for request in self._feed.close():
                        await self._carry_out(client, request)
        except (LinkError, TimeoutError) as error:
            log.debug("%s: hanging up: %s", self._thing, error)
        try:
            with self._feed.turning.promised(HANG_UP_S):
                await limited(client.disconnect(), HANG_UP_S)
        except (BleakError, EOFError, OSError, TimeoutError) as error:
            log.debug("%s: hanging up: %s", self._thing, error)

    async def _call(self, call: Coroutine[Any, Any, _T], what: str) -> _T:
        """Await a bleak call with a time limit of its own; every failure becomes a LinkError."""
        limit_s = CONNECT_S + CALL_S if what == "connect" else CALL_S
        try:
            with self._feed.turning.promised(limit_s):
                return await limited(call, limit_s)
        except TimeoutError as error:
            raise self._error(f"{what}: no answer for {limit_s:.0f} s", "") from error
        except (BleakError, EOFError, OSError) as error:
            # A protocol error's own text is a tuple of its code and its words.
            words = error.args[-1] if isinstance(error, BleakGATTProtocolError) else error
            reason = f"{what}: {str(words) or type(error).__name__}"
            if _wants_encryption(error):
                raise Unencrypted(self._thing, reason, "Pair it") from error
            if _is_refusal(error):
                raise _Refused(self._thing, reason, "The link is made anew") from error
            raise self._error(reason, "The link is made anew") from error

    def _error(self, reason: str, next_step: str) -> LinkError:
        return LinkError(self._thing, reason, next_step)


def _is_refusal(error: Exception) -> bool:
    """Tell whether the sensor has answered, with an error of its own; BlueZ renames some."""
    if isinstance(error, BleakDBusError):
        return error.dbus_error in _REFUSALS
    return isinstance(error, BleakGATTProtocolError)


def _wants_encryption(error: Exception) -> bool:
    """Tell whether a sensor (or BlueZ, for it) refused something for want of a good bond."""
    if isinstance(error, BleakGATTProtocolError):
        return int(error.code) in _UNENCRYPTED
    if isinstance(error, BleakDBusError):
        name, details = error.dbus_error, error.dbus_error_details or ""
        return name.startswith(_AUTHENTICATION) or "not paired" in details.lower()
    return False
