"""The conversation with a sensor that stamps its records and pushes them once it is connected.

Such a sensor sends at once when somebody listens, before the hub has read what its clock shows. A
stamped record is therefore kept back until the clock has been read, and the clock is read again
for records that come more than a minute later: people set clocks. The sensor's maker is read last:
its answer says that a sensor which has not told its time has no clock to read. Every profile here
(Blood Pressure, Health Thermometer, Weight Scale, Glucose, Pulse Oximeter) demands both services.
Should it be missing too, a record waits for the next frame that comes ten seconds later or more,
and no longer than the connection: a sensor may hang up before its clock has been read.

A sensor that was not thanked for a record sends it again. The same octets with the same stamp are
the same record, and are given once.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Generic, Protocol, TypeVar

from edge_agent.driver import Decoder, FrameError, Output, Read, Request
from edge_agent.model import Boottime, Event
from edge_drivers.annunciation import told
from edge_drivers.gatt import BATTERY_LEVEL, battery_level, uuid16
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import (
    CURRENT_TIME,
    DATE_TIME,
    LIVE_WITHIN_S,
    Placed,
    SensorTime,
    clock_reading,
)

MANUFACTURER_NAME = uuid16(0x2A29)

READ_ON_OPEN = (CURRENT_TIME, DATE_TIME, BATTERY_LEVEL, MANUFACTURER_NAME)
"""What every one of these sensors is asked for, in this order; all of it is optional."""

UNKNOWN_USER = 255

_NS_PER_S = 10**9
_FRESH_S = 60
_PATIENCE_S = 10
_HELD_AT_MOST = 32
_REMEMBERED_AT_MOST = 1024


class StampedRecord(Protocol):
    """What a sensor measured, and when by its own clock; ``None`` if it carries no time."""

    @property
    def stamp(self) -> DateTime | None:
        """The sensor's own time of the record."""


_Record = TypeVar("_Record", bound=StampedRecord)


class RecordDecoder(Decoder, Generic[_Record]):
    """Places the records of one sensor; what they say is for the family's own decoder to tell."""

    measurement: ClassVar[str]
    """The channel on which records come."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._time = SensorTime()
        self._clock: str | None = None
        self._clock_read_at = Boottime(0)
        self._has_no_clock = False
        self._held: list[tuple[_Record, Boottime]] = []
        self._given: dict[bytes, None] = {}
        self._users: set[int] = set()

    @abstractmethod
    def parse(self, data: bytes) -> _Record:
        """Decode a record.

        :raises FrameError: not a valid one.
        """

    @abstractmethod
    def readings(self, one: _Record, placed: Placed) -> Iterable[Output]:
        """Say what a record says, now that its place in time is known."""

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read the sensor's clock, its battery and, last, its maker."""
        return tuple(Read(channel) for channel in READ_ON_OPEN)

    def feed(self, data: bytes, at: Boottime, channel: str = "") -> Iterable[Output]:
        """Decode one record, or one answer to what was read on opening."""
        if channel == self.measurement:
            return self._take(data, at)
        if channel in {CURRENT_TIME, DATE_TIME}:
            return self._note_clock(clock_reading(data, channel), channel, at)
        if channel == BATTERY_LEVEL:
            return (battery_level(data, at, self.sensor), *self.overdue(at))
        if channel == MANUFACTURER_NAME:
            self._has_no_clock = self._clock is None
            return self._release(at)
        raise FrameError(f"channel {channel}", "not one of this driver's")

    def ended(self, at: Boottime) -> Iterable[Output]:
        """Give what waited for a clock that will not be read now; nothing proves it live."""
        return self._release(at)

    def overdue(self, at: Boottime) -> Iterable[Output]:
        """Give the records that have waited for the clock long enough."""
        return self._release(at) if self._held and not self._must_wait(at) else ()

    def another_user(self, number: int | None, placed: Placed) -> Iterable[Event]:
        """Tell, once, that the sensor keeps records of more than one person.

        The hub can't know which of them it watches, and their numbers stay inside the decoder.
        """
        if number is None or number == UNKNOWN_USER or number in self._users:
            return ()
        self._users.add(number)
        if len(self._users) != 2:
            return ()
        return (told("several-users", "on", placed.at, self.sensor),)

    def _take(self, data: bytes, at: Boottime) -> Iterable[Output]:
        one = self.parse(data)
        if one.stamp is None:
            return tuple(self.readings(one, self._time.place(None, at)))
        if data in self._given:
            return ()
        self._given[data] = None
        if len(self._given) > _REMEMBERED_AT_MOST:
            del self._given[next(iter(self._given))]
        is_first = not self._held
        self._held.append((one, at))
        outputs = self.overdue(at)
        if self._held and is_first and self._clock is not None:
            return (Read(self._clock),)
        return outputs

    def _must_wait(self, at: Boottime) -> bool:
        """Tell whether the clock should be read before the records are placed."""
        if len(self._held) > _HELD_AT_MOST or _s(self._held[0][1], at) > _PATIENCE_S:
            return False
        if self._clock is None:
            return not self._has_no_clock
        return _s(self._clock_read_at, at) > _FRESH_S

    def _note_clock(self, now: DateTime, channel: str, at: Boottime) -> Iterable[Output]:
        if (self._clock, channel) != (CURRENT_TIME, DATE_TIME):
            self._clock, self._clock_read_at = channel, at
            self._time.note(now, at)
        return self._release(at)

    def _release(self, at: Boottime) -> Iterable[Output]:
        held, self._held = self._held, []
        return tuple(
            output
            for one, arrived_at in held
            for output in self.readings(one, self._placed(one, arrived_at, at))
        )

    def _placed(self, one: _Record, arrived_at: Boottime, at: Boottime) -> Placed:
        """Place a record; one that had to wait too long is live no more."""
        placed = self._time.place(one.stamp, arrived_at)
        is_late = _s(arrived_at, at) > LIVE_WITHIN_S
        return dataclasses.replace(placed, backfilled=placed.backfilled or is_late)


def _s(since: Boottime, at: Boottime) -> float:
    return (at - since) / _NS_PER_S
