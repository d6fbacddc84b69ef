"""Serial sensors: pyserial opens the port, the event loop reads and writes it; no thread.

A port is named by a path that stays the same when the adapter is plugged in again (on Linux
``/dev/serial/by-id/…``) and is opened anew after every hang-up.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import random
import re
import termios
from collections.abc import Iterable
from pathlib import Path

import serial

from edge_agent.clock import Clock
from edge_agent.driver import Request, Serial, Write
from edge_agent.errors import LinkError
from edge_agent.link.feed import Feed
from edge_agent.link.retry import keep_trying
from edge_agent.model import Boottime

log = logging.getLogger(__name__)

_CHUNK = 256
_WRITE_S = 1.0
_SHORTEST_WAIT_S = 0.01
_BY_ID = Path("/dev/serial/by-id")
_CHANGING_NAME = re.compile(r"/dev/tty(USB|ACM)\d+")


class SerialLink:
    """Keeps one serial sensor connected."""

    def __init__(
        self, feed: Feed, port: str, line: Serial, clock: Clock, rng: random.Random
    ) -> None:
        self._feed, self._port, self._line = feed, port, line
        self._clock, self._rng = clock, rng

    @property
    def _thing(self) -> str:
        return f"sensor {self._feed.sensor}"

    async def run(self) -> None:
        """Read the port for ever, opening it again after every failure."""
        if advice := better_name(self._port):
            log.warning("%s: %s", self._thing, advice)
        await keep_trying(self._session, (self._feed,), self._clock, self._rng)

    async def _session(self) -> None:
        port = open_port(self._thing, self._port, self._line)
        is_gone = False
        try:
            await self._converse(port)
        except OSError as error:
            is_gone = True
            raise as_link_error(error, self._thing, self._port) from error
        finally:
            if not is_gone:
                self._take_leave(port)
            port.close()

    async def _converse(self, port: serial.Serial) -> None:
        """Read, write, poll and watch until one of the four fails; the other three end with it."""
        loop = asyncio.get_running_loop()
        outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        reading: asyncio.Future[None] = loop.create_future()
        opened_at = self._clock.boottime()

        def readable() -> None:
            try:
                data = os.read(port.fileno(), _CHUNK)
                if not data:  # a hang-up without an error number
                    raise OSError(errno.EIO, os.strerror(errno.EIO))  # noqa: TRY301 - see below
                _queue(outgoing, self._receive(data))
            except Exception as error:  # noqa: BLE001 - raised again below, in the session's task
                loop.remove_reader(port.fileno())
                reading.set_exception(error)

        loop.add_reader(port.fileno(), readable)
        tasks = [asyncio.create_task(self._send(port, outgoing))]
        tasks.append(asyncio.create_task(self._watch(opened_at)))
        if self._line.poll_s is not None:
            tasks.append(asyncio.create_task(self._poll(outgoing, self._line.poll_s)))
        try:
            _queue(outgoing, self._feed.open())
            done, _ = await asyncio.wait({reading, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for ended in done:
                ended.result()
        finally:
            loop.remove_reader(port.fileno())
            for task in (reading, *tasks):
                task.cancel()
            await asyncio.gather(reading, *tasks, return_exceptions=True)

    def _receive(self, data: bytes) -> list[Request]:
        """Take bytes in; an open port is a connected sensor only once it has said something."""
        before = self._feed.status.readings
        requests = self._feed.receive(data)
        if self._feed.status.readings > before and not self._feed.status.connected:
            self._feed.connected()
        return requests

    async def _poll(self, outgoing: asyncio.Queue[bytes], poll_s: float) -> None:
        """Ask the decoder every ``poll_s`` seconds what to write."""
        while True:
            await self._clock.sleep(poll_s)
            _queue(outgoing, self._feed.poll())

    async def _watch(self, opened_at: Boottime) -> None:
        """End the session when the sensor has been silent for too long."""
        limit_s = self._line.silence_s
        while (silence_s := self._feed.silence_s(opened_at)) < limit_s:
            wait_s = max(limit_s - silence_s, _SHORTEST_WAIT_S)
            self._feed.turning.within(wait_s)
            await self._clock.sleep(wait_s)
        raise LinkError(
            f"{self._thing} at {self._port}",
            f"no values for {limit_s:.0f} s",
            "Check that the sensor is switched on and the cable sits, or ask what is on the line: "
            f"edge-agent probe {self._port}",
        )

    async def _send(self, port: serial.Serial, outgoing: asyncio.Queue[bytes]) -> None:
        while True:
            octets = await outgoing.get()
            try:
                async with asyncio.timeout(_WRITE_S):
                    await _write(port.fileno(), octets)
            except TimeoutError:
                raise LinkError(
                    f"{self._thing} at {self._port}",
                    f"the port has taken nothing for {_WRITE_S:.0f} s",
                    "Check the adapter, and that no flow control holds the line",
                ) from None

    def _take_leave(self, port: serial.Serial) -> None:
        """Let the sensor rest; what the port does not take at once is not worth waiting for."""
        try:
            for octets in _payloads(self._feed.close()):
                os.write(port.fileno(), octets)
        except OSError as error:
            log.debug("%s: hanging up: %s", self._thing, error)


def open_port(thing: str, path: str, line: Serial) -> serial.Serial:
    """Open ``path`` for ``thing`` exclusively with the settings of ``line``.

    :raises LinkError: the port is missing, not ours, in use, or does not take the settings.
    """
    try:
        return serial.Serial(
            path,
            baudrate=line.baud,
            bytesize=line.bytesize,
            parity=line.parity,
            stopbits=line.stopbits,
            timeout=0,
            write_timeout=_WRITE_S,
            exclusive=True,
        )
    except OSError as error:
        raise as_link_error(error, thing, path) from error
    except (ValueError, termios.error) as error:
        step = "Give the 'baud' and 'parity' that the adapter and the sensor both know"
        settings = f"{line.baud} baud, {framing(line)}"
        reason = f"the port does not take {settings}: {error.args[-1]}"
        raise LinkError(f"{thing} at {path}", reason, step) from error


def framing(line: Serial) -> str:
    """Return data bits, parity and stop bits as the field writes them: ``8N1``."""
    return f"{line.bytesize}{line.parity}{line.stopbits}"


def name_that_stays(path: str, by_id: Path = _BY_ID) -> str | None:
    """Return the name of the port ``path`` that survives re-plugging, if the system has one."""
    if not by_id.is_dir():
        return None
    target = Path(path).resolve()
    same = (str(link) for link in sorted(by_id.iterdir()) if link.resolve() == target)
    return next(same, None)


def better_name(path: str, by_id: Path = _BY_ID) -> str:
    """Return what is wrong with the name ``path`` and which to use, or nothing."""
    if _CHANGING_NAME.fullmatch(path) is None:
        return ""
    stays = name_that_stays(path, by_id) or f"one of those in {by_id}"
    return f"{path} may be another adapter after the next start; in 'port', give {stays}"


def _payloads(requests: Iterable[Request]) -> Iterable[bytes]:
    return (request.payload for request in requests if isinstance(request, Write))


def _queue(outgoing: asyncio.Queue[bytes], requests: Iterable[Request]) -> None:
    for octets in _payloads(requests):
        outgoing.put_nowait(octets)


async def _write(fd: int, octets: bytes) -> None:
    """Write all of ``octets`` without blocking the loop."""
    while octets:
        try:
            octets = octets[os.write(fd, octets) :]
        except BlockingIOError:
            await _writable(fd)


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(fd)


def as_link_error(error: OSError, thing: str, path: str) -> LinkError:
    """Say what a port's error means, and what to do."""
    match error.errno:
        case errno.ENOENT:
            reason = "there is no such port"
            step = "Plug the adapter in, or correct 'port' (ls /dev/serial/by-id)"
        case errno.EACCES | errno.EPERM:
            reason = "permission denied"
            step = "Add the service's user to the group 'dialout'"
        case errno.EAGAIN | errno.EBUSY:
            reason = "in use by another program"
            step = f"Find it with: fuser -v {path} (a hub that is running holds its ports)"
        case errno.EIO | errno.ENXIO | errno.ENODEV | errno.EBADF:
            reason = "the port went away"
            step = "Plug the adapter in again; the hub reopens the port by itself"
        case _ if Path(path).exists() and not Path(path).is_char_device():
            reason, step = "is no serial port", "Correct 'port' (ls /dev/serial/by-id)"
        case _:
            reason, step = str(error), "Check the port and its settings"
    return LinkError(f"{thing} at {path}", reason, step)
