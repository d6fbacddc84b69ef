"""Bluetooth blood pressure cuffs (Blood Pressure Service 1.1.1).

A cuff sends a measurement once it has one, and those it has stored when it is connected. What it
shows while it deflates (intermediate cuff pressure) is no blood pressure, and is not subscribed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

from edge_agent.codes import BATTERY, CUFF_PULSE_RATE, DIASTOLIC, MEAN_PRESSURE, SYSTOLIC
from edge_agent.driver import Driver, FrameError, Gatt, Output
from edge_agent.model import State
from edge_drivers.annunciation import names, told
from edge_drivers.fields import DATE_TIME_OCTETS, Fields, sfloat, u16
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import Placed
from edge_drivers.stamped_records import READ_ON_OPEN, RecordDecoder

SERVICE = uuid16(0x1810)
MEASUREMENT = uuid16(0x2A35)

MMHG_PER_KPA = 1000 / 133.322387415
"""By the conventional millimetre of mercury, 133.322387415 Pa."""

_KPA, _TIME, _PULSE, _USER, _STATUS, _RESERVED = 0x01, 0x02, 0x04, 0x08, 0x10, 0xE0
_FRAME = "blood pressure measurement"
_USER_AT = 7
_IRREGULAR_QUALITY = 0.6


class Status(IntFlag):
    """What the cuff noticed while it measured."""

    NONE = 0x00
    BODY_MOVEMENT = 0x01
    CUFF_LOOSE = 0x02
    IRREGULAR_PULSE = 0x04
    PULSE_ABOVE_RANGE = 0x08
    PULSE_BELOW_RANGE = 0x10
    IMPROPER_POSITION = 0x20


_DOUBTFUL = Status.BODY_MOVEMENT | Status.CUFF_LOOSE | Status.IMPROPER_POSITION
_TOLD = _DOUBTFUL | Status.IRREGULAR_PULSE
_PRESSURES = (SYSTOLIC, DIASTOLIC, MEAN_PRESSURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodPressure:
    """One Blood Pressure Measurement (0x2A35).

    Pressures are in mmHg, or in kPa where ``in_kpa``; NaN where the cuff has none. ``stamp`` is the
    cuff's own time, ``user`` the number of the person at the cuff (255: unknown).
    """

    systolic: float
    diastolic: float
    mean: float
    in_kpa: bool = False
    stamp: DateTime | None = None
    pulse_per_min: float | None = None
    user: int | None = None
    status: Status | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> BloodPressure:
        """Decode.

        :raises FrameError: not as long as its flags say.
        """
        fields = Fields(data, _FRAME)
        flags = fields.u8()
        one = cls(
            in_kpa=bool(flags & _KPA),
            systolic=fields.sfloat(),
            diastolic=fields.sfloat(),
            mean=fields.sfloat(),
            stamp=fields.date_time() if flags & _TIME else None,
            pulse_per_min=fields.sfloat() if flags & _PULSE else None,
            user=fields.u8() if flags & _USER else None,
            status=Status(fields.u16()) if flags & _STATUS else None,
        )
        fields.end(may_go_on=bool(flags & _RESERVED))
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        flags, rest = _KPA * self.in_kpa, b""
        if self.stamp is not None:
            flags, rest = flags | _TIME, rest + self.stamp.to_bytes()
        if self.pulse_per_min is not None:
            flags, rest = flags | _PULSE, rest + sfloat(self.pulse_per_min)
        if self.user is not None:
            flags, rest = flags | _USER, rest + bytes([self.user])
        if self.status is not None:
            flags, rest = flags | _STATUS, rest + u16(self.status)
        pressures = sfloat(self.systolic) + sfloat(self.diastolic) + sfloat(self.mean)
        return bytes([flags]) + pressures + rest

    @property
    def pressures_mmhg(self) -> tuple[float, float, float]:
        """Systolic, diastolic and mean pressure in mmHg."""
        factor = MMHG_PER_KPA if self.in_kpa else 1.0
        return self.systolic * factor, self.diastolic * factor, self.mean * factor

    @property
    def state(self) -> State:
        """How the pressures were taken: in one act, so that none is better than the others.

        A cuff that found none because it sat loose says so.
        """
        status = self.status or Status.NONE
        if math.isnan(self.systolic) and Status.CUFF_LOOSE in status:
            return State.NOT_ATTACHED
        systolic, diastolic, _ = self.pressures_mmhg
        credible = SYSTOLIC.is_plausible(systolic) and DIASTOLIC.is_plausible(diastolic)
        if status & _DOUBTFUL or not credible or systolic <= diastolic:
            return State.QUESTIONABLE
        return State.MEASURED

    @property
    def pulse_state(self) -> State:
        """How the pulse rate was taken."""
        status = self.status or Status.NONE
        if Status.PULSE_ABOVE_RANGE in status:
            return State.ABOVE_RANGE
        return State.BELOW_RANGE if Status.PULSE_BELOW_RANGE in status else self.state


class CuffDecoder(RecordDecoder[BloodPressure]):
    """Decodes what a cuff measured, and what it noticed meanwhile."""

    measurement = MEASUREMENT

    def parse(self, data: bytes) -> BloodPressure:
        """Decode one measurement."""
        return BloodPressure.from_bytes(data)

    def readings(self, one: BloodPressure, placed: Placed) -> Iterator[Output]:
        """Give the pressures in mmHg, and the pulse rate where the cuff counts it."""
        yield from self.another_user(one.user, placed)
        status = one.status or Status.NONE
        for name in sorted(names(status & _TOLD)):
            yield told(name, "noticed", placed.at, self.sensor)
        quality = _IRREGULAR_QUALITY if Status.IRREGULAR_PULSE in status else 1.0
        for code, value in zip(_PRESSURES, one.pressures_mmhg, strict=True):
            if code is MEAN_PRESSURE and math.isnan(value):
                continue  # most cuffs do not tell a mean
            yield placed.observation(code, value, self.sensor, state=one.state, quality=quality)
        if one.pulse_per_min is not None:
            yield placed.observation(
                CUFF_PULSE_RATE,
                one.pulse_per_min,
                self.sensor,
                state=one.pulse_state,
                quality=quality,
            )


def scrub(octets: bytes, channel: str) -> bytes:
    """Blank the number of the user in a measurement."""
    try:
        one = BloodPressure.from_bytes(octets) if channel == MEASUREMENT else None
    except FrameError:
        one = None
    if one is None or one.user is None:
        return octets
    at = _USER_AT + DATE_TIME_OCTETS * (one.stamp is not None) + 2 * (one.pulse_per_min is not None)
    return octets[:at] + b"\0" + octets[at + 1 :]


DRIVER = Driver(
    name="blood-pressure",
    title="Blood pressure cuff (Bluetooth Blood Pressure service)",
    link=Gatt(
        service=SERVICE,
        notify=(MEASUREMENT,),
        optional=READ_ON_OPEN,
        silence_s=120.0,
        pair=True,
        episodic=True,
    ),
    decoder=CuffDecoder,
    measures=(SYSTOLIC, DIASTOLIC),
    also=(MEAN_PRESSURE, CUFF_PULSE_RATE, BATTERY),
    advice=(
        "Put the cuff into pairing mode once, and set its clock. It must be used by this person "
        "alone: the hub takes every measurement for theirs, whichever user the cuff is set to."
    ),
    scrub=scrub,
)
