"""A mock sensor with a Bluetooth stack of its own: advertising, GATT server, pairing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

from bumble import hci
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Service
from bumble.ll import AdvInd

from edge_mocks.bluez import Peripheral
from edge_mocks.radio.air import Air, advertisements, short_uuid
from edge_mocks.radio.attributes import ServedCharacteristic
from edge_mocks.radio.security import Memory, pairing_config
from edge_mocks.tasks import Tasks

_HANG_UP_S: Final = 5.0

_Transmission = Callable[[], Awaitable[None]]


class RadioSensor:
    """``peripheral`` on the medium ``air`` between enter and exit.

    Its values, subscriptions, MTU, faults of notifications and ATT errors work as they do on the
    mock of BlueZ. Faults of connecting (``connect_delay_s``, ``connect_errors``) do not: here the
    connection is the hub's own affair.
    """

    def __init__(self, peripheral: Peripheral, air: Air) -> None:
        self.peripheral = peripheral
        self._air = air
        self._public = peripheral.address_type == "public"
        self._controller = air.controller(
            peripheral.name, peripheral.address if self._public else None
        )
        configuration = DeviceConfiguration(name=peripheral.name)
        if not self._public:
            configuration.address = hci.Address(peripheral.address)
        self._device = Device.from_config_with_hci(
            configuration,
            self._controller,
            self._controller,
        )
        self._device.keystore = self._memory = Memory(peripheral)
        self._device.pairing_config_factory = lambda _: pairing_config(peripheral)
        self._device.on(Device.EVENT_CONNECTION, self._connected)
        self._served = self._serve()
        self._payloads = advertisements(peripheral)
        self._connection: Connection | None = None
        self._outgoing: asyncio.Queue[_Transmission | None] = asyncio.Queue()
        self._sender: asyncio.Task[None] | None = None
        self._leaving = False
        self._tasks = Tasks()

    @property
    def connected(self) -> bool:
        """Whether a hub is connected."""
        return self._connection is not None

    @property
    def encrypted(self) -> bool:
        """Whether the link to the hub is encrypted."""
        return self._connection is not None and self._connection.is_encrypted

    async def bond(self, hub: hci.Address, key: bytes) -> None:
        """Remember an earlier pairing with ``hub`` by its long-term key (16 octets)."""
        await self._memory.remember(str(hub), key)

    async def hang_up(self, reason: int = hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR) -> None:
        """End the connection, if there is one; ``reason`` is what the hub is told."""
        connection = self._connection
        if connection is None:
            return
        try:
            await connection.disconnect(reason)
        except hci.HCI_Error:
            if connection is self._connection:
                raise  # else the hub has hung up meanwhile

    def link_lost(self) -> None:
        """Break the connection, if there is one, as if the hub were out of range."""
        self._tasks.spawn(self.hang_up(hci.HCI_CONNECTION_TIMEOUT_ERROR))

    def send(self, transmission: _Transmission) -> None:
        """Send when everything before it has been sent."""
        self._outgoing.put_nowait(transmission)

    def failed(self, error: Exception) -> None:
        """Keep what the mock's own code has raised; leaving raises it."""
        self._tasks.spawn(_raise(error))

    async def __aenter__(self) -> Self:
        await self._device.power_on()
        self._tasks.spawn(self._advertise())
        return self

    async def __aexit__(self, *_: object) -> None:
        # bumble waits with asyncio.wait_for, which before Python 3.12 can swallow a cancellation:
        # so the tasks are told to end as well.
        self._leaving = True
        self._outgoing.put_nowait(None)
        try:
            await self._tasks.close()
        finally:
            async with asyncio.timeout(_HANG_UP_S):
                await self._device.stop_advertising()
                await self.hang_up()
                await self._device.power_off()
            self._air.remove_controller(self._controller)

    def _serve(self) -> list[ServedCharacteristic]:
        server, served = self._device.gatt_server, list[ServedCharacteristic]()
        server.max_mtu = self.peripheral.mtu
        for service in self.peripheral.services:
            of_service = [
                ServedCharacteristic(characteristic, server, self)
                for characteristic in service.characteristics
            ]
            server.add_service(
                Service(short_uuid(service.uuid), [one.attribute for one in of_service])
            )
            served += of_service
        return served

    async def _advertise(self) -> None:
        """Advertise while in range and not connected.

        bumble's controllers answer no scan request, so what belongs into the scan response goes
        out as an advertisement of its own.
        """
        while not self._leaving:
            wanted = self.peripheral.in_range and self._connection is None
            if wanted and not self._device.is_advertising:
                await self._start_advertising()
            elif not wanted and self._device.is_advertising:
                await self._device.stop_advertising()
            elif wanted:
                for payload in self._payloads[1:]:
                    self._controller.send_advertising_pdu(AdvInd(self._address(), payload))
            await asyncio.sleep(self.peripheral.advertising_interval_s)

    async def _start_advertising(self) -> None:
        interval_ms = self.peripheral.advertising_interval_s * 1000
        kinds = hci.OwnAddressType
        await self._device.start_advertising(
            own_address_type=kinds.PUBLIC if self._public else kinds.RANDOM,
            advertising_data=self._payloads[0],
            advertising_interval_min=interval_ms,
            advertising_interval_max=interval_ms,
        )

    def _address(self) -> hci.Address:
        controller = self._controller
        return controller.public_address if self._public else controller.random_address

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        self.peripheral.drop_link = self._drop_link
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)
        connection.on(Connection.EVENT_CONNECTION_ATT_MTU_UPDATE, self._mtu_agreed)
        self._outgoing = asyncio.Queue()
        self._sender = self._tasks.spawn(self._send_in_turn(self._outgoing))

    def _disconnected(self, _: int) -> None:
        self._connection = None
        self.peripheral.drop_link = lambda: None
        self._outgoing.put_nowait(None)
        if self._sender is not None:
            self._sender.cancel()
        for one in self._served:
            one.link_lost()
        if self.peripheral.on_disconnect is not None:
            self.peripheral.on_disconnect()

    def _mtu_agreed(self) -> None:
        if self._connection is not None:
            for one in self._served:
                one.characteristic.mtu = self._connection.att_mtu

    async def _send_in_turn(self, outgoing: asyncio.Queue[_Transmission | None]) -> None:
        while (transmission := await outgoing.get()) is not None:
            await transmission()

    def _drop_link(self) -> None:
        self._tasks.spawn(self.hang_up())


async def _raise(error: Exception) -> None:
    raise error
