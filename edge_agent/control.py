"""The local control channel: one Unix socket, one JSON object a line, each way.

There is no TCP listener. The socket is reachable by the service's user and group only (mode
0660), a request may be 4 KiB long and must arrive within five seconds.

Two commands only read, and are for the whole group: ``{"command": "status"}`` gives one line,
``{"command": "capture", "sensor": …}`` one line about the sensor and then a line for each step
until the asker hangs up. Four change something, and are for root and the service's own user, whom
the kernel names: ``{"command": "acknowledge", "episode": …}`` (an empty one: all that stand),
``{"command": "pause", "minutes": …}``, ``{"command": "resume"}`` and
``{"command": "observe", "told": {…}, "hours": …}``, what only a person sees; the last three
may name a ``"bed"``. ``{"command": "page-code"}`` gives a code that admits a browser.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pwd
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.capture import CaptureError, TappedSensor
from edge_agent.errors import ControlError, EdgeError
from edge_agent.status import Status
from edge_agent.tapping import Tap

log = logging.getLogger(__name__)

_REQUEST_LIMIT = 4096
_DEADLINE_S = 5.0
_PATH_LIMIT = 107
_UCRED = struct.Struct("iII")  # process, user, group: struct ucred of unix(7)


@dataclass(frozen=True, slots=True)
class Orders:
    """What somebody may tell the hub to do.

    ``acknowledge`` notes that an alarm has been seen, and returns the titles of those for which
    that changed something. ``pause`` is given minutes and who wants it, and raises
    :class:`~edge_agent.errors.ControlError` when that is too long; ``resume`` is given who wants
    it, and tells whether there was a pause. ``observe`` takes in what a person sees and for how
    many hours it holds, returns that in words, and raises :class:`ValueError` for anything else.
    """

    acknowledge: Callable[[str, str], list[str]]
    pause: Callable[[float, str, str | None], None]
    resume: Callable[[str, str | None], bool]
    observe: Callable[[Mapping[str, str], float, str, str | None], list[str]]
    page_code: Callable[[], str]


class ControlServer:
    """Answers commands on ``path``.

    ``status`` gives the hub's status; ``tap`` opens a tap on the sensor with the given name, or
    raises :class:`~edge_agent.capture.CaptureError`; ``orders`` are carried out for who may.
    """

    def __init__(
        self,
        path: Path,
        status: Callable[[], Awaitable[Status]],
        tap: Callable[[str], tuple[TappedSensor, Tap]],
        orders: Orders,
    ) -> None:
        self._path, self._status, self._tap = path, status, tap
        self._orders = orders
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
                line = await reader.readline()
            await self._answer(line, reader, writer)
        except (TimeoutError, ValueError, ConnectionError) as error:
            log.info("control request dropped: %s", error or type(error).__name__)
        finally:
            writer.close()

    async def _answer(
        self, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        match request:
            case {"command": "status"}:
                await self._say(writer, await self._status())
            case {"command": "capture", "sensor": str(sensor)}:
                await self._capture(sensor, reader, writer)
            case {"command": "acknowledge" | "pause" | "resume" | "observe" | "page-code"}:
                await self._say(writer, self._obey(request, _peer_uid(writer)))
            case {"command": _}:
                known = "status, capture, acknowledge, pause, resume, observe, page-code"
                await self._say(writer, {"error": f"unknown command; known: {known}"})
            case _:
                await self._say(writer, {"error": "not a JSON object with a command"})

    def _obey(self, order: dict[str, object], uid: int) -> dict[str, object]:
        """Carry out an order of the user ``uid``; return the answer."""
        if uid not in {0, os.getuid()}:
            return {"error": "only root and the service's own user may: try it with sudo"}
        try:
            return self._carried_out(order, uid)
        except (EdgeError, ValueError) as error:
            return {"error": str(error)}

    def _carried_out(self, order: dict[str, object], uid: int) -> dict[str, object]:
        bed = _bed(order)
        match order:
            case {"command": "acknowledge", "episode": str(episode)}:
                return {"acknowledged": self._orders.acknowledge(episode, _user(uid))}
            case {"command": "pause", "minutes": int(minutes) | float(minutes)}:
                self._orders.pause(float(minutes), _user(uid), bed)
                return {"paused_min": minutes}
            case {"command": "page-code"}:
                return {"code": self._orders.page_code()}
            case {"command": "resume"}:
                return {"resumed": self._orders.resume(_user(uid), bed)}
            case {"command": "observe", "told": dict(told), "hours": int() | float() as hours}:
                return {
                    "observed": self._orders.observe(_words(told), float(hours), _user(uid), bed)
                }
        return {"error": "acknowledge needs an episode, pause needs minutes, observe what is told"}

    async def _say(self, writer: asyncio.StreamWriter, what: object) -> None:
        async with asyncio.timeout(_DEADLINE_S):
            writer.write(self._encoder.encode(what) + b"\n")
            await writer.drain()

    async def _capture(
        self, sensor: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            about, tap = self._tap(sensor)
            await self._say(writer, about)
            with tap:
                steps = asyncio.ensure_future(self._pass_on(tap, writer))
                hung_up = asyncio.ensure_future(reader.read(1))
                try:
                    await asyncio.wait({steps, hung_up}, return_when=asyncio.FIRST_COMPLETED)
                    if steps.done():
                        await steps
                finally:
                    for task in (steps, hung_up):
                        task.cancel()
                    await asyncio.gather(steps, hung_up, return_exceptions=True)
        except CaptureError as error:
            await self._say(writer, {"error": str(error)})

    async def _pass_on(self, tap: Tap, writer: asyncio.StreamWriter) -> None:
        async for step in tap.steps():
            await self._say(writer, {"step": str(step)})


def _bed(order: Mapping[str, object]) -> str | None:
    """Return the bed that an order names, if it names one.

    :raises ValueError: by something other than a text.
    """
    bed = order.get("bed")
    if not isinstance(bed, str | None):
        raise ValueError("a bed is named by a text")  # noqa: TRY004 - told to the asker as words
    return bed


def _user(uid: int) -> str:
    """Return how a person knows the user ``uid``."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _peer_uid(writer: asyncio.StreamWriter) -> int:
    """Return the user at the other end, as the kernel knows it."""
    peer: socket.socket = writer.get_extra_info("socket")
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    uid: int = _UCRED.unpack(credentials)[1]
    return uid


def _words(told: Mapping[object, object]) -> dict[str, str]:
    """Return what was told, if it was told in words.

    :raises ValueError: it wasn't.
    """
    words = {key: one for key, one in told.items() if isinstance(key, str) and isinstance(one, str)}
    if len(words) < len(told):
        raise ValueError("what is told is given as words")
    return words
