"""Time: what order is made of, and how wall-clock time is told later.

Order inside the hub is boot time (``CLOCK_BOOTTIME``: it runs through suspend and never steps).
A hub without a battery-backed clock may start decades wrong, so wall-clock time is kept apart, in
:class:`ClockRecord`, and worked out when a record is read.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

from edge_agent.model import Boottime

NS_PER_S = 1_000_000_000

_TIME_SYNCED = Path("/run/systemd/timesync/synchronized")
_UNSYNCED_UNCERTAINTY_NS = 3600 * NS_PER_S
_SYNCED_UNCERTAINTY_NS = 100_000_000


class Clock(Protocol):
    """Where the hub gets its time. Only the composition root chooses one."""

    def boottime(self) -> Boottime:
        """Return nanoseconds since boot."""

    def utc_ns(self) -> int:
        """Return nanoseconds since 1970-01-01T00:00Z by the wall clock, right or wrong."""

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds``."""


class SystemClock:
    """The clocks of the machine."""

    def boottime(self) -> Boottime:
        """Return ``CLOCK_BOOTTIME`` in nanoseconds."""
        return Boottime(time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    def utc_ns(self) -> int:
        """Return ``CLOCK_REALTIME`` in nanoseconds."""
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of real time."""
        await asyncio.sleep(seconds)


class VirtualClock:
    """A clock that stands still until it is told to move: a day of hub life in seconds."""

    def __init__(self, utc_ns: int = 1_767_225_600 * NS_PER_S) -> None:
        self._now = 0
        self._utc_at_boot_ns = utc_ns
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def boottime(self) -> Boottime:
        """Return the virtual nanoseconds since the clock was made."""
        return Boottime(self._now)

    def utc_ns(self) -> int:
        """Return the virtual wall-clock time."""
        return self._utc_at_boot_ns + self._now

    def step_utc(self, seconds: float) -> None:
        """Step the wall clock, as a time server or a person would; boot time does not move."""
        self._utc_at_boot_ns += round(seconds * NS_PER_S)

    async def sleep(self, seconds: float) -> None:
        """Wait until :meth:`advance` has moved the clock by ``seconds``."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self._now + max(0, round(seconds * NS_PER_S))
        heapq.heappush(self._sleepers, (due, next(self._order), waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Move the clock, waking sleepers in the order in which they are due."""
        end = self._now + round(seconds * NS_PER_S)
        await asyncio.sleep(0)
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, waiter = heapq.heappop(self._sleepers)
            self._now = due
            if not waiter.done():
                waiter.set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self._now = end


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRecord:
    """A pair of readings of both clocks: boot time and wall clock, taken together.

    ``source`` is ``"network"`` once the system's time service has reported success in this boot,
    else ``"unverified"``. ``uncertainty_ns`` bounds the error of ``utc_ns`` accordingly.
    """

    boottime: Boottime
    utc_ns: int
    uncertainty_ns: int
    source: str

    @classmethod
    def take(cls, clock: Clock, synced_flag: Path = _TIME_SYNCED) -> ClockRecord:
        """Read both clocks now."""
        synced = synced_flag.exists()
        return cls(
            boottime=clock.boottime(),
            utc_ns=clock.utc_ns(),
            uncertainty_ns=_SYNCED_UNCERTAINTY_NS if synced else _UNSYNCED_UNCERTAINTY_NS,
            source="network" if synced else "unverified",
        )
