"""The mock of ``bluetoothd``: ``org.bluez`` on a private bus, with sensors around it."""

from __future__ import annotations

import asyncio
import random
from typing import Final, Self

from dbus_fast import Variant

from edge_mocks.bluez.adapter import Adapter1, AdvertisementMonitorManager1
from edge_mocks.bluez.agents import AgentManager1
from edge_mocks.bluez.device import Device1
from edge_mocks.bluez.objects import ObjectTree
from edge_mocks.bluez.peripheral import Peripheral
from edge_mocks.bluez.personality import BLUEZ_5_82, Personality

_ROOT: Final = "/org/bluez"
_TEMPORARY_S = 30.0
_FALSE = Variant("b", False)  # noqa: FBT003 (a D-Bus boolean)


class Bluez:
    """One Bluetooth daemon with one adapter.

    Sensors are added with :meth:`add` and stay through restarts of the daemon. Bonds stay too;
    everything else that the daemon knew is gone after a restart, as with the real one.
    """

    def __init__(
        self,
        address: str,
        *,
        rng: random.Random,
        personality: Personality = BLUEZ_5_82,
        restart_delay_s: float = 0.1,
    ) -> None:
        self._address, self._rng, self._personality = address, rng, personality
        self._restart_delay_s = restart_delay_s
        self._peripherals: list[Peripheral] = []
        self._devices: dict[str, Device1] = {}
        self._orphans: list[str] = []
        self._expiry: asyncio.Task[None] | None = None
        self._running = False
        self._setup()

    def _setup(self) -> None:
        self._tree = ObjectTree(self._address, "org.bluez", self._client_gone)
        self.agents = AgentManager1(self._tree, _ROOT)
        self.adapter = Adapter1(self._tree, f"{_ROOT}/hci0", self)
        self._monitors = AdvertisementMonitorManager1(self._tree, self.adapter.path)

    async def start(self) -> None:
        """Take the name ``org.bluez`` and begin to listen to the sensors."""
        self._setup()
        await self._tree.open()
        self._running = True
        self._tree.add(self.agents)
        self._tree.add(self.adapter, self._monitors)
        for peripheral in self._peripherals:
            self._listen(peripheral)

    async def stop(self) -> None:
        """End as ``systemctl stop bluetooth`` does: every object is taken back first."""
        if not self._running:
            return
        await self.agents.release()
        for path in list(self._devices):
            self._forget(path)
        self._tree.remove(self.adapter.path)
        self._tree.remove(_ROOT)
        await self._tree.flush()
        await self._end()

    async def crash(self) -> None:
        """End as SIGKILL does: the name is gone and nothing is said.

        The 5.82 personality comes back after ``restart_delay_s``, as its unit file demands.
        """
        if not self._running:
            return
        self._orphans = [path for path, device in self._devices.items() if device.connected]
        await self._end()
        for device in self._devices.values():
            device.abandon()
        self._devices.clear()
        if self._personality.restarts_after_crash:
            await asyncio.sleep(self._restart_delay_s)
            await self.start()
            self._disown()

    async def restart(self) -> None:
        """Stop in good order and start anew."""
        await self.stop()
        await self.start()

    def add(self, peripheral: Peripheral) -> Peripheral:
        """Bring a sensor into range; while the daemon runs, from its event loop."""
        self._peripherals.append(peripheral)
        if self._running:
            self._listen(peripheral)
        return peripheral

    def device(self, peripheral: Peripheral) -> Device1 | None:
        """Return the daemon's own view of a sensor, if it knows it."""
        return self._devices.get(self._path(peripheral))

    def remove(self, path: str) -> bool:
        """Forget a device and its bond; tell whether it was known."""
        device = self._devices.get(path)
        if device is None:
            return False
        device.link_lost()
        device.peripheral.bonded = False
        self._forget(path)
        return True

    def power_lost(self) -> None:
        """Drop every link, because the adapter went off."""
        for device in self._devices.values():
            device.link_lost()

    def discovery_ended(self) -> None:
        """Invalidate signal strengths; a device nobody connected to expires after a while."""
        for device in self._devices.values():
            if device.rssi_dbm is not None:
                device.rssi_dbm = None
                device.changed(invalidated=["RSSI"])
        if self._running and (self._expiry is None or self._expiry.done()):
            self._expiry = self._tree.tasks.spawn(self._expire())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _end(self) -> None:
        self._running = False
        await self._tree.close()

    def _disown(self) -> None:
        """Report the links that the dead daemon left behind as disconnected."""
        for path in self._orphans:
            properties = "org.freedesktop.DBus.Properties"
            body = ["org.bluez.Device1", {"Connected": _FALSE, "ServicesResolved": _FALSE}, []]
            self._tree.signal(path, properties, "PropertiesChanged", "sa{sv}as", body)
        self._orphans.clear()

    def _path(self, peripheral: Peripheral) -> str:
        return f"{self.adapter.path}/dev_{peripheral.address.replace(':', '_')}"

    def _listen(self, peripheral: Peripheral) -> None:
        if peripheral.bonded:
            self._introduce(peripheral)
        self._tree.tasks.spawn(self._hear(peripheral))

    async def _hear(self, peripheral: Peripheral) -> None:
        """Take the advertisements of one sensor for as long as the daemon runs."""
        while True:
            jitter = 0.9 + 0.2 * self._rng.random()
            await asyncio.sleep(peripheral.advertising_interval_s * jitter)
            device = self.device(peripheral)
            if not peripheral.in_range or (device is not None and device.connected):
                continue
            listening = self.adapter.wants(peripheral) or self._monitors.wants(peripheral)
            if not (listening and self.adapter.powered):
                continue
            rssi_dbm = peripheral.rssi_dbm + self._rng.randint(-3, 3)
            if device is None:
                self._introduce(peripheral, rssi_dbm)
            else:
                device.rssi_dbm = rssi_dbm
                device.changed("RSSI")

    def _introduce(self, peripheral: Peripheral, rssi_dbm: int | None = None) -> None:
        device = Device1(
            self._tree,
            self._path(peripheral),
            peripheral,
            self._personality,
            self.agents,
            lambda: self.adapter.powered,
        )
        device.rssi_dbm = rssi_dbm
        self._devices[device.path] = device
        self._tree.add(device)

    async def _expire(self) -> None:
        await asyncio.sleep(_TEMPORARY_S)
        if not self.adapter.discovering:
            for path, device in list(self._devices.items()):
                if device.temporary and not device.connected:
                    self._forget(path)

    def _forget(self, path: str) -> None:
        self._devices.pop(path).link_lost()
        for below in reversed(self._tree.paths_below(path)):
            self._tree.remove(below)
        self._tree.remove(path)

    def _client_gone(self, client: str) -> None:
        self.agents.client_gone(client)
        self.adapter.client_gone(client)
        self._monitors.client_gone(client)
        for device in self._devices.values():
            device.client_gone(client)
