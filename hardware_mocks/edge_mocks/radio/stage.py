"""What a scenario needs of Bluetooth, and the Bluetooth of a real kernel and ``bluetoothd``."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
from pathlib import Path
from typing import Final, Protocol, Self, cast

from bumble import hci
from bumble.controller import Controller
from bumble.transport.common import Transport
from bumble.transport.vhci import open_vhci_transport
from dbus_fast import Variant

from edge_agent.errors import EdgeError
from edge_mocks.bluez import BluezError, Peripheral
from edge_mocks.bluez.objects import ObjectTree
from edge_mocks.radio.air import Air
from edge_mocks.radio.sensor import RadioSensor
from edge_mocks.tasks import Tasks

HUB: Final = "02:ED:6E:A0:00:01"
"""The address of the simulated adapter; locally administered, so that it is nobody else's."""

_SYSTEM_BUS: Final = "unix:path=/run/dbus/system_bus_socket"
_STORAGE: Final = Path("/var/lib/bluetooth") / HUB
_BLUEZ, _ADAPTER = "org.bluez", "org.bluez.Adapter1"
_OBJECTS, _PROPERTIES = "org.freedesktop.DBus.ObjectManager", "org.freedesktop.DBus.Properties"
_READY_S: Final = 120.0  # an emulated machine takes some seconds for what takes milliseconds
_POLL_S: Final = 0.1

_Objects = dict[str, dict[str, dict[str, Variant]]]


class Link(Protocol):
    """The connection of one sensor."""

    @property
    def connected(self) -> bool:
        """Whether the hub is connected to the sensor."""

    def link_lost(self) -> None:
        """Break the connection."""


class Switch(Protocol):
    """The adapter's main switch."""

    def set_powered(self, *, on: bool) -> None:
        """Switch the adapter on or off; who listens on the bus hears when it has happened."""


class Stage(Protocol):
    """Bluetooth with sensors around it: :class:`edge_mocks.bluez.Bluez` or :class:`RealBluez`.

    A scenario written against it runs on the mock at every commit and on the truth on demand.
    """

    @property
    def adapter(self) -> Switch:
        """The one adapter."""

    def add(self, peripheral: Peripheral) -> Peripheral:
        """Bring a sensor into range."""

    def device(self, peripheral: Peripheral) -> Link | None:
        """Return the connection of a sensor, if it has been heard of."""

    async def start(self) -> None:
        """Start the daemon."""

    async def restart(self) -> None:
        """Stop the daemon in good order and start it anew."""

    async def crash(self) -> None:
        """End the daemon as SIGKILL does."""


