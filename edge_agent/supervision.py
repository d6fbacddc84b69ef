"""Keeps tasks running: a fault in one is reported whole, and the others never notice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from edge_agent.clock import Clock

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]

_RESTART_S = 1.0
_FAREWELL_S = 5.0


def spawn(name: str, job: Job, clock: Clock) -> asyncio.Task[None]:
    """Run ``job`` as a task for ever: whenever it fails or returns, it is started again.

    A fault is logged whole the first time and not again while it stays the same.
    """
    return asyncio.create_task(_watch_over(name, job, clock), name=name)


async def _watch_over(name: str, job: Job, clock: Clock) -> None:
    last = ""
    while True:
        try:
            await job()
        except Exception as error:  # whatever it is, it must not end the hub
            if repr(error) != last:
                log.exception("%s failed and is started again", name)
            last = repr(error)
        await clock.sleep(_RESTART_S)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel every task and wait for the last; links use the wait to let their sensors rest.

    A library may swallow a cancellation; whoever has not ended after a while is asked again.
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_FAREWELL_S)
