"""A serial line on a pseudo-terminal behind a path that stays, like those in /dev/serial/by-id.

What a pseudo-terminal can't do: parity (a client must open it 8N1; others fail or are ignored),
modem lines, and a bit rate that takes time.
"""

from __future__ import annotations

import asyncio
import errno
import os
import tty
from collections.abc import Callable
from pathlib import Path

Fault = Callable[[bytes], bytes]
"""Octets that the sensor sends -> octets that arrive."""

_CHUNK = 4096


def open_pty(path: Path) -> int:
    """Make a raw pseudo-terminal, point the link ``path`` at it, and return its master end.

    The slave end is closed here: were it open, a client would never see the line hang up.
    """
    master, slave = os.openpty()
    try:
        tty.setraw(master)
        tty.setraw(slave)
        os.set_blocking(master, False)
        fresh = path.with_name(path.name + ".new")
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(path)
    finally:
        os.close(slave)
    return master


class SerialLine:
    """The sensor's end of a serial line; the client opens :attr:`path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fault: Fault | None = None
        self.late_s: Callable[[], float] | None = None
        self._free_at = 0.0
        self.lost_octets = 0
        self._master: int | None = None

    @property
    def plugged_in(self) -> bool:
        """Whether the port is there."""
        return self._master is not None

    def replug(self) -> None:
        """Plug the adapter in; the path then leads to a new terminal."""
        if self._master is None:
            self._master = open_pty(self.path)

    def unplug(self) -> None:
        """Pull the adapter out: the path disappears and an open client is hung up."""
        if self._master is not None:
            self.path.unlink()
            os.close(self._master)
            self._master = None

    def write(self, octets: bytes) -> None:
        """Send; what a client does not fetch in time is lost and counted, as on a real line."""
        if self.fault is not None:
            octets = self.fault(octets)
        if self.late_s is None:
            self._put(octets)
            return
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time() + self.late_s())
        loop.call_at(self._free_at, self._put, octets)

    def _put(self, octets: bytes) -> None:
        if self._master is None or not octets:
            return
        try:
            sent = os.write(self._master, octets)
        except BlockingIOError:
            sent = 0
        self.lost_octets += len(octets) - sent

    def read(self) -> bytes:
        """Return what the client has written since the last call, without waiting."""
        if self._master is None:
            return b""
        try:
            return os.read(self._master, _CHUNK)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # no client has the port open
                return b""
            raise
