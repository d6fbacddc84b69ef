"""Tells the service manager that the hub is well, for as long as all of it makes progress.

systemd kills and restarts a service that has not sent ``WATCHDOG=1`` for ``WatchdogSec=``
(sd_notify(3)). It is sent only if the event loop runs (this is one of its tasks), every supervised
task is there, and each that has promised to come by again (:mod:`edge_agent.turning`) has done so:
pipeline, tick, the store's writer, every sensor's link. No data is no reason, nor is a store that
says why it can't write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from edge_agent.clock import Clock
from edge_agent.notify import notify
from edge_agent.turning import Turning

log = logging.getLogger(__name__)


class Watchdog:
    """Judges ``turnings`` (by what turns) and ``tasks`` (by name), which may change meanwhile."""

    def __init__(
        self,
        clock: Clock,
        turnings: Callable[[], Mapping[str, Turning]],
        tasks: Mapping[str, asyncio.Task[None]],
    ) -> None:
        self._clock, self._turnings, self._tasks = clock, turnings, tasks
        self._told: tuple[str, ...] = ()

    def stuck(self) -> list[str]:
        """Return what makes no progress, in words; nothing when all is well."""
        now = self._clock.boottime()
        late = {name: one.late_s(now) for name, one in self._turnings().items()}
        found = [f"{name}: has stopped turning" for name, late_s in late.items() if late_s]
        ended = (name for name, task in self._tasks.items() if task.done())
        return found + [f"{name}: its task has ended" for name in ended]

    async def run(self, interval_s: float) -> None:
        """Report every ``interval_s`` seconds, for ever."""
        while True:
            self._look()
            await self._clock.sleep(interval_s)

    def _look(self) -> None:
        stuck = tuple(self.stuck())
        if not stuck:
            notify("WATCHDOG=1")
        if stuck and stuck != self._told:
            log.critical("hang: %s; the service manager restarts the hub", "; ".join(stuck))
        elif self._told and not stuck:
            log.warning("all of the hub makes progress again")
        self._told = stuck
