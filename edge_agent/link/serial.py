"""Serial sensors: pyserial opens the port, the event loop reads it; no thread.

A port is named by a path that stays the same when the adapter is plugged in again (on Linux
``/dev/serial/by-id/…``) and is opened anew after every hang-up.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random

import serial

from edge_agent.clock import Clock
from edge_agent.driver import Request, Serial, Write
from edge_agent.errors import LinkError
from edge_agent.link.feed import Feed
from edge_agent.link.retry import keep_trying
from edge_agent.model import Boottime

_CHUNK = 4096


class SerialLink:
    """Keeps one serial sensor connected."""

    def __init__(
        self, feed: Feed, port: str, line: Serial, clock: Clock, rng: random.Random
    ) -> None:
        self._feed, self._port, self._line = feed, port, line
        self._clock, self._rng = clock, rng

    async def run(self) -> None:
        """Read the port for ever, opening it again after every failure."""
        await keep_trying(self._session, (self._feed,), self._clock, self._rng)

    async def _session(self) -> None:
        port = open_port(f"sensor {self._feed.sensor}", self._port, self._line)
        try:
            await self._read(port)
        finally:
            port.close()

    async def _read(self, port: serial.Serial) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        opened_at = self._clock.boottime()
        fault: list[Exception] = []

        def readable() -> None:
            try:
                data = os.read(port.fileno(), _CHUNK)
                # An empty read of a readable terminal is a hang-up without an error number.
                self._write(port, self._receive(data) if data else _hang_up())
            except Exception as error:  # noqa: BLE001 - raised again below, in the session's task
                fault.append(error)
                ended.set()

        loop.add_reader(port.fileno(), readable)
        try:
            self._write(port, self._feed.open())
            while not ended.is_set():
                await self._watch(ended, opened_at)
        finally:
            loop.remove_reader(port.fileno())
        raise _as_link_error(fault[0], f"sensor {self._feed.sensor}", self._port)

    def _receive(self, data: bytes) -> list[Request]:
        """Take bytes in; an open port is a connected sensor only once it has said something."""
        before = self._feed.status.readings
        requests = self._feed.receive(data)
        if self._feed.status.readings > before and not self._feed.status.connected:
            self._feed.connected()
        return requests

    async def _watch(self, ended: asyncio.Event, opened_at: Boottime) -> None:
        """Wait for the end or for silence; a silent port is closed and opened again."""
        try:
            async with asyncio.timeout(self._line.silence_s):
                await ended.wait()
        except TimeoutError:
            silence_s = self._feed.silence_s(opened_at)
            if silence_s >= self._line.silence_s:
                raise LinkError(
                    f"sensor {self._feed.sensor} at {self._port}",
                    f"no values for {self._line.silence_s:.0f} s",
                    "Check that the sensor is switched on and the cable sits",
                ) from None

    def _write(self, port: serial.Serial, requests: list[Request]) -> None:
        for request in requests:
            if isinstance(request, Write):
                port.write(request.payload)


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
            write_timeout=1,
            exclusive=True,
        )
    except FileNotFoundError as error:
        raise _missing(thing, path) from error
    except (OSError, ValueError) as error:
        raise _as_link_error(error, thing, path) from error


def _hang_up() -> list[Request]:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def _missing(thing: str, path: str) -> LinkError:
    return LinkError(
        f"{thing} at {path}",
        "there is no such port",
        "Plug the adapter in, or correct 'port' (ls /dev/serial/by-id)",
    )


def _as_link_error(error: Exception, thing: str, path: str) -> Exception:
    """Say what a port's error means; anything but an error of the port stays what it is."""
    if isinstance(error, serial.SerialException | OSError):
        number = error.errno
        if number == errno.ENOENT:
            return _missing(thing, path)
        if number == errno.EACCES:
            step = "Add the service's user to the group 'dialout'"
            return LinkError(f"{thing} at {path}", "permission denied", step)
        if number in {errno.EIO, errno.ENXIO, errno.EBADF}:
            step = "Plug the adapter in again; the hub reopens the port by itself"
            return LinkError(f"{thing} at {path}", "the port went away", step)
        return LinkError(f"{thing} at {path}", str(error), "Check the port and its settings")
    return error
