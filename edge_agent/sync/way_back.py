"""Notices that the way to the collector is back, so that a cut costs seconds and no back-off.

While no answer comes, two things are looked at about once a second: the kernel's routes (a cable
plugged in, another network: free), and whether the collector accepts a TCP connection (one packet;
never on a metered link). A change from bad to good calls ``on_back``, nothing else does: a
collector that accepts connections and answers with faults is spared by the back-off as before, and
the pauses between probes are drawn at random, so that hubs don't come back all in one moment.

The address that answered last is probed, so that no probe waits for a name server.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable

from edge_agent.clock import Clock
from edge_agent.sync.routes import Route, routes

CONNECT_S = 1.0
_PAUSE_S = (0.7, 1.3)
"""With the time a probe may take, a way that is back is noticed within 2.3 s."""


class WayBack:
    """Looks for the way to ``host``:``port`` while :attr:`trouble` is set."""

    def __init__(
        self,
        host: str,
        port: int,
        clock: Clock,
        rng: random.Random,
        on_back: Callable[[], None],
        *,
        read_routes: Callable[[], frozenset[Route]] = routes,
    ) -> None:
        self.trouble = asyncio.Event()
        self.may_probe = True
        self._host, self._port = host, port
        self._clock, self._rng, self._on_back = clock, rng, on_back
        self._read_routes, self._routes = read_routes, read_routes()
        self._is_down = False

    def lost(self) -> None:
        """Note that the collector could not be reached; look out for it."""
        self._is_down = True
        self.trouble.set()

    def found(self, address: str | None) -> None:
        """Note that the collector answered, from ``address`` where that is known."""
        self._is_down = False
        self.trouble.clear()
        self._host = address or self._host

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.trouble.wait()
            await self._clock.sleep(self._rng.uniform(*_PAUSE_S))
            if self.trouble.is_set() and await self._is_back():
                self._on_back()

    async def _is_back(self) -> bool:
        now = self._read_routes()
        if now != self._routes:
            self._routes = now
            if now:
                return True
        if not self.may_probe:
            return False
        was_down, self._is_down = self._is_down, not await self._accepts()
        return was_down and not self._is_down

    async def _accepts(self) -> bool:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True
