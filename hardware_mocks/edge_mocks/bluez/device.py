"""``Device1``: one sensor as the daemon sees it, from its first advertisement to its removal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from dbus_fast import Message, Variant

from edge_mocks.bluez import gatt
from edge_mocks.bluez.agents import AgentManager1
from edge_mocks.bluez.objects import BluezError, Interface, Method, ObjectTree, Reply
from edge_mocks.bluez.peripheral import Peripheral
from edge_mocks.bluez.personality import Personality
from edge_mocks.bluez.security import Security

ABORTED: Final = "le-connection-abort-by-local"
"""The error of a link that came up and fell at once; bleak waits for both, then tries again."""

_BATTERY_LEVEL = "00002a19-0000-1000-8000-00805f9b34fb"
_PAGE_TIMEOUT_S = 20.0


class Battery1(Interface):
    """The battery level that BlueZ reads by itself after connecting."""

    name = "org.bluez.Battery1"

    def __init__(self, tree: ObjectTree, path: str, level: bytes) -> None:
        super().__init__(tree, path)
        self._percent = level[0]

    def properties(self) -> dict[str, Variant]:
        """Return the level in percent."""
        return {"Percentage": Variant("y", self._percent)}


class Device1(Interface):
    """A sensor that has been heard: connecting, pairing and the state of its link."""

    name = "org.bluez.Device1"

    def __init__(
        self,
        tree: ObjectTree,
        path: str,
        peripheral: Peripheral,
        personality: Personality,
        agents: AgentManager1,
        powered: Callable[[], bool],
    ) -> None:
        super().__init__(tree, path)
        self.peripheral = peripheral
        self.connected = self.resolved = self.trusted = False
        self.temporary = not peripheral.bonded
        self.rssi_dbm: int | None = None
        self._personality, self._powered = personality, powered
        self._attempt: asyncio.Task[None] | None = None
        self._characteristics: list[gatt.GattCharacteristic1] = []
        self._services_known = False
        self._security = Security(self, agents, personality)

    def properties(self) -> dict[str, Variant]:
        """Return identity, advertisement and state."""
        far = self.peripheral
        view = {
            "Adapter": Variant("o", self.path.rpartition("/")[0]),
            "Address": Variant("s", far.address),
            "AddressType": Variant("s", far.address_type),
            "Alias": Variant("s", far.name or far.address.replace(":", "-")),
            "Paired": Variant("b", far.bonded),
            "Bonded": Variant("b", far.bonded),
            "Trusted": Variant("b", self.trusted),
            "Blocked": Variant("b", False),  # noqa: FBT003 (a D-Bus boolean)
            "LegacyPairing": Variant("b", False),  # noqa: FBT003 (a D-Bus boolean)
            "Connected": Variant("b", self.connected),
            "ServicesResolved": Variant("b", self.resolved),
            "UUIDs": Variant("as", self._uuids()),
        }
        if far.name:
            view["Name"] = Variant("s", far.name)
        if far.manufacturer:
            fields = {number: Variant("ay", octets) for number, octets in far.manufacturer.items()}
            view["ManufacturerData"] = Variant("a{qv}", fields)
        if self.rssi_dbm is not None:
            view["RSSI"] = Variant("n", self.rssi_dbm)
        return view

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {
            "Connect": self._connect,
            "Disconnect": self._disconnect,
            "Pair": self._security.pair,
            "CancelPairing": self._security.cancel,
        }

    def set_property(self, name: str, value: object) -> None:
        """Take ``Trusted``; nothing else may be set.

        :raises BluezError: another property.
        """
        if name != "Trusted":
            super().set_property(name, value)
        self.trusted, self.temporary = bool(value), False
        self.changed("Trusted")

    def link_lost(self) -> None:
        """Go from connected to disconnected; the GATT objects stay."""
        if not self.connected:
            return
        self.peripheral.drop_link = lambda: None
        self.tree.remove(self.path, Battery1.name)
        self.connected = self.resolved = False
        if self._personality.disconnects_in_one_signal:
            self.changed("Connected", "ServicesResolved")
        else:
            self.changed("ServicesResolved")
            self.changed("Connected")
        self._let_go()

    def abandon(self) -> None:
        """Drop the link without a word on the bus, as the death of the daemon does."""
        if self.connected:
            self.connected = self.resolved = False
            self._let_go()

    def client_gone(self, client: str) -> None:
        """End what a client that has left the bus had asked for; the link itself stays."""
        for characteristic in self._characteristics:
            characteristic.client_gone(client)

    async def connect(self) -> None:
        """Bring the link up, if it is not up yet.

        :raises BluezError: the adapter is off or busy, or the sensor is not reached.
        """
        if not self._powered():
            raise BluezError("NotReady", "Resource Not Ready")
        if self.connected:
            return
        if self._attempt is not None:
            raise BluezError("InProgress", "Operation already in progress")
        self.temporary = False
        self._attempt = asyncio.ensure_future(self._reach())
        try:
            await asyncio.wait({self._attempt})
            if self._attempt.cancelled():
                raise BluezError("Failed", ABORTED)
            self._attempt.result()
        finally:
            self._attempt.cancel()
            self._attempt = None
        self._link_up()

    async def _connect(self, _: Message) -> Reply:
        await self.connect()
        return None

    async def _reach(self) -> None:
        """Wait until the sensor answers.

        :raises BluezError: a planted error, or the sensor stays out of range.
        """
        far = self.peripheral
        await asyncio.sleep(far.connect_delay_s)
        if far.connect_errors:
            error = far.connect_errors.popleft()
            if error.text == ABORTED:
                self._flash()
            raise error
        if not far.in_range:
            await asyncio.sleep(_PAGE_TIMEOUT_S)
            self._flash()
            raise BluezError("Failed", ABORTED)

    def _flash(self) -> None:
        """Show the link that came up for a moment before it was aborted."""
        self.connected = True
        self.changed("Connected")
        self.connected = False
        self.changed("Connected")

    def _link_up(self) -> None:
        self.connected = True
        self.peripheral.drop_link = self.link_lost
        self.changed("Connected")
        self.tree.tasks.spawn(self._resolve())

    async def _resolve(self) -> None:
        await asyncio.sleep(self.peripheral.resolve_delay_s)
        if not self.connected:
            return
        if not self._personality.battery_after_resolved:
            self._show_battery()
        if not self._services_known:
            self._services_known = True
            for one in gatt.objects(
                self.tree, self.path, self.peripheral, self._security.encrypt, self._personality
            ):
                self.tree.add(one)
                if isinstance(one, gatt.GattCharacteristic1):
                    self._characteristics.append(one)
        for characteristic in self._characteristics:
            characteristic.link_up()
        self.resolved = True
        if self._personality.uuids_when_resolved:
            self.changed("UUIDs", "ServicesResolved")
        else:
            self.changed("UUIDs")
            self.changed("ServicesResolved")
        if self._personality.battery_after_resolved:
            self._show_battery()

    async def _disconnect(self, _: Message) -> Reply:
        if self._attempt is not None:
            self._attempt.cancel()
        elif not self.connected:
            raise BluezError("NotConnected", "Not Connected")
        self.link_lost()
        return None

    def _let_go(self) -> None:
        for characteristic in self._characteristics:
            characteristic.link_lost()
        if self.peripheral.on_disconnect is not None:
            self.peripheral.on_disconnect()

    def _show_battery(self) -> None:
        try:
            level = self.peripheral.characteristic(_BATTERY_LEVEL)
        except KeyError:
            return
        value = level.on_read() if level.on_read is not None else level.value
        self.tree.add(Battery1(self.tree, self.path, value))

    def _uuids(self) -> list[str]:
        known = self.peripheral.services if self._services_known else ()
        return sorted({*self.peripheral.advertises, *(service.uuid for service in known)})
