"""Asks a running hub over its control socket (:mod:`edge_agent.control` is the other end)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from edge_agent.capture import TappedSensor
from edge_agent.errors import ControlError
from edge_agent.status import Status

DEFAULT_SOCKET = Path("/run/edge-agent/control.sock")

_DEADLINE_S = 5.0
_ANSWER_LIMIT = 1 << 20


async def ask_status(path: Path) -> Status:
    """Ask the hub behind ``path`` for its status.

    :raises ControlError: no hub answers there, or not in this version's words.
    """
    async with _asking(path, {"command": "status"}) as reader:
        return msgspec.json.decode(await _line(reader), type=Status)


async def ask_capture(path: Path, sensor: str) -> AsyncIterator[TappedSensor | str]:
    """Give what the hub behind ``path`` says of ``sensor``, then the lines of its capture.

    :raises ControlError: no hub answers there, it knows no such sensor, or it stopped.
    """
    async with _asking(path, {"command": "capture", "sensor": sensor}) as reader:
        yield msgspec.convert(_good(await _line(reader)), TappedSensor)
        while line := await reader.readline():
            yield str(_good(line)["step"])
        raise ControlError(str(path), "the hub stopped", "What came until then is whole")


async def ask_acknowledge(path: Path, episode: str) -> list[str]:
    """Tell the hub behind ``path`` that the alarm ``episode`` has been seen (empty: all).

    Returns the titles of those for which that changed something.

    :raises ControlError: no hub answers there, or it does not take that from this user.
    """
    async with _asking(path, {"command": "acknowledge", "episode": episode}) as reader:
        return msgspec.convert(_good(await _line(reader))["acknowledged"], list[str])


async def ask_pause(path: Path, minutes: float, bed: str | None = None) -> None:
    """Have the hub behind ``path`` pause the audio of a bed's alarms (of all).

    :raises ControlError: no hub answers there, it does not take that from this user, or not for so
        long.
    """
    async with _asking(path, {"command": "pause", "minutes": minutes, "bed": bed}) as reader:
        _good(await _line(reader))


async def ask_resume(path: Path, bed: str | None = None) -> bool:
    """Have the hub behind ``path`` end a pause; tell whether there was one.

    :raises ControlError: no hub answers there, or it does not take that from this user.
    """
    async with _asking(path, {"command": "resume", "bed": bed}) as reader:
        return msgspec.convert(_good(await _line(reader))["resumed"], bool)


async def ask_observe(
    path: Path, told: Mapping[str, str], hours: float, bed: str | None = None
) -> list[str]:
    """Tell the hub behind ``path`` what only a person sees; it holds for ``hours``.

    Returns what the hub has understood, in words.

    :raises ControlError: no hub answers there, or it does not take that (from this user).
    """
    request = {"command": "observe", "told": dict(told), "hours": hours, "bed": bed}
    async with _asking(path, request) as reader:
        return msgspec.convert(_good(await _line(reader))["observed"], list[str])


async def ask_page_code(path: Path) -> str:
    """Ask the hub behind ``path`` for a one-time code for a browser on the network.

    :raises ControlError: no hub answers there, or it has no such page or gives this user no code.
    """
    async with _asking(path, {"command": "page-code"}) as reader:
        return msgspec.convert(_good(await _line(reader))["code"], str)


def _good(line: bytes) -> dict[str, object]:
    answer = msgspec.json.decode(line, type=dict[str, object])
    if "error" in answer:
        raise ControlError("hub", str(answer["error"]))
    return answer


async def _line(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(_DEADLINE_S):
        return await reader.readline()


@contextlib.asynccontextmanager
async def _asking(path: Path, request: Mapping[str, object]) -> AsyncIterator[asyncio.StreamReader]:
    """Ask the hub behind ``path``; what goes wrong meanwhile becomes a ControlError."""
    try:
        async with asyncio.timeout(_DEADLINE_S):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=_ANSWER_LIMIT)
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            yield reader
        finally:
            writer.close()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        step = "Start it (systemctl start edge-agent), or give the right path"
        raise ControlError(str(path), "no hub is running there", step) from error
    except PermissionError as error:
        step = "Run as a member of the service's group"
        raise ControlError(str(path), "permission denied", step) from error
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise ControlError(str(path), f"no usable answer: {reason}", "Try again") from error
