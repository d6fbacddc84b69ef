"""Frames in a stream of octets: found however the stream is cut, and found again after garbage.

A serial line has no frame boundaries. A :class:`Framing` says what a frame looks like; from it come
both the decoder's search and the share of octets by which a protocol is recognised on an unknown
line.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from edge_agent.driver import Decoder, FrameError, Output, Request
from edge_agent.model import Boottime, Event, EventKind

T = TypeVar("T")

_REPORT_OCTETS = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing(Generic[T]):
    """What a frame looks like.

    ``pattern`` matches exactly one frame of at most ``longest`` octets, and what follows the frame
    must not change the match: either every frame has one length or a terminator ends it. ``parse``
    decodes a match and raises :class:`FrameError` when it is no frame after all.

    ``after_loss`` replaces ``pattern`` until a frame is found, where all frames have one length.
    Frames without a checksum take one that also sees the first octet of the next frame, lest noise
    pass for a measurement.

    Where a match is no frame, the search goes on at its second octet, or behind it if frames are
    ``separate``, as lines are.
    """

    pattern: re.Pattern[bytes]
    longest: int
    parse: Callable[[bytes], T]
    after_loss: re.Pattern[bytes] | None = None
    separate: bool = False


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A frame of ``octets`` octets, and how many were lost before it."""

    frame: T
    octets: int
    lost: int


@dataclass(frozen=True, slots=True)
class Lost:
    """1024 octets in which there is no frame."""

    octets: int = _REPORT_OCTETS


class FrameSearch(Generic[T]):
    """Cuts a stream into frames; what comes out does not depend on how it was fed."""

    def __init__(self, framing: Framing[T]) -> None:
        self._framing = framing
        self._octets = bytearray()
        self._in_step = False
        self._lost = 0

    def feed(self, octets: bytes) -> Iterator[Found[T] | Lost]:
        """Take any piece of the stream; give the frames it completes."""
        self._octets += octets
        while True:
            match = self._next()
            if match is None:
                break
            frame = bytes(self._octets[match.start() : match.end()])
            try:
                parsed = self._framing.parse(frame)
            except FrameError:
                self._in_step = False
                self._lose(match.end() if self._framing.separate else match.start() + 1)
                yield from self._overflow()
                continue
            self._lose(match.start())
            yield from self._overflow()
            del self._octets[: len(frame)]
            lost, self._lost, self._in_step = self._lost, 0, True
            yield Found(parsed, len(frame), lost)
        yield from self._overflow()

    def _next(self) -> re.Match[bytes] | None:
        """Return the next match; without one, keep only what may still begin a frame."""
        framing = self._framing
        if self._in_step and framing.after_loss is not None:
            match = framing.pattern.match(self._octets)
            if match is not None or len(self._octets) < framing.longest:
                return match
            self._in_step = False
        match = (framing.after_loss or framing.pattern).search(self._octets)
        if match is None and len(self._octets) > framing.longest:
            self._lose(len(self._octets) - framing.longest)
        return match

    def _lose(self, count: int) -> None:
        del self._octets[:count]
        self._lost += count

    def _overflow(self) -> Iterator[Lost]:
        """Report long garbage while it lasts, in pieces of one size: no split changes them."""
        while self._lost >= _REPORT_OCTETS:
            self._lost -= _REPORT_OCTETS
            yield Lost()


def recogniser(framing: Framing[T]) -> Callable[[bytes], float]:
    """Return what tells the share (0 to 1) of a stretch of octets that lies in valid frames."""

    def share(octets: bytes) -> float:
        found = FrameSearch(framing).feed(octets)
        inside = sum(one.octets for one in found if isinstance(one, Found))
        return inside / len(octets) if octets else 0.0

    return share


class FrameDecoder(Decoder, Generic[T]):
    """A decoder of a stream of frames.

    What was lost is told as a ``frame-rejected`` event with the number of octets: before the next
    frame, or every 1024 octets while nothing but garbage comes.
    """

    framing: Framing[T]

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._search = FrameSearch(self.framing)
        self._is_cut = False

    def open(self, at: Boottime) -> Iterable[Request]:
        """Forget the piece of a frame that the line was cut in."""
        self._search = FrameSearch(self.framing)
        self._is_cut = True
        return ()

    def feed(self, data: bytes, at: Boottime, channel: str = "") -> Iterable[Output]:
        """Take any piece of the stream; give the readings of every frame it completes."""
        return tuple(self._outputs(data, at))

    def _outputs(self, data: bytes, at: Boottime) -> Iterator[Output]:
        for one in self._search.feed(data):
            if isinstance(one, Lost):
                self._is_cut = True
                yield self._rejection("no frame in it", one.octets, at)
                continue
            if one.lost:
                self._is_cut = True
                yield self._rejection("lost octets before a frame", one.lost, at)
            is_cut, self._is_cut = self._is_cut, False
            yield from self._readings(one.frame, at, is_cut=is_cut)

    @abstractmethod
    def _readings(self, frame: T, at: Boottime, *, is_cut: bool) -> Iterable[Output]:
        """Give the readings of one frame; ``is_cut`` says that frames before it were lost."""

    def _rejection(self, reason: str, octets: int, at: Boottime) -> Event:
        detail: dict[str, str | float] = {"reason": reason, "octets": octets}
        return Event(kind=EventKind.FRAME_REJECTED, at=at, sensor=self.sensor, detail=detail)
