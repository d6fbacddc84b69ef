"""The time stamps of health sensors, in both directions (Elapsed Time Service 1.0)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag

from edge_agent.driver import FrameError
from edge_drivers.gatt import uuid16

ELAPSED_TIME = uuid16(0x2BF2)
OCTETS = 9

_EPOCH_2000_S = 946_684_800
_TICKS_PER_S = (1, 10, 1000, 10_000)
_NS_PER_S = 10**9


class TimeFlag(IntFlag):
    """What an elapsed time counts; bits 2 and 3 are its resolution."""

    TICKS = 0x01
    UTC = 0x02
    ZONE_KNOWN = 0x10
    CURRENT_TIMELINE = 0x20


@dataclass(frozen=True, slots=True, kw_only=True)
class ElapsedTime:
    """A sensor's time: ticks of a counter, or a time since 2000, local or UTC.

    ``zone_quarter_hours`` is the offset from UTC; ``source`` says who set the clock.
    """

    flags: int
    count: int
    source: int = 0
    zone_quarter_hours: int = 0

    @property
    def counted_ns(self) -> int:
        """Nanoseconds since whatever the sensor counts from."""
        return self.count * _NS_PER_S // _TICKS_PER_S[self.flags >> 2 & 3]

    @property
    def utc_ns(self) -> int | None:
        """Nanoseconds since 1970; ``None`` for ticks, and for a clock that has been set since.

        A local time of unknown zone is taken for UTC.
        """
        if self.flags & TimeFlag.TICKS or not self.flags & TimeFlag.CURRENT_TIMELINE:
            return None
        is_local = not self.flags & TimeFlag.UTC and self.flags & TimeFlag.ZONE_KNOWN
        zone_s = self.zone_quarter_hours * 900 if is_local else 0
        return self.counted_ns + (_EPOCH_2000_S - zone_s) * _NS_PER_S

    def age_ns(self, now: ElapsedTime) -> int | None:
        """Return how long this was before ``now``; ``None`` where the two can't be compared."""
        basis = TimeFlag.TICKS | TimeFlag.UTC
        is_one_timeline = self.flags & now.flags & TimeFlag.CURRENT_TIMELINE
        if (self.flags ^ now.flags) & basis or not is_one_timeline:
            return None
        return now.counted_ns - self.counted_ns

    @classmethod
    def from_bytes(cls, data: bytes) -> ElapsedTime:
        """Decode nine octets.

        :raises FrameError: another length.
        """
        if len(data) != OCTETS:
            raise FrameError("elapsed time", "expected nine octets", len(data))
        flags, low, high, source, zone = struct.unpack("<BIHBb", data)
        return cls(flags=flags, count=low | high << 32, source=source, zone_quarter_hours=zone)

    def to_bytes(self) -> bytes:
        """Encode."""
        low, high = self.count & 0xFFFF_FFFF, self.count >> 32
        return struct.pack("<BIHBb", self.flags, low, high, self.source, self.zone_quarter_hours)
