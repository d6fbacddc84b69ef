"""A Modbus RTU line: two pseudo-terminals joined by a pump that can spoil what sensors answer.

pymodbus's own server answers for units that are not there; on real wires they are silent, so the
pump lets only requests to present units through.
"""

from __future__ import annotations

import asyncio
import os
import random
import tty
from collections.abc import Callable, Iterable
from pathlib import Path

from pymodbus.framer import FramerRTU

from edge_mocks.serial_line import open_pty

AnswerFault = Callable[[bytes], Iterable[tuple[float, bytes]]]
"""An answer -> what arrives: (seconds late, octets), in any number."""

_CHUNK = 4096


def late(delay_s: float) -> AnswerFault:
    """Let every answer come ``delay_s`` seconds late."""
    return lambda answer: [(delay_s, answer)]


def dropped(_: bytes) -> Iterable[tuple[float, bytes]]:
    """Lose every answer."""
    return ()


def corrupted(rng: random.Random) -> AnswerFault:
    """Flip one bit of every answer, so that its CRC is wrong."""

    def flip(answer: bytes) -> Iterable[tuple[float, bytes]]:
        octets = bytearray(answer)
        octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
        return [(0.0, bytes(octets))]

    return flip


def from_unit(unit: int) -> AnswerFault:
    """Let another unit seem to answer, with a good CRC."""

    def forge(answer: bytes) -> Iterable[tuple[float, bytes]]:
        body = bytes([unit]) + answer[1:-2]
        return [(0.0, body + FramerRTU.compute_CRC(body).to_bytes(2, "big"))]

    return forge


class RtuLine:
    """The wires between a hub, which opens :attr:`path`, and a server, which opens ``server_port``.

    ``units`` are the addresses that are there. ``fault`` spoils answers.
    """

    def __init__(self, path: Path, units: Iterable[int]) -> None:
        self.path, self.units = path, set(units)
        self.fault: AnswerFault | None = None
        self.requests = 0
        self.lost_octets = 0
        self.server_port = ""
        self._hub_end: tuple[int, int] | None = None
        self._server_end: tuple[int, int] | None = None

    def open(self) -> None:
        """Lay the wires; needs a running event loop."""
        master, slave = os.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.server_port = os.ttyname(slave)
        self._server_end = (master, slave)
        asyncio.get_running_loop().add_reader(master, self._answered, master)
        self.replug()

    def close(self) -> None:
        """Take the wires away."""
        self.unplug()
        if self._server_end is not None:
            self._close(self._server_end)
            self._server_end = None

    def replug(self) -> None:
        """Plug the hub's adapter in; its path then leads to a new terminal."""
        if self._hub_end is None:
            master = open_pty(self.path)
            # Held open so that a hub that closes its port does not hang the pump up.
            slave = os.open(self.path, os.O_RDWR | os.O_NOCTTY)
            self._hub_end = (master, slave)
            asyncio.get_running_loop().add_reader(master, self._asked, master)

    def unplug(self) -> None:
        """Pull the hub's adapter out: the path disappears and an open client is hung up."""
        if self._hub_end is not None:
            self.path.unlink()
            self._close(self._hub_end)
            self._hub_end = None

    def _asked(self, master: int) -> None:
        request = os.read(master, _CHUNK)
        self.requests += 1
        if request[0] in self.units and self._server_end is not None:
            self._put(self._server_end[0], request)

    def _answered(self, master: int) -> None:
        answer = os.read(master, _CHUNK)
        arrivals = [(0.0, answer)] if self.fault is None else self.fault(answer)
        for delay_s, octets in arrivals:
            if delay_s > 0:
                asyncio.get_running_loop().call_later(delay_s, self._arrive, octets)
            else:
                self._arrive(octets)

    def _arrive(self, octets: bytes) -> None:
        if self._hub_end is not None:
            self._put(self._hub_end[0], octets)

    def _put(self, master: int, octets: bytes) -> None:
        try:
            sent = os.write(master, octets)
        except BlockingIOError:
            sent = 0
        self.lost_octets += len(octets) - sent

    @staticmethod
    def _close(end: tuple[int, int]) -> None:
        master, slave = end
        asyncio.get_running_loop().remove_reader(master)
        os.close(slave)
        os.close(master)
