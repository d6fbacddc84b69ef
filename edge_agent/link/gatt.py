"""Bluetooth LE sensors, kept connected for months without a person.

How long a link waits depends on what is missing. Without Bluetooth it waits for Bluetooth, for a
sensor that is not there it listens, for a bond it waits for a person. Only a sensor that refuses
or breaks off is tried again by the clock (:mod:`edge_agent.link.retry`).

BlueZ and bleak are watched over a connection of our own, because a killed ``bluetoothd`` leaves
bleak believing it is connected: the adapter's watch ends the visit at once.
"""

from __future__ import annotations

import asyncio
import random
from typing import Final

from bleak.backends.device import BLEDevice

from edge_agent.clock import Clock
from edge_agent.driver import Gatt
from edge_agent.errors import LinkError
from edge_agent.link.adapter import Adapter
from edge_agent.link.bluez_bond import Bond
from edge_agent.link.feed import Feed
from edge_agent.link.gatt_visit import Ended, Unencrypted, Visit
from edge_agent.link.retry import keep_trying
from edge_agent.link.waiting import first

__all__ = ["Adapter", "GattLink"]

NOT_SEEN_S: Final = 6.0
"""After so long without an advertisement a sensor is reported as not there; the wait goes on."""
VISIT_REST_S: Final = 2.0
"""How long an episodic sensor is left alone after a visit; many go on advertising for a while."""
_REASON_S: Final = 0.05
_LOST_BOND: Final = "org.bluez.Reason.Authentication"


class GattLink:
    """Keeps one Bluetooth LE sensor connected, or visits it whenever it shows itself."""

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
        self._bond = Bond(feed, address, adapter.watch, clock, needed=gatt.pair)

    async def run(self) -> None:
        """Stay connected for ever, connecting again after every loss."""
        async with self._adapter.used_for(self._address):
            trying = keep_trying(self._session, (self._feed,), self._clock, self._rng)
            await first(trying, self._adapter.failed())

    async def _session(self) -> None:
        """Wait until the sensor can be reached, and be connected until that ends in a failure.

        Bluetooth, a bond and the sensor may be waited for for ever; a visit's calls may not.
        """
        self._feed.turning.waits()
        while True:
            await self._bluetooth()
            await self._bond.settled()
            device = await self._find()
            await self._visit(device)
            await self._clock.sleep(VISIT_REST_S)

    async def _bluetooth(self) -> None:
        """Wait until there is a daemon with an adapter that is on."""
        watch = self._adapter.watch
        await watch.asked()
        while (trouble := watch.trouble()) is not None:
            self._feed.failed(str(self._error(trouble.reason, trouble.next_step)))
            await watch.change()

    async def _find(self) -> BLEDevice:
        """Wait for the sensor; say once that it is not there, unless it comes only now and then."""
        try:
            async with asyncio.timeout(None if self._gatt.episodic else NOT_SEEN_S):
                return await self._seek()
        except TimeoutError:
            missing = self._error(
                f"not seen in {NOT_SEEN_S:.0f} s of scanning",
                "Bring it closer, wake it, and check that no phone holds the connection",
            )
            self._feed.failed(str(missing))
        return await self._seek()

    async def _seek(self) -> BLEDevice:
        try:
            return await self._adapter.find(self._address, self._gatt.service)
        except LinkError as error:
            raise self._error(error.reason, error.next_step) from error

    async def _visit(self, device: BLEDevice) -> None:
        """Be connected once. Only the end of an episodic sensor's visit is no failure."""
        status = self._feed.status
        frames, readings = status.frames, status.readings
        links = self._adapter.watch.links[self._address]
        visit = Visit(self._thing, self._feed, self._gatt, self._clock)
        try:
            async with self._adapter.held(device):
                await visit.run(device, self._adapter)
        except LinkError as error:
            if isinstance(error, Ended) and self._gatt.episodic and status.readings > readings:
                self._bond.agreed()
                self._feed.disconnected(error.reason)
                return
            next_step = await self._judged(error, links, has_spoken=status.frames > frames)
            raise self._error(error.reason, next_step) from error

    async def _judged(self, error: LinkError, links: int, *, has_spoken: bool) -> str:
        """Find out whether a failure was a refusal to encrypt the link; return what to do."""
        watch, bond = self._adapter.watch, self._bond
        if bond.exists:
            await asyncio.sleep(_REASON_S)  # the daemon's reason comes on another connection
        if isinstance(error, Unencrypted) or watch.hang_ups.get(self._address) == _LOST_BOND:
            bond.refused(error.reason)
            anew = f"edge-agent pair {self._address}"
            return f"Run: {anew} --forget, then {anew}" if bond.exists else f"Run: {anew}"
        if has_spoken:
            bond.agreed()
        elif bond.exists and watch.trouble() is None and watch.links[self._address] > links:
            bond.doubted("hung up before it had said anything")
        return error.next_step

    def _error(self, reason: str, next_step: str) -> LinkError:
        return LinkError(self._thing, reason, next_step)
