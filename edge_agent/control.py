"""The local control channel: one Unix socket, one JSON object a line, each way.

There is no TCP listener. The socket is reachable by the service's user and group only (mode
0660), a request may be 4 KiB long and must arrive within five seconds. So far there is one
command, and it only reads: ``{"command": "status"}``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from edge_agent.errors import EdgeError
from edge_agent.status import Status

log = logging.getLogger(__name__)

_REQUEST_LIMIT = 4096
_DEADLINE_S = 5.0
_ANSWER_LIMIT = 1 << 20
_PATH_LIMIT = 107


class ControlError(EdgeError):
    """The control socket can't be used."""


class ControlServer:
    """Answers commands on ``path``."""

    def __init__(self, path: Path, status: Callable[[], Awaitable[Status]]) -> None:
        self._path, self._status = path, status
        self._server: asyncio.Server | None = None
        self._encoder = msgspec.json.Encoder()

    async def start(self) -> None:
        """Listen. A socket file left behind by a killed hub is replaced; a living one is not.

        :raises ControlError: another hub answers there, or the path can't be used.
        """
        if len(os.fsencode(self._path)) > _PATH_LIMIT:
            reason = f"longer than {_PATH_LIMIT} bytes"
            raise ControlError(str(self._path), reason, "Set hub.control_socket to a shorter path")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._remove_leftover()
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(self._path))
            self._path.chmod(0o660)
            self._server = await asyncio.start_unix_server(
                self._serve, sock=listener, limit=_REQUEST_LIMIT
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise ControlError(str(self._path), reason, "Check hub.control_socket") from error

    async def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)

    def _remove_leftover(self) -> None:
        try:
            mode = self._path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            step = "Remove it, or set hub.control_socket to another path"
            raise ControlError(str(self._path), "is there and is no socket", step)
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
            try:
                probe.connect(str(self._path))
            except ConnectionRefusedError:
                self._path.unlink()
                return
        raise ControlError(str(self._path), "another hub answers there", "Stop it first")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                writer.write(await self._answer(await reader.readline()) + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, ConnectionError) as error:
            log.info("control request dropped: %s", error or type(error).__name__)
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            request = json.loads(line)
        except ValueError:
            return b'{"error": "not a JSON object"}'
        match request:
            case {"command": "status"}:
                return self._encoder.encode(await self._status())
            case _:
                return b'{"error": "unknown command; known: status"}'


async def ask_status(path: Path) -> Status:
    """Ask the hub behind ``path`` for its status.

    :raises ControlError: no hub answers there, or not in this version's words.
    """
    try:
        async with asyncio.timeout(_DEADLINE_S):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=_ANSWER_LIMIT)
            try:
                writer.write(b'{"command": "status"}\n')
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
        return msgspec.json.decode(line, type=Status)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        step = "Start it (systemctl start edge-agent), or give the right path"
        raise ControlError(str(path), "no hub is running there", step) from error
    except PermissionError as error:
        step = "Run as a member of the service's group"
        raise ControlError(str(path), "permission denied", step) from error
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ControlError(str(path), f"no usable answer: {reason}", "Try again") from error