class RealBluez:
    """The machine's own kernel and ``bluetoothd`` with one simulated adapter.

    For a machine that is set apart for it: it runs as root, needs the kernel module ``hci_vhci``
    and a ``bluetooth.service``, kills and restarts that, and writes bonds into its storage. A
    sensor with a bond makes the adapter go and come back. Bonds are forgotten at the end.

    Entering raises :class:`EdgeError` when the machine has no simulated adapter to offer.
    """

    def __init__(self, *, rng: random.Random) -> None:
        self._rng, self._air = rng, Air()
        self._sensors: dict[Peripheral, RadioSensor] = {}
        self._arrivals: list[asyncio.Task[None]] = []
        self._turn = asyncio.Lock()
        self._hub: tuple[Controller, Transport] | None = None
        self._tree = ObjectTree(_SYSTEM_BUS, None, lambda _: None)
        self._tasks = Tasks()
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._tree.open()
            stack.push_async_callback(self._tree.close)
            stack.callback(shutil.rmtree, _STORAGE, ignore_errors=True)
            stack.push_async_callback(self._unplug)
            stack.push_async_callback(self._tasks.close)
            await self.start()
            await self._plug_in()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        async with self._stack:
            await self.ready()

    def add(self, peripheral: Peripheral) -> Peripheral:
        """Bring a sensor into range, soon; :meth:`ready` waits until it is there."""
        self._sensors[peripheral] = RadioSensor(peripheral, self._air)
        self._arrivals.append(asyncio.create_task(self._arrive(self._sensors[peripheral])))
        return peripheral

    @property
    def adapter(self) -> Switch:
        """The simulated adapter."""
        return self

    def set_powered(self, *, on: bool) -> None:
        """Switch the adapter on or off, soon, and after whatever was asked for before."""
        self._tasks.spawn(self._switch(on=on))

    async def ready(self) -> None:
        """Wait until every sensor added so far is on the air and the adapter is on."""
        await asyncio.gather(*self._arrivals)

    def device(self, peripheral: Peripheral) -> RadioSensor | None:
        """Return the sensor's own view of its connection."""
        return self._sensors.get(peripheral)

    async def start(self) -> None:
        """Start the daemon; one that runs goes on."""
        await _systemctl("start", "bluetooth.service")
        if self._hub is not None:
            await self._powered(on=True)

    async def restart(self) -> None:
        """Stop the daemon in good order and start it anew."""
        await _systemctl("restart", "bluetooth.service")
        if self._hub is not None:
            await self._powered(on=True)

    async def crash(self) -> None:
        """Kill the daemon. Whether it comes back by itself is its unit's affair."""
        await _systemctl("kill", "--signal=SIGKILL", "bluetooth.service")

    async def _switch(self, *, on: bool) -> None:
        async with self._turn:
            await self._powered(on=on)

    async def _arrive(self, sensor: RadioSensor) -> None:
        async with self._turn:
            if sensor.peripheral.bonded:
                await self._unplug()  # the daemon reads its bonds when an adapter appears
                key = self._rng.randbytes(16)
                _store_bond(sensor.peripheral, key)
                await sensor.bond(hci.Address(HUB, hci.Address.PUBLIC_DEVICE_ADDRESS), key)
                await self._plug_in()
            await self._stack.enter_async_context(sensor)

    async def _plug_in(self) -> None:
        try:
            transport = await open_vhci_transport(None)
        except OSError as error:
            step = "Load the kernel module (modprobe hci_vhci) and run as root"
            raise EdgeError("/dev/vhci", str(error), step) from error
        hub = self._air.controller("hub", HUB)
        transport.source.set_packet_sink(hub)
        hub.host = transport.sink
        self._hub = hub, transport
        await self._powered(on=True)

    async def _unplug(self) -> None:
        if self._hub is None:
            return
        for sensor in self._sensors.values():
            await sensor.hang_up(hci.HCI_CONNECTION_TIMEOUT_ERROR)
        (hub, transport), self._hub = self._hub, None
        await transport.close()
        self._air.remove_controller(hub)

    async def _powered(self, *, on: bool) -> None:
        """Wait until the daemon has taken the adapter, and switch it."""
        async with asyncio.timeout(_READY_S):
            while True:
                if await self._switched(on=on):
                    return
                await asyncio.sleep(_POLL_S)

    async def _switched(self, *, on: bool) -> bool:
        """Tell whether the adapter is as wanted; ask for it, if not."""
        for path, interfaces in (await self._objects()).items():
            adapter = interfaces.get(_ADAPTER, {})
            if "Address" in adapter and adapter["Address"].value == HUB:
                if adapter["Powered"].value is on:
                    return True
                body = [_ADAPTER, "Powered", Variant("b", on)]
                with contextlib.suppress(BluezError):  # busy; the next round tries again
                    await self._tree.call(_BLUEZ, path, _PROPERTIES, "Set", "ssv", body)
        return False

    async def _objects(self) -> _Objects:
        try:
            answer = await self._tree.call(_BLUEZ, "/", _OBJECTS, "GetManagedObjects")
        except BluezError:
            return {}  # not there yet
        return cast("_Objects", answer[0])


def _store_bond(peripheral: Peripheral, key: bytes) -> None:
    """Leave what bluetoothd leaves after a just-works pairing with Secure Connections.

    The format is that of its settings-storage document (BlueZ, doc/settings-storage.txt); in
    ``Authenticated``, 2 is an unauthenticated key of Secure Connections.
    """
    kind = "public" if peripheral.address_type == "public" else "static"
    folder = _STORAGE / peripheral.address
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "info").write_text(
        f"[General]\nName={peripheral.name}\nAddressType={kind}\nSupportedTechnologies=LE;\n"
        "Trusted=true\nBlocked=false\n\n"
        f"[LongTermKey]\nKey={key.hex().upper()}\nAuthenticated=2\nEncSize=16\nEDiv=0\nRand=0\n",
        encoding="utf-8",
    )


async def _systemctl(*arguments: str) -> None:
    child = await asyncio.create_subprocess_exec(
        "systemctl", *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, complaint = await child.communicate()
    if child.returncode:
        reason = complaint.decode(errors="replace").strip()
        raise EdgeError(f"systemctl {' '.join(arguments)}", reason, "Run it by hand, as root")
