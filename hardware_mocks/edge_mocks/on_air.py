"""Puts a mock sensor on a real Bluetooth adapter: other machines find it as if it were real.

The machine's own ``bluetoothd`` is asked to serve the mock's characteristics and to advertise it
(``org.bluez.GattManager1`` and ``LEAdvertisingManager1``). What is asked of the mock then comes
over the air. The radio, the pairing and the address are the adapter's; link faults are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Self

from dbus_fast import Message, Variant

from edge_agent.errors import EdgeError
from edge_mocks.bluez import BluezError, Peripheral
from edge_mocks.bluez.gatt import GattCharacteristic1, GattService1
from edge_mocks.bluez.objects import Interface, Method, ObjectTree, Reply

_BLUEZ: Final = "org.bluez"
_APPLICATION: Final = "/org/bedside/mock"
_ADVERTISEMENT: Final = f"{_APPLICATION}/advertisement"
_NEEDS_ENCRYPTION = {"read", "write", "notify", "indicate"}


class _Advertisement1(Interface):
    """What the adapter says into the room."""

    name = "org.bluez.LEAdvertisement1"

    def __init__(self, tree: ObjectTree, peripheral: Peripheral) -> None:
        super().__init__(tree, _ADVERTISEMENT)
        self._peripheral = peripheral

    def properties(self) -> dict[str, Variant]:
        """Return the advertisement's contents."""
        manufacturer = {
            company: Variant("ay", octets)
            for company, octets in self._peripheral.manufacturer.items()
        }
        return {
            "Type": Variant("s", "peripheral"),
            "ServiceUUIDs": Variant("as", list(self._peripheral.advertises)),
            "LocalName": Variant("s", self._peripheral.name),
            "ManufacturerData": Variant("a{qv}", manufacturer),
        }

    def methods(self) -> Mapping[str, Method]:
        """Return the methods by name."""
        return {"Release": self._release}

    async def _release(self, _: Message) -> Reply:
        return None


class _Served(GattCharacteristic1):
    """A characteristic that the daemon serves for us; encryption is a matter of its flags."""

    def properties(self) -> dict[str, Variant]:
        """Return what the daemon needs to know of the characteristic."""
        flags = [
            f"encrypt-{flag}"
            if self.characteristic.encrypted and flag in _NEEDS_ENCRYPTION
            else flag
            for flag in self.characteristic.flags
        ]
        return super().properties() | {"Flags": Variant("as", flags)}


async def _leave_security_to_the_daemon(_: str) -> None:
    """Do nothing: a request only gets here once the link is secure enough."""


class OnAir:
    """``peripheral`` on the adapter ``adapter`` (``hci0``) between enter and exit.

    ``bus_address`` is the system bus. Entering raises :class:`EdgeError` when there is no adapter,
    or the daemon refuses.
    """

    def __init__(self, peripheral: Peripheral, adapter: str, bus_address: str) -> None:
        self._peripheral, self._adapter = peripheral, f"/org/bluez/{adapter}"
        self._tree = ObjectTree(bus_address, None, self._daemon_gone)

    async def __aenter__(self) -> Self:
        try:
            await self._tree.open()
        except OSError as error:
            reason = f"no system bus: {error.strerror or error}"
            step = "Install and start them (systemctl start dbus bluetooth)"
            raise EdgeError(f"adapter {self._adapter}", reason, step) from error
        for interface in self._objects():
            self._tree.add(interface)
        try:
            await self._ask("GattManager1", "RegisterApplication", _APPLICATION)
            await self._ask("LEAdvertisingManager1", "RegisterAdvertisement", _ADVERTISEMENT)
        except BluezError as error:
            await self._tree.close()
            raise EdgeError(
                f"adapter {self._adapter}",
                f"{error.name}: {error.text}",
                "Check that bluetoothd runs and the adapter is on (bluetoothctl show)",
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        # Leaving the bus takes application and advertisement back with it.
        await self._tree.close()

    def _objects(self) -> list[Interface]:
        tree, found = self._tree, list[Interface]([_Advertisement1(self._tree, self._peripheral)])
        for number, service in enumerate(self._peripheral.services):
            parent = GattService1(tree, f"{_APPLICATION}/service{number:04x}", service.uuid)
            found.append(parent)
            found += [
                _Served(
                    tree, f"{parent.path}/char{index:04x}", one, self._peripheral,
                    _leave_security_to_the_daemon,
                )
                for index, one in enumerate(service.characteristics)
            ]  # fmt: skip
        return found

    async def _ask(self, manager: str, method: str, path: str) -> None:
        interface = f"{_BLUEZ}.{manager}"
        await self._tree.call(_BLUEZ, self._adapter, interface, method, "oa{sv}", [path, {}])

    def _daemon_gone(self, client: str) -> None:
        for interface in self._tree.interfaces():
            if isinstance(interface, GattCharacteristic1):
                interface.client_gone(client)
