"""Continuous glucose monitors that speak the Bluetooth CGM service (CGM Service 1.0.2).

How live values and the sensor's memory are told apart: after connecting, the decoder reads how
far the session has come and then asks for the records it has missed. Until the sensor reports
that procedure finished, a record is backfilled unless it was measured after the question was
asked. At any other time a record is live, unless a newer one came in an earlier notification. A
record is known by session start and minutes since, so one that comes twice is given once.

What has been missed is told by how far the record is complete, not by the newest record: a live
record may come before the memory has been read to its end.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator

from edge_agent.codes import GLUCOSE, GLUCOSE_TREND
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request, Write
from edge_agent.model import Boottime, Event, EventKind, Observation, State
from edge_drivers.cgm_codec import (
    FEATURE,
    MEASUREMENT,
    SERVICE,
    SESSION_START,
    STATUS,
    Feature,
    Measurement,
    SensorStatus,
    SessionStart,
    SessionStatus,
    WarningBit,
)
from edge_drivers.racp import (
    RACP,
    RacpOpcode,
    RacpOperator,
    RacpReply,
    RacpRequest,
    RacpResult,
)

FIRST_FETCH_MIN = 24 * 60
"""How far back a new decoder asks: a day, so that a hub that restarts asks for no fortnight."""

_NS_PER_MIN = 60 * 10**9
_NONE_MIN, _LAST_MIN = -1, 0xFFFF
_FAULTS = SensorStatus.MALFUNCTION | SensorStatus.GENERAL_FAULT | SensorStatus.TYPE_WRONG


class CgmDecoder(Decoder):
    """The conversation with one CGM sensor."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._has_crc: bool | None = None
        self._session_s: int | None = None
        self._seen: set[int] = set()
        self._newest_min = _NONE_MIN
        self._complete_min: int | None = None
        self._now_min = 0
        self._now_at = Boottime(0)
        self._fetching_since_min: int | None = None
        self._is_owed = True

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read features, session start and present offset; the last answer starts the backfill."""
        self._fetching_since_min, self._is_owed = None, True
        return (Read(FEATURE), Read(SESSION_START), Read(STATUS))

    def feed(self, data: bytes, at: Boottime, channel: str = MEASUREMENT) -> Iterable[Output]:
        """Decode one notification, indication or answer of ``channel``."""
        match channel:
            case _ if channel == MEASUREMENT:
                return tuple(self._measurements(data, at))
            case _ if channel == FEATURE:
                self._has_crc = Feature.from_bytes(data).has_crc
                return ()
            case _ if channel == SESSION_START:
                self._note_session(SessionStart.from_bytes(data, crc=bool(self._has_crc)))
                return ()
            case _ if channel == STATUS:
                self._note_offset(SessionStatus.from_bytes(data, crc=bool(self._has_crc)), at)
                return (self._fetch(),)
            case _ if channel == RACP:
                return tuple(self._fetched(RacpReply.from_bytes(data), at))
        raise FrameError(f"channel {channel}", "not one of this driver's")

    def _note_session(self, start: SessionStart) -> None:
        """Forget the records of a session that has ended with its sensor."""
        if self._session_s not in {None, start.utc_s}:
            self._forget()
        self._session_s = start.utc_s

    def _note_offset(self, status: SessionStatus, at: Boottime) -> None:
        """Tie the session's clock to the hub's; a clock that ran backwards is a new session's."""
        if self._session_s is None and status.offset_min < self._newest_min:
            self._forget()
        self._now_min, self._now_at = status.offset_min, at

    def _forget(self) -> None:
        self._seen.clear()
        self._newest_min, self._complete_min = _NONE_MIN, None

    def _fetch(self) -> Write:
        """Ask for every record after those the hub has without a hole, or for the last day."""
        since_min = self._now_min - FIRST_FETCH_MIN
        if self._complete_min is not None:
            since_min = self._complete_min + 1
        self._fetching_since_min = self._now_min
        bounds = (min(max(0, since_min), _LAST_MIN),)
        return Write(RACP, RacpRequest(RacpOpcode.REPORT, RacpOperator.FROM, bounds).to_bytes())

    def _fetched(self, reply: RacpReply, at: Boottime) -> Iterator[Output]:
        self._fetching_since_min = None
        if reply.result in {RacpResult.SUCCESS, RacpResult.NO_RECORDS}:
            self._is_owed = False
            self._note_complete(self._newest_min)
        else:
            detail = {"reason": f"the sensor's memory can't be read (result {reply.result})"}
            yield Event(kind=EventKind.GAP, at=at, sensor=self.sensor, detail=detail)

    def _measurements(self, data: bytes, at: Boottime) -> Iterator[Output]:
        fresh: dict[int, Measurement] = {}
        for one in Measurement.split(data, crc=self._has_crc):
            if one.offset_min not in self._seen:
                fresh.setdefault(one.offset_min, one)
        stored = {minute for minute in fresh if self._is_stored(minute)}
        live = fresh.keys() - stored
        if live:
            self._now_min, self._now_at = max(live), at
        if self._fetching_since_min is not None:
            # A report comes oldest first, so the record is complete up to what has come of it.
            self._note_complete(max(stored, default=_NONE_MIN))
        elif not self._is_owed:
            # Up to the one before: this one may already be the first of a new connection.
            self._note_complete(self._newest_min)
        self._seen.update(fresh)
        self._newest_min = max(self._newest_min, _NONE_MIN, *fresh)
        for minute, one in fresh.items():
            yield from self._observations(one, backfilled=minute in stored)

    def _is_stored(self, minute: int) -> bool:
        """Tell whether a record comes from the sensor's memory."""
        asked_min = self._fetching_since_min
        return minute < self._newest_min if asked_min is None else minute <= asked_min

    def _note_complete(self, minute: int) -> None:
        if minute > (_NONE_MIN if self._complete_min is None else self._complete_min):
            self._complete_min = minute

    def _observations(self, one: Measurement, *, backfilled: bool) -> Iterator[Observation]:
        at = Boottime(self._now_at - (self._now_min - one.offset_min) * _NS_PER_MIN)
        device_ns = None
        if self._session_s is not None:
            device_ns = self._session_s * 10**9 + one.offset_min * _NS_PER_MIN
        value, state = _glucose(one)
        glucose = Observation(
            code=GLUCOSE,
            value=value,
            at=at,
            sensor=self.sensor,
            state=state,
            quality=_quality(one, state),
            device_ns=device_ns,
            backfilled=backfilled,
        )
        yield glucose
        if value is not None and one.trend is not None and math.isfinite(one.trend):
            trend = dataclasses.replace(glucose, code=GLUCOSE_TREND, value=one.trend)
            if not GLUCOSE_TREND.is_plausible(one.trend):
                trend = dataclasses.replace(trend, state=State.QUESTIONABLE, quality=0.0)
            yield trend


