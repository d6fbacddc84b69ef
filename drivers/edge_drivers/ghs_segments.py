"""Messages of health sensors, cut into segments that fit the link (Generic Health Sensor 1.0).

The first octet of a segment has bit 0 set in the first one, bit 1 in the last one, and a counter
that rolls over at 64 in the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.driver import FrameError

LONGEST = 4096
"""No message that a sensor publishes comes near this many octets."""

_FIRST, _LAST, _COUNTERS = 0x01, 0x02, 64
_FRAME = "health sensor segment"


@dataclass(frozen=True, slots=True)
class Segments:
    """What has come of a message, ``None`` between two messages; each step makes a new one.

    A decoder keeps the step before until it has made sense of the message, so that a segment that
    is refused changes nothing.
    """

    collected: bytes | None = None
    counter: int = 0

    def with_segment(self, data: bytes) -> Segments:
        """Return what has come with one segment more.

        A first segment begins anew, whatever there was.

        :raises FrameError: one that does not follow, or a message that grows too long.
        """
        if not data:
            raise FrameError(_FRAME, "empty")
        counter = data[0] >> 2
        if data[0] & _FIRST:
            return Segments(data[1:], counter)
        if self.collected is None:
            raise FrameError(_FRAME, "continues a message whose beginning is missing")
        if counter != (self.counter + 1) % _COUNTERS:
            raise FrameError(_FRAME, f"counter {counter} after {self.counter}")
        if len(self.collected) + len(data) - 1 > LONGEST:
            raise FrameError(_FRAME, f"a message of more than {LONGEST} octets")
        return Segments(self.collected + data[1:], counter)

    @staticmethod
    def is_first(data: bytes) -> bool:
        """Tell whether ``data`` begins a message."""
        return bool(data and data[0] & _FIRST)

    @staticmethod
    def is_last(data: bytes) -> bool:
        """Tell whether ``data`` ends a message."""
        return bool(data and data[0] & _LAST)


def segmented(message: bytes, size: int, counter: int = 0) -> Iterator[bytes]:
    """Cut a message into segments of at most ``size`` octets, numbered from ``counter``."""
    room = size - 1
    parts = [message[begin : begin + room] for begin in range(0, len(message), room)] or [b""]
    for index, part in enumerate(parts):
        head = _FIRST * (index == 0) | _LAST * (index == len(parts) - 1)
        yield bytes([head | (counter + index) % _COUNTERS << 2]) + part
