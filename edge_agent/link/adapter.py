"""The Bluetooth adapter that every Bluetooth link of a hub shares.

One scan serves all links that wait for a sensor, so a sensor that is heard is connected at once,
however many others are missing. Many adapters can't connect while they scan: whoever connects has
the radio to itself, one at a time, and the scan goes on afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

from bleak import BleakAdapter, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakBluetoothNotAvailableError, BleakError

from edge_agent.errors import LinkError
from edge_agent.link.bluez import CALL_S
from edge_agent.link.bluez_watch import BluezWatch
from edge_agent.link.waiting import first, limited

log = logging.getLogger(__name__)

SCAN_S: Final = 10.0
"""How long one scan lasts: BlueZ tells of an advertiser again only in a new one."""
REST_S: Final = 0.5
"""How long the radio rests between two scans while a sensor has been missing for a short time."""
LONG_REST_S: Final = 2.0
"""How long it rests once nothing has been looked for anew for ``PATIENCE_S``."""
PATIENCE_S: Final = 60.0
STOP_S: Final = 2.0
"""How long stopping a scan may take."""
_SETTLE_S: Final = 0.25
_STARTS: Final = 4
_FAULTS: Final = (BleakError, EOFError, OSError, TimeoutError)


class Adapter:
    """One Bluetooth adapter: who waits for which sensor, and whose turn it is to connect."""

    def __init__(self) -> None:
        self.watch = BluezWatch()
        self._users: Counter[str] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._radio = asyncio.Lock()
        self._connecters = 0
        self._sought: dict[asyncio.Future[BLEDevice], tuple[str, str]] = {}
        self._sought_at_s = 0.0
        self._heard: dict[str, BLEDevice] = {}
        self._interrupt, self._seeker = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def used_for(self, address: str) -> AsyncIterator[None]:
        """Keep watch and scanner running for as long as some link uses the adapter."""
        if not self._users.total():
            self._tasks = [asyncio.create_task(self.watch.run())]
            self._tasks.append(asyncio.create_task(self._search()))
        self._users[address] += 1
        try:
            yield
        finally:
            self._users[address] -= 1
            if not self._users.total():
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    async def failed(self) -> None:
        """Wait for the end of watch or scanner, which is a fault of ours, and raise it."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def find(self, address: str, service: str) -> BLEDevice:
        """Wait until the sensor is heard, or known to be connected already.

        BlueZ keeps the connection of a hub that was killed, and a connected sensor no longer
        advertises; such a device is known by ``service``.

        :raises LinkError: the adapter can't scan.
        """
        found = self._heard.pop(address, None) or await self._connected(address, service)
        if found is not None:
            return found
        loop = asyncio.get_running_loop()
        sought: asyncio.Future[BLEDevice] = loop.create_future()
        self._sought[sought], self._sought_at_s = (address, service), loop.time()
        self._seeker.set()
        try:
            return await sought
        finally:
            self._sought.pop(sought, None)
            if not self._sought:
                self._interrupt.set()

    @contextlib.asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """Have the radio alone: no scan, and no other link that connects."""
        self._connecters += 1
        self._interrupt.set()
        try:
            await self._radio.acquire()
        finally:
            self._connecters -= 1
        try:
            yield
        finally:
            self._radio.release()

    @contextlib.asynccontextmanager
    async def held(self, device: BLEDevice) -> AsyncIterator[None]:
        """Run the body while the daemon and the adapter of ``device`` are there.

        :raises LinkError: one of them has gone; the body has been cancelled.
        """
        reasons: list[str] = []
        try:
            async with asyncio.timeout(None) as limit:

                def lost(reason: str) -> None:
                    reasons.append(reason)
                    limit.reschedule(asyncio.get_running_loop().time())

                with self.watch.depending(device.details["path"], lost):
                    yield
        except TimeoutError:
            if not reasons:
                raise
            raise LinkError("Bluetooth", reasons[0], "The link is made anew") from None

    async def _search(self) -> None:
        """Scan while somebody waits for a sensor."""
        while True:
            while not self._sought:
                self._heard.clear()
                self._seeker.clear()
                await self._seeker.wait()
            async with self._radio:
                is_over = await self._scan()
            if is_over:
                await self._rest()

    async def _scan(self) -> bool:
        """Scan once; tell whether the time was up rather than the radio wanted by others."""
        self._heard.clear()
        self._interrupt.clear()
        for sought, (address, service) in list(self._sought.items()):
            if found := await self._connected(address, service):
                self._give(sought, found)
        if self._connecters or not self._sought:
            return False
        try:
            async with self._scanner():
                return not await self._interrupted()
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must know
            self._fail(error)
            return False

    async def _interrupted(self) -> bool:
        """Let the scan run; tell whether somebody wanted its end before the time was up.

        :raises LinkError: Bluetooth was lost.
        """
        try:
            async with asyncio.timeout(SCAN_S):
                troubled = self.watch.until(lambda: self.watch.trouble() is not None)
                await first(self._interrupt.wait(), troubled)
        except TimeoutError:
            return False
        if (trouble := self.watch.trouble()) is not None:
            raise LinkError(trouble.thing, trouble.reason, trouble.next_step)
        return True

    @contextlib.asynccontextmanager
    async def _scanner(self) -> AsyncIterator[None]:
        """Have bleak scan meanwhile."""
        scanner = await self._started()
        try:
            yield
        finally:
            try:
                await limited(scanner.stop(), STOP_S)
            except _FAULTS as error:
                log.debug("stopping the scan: %r", error)

    async def _started(self) -> BleakScanner:
        """Start to scan; bleak hears of an adapter that has come back a moment later than we."""
        scanner = BleakScanner(self._hear)
        for _ in range(_STARTS - 1):
            try:
                await limited(scanner.start(), CALL_S)
            except BleakBluetoothNotAvailableError:
                await asyncio.sleep(_SETTLE_S)
            else:
                return scanner
        await limited(scanner.start(), CALL_S)
        return scanner

    async def _rest(self) -> None:
        """Leave the radio to the links that are up, unless somebody begins to wait."""
        is_fresh = asyncio.get_running_loop().time() - self._sought_at_s < PATIENCE_S
        self._seeker.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST_S if is_fresh else LONG_REST_S):
                await self._seeker.wait()

    async def _connected(self, address: str, service: str) -> BLEDevice | None:
        """Return the device if it is connected. The watch knows; bleak may believe in the dead."""
        known = self.watch.device(address)
        if known is None or not known.connected:
            return None
        try:
            devices = await limited(_connected_devices(service), CALL_S)
        except _FAULTS as error:
            log.debug("looking for connected devices: %r", error)
            return None
        return next((device for device in devices if device.address == address), None)

    def _hear(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        """Take an advertisement, and nothing else: bleak shows every changed property here."""
        _, properties = advertisement.platform_data
        if "RSSI" not in properties or not self._users[device.address]:
            return
        self._heard[device.address] = device
        for sought, (address, _) in list(self._sought.items()):
            if address == device.address:
                self._give(sought, device)

    def _give(self, sought: asyncio.Future[BLEDevice], device: BLEDevice) -> None:
        self._heard.pop(device.address, None)
        self._sought.pop(sought, None)
        if not sought.done():
            sought.set_result(device)
        if not self._sought:
            self._interrupt.set()

    def _fail(self, error: Exception) -> None:
        """Tell everyone who waits that there is no scan, and why."""
        if not isinstance(error, LinkError):
            reason = str(error.args[0]) if error.args else type(error).__name__
            error = LinkError("Bluetooth", f"scan: {reason}", "It is tried again")
        for sought in self._sought:
            if not sought.done():
                sought.set_exception(error)
        self._sought.clear()


async def _connected_devices(service: str) -> list[BLEDevice]:
    adapter = await BleakAdapter.get()
    return await adapter.get_connected_devices([service])
