"""Continuous glucose monitors that speak the Bluetooth CGM service (CGM Service 1.0.2).

How live values and the sensor's memory are told apart: after connecting, the decoder reads how
far the session has come and then asks for the records it has missed. Until the sensor reports
that procedure finished, a record is backfilled unless it was measured after the question was
asked. At any other time a record is live, unless a newer one came in an earlier notification. A
record is known by session start and minutes since, so one that comes twice is given once.

What has been missed, and the fetching of it, is :mod:`edge_drivers.cgm_backfill`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge_agent.codes import BATTERY, GLUCOSE, GLUCOSE_TREND
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request, Write
from edge_agent.model import Boottime, Event, EventKind, Observation
from edge_drivers.annunciation import Annunciations, names, told
from edge_drivers.cgm_backfill import Backfill
from edge_drivers.cgm_codec import (
    FEATURE,
    MEASUREMENT,
    RUN_TIME,
    SERVICE,
    SESSION_START,
    STATUS,
    CalibrationBit,
    Feature,
    Measurement,
    RunTime,
    SensorStatus,
    SessionStart,
    SessionStatus,
    WarningBit,
)
from edge_drivers.cgm_control import Inquiry
from edge_drivers.cgm_control_codec import CONTROL, ControlMessage
from edge_drivers.cgm_reading import observations
from edge_drivers.gatt import BATTERY_LEVEL, battery_level
from edge_drivers.procedure import PROCEDURE_S, after
from edge_drivers.racp import RACP, RacpReply

_NS_PER_S, _NS_PER_MIN = 10**9, 60 * 10**9
_OLD_MIN = 15
_DRIFT_MIN = 5
_LOOK_AGAIN_S = 60
_OUT_OF_RANGE = WarningBit.BELOW_DEVICE_RANGE | WarningBit.ABOVE_DEVICE_RANGE


class CgmDecoder(Decoder):
    """The conversation with one CGM sensor."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._feature: Feature | None = None
        self._start: SessionStart | None = None
        self._start_read: SessionStart | None = None
        self._run_time: RunTime | None = None
        self._end_told: tuple[int | None, int] | None = None
        self._backfill = Backfill(sensor)
        self._inquiry = Inquiry(sensor)
        self._annunciations = Annunciations(sensor)
        self._tie: tuple[int, Boottime] | None = None
        self._opening_since: Boottime | None = None
        self._looked_at: Boottime | None = None
        self._untold: list[Output] = []

    @property
    def _has_crc(self) -> bool:
        return self._feature is not None and self._feature.has_crc

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read what the sensor is and where it stands; the last answer starts the backfill."""
        if self._opening_since is None:
            self._inquiry.link_made()
        self._backfill.link_made()
        self._opening_since = at
        reads = (FEATURE, SESSION_START, RUN_TIME, STATUS, BATTERY_LEVEL)
        return tuple(Read(channel) for channel in reads)

    def feed(self, data: bytes, at: Boottime, channel: str = MEASUREMENT) -> Iterable[Output]:
        """Decode one notification, indication or answer of ``channel``."""
        outputs = self._take(data, at, channel)
        untold, self._untold = self._untold, []
        return (*untold, *outputs)

    def _take(self, data: bytes, at: Boottime, channel: str) -> list[Output]:
        match channel:
            case _ if channel == MEASUREMENT:
                crc = None if self._feature is None else self._feature.has_crc
                return self._measured(Measurement.split(data, crc=crc), at)
            case _ if channel == FEATURE:
                self._feature = Feature.from_bytes(data)
            case _ if channel == SESSION_START:
                self._note_start(SessionStart.from_bytes(data, crc=self._has_crc))
            case _ if channel == RUN_TIME:
                self._run_time = RunTime.from_bytes(data, crc=self._has_crc)
            case _ if channel == STATUS:
                return self._stands(SessionStatus.from_bytes(data, crc=self._has_crc), at)
            case _ if channel == RACP:
                reply = RacpReply.from_bytes(data)
                return self._backfill.replied(reply, self._offset_min(at), at)
            case _ if channel == CONTROL:
                message = ControlMessage.from_bytes(data, crc=self._has_crc)
                outputs = self._inquiry.answered(message, at)
                self._backfill.book.told_min = self._inquiry.interval_min
                return [*outputs]
            case _ if channel == BATTERY_LEVEL:
                return [battery_level(data, at, self.sensor)]
            case _:
                raise FrameError(f"channel {channel}", "not one of this driver's")
        return []

    def poll(self, at: Boottime) -> Iterable[Request]:
        """Look after a procedure that has fallen silent, and after holes; ask for nothing else."""
        due = self._due(at)
        self._untold += [one for one in due if isinstance(one, Event)]
        return tuple(one for one in due if isinstance(one, Read | Write))

    def _due(self, at: Boottime) -> list[Output]:
        since = self._opening_since
        if since is None:
            return self._backfill.due(self._offset_min(at), at)
        if at < after(since, PROCEDURE_S):
            return []
        # An answer was damaged on the way: without it nothing is known of the session.
        self._opening_since = at
        return [Read(SESSION_START), Read(STATUS)]

    def _offset_min(self, at: Boottime) -> int:
        """Return how far the session must have come by the hub's clock."""
        if self._tie is None:
            return max(0, self._backfill.book.newest_min)
        offset_min, tied_at = self._tie
        return offset_min + (at - tied_at) // _NS_PER_MIN

    def _note_start(self, start: SessionStart) -> None:
        self._start_read = start
        if self._start is None:
            self._start = start

    def _stands(self, status: SessionStatus, at: Boottime) -> list[Output]:
        """Take where the session stands: is it the one we know, and what does the sensor say."""
        outputs: list[Output] = []
        is_new = self._is_new_session(status.offset_min, at)
        if is_new:
            self._backfill.forget()
            self._end_told = None
        if is_new or (self._tie is not None and self._start_read != self._start):
            reason = "a new session has begun" if is_new else "the session's clock was set"
            outputs.append(self._clock_reset(reason, at))
        self._start = self._start_read
        self._tie = (status.offset_min, at)
        outputs += self._session_end(status.offset_min, at)
        outputs += self._annunciations.update(self._active(status), at)
        if self._opening_since is not None or is_new:
            outputs.append(self._backfill.start(status.offset_min, at))
        if self._opening_since is not None and self._feature is not None:
            outputs += self._inquiry.begin(self._feature, at)
        self._opening_since = None
        return outputs

    def _is_new_session(self, offset_min: int, at: Boottime) -> bool:
        """Tell a new session from one whose clock somebody has set.

        A session's count of minutes never runs back, and it goes on while its clock is set.
        """
        newest_min = self._backfill.book.newest_min
        if self._tie is None or newest_min < 0:
            return False
        if offset_min < newest_min - 1:
            return True
        is_dated = self._start is not None and self._start.utc_s is not None
        if is_dated and self._start_read == self._start:
            return False
        return abs(offset_min - self._offset_min(at)) > _DRIFT_MIN

    def _clock_reset(self, reason: str, at: Boottime) -> Event:
        detail = {"reason": reason}
        return Event(kind=EventKind.CLOCK_RESET, at=at, sensor=self.sensor, detail=detail)

    def _session_end(self, offset_min: int, at: Boottime) -> list[Output]:
        if self._run_time is None:
            return []
        session = (self._start.utc_s if self._start else None, self._run_time.hours)
        if session == self._end_told:
            return []
        self._end_told = session
        left_min = max(0, self._run_time.hours * 60 - offset_min)
        return [told("session-end", "expected", at, self.sensor, left_min=left_min)]

    def _active(self, said: SessionStatus | Measurement) -> frozenset[str]:
        """Return the names of all that the sensor says of itself.

        Sensors call it a malfunction when a value is out of range, and say that in the value.
        """
        status, warning = SensorStatus(said.status), WarningBit(said.warning)
        if warning & _OUT_OF_RANGE:
            status &= ~SensorStatus.MALFUNCTION
        active = names(status) | names(CalibrationBit(said.calibration))
        active |= names(warning & ~_OUT_OF_RANGE)
        if self._start is not None and not self._start.is_zone_known:
            active |= {"time-zone-unknown"}
        return active

    def _measured(self, records: Iterable[Measurement], at: Boottime) -> list[Output]:
        book, outputs = self._backfill.book, list[Output]()
        fresh: dict[int, Measurement] = {}
        for one in records:
            if self._is_of_the_past(one.offset_min, at):
                outputs += self._look_again(at)
            if one.offset_min not in book and not self._is_too_old(one.offset_min, at):
                fresh.setdefault(one.offset_min, one)
        stored = {minute for minute in fresh if self._is_stored(minute)}
        live = fresh.keys() - stored
        if live:
            self._tie = (max(live), at)
            outputs += self._annunciations.update(self._active(fresh[max(live)]), at)
        newest_before_min = book.newest_min
        book.add(fresh)
        self._backfill.heard(stored, at)
        if self._backfill.asked_min is None and not self._backfill.is_owed:
            # Up to the one before: this one may already be the first of a new connection.
            book.advance(newest_before_min)
        for minute, one in fresh.items():
            outputs += self._observations(one, backfilled=minute in stored)
        return outputs + self._due(at)

    def _is_stored(self, minute: int) -> bool:
        """Tell whether a record comes from the sensor's memory."""
        asked_min = self._backfill.asked_min
        return minute < self._backfill.book.newest_min if asked_min is None else minute <= asked_min

    def _is_of_the_past(self, minute: int, at: Boottime) -> bool:
        """Tell whether a record that nobody asked for is older than one that came before."""
        is_asked_for = self._backfill.asked_min is not None or self._opening_since is not None
        return not is_asked_for and minute < self._backfill.book.newest_min

    def _is_too_old(self, minute: int, at: Boottime) -> bool:
        """Tell whether such a record may well be of another session: a report will bring it."""
        is_old = self._tie is not None and self._offset_min(at) - minute > _OLD_MIN
        return is_old and self._is_of_the_past(minute, at)

    def _look_again(self, at: Boottime) -> list[Output]:
        """Look whether another session has begun, not more than once a minute."""
        if self._looked_at is not None and at < after(self._looked_at, _LOOK_AGAIN_S):
            return []
        self._looked_at = at
        return [Read(SESSION_START), Read(STATUS)]

    def _observations(self, one: Measurement, *, backfilled: bool) -> Iterator[Observation]:
        offset_min, tied_at = self._tie or (one.offset_min, Boottime(0))
        at = Boottime(tied_at - (offset_min - one.offset_min) * _NS_PER_MIN)
        device_ns = None
        if self._start is not None and (start_s := self._start.utc_s) is not None:
            device_ns = start_s * _NS_PER_S + one.offset_min * _NS_PER_MIN
        return observations(one, at, self.sensor, device_ns=device_ns, backfilled=backfilled)


DRIVER = Driver(
    name="cgm",
    title="Continuous glucose monitor (Bluetooth CGM service)",
    link=Gatt(
        service=SERVICE,
        notify=(MEASUREMENT, RACP),
        optional=(FEATURE, SESSION_START, RUN_TIME, STATUS, CONTROL, BATTERY_LEVEL),
        writable=(RACP, CONTROL),
        silence_s=15 * 60.0,
        pair=True,
        poll_s=30.0,
    ),
    decoder=CgmDecoder,
    measures=(GLUCOSE,),
    also=(GLUCOSE_TREND, BATTERY),
    advice=(
        "Pair it with the number printed on its package or shown by it. Switch off the phone app "
        "that holds it: most sensors serve one listener."
    ),
)
