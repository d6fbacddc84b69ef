"""Where a record belongs that carries the date and time of its sensor's own clock.

Cuffs, scales, thermometers and meters stamp what they measure with a local time of no known zone,
by a clock that a person has set, or nobody has. When the sensor tells what its clock shows now, the
stamp is as good as that clock is steady, however wrong it is set: the record is as old as the
difference. Without that nothing tells a value of this minute from one of last year.

Sources: Bluetooth GATT Specification Supplement (Date Time, Current Time).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from edge_agent.driver import FrameError
from edge_agent.model import Boottime, Code, Observation, State
from edge_drivers.fields import Fields
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import DateTime

CURRENT_TIME, DATE_TIME = uuid16(0x2A2B), uuid16(0x2A08)

LIVE_WITHIN_S = 300
"""A record not older than this is live: a person puts the cuff away before it connects."""

OLDEST_S = 2 * 366 * 86_400
"""No memory is older; a stamp that claims to be is from before the clock was set."""

NO_DATE = DateTime(0, 0, 0, 0, 0, 0)
"""What a sensor sends, or a driver says, for a time that is not known."""

_NS_PER_S = 10**9
_AHEAD_S = 3
"""Both times are whole seconds, and the clock was read a moment before or after."""
_LAST_S = 2**63 // _NS_PER_S
_WITH_NUMBER = frozenset({State.MEASURED, State.QUESTIONABLE})
_UNTOLD = {math.inf: State.ABOVE_RANGE, -math.inf: State.BELOW_RANGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Hub time and sensor time (ns since 1970 by its own clock) of a record, and how it came."""

    at: Boottime
    device_ns: int | None = None
    backfilled: bool = False

    def observation(
        self,
        code: Code,
        value: float,
        sensor: str,
        *,
        state: State = State.MEASURED,
        quality: float = 1.0,
    ) -> Observation:
        """Give a number of the record, in ``code.unit``, as a reading.

        NaN leaves no number: the measurement has failed. Infinities say that the number was too
        large or too small to be told. Only a measured or questionable reading has a number.
        """
        if state in _WITH_NUMBER:
            if not math.isfinite(value):
                state = _UNTOLD.get(value, State.SENSOR_FAULT)
            elif not code.is_plausible(value):
                state = State.QUESTIONABLE
        return Observation(
            code=code,
            value=value if state in _WITH_NUMBER else None,
            at=self.at,
            sensor=sensor,
            state=state,
            quality=quality if state.is_measurement else 0.0,
            device_ns=self.device_ns,
            backfilled=self.backfilled,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentTime:
    """What the Current Time characteristic shows; ``weekday`` is 1 for Monday, 0 for unknown."""

    date_time: DateTime
    weekday: int = 0
    fraction_256: int = 0
    adjust_reason: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> CurrentTime:
        """Decode ten octets.

        :raises FrameError: another length, or a weekday that is none.
        """
        fields = Fields(data, "current time")
        one = cls(
            date_time=fields.date_time(),
            weekday=fields.u8(),
            fraction_256=fields.u8(),
            adjust_reason=fields.u8(),
        )
        fields.end()
        if one.weekday > 7:
            raise FrameError("current time", "no day of the week", 7)
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        rest = bytes([self.weekday, self.fraction_256, self.adjust_reason])
        return self.date_time.to_bytes() + rest


def clock_reading(data: bytes, channel: str) -> DateTime:
    """Decode what a sensor's clock shows, from whichever characteristic it has.

    :raises FrameError: not a whole date and time.
    """
    if channel == CURRENT_TIME:
        return CurrentTime.from_bytes(data).date_time
    fields = Fields(data, "date-time")
    now = fields.date_time()
    fields.end()
    return now


class SensorTime:
    """Ties the clock of one sensor to the hub's."""

    def __init__(self) -> None:
        self._tie: tuple[int, Boottime] | None = None

    def note(self, now: DateTime, at: Boottime) -> None:
        """Take what the clock shows ``at`` hub time; a clock without a date is not known."""
        now_s = now.utc_s()
        self._tie = None if now_s is None else (now_s, at)

    def place(self, stamp: DateTime | None, at: Boottime) -> Placed:
        """Place a record that is in the hub ``at``.

        Without a stamp it is live, and belongs where it arrived. A stamp counts where the clock
        is known; one that is no date, lies ahead or too far back, or can't be compared leaves the
        record where it arrived, and backfilled, for nothing proves that it is live.
        """
        if stamp is None:
            return Placed(at=at)
        stamp_s = stamp.utc_s()
        if stamp_s is None or not 0 <= stamp_s < _LAST_S:
            return Placed(at=at, backfilled=True)
        unproved = Placed(at=at, device_ns=stamp_s * _NS_PER_S, backfilled=True)
        if self._tie is None:
            return unproved
        now_s, noted_at = self._tie
        then = noted_at + (stamp_s - now_s) * _NS_PER_S
        age_s = (at - then) / _NS_PER_S
        if not -_AHEAD_S <= age_s <= OLDEST_S:
            return unproved
        return dataclasses.replace(
            unproved, at=Boottime(min(then, at)), backfilled=age_s > LIVE_WITHIN_S
        )
