"""A network link that can be cut: a TCP relay on loopback between hub and collector.

A cut breaks the connections where they stand, also in the middle of an answer, and refuses new
ones, as a router without power does.
"""

from __future__ import annotations

import asyncio
import contextlib

_CHUNK = 65536


class Uplink:
    """Relays 127.0.0.1:``port`` to 127.0.0.1:``target_port`` while it is up."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def is_up(self) -> bool:
        """Whether the link carries data."""
        return self._server is not None

    async def start(self) -> None:
        """Bring the link up, on the same port as before."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    restore = start

    async def cut(self) -> None:
        """Break every connection now and refuse new ones."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        relays = tuple(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a relay runs as a task")
        self._relays.add(task)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            try:
                async with asyncio.TaskGroup() as directions:
                    directions.create_task(_pump(reader, far_writer))
                    directions.create_task(_pump(far_reader, writer))
            finally:
                far_writer.transport.abort()
        except (ConnectionError, OSError, asyncio.CancelledError):
            pass  # a cut link, or one whose far end is gone: both ends see a broken connection
        finally:
            writer.transport.abort()
            self._relays.discard(task)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