def _glucose(one: Measurement) -> tuple[float | None, State]:
    """Tell value and state. "LO" and "HI" come first: sensors set the malfunction bit with them."""
    warning = WarningBit(one.warning)
    if WarningBit.BELOW_DEVICE_RANGE in warning or one.glucose_mgdl == -math.inf:
        return None, State.BELOW_RANGE
    if WarningBit.ABOVE_DEVICE_RANGE in warning or one.glucose_mgdl == math.inf:
        return None, State.ABOVE_RANGE
    if math.isnan(one.glucose_mgdl):
        return None, State.SENSOR_FAULT
    if one.status & _FAULTS or not GLUCOSE.is_plausible(one.glucose_mgdl):
        return one.glucose_mgdl, State.QUESTIONABLE
    return one.glucose_mgdl, State.MEASURED


def _quality(one: Measurement, state: State) -> float:
    if not state.is_measurement:
        return 0.0
    if one.quality_percent is None or math.isnan(one.quality_percent):
        return 1.0
    return min(1.0, max(0.0, one.quality_percent / 100))


DRIVER = Driver(
    name="cgm",
    title="Continuous glucose monitor (Bluetooth CGM service)",
    link=Gatt(
        service=SERVICE,
        notify=(MEASUREMENT, RACP),
        optional=(FEATURE, SESSION_START, STATUS),
        writable=(RACP,),
        silence_s=15 * 60.0,
        pair=True,
    ),
    decoder=CgmDecoder,
    measures=(GLUCOSE,),
    also=(GLUCOSE_TREND,),
)
