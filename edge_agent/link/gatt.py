"""Bluetooth LE sensors through bleak.

What the radio and BlueZ do in practice shapes this module:

* Only one scan runs per adapter, and connecting while scanning upsets many adapters: links that
  share an adapter take turns (:class:`Adapter`).
* A GATT call can hang for minutes (an unpaired read of an encrypted characteristic does), so every
  call has its own time-out.
* A killed ``bluetoothd`` leaves bleak believing it is connected. The only sign is silence, so a
  link without notifications for ``silence_s`` is torn down and made anew.
* bleak's callbacks must not raise: what goes wrong in one is raised in the session's own task.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from edge_agent.clock import Clock
from edge_agent.driver import Gatt, Read, Request, Write
from edge_agent.errors import LinkError
from edge_agent.link.feed import Feed
from edge_agent.link.retry import keep_trying

log = logging.getLogger(__name__)

_T = TypeVar("_T")

_SCAN_S = 6.0
_CONNECT_S = 20.0
_CALL_S = 10.0
_HANG_UP_S = 1.0
_INBOX_AT_MOST = 32


class Adapter:
    """One Bluetooth adapter, used by one link at a time while it scans and connects."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()


class _Inbox:
    """What the session's task still has to do: requests, a fault to raise, the end (``None``).

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


class GattLink:
    """Keeps one Bluetooth LE sensor connected."""

    def __init__(
        self,
        feed: Feed,
        address: str,
        gatt: Gatt,
        adapter: Adapter,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        self._feed, self._address, self._gatt = feed, address, gatt
        self._adapter, self._clock, self._rng = adapter, clock, rng
        self._thing = f"sensor {feed.sensor} ({address})"
        self._inbox = _Inbox()

    async def run(self) -> None:
        """Stay connected for ever, connecting again after every loss."""
        await keep_trying(self._session, (self._feed,), self._clock, self._rng)

    async def _session(self) -> None:
        self._inbox = _Inbox()
        client = await self._connect()
        try:
            await self._subscribe(client)
            self._feed.connected()
            for request in self._feed.open():
                await self._carry_out(client, request)
            await self._converse(client)
        finally:
            await self._hang_up(client)

    async def _connect(self) -> BleakClient:
        async with self._adapter.turn:
            device = await self._call(self._find(), "scan", _SCAN_S + _CALL_S)
            if device is None:
                raise self._error(
                    f"not seen in {_SCAN_S:.0f} s of scanning",
                    "Bring it closer, wake it, and check that no phone holds the connection",
                )
            inbox = self._inbox
            client = BleakClient(
                device,
                disconnected_callback=lambda _: inbox.put(None),
                timeout=_CONNECT_S,
                pair=self._gatt.pair,
            )
            await self._call(client.connect(), "connect", _CONNECT_S + _CALL_S)
            return client

    async def _find(self) -> BLEDevice | None:
        """Look for the sensor among the connected devices and on the air.

        BlueZ keeps the connection of a hub that was killed, and a connected sensor no longer
        advertises: no scan would find it. Once this process has been connected, the air comes
        first, because bleak's list of connected devices outlives a ``bluetoothd`` that was killed.
        """
        if self._feed.status.connections == 0:
            return await self._find_connected() or await self._find_on_air()
        return await self._find_on_air() or await self._find_connected()

    async def _find_on_air(self) -> BLEDevice | None:
        return await BleakScanner.find_device_by_address(self._address, timeout=_SCAN_S)

    async def _find_connected(self) -> BLEDevice | None:
        adapter = await BleakAdapter.get()
        connected = await adapter.get_connected_devices([self._gatt.service])
        return next((device for device in connected if device.address == self._address), None)

    async def _subscribe(self, client: BleakClient) -> None:
        for uuid in (*self._gatt.notify, *self._gatt.optional):
            characteristic = client.services.get_characteristic(uuid)
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
            except Exception as error:  # noqa: BLE001 - raised again in the session's own task
                inbox.put(error)

        return receive

    async def _converse(self, client: BleakClient) -> None:
        """Carry out what the decoder asks for until the link ends or falls silent."""
        connected_at = self._clock.boottime()
        while True:
            left_s = self._gatt.silence_s - self._feed.silence_s(connected_at)
            if left_s <= 0:
                raise self._error(
                    f"silent for {self._gatt.silence_s:.0f} s", "The link is made anew"
                )
            try:
                async with asyncio.timeout(left_s):
                    item = await self._inbox.get()
            except TimeoutError:
                continue
            if item is None:
                raise self._error("the sensor disconnected", "The link is made anew")
            if isinstance(item, Exception):
                raise item
            await self._carry_out(client, item)

    async def _carry_out(self, client: BleakClient, request: Request) -> None:
        if client.services.get_characteristic(request.channel) is None:
            if request.channel in self._gatt.optional:
                return
            raise self._error(
                f"has no characteristic {request.channel}", "Check that the driver fits this sensor"
            )
        match request:
            case Read(channel):
                data = await self._call(client.read_gatt_char(channel), "read")
                for follow_up in self._feed.receive(bytes(data), channel):
                    await self._carry_out(client, follow_up)
            case Write(channel, payload):
                if channel not in self._gatt.writable:
                    raise self._error(
                        f"the driver wants to write {channel}", "It is not on the driver's list"
                    )
                await self._call(client.write_gatt_char(channel, payload, response=True), "write")

    async def _hang_up(self, client: BleakClient) -> None:
        """Let the sensor rest and drop the link; neither may take long or fail loudly."""
        try:
            async with asyncio.timeout(_HANG_UP_S):
                if client.is_connected:
                    for request in self._feed.decoder.close():
                        await self._carry_out(client, request)
        except (LinkError, TimeoutError) as error:
            log.debug("%s: hanging up: %s", self._thing, error)
        try:
            async with asyncio.timeout(_HANG_UP_S):
                await client.disconnect()
        except (BleakError, EOFError, OSError, TimeoutError) as error:
            log.debug("%s: hanging up: %s", self._thing, error)

    async def _call(self, call: Awaitable[_T], what: str, timeout_s: float = _CALL_S) -> _T:
        """Await a bleak call with a time-out of its own; every failure becomes a LinkError."""
        try:
            async with asyncio.timeout(timeout_s):
                return await call
        except BleakBluetoothNotAvailableError as error:
            step = "Switch the adapter on (rfkill, bluetoothctl)"
            raise self._error(f"{what}: {error}", step) from error
        except TimeoutError as error:
            raise self._error(f"{what}: no answer for {timeout_s:.0f} s", "") from error
        except (FileNotFoundError, ConnectionRefusedError) as error:
            step = "Install and start them (systemctl start dbus bluetooth)"
            raise self._error("neither D-Bus nor Bluetooth is running here", step) from error
        except (BleakError, EOFError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise self._error(f"{what}: {reason}", _next_step(reason)) from error

    def _error(self, reason: str, next_step: str) -> LinkError:
        return LinkError(self._thing, reason, next_step)


def _next_step(reason: str) -> str:
    lowered = reason.lower()
    if "not permitted" in lowered or "authentication" in lowered or "encryption" in lowered:
        return "The sensor wants an encrypted link: pair it with bluetoothctl"
    if "org.bluez" in lowered and "unknown" in lowered:
        return "Start the Bluetooth service (systemctl start bluetooth)"
    return ""
