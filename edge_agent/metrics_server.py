"""Serves the hub's health on loopback: ``/metrics`` for Prometheus, ``/health`` for a look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from edge_agent.errors import ControlError
from edge_agent.metrics import CONTENT_TYPE, ailments, exposition
from edge_agent.status import Status

LOOPBACK = "127.0.0.1"
_ANSWER_S, _FAREWELL_S = 5.0, 0.5


class MetricsServer:
    """Answers at ``port`` of the loopback, and nowhere else."""

    def __init__(self, port: int, status: Callable[[], Awaitable[Status]]) -> None:
        self._port, self._status = port, status
        self.bound_port: int | None = None

    async def run(self) -> None:
        """Listen until cancelled.

        :raises ControlError: the port can't be used (now).
        """
        app = web.Application()
        app.add_routes([web.get("/metrics", self._metrics), web.get("/health", self._health)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_FAREWELL_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
            self.bound_port = runner.addresses[0][1]
            await asyncio.Event().wait()
        except OSError as error:
            reason = error.strerror or str(error)
            step = "Give metrics.port another number; it is tried again"
            raise ControlError(f"metrics at {LOOPBACK}:{self._port}", reason, step) from error
        finally:
            await runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        text = exposition(await self._asked())
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _health(self, _: web.Request) -> web.Response:
        found = ailments(await self._asked())
        words = {"status": "unwell" if found else "well", "ailments": found}
        return web.json_response(words, status=503 if found else 200)

    async def _asked(self) -> Status:
        """Ask the hub; one whose store is held up does not answer."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._status()
        except TimeoutError:
            raise web.HTTPServiceUnavailable(text="the store does not answer\n") from None
