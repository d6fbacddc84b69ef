"""A Modbus RTU line: two ends joined by a pump that can spoil what sensors answer.

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

import serial
from pymodbus.framer import FramerRTU

from edge_agent.driver import Serial
from edge_agent.link.serial import open_port
from edge_mocks.serial_line import open_pty

AnswerFault = Callable[[bytes], Iterable[tuple[float, bytes]]]
"""An answer -> what arrives: (seconds late, octets), in any number."""

_CHUNK = 4096
_FRAME_GAP_S = 0.02


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


def after_noise(noise: bytes) -> AnswerFault:
    """Put octets of noise in front of every answer, as a line without bias resistors does."""
    return lambda answer: [(0.0, noise + answer)]


def in_pieces(pause_s: float) -> AnswerFault:
    """Let every answer come octet by octet, ``pause_s`` seconds apart."""
    return lambda answer: [(at * pause_s, answer[at : at + 1]) for at in range(len(answer))]


def forged(change: Callable[[bytes], bytes]) -> AnswerFault:
    """Change what every answer says, with a good CRC."""

    def forge(answer: bytes) -> Iterable[tuple[float, bytes]]:
        body = change(answer[:-2])
        return [(0.0, body + FramerRTU.compute_CRC(body).to_bytes(2, "big"))]

    return forge


def from_unit(unit: int) -> AnswerFault:
    """Let another unit seem to answer."""
    return forged(lambda body: bytes([unit]) + body[1:])


def of_function(function: int) -> AnswerFault:
    """Let every answer be one to another function."""
    return forged(lambda body: body[:1] + bytes([function]) + body[2:])


def shortened(octets: int) -> AnswerFault:
    """Leave the last ``octets`` out of every answer that has so many, and say so in its count."""

    def cut(body: bytes) -> bytes:
        return body[:2] + bytes([body[2] - octets]) + body[3:-octets] if body[2] > octets else body

    return forged(cut)


class RtuLine:
    """The wires between a hub, which opens :attr:`path`, and a server, which opens ``server_port``.

    ``units`` are the addresses that are there. ``fault`` spoils answers. An ``echo`` is what an
    adapter does that hears itself.
    """

    def __init__(self, path: Path, units: Iterable[int]) -> None:
        self.path, self.units = path, set(units)
        self.fault: AnswerFault | None = None
        self.echo = False
        self.requests: list[bytes] = []
        self.lost_octets = 0
        self.server_port = ""
        self._heard = b""
        self._gap: asyncio.TimerHandle | None = None
        self._hub_end: int | None = None
        self._slaves: list[int] = []
        self._server_end: int | None = None

    def open(self) -> None:
        """Lay the wires; needs a running event loop.

        :raises EdgeError: the hub's end is a real port that can't be used.
        """
        self.replug()
        master, slave = os.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.server_port = os.ttyname(slave)
        self._server_end, self._slaves = master, [slave]
        asyncio.get_running_loop().add_reader(master, self._answered, master)

    def close(self) -> None:
        """Take the wires away."""
        self.unplug()
        if self._server_end is not None:
            asyncio.get_running_loop().remove_reader(self._server_end)
            for end in (*self._slaves, self._server_end):
                os.close(end)
            self._server_end = None

    def replug(self) -> None:
        """Plug the hub's adapter in; its path then leads to a new terminal."""
        if self._hub_end is None:
            self._hub_end = self._plug_in()
            asyncio.get_running_loop().add_reader(self._hub_end, self._asked, self._hub_end)

    def unplug(self) -> None:
        """Pull the hub's adapter out: the path disappears and an open client is hung up."""
        if self._hub_end is not None:
            asyncio.get_running_loop().remove_reader(self._hub_end)
            self._pull_out(self._hub_end)
            self._hub_end = None

    def _plug_in(self) -> int:
        master = open_pty(self.path)
        # Held open so that a hub that closes its port does not hang the pump up.
        self._held = os.open(self.path, os.O_RDWR | os.O_NOCTTY)
        return master

    def _pull_out(self, master: int) -> None:
        self.path.unlink()
        os.close(self._held)
        os.close(master)

    def _asked(self, end: int) -> None:
        """Gather octets to a request: whole once its CRC is right, noise after a gap."""
        if self._gap is not None:
            self._gap.cancel()
        octets = os.read(end, _CHUNK)
        if self.echo:
            self._arrive(octets)
        self._heard += octets
        body, check = self._heard[:-2], int.from_bytes(self._heard[-2:], "big")
        if len(body) < 2 or not FramerRTU.check_CRC(body, check):
            self._gap = asyncio.get_running_loop().call_later(_FRAME_GAP_S, self._forget)
            return
        request, self._heard = self._heard, b""
        self.requests.append(request)
        if request[0] in self.units and self._server_end is not None:
            self._put(self._server_end, request)

    def _forget(self) -> None:
        self._heard = b""

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
            self._put(self._hub_end, octets)

    def _put(self, end: int, octets: bytes) -> None:
        try:
            sent = os.write(end, octets)
        except BlockingIOError:
            sent = 0
        self.lost_octets += len(octets) - sent


class RtuCable(RtuLine):
    """The same with a real serial port at ``path``: the hub is at the cable's other end."""

    def __init__(self, path: Path, units: Iterable[int], line: Serial) -> None:
        super().__init__(path, units)
        self._line = line
        self._port: serial.Serial | None = None

    def _plug_in(self) -> int:
        self._port = open_port("mock", str(self.path), self._line)
        os.set_blocking(self._port.fileno(), False)
        return int(self._port.fileno())

    def _pull_out(self, _: int) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None
