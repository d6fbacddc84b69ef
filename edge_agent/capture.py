"""Captures: what passed between the hub and one sensor, as a text file that a person can read.

A user's bug report is such a file, and so is every test case of a driver (``tests/captures``)::

    # driver: cgm
    0 open                        the link is up and subscribed
    20 < 2a19 64                  octets from the sensor, on a channel
    21 > 2a52 01 01               octets to the sensor
    9000 close                    the hub is about to hang up

The first column counts milliseconds from the start. A channel is a characteristic's UUID (four hex
digits for a number of the Bluetooth SIG), the name of a register block, or ``-`` on a serial line,
where a line is any piece of the stream. ``#`` begins a comment; the comments ``# driver:`` and
``# profile:`` say how to replay the file.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from edge_agent.errors import EdgeError

_NS_PER_MS = 1_000_000
_LONGEST_MS = 100 * 365 * 86_400_000.0
_SIG_UUID = re.compile(r"0000([0-9a-f]{4})-0000-1000-8000-00805f9b34fb")
_HEADER = re.compile(r"#\s*(driver|profile):\s*(\S+)\s*")


class CaptureError(EdgeError):
    """A capture file that can't be read."""


class Action(StrEnum):
    """What a step of a capture is; the values are its marks in the file."""

    OPEN = "open"
    RECEIVED = "<"
    SENT = ">"
    CLOSED = "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a capture: ``at_ns`` after its start, octets came or went on ``channel``."""

    at_ns: int
    action: Action
    channel: str = ""
    octets: bytes = b""

    def __str__(self) -> str:
        at_ms = f"{self.at_ns / _NS_PER_MS:.3f}".rstrip("0").rstrip(".")
        if self.action in {Action.OPEN, Action.CLOSED}:
            return f"{at_ms} {self.action}"
        return f"{at_ms} {self.action} {_short(self.channel)} {self.octets.hex()}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A whole capture; ``driver`` and ``profile`` are empty where the file does not say them."""

    driver: str = ""
    profile: str = ""
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        head = [f"# {key}: {value}\n" for key, value in self._head() if value]
        return "".join(head) + "".join(f"{step}\n" for step in self.steps)

    def _head(self) -> tuple[tuple[str, str], ...]:
        return (("driver", self.driver), ("profile", self.profile))


class TappedSensor(Struct, frozen=True, kw_only=True):
    """What a capture must say of its sensor, and which addresses it must not."""

    driver: str
    profile: str
    addresses: list[str]


def parse(text: str, file: str = "capture") -> Capture:
    """Read a capture.

    :raises CaptureError: names the line and what is wrong with it.
    """
    head = {found[1]: found[2] for line in text.splitlines() if (found := _HEADER.fullmatch(line))}
    return Capture(
        driver=head.get("driver", ""),
        profile=head.get("profile", ""),
        steps=tuple(_steps(text, file)),
    )


def _steps(text: str, file: str) -> Iterator[Step]:
    last_ns = 0
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            step = _step(words, last_ns)
        except ValueError as error:
            hint = "See the format in the head of a fresh capture: edge-agent capture --help"
            raise CaptureError(f"{file}, line {number}", str(error), hint) from error
        last_ns = step.at_ns
        yield step


def _step(words: list[str], last_ns: int) -> Step:
    at_ms = float(words[0])
    if not 0 <= at_ms < _LONGEST_MS:
        raise ValueError(f"{words[0]} is no time: expected milliseconds from the start")
    at_ns = round(at_ms * _NS_PER_MS)
    if at_ns < last_ns:
        raise ValueError(f"{words[0]} ms comes before the line above")
    match words[1:]:
        case [Action.OPEN | Action.CLOSED as mark]:
            return Step(at_ns=at_ns, action=Action(mark))
        case [Action.RECEIVED | Action.SENT as mark, channel, *octets]:
            octets_here = bytes.fromhex("".join(octets))
            return Step(
                at_ns=at_ns, action=Action(mark), channel=_long(channel), octets=octets_here
            )
    raise ValueError("expected: milliseconds, then open, close, or < or > with channel and octets")


def _long(channel: str) -> str:
    if channel == "-":
        return ""
    if re.fullmatch(r"[0-9a-f]{4}", channel):
        return f"0000{channel}-0000-1000-8000-00805f9b34fb"
    return channel


def _short(channel: str) -> str:
    sig = _SIG_UUID.fullmatch(channel)
    return sig[1] if sig else channel or "-"


Scrub = Callable[[bytes, str], bytes]


def scrubbed(capture: Capture, scrub: Scrub | None, addresses: Iterable[str]) -> Capture:
    """Return ``capture`` without what identifies a device: safe to send to a stranger.

    ``scrub`` is the driver's; ``addresses`` (``A0:9E:1A:00:00:01``) are blanked wherever they
    stand, as octets in either order or as text. Every frame keeps its length. What is measured
    stays: a capture is still a person's data.
    """
    patterns = [pattern for address in addresses for pattern in _spellings(address)]
    steps = list(capture.steps)
    for action in (Action.RECEIVED, Action.SENT):
        # A serial number may be cut by two reads of a line, so a line is scrubbed as a whole.
        here = [
            index for index, one in enumerate(steps) if (one.action, one.channel) == (action, "")
        ]
        whole = _clean(b"".join(steps[index].octets for index in here), "", scrub, patterns)
        for index in here:
            octets, whole = whole[: len(steps[index].octets)], whole[len(steps[index].octets) :]
            steps[index] = dataclasses.replace(steps[index], octets=octets)
    for index, step in enumerate(steps):
        if step.channel:
            octets = _clean(step.octets, step.channel, scrub, patterns)
            steps[index] = dataclasses.replace(step, octets=octets)
    return dataclasses.replace(capture, steps=tuple(steps))


def _clean(octets: bytes, channel: str, scrub: Scrub | None, patterns: list[bytes]) -> bytes:
    clean = octets if scrub is None else scrub(octets, channel)
    if len(clean) != len(octets):
        raise CaptureError(f"channel {channel or '-'}", "the driver's scrub changes lengths")
    for pattern in patterns:
        clean = re.sub(re.escape(pattern), bytes(len(pattern)), clean, flags=re.IGNORECASE)
    return clean


def _spellings(address: str) -> Iterator[bytes]:
    octets = bytes.fromhex(address.replace(":", ""))
    yield octets
    yield octets[::-1]
    for separator in (":", "-", "_", ""):
        yield octets.hex(separator).encode() if separator else octets.hex().encode()
