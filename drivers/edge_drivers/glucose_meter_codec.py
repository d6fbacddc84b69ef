"""What a glucose meter tells of one sample (Glucose Service 1.0.1), both ways.

A record is a measurement (0x2A18), and where the person has noted more, a context (0x2A34) with the
same sequence number.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from edge_drivers.fields import Fields, s16, sfloat, u16
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import NO_DATE

MGDL_PER_MMOL_L = 18.0156
"""Glucose weighs 180.156 g/mol."""

_MGDL_PER_KG_L = 100_000.0
_MMOL_L_PER_MOL_L = 1000.0


class Flag(IntEnum):
    """Flags of a measurement."""

    OFFSET = 0x01
    VALUE = 0x02
    IN_MOL_L = 0x04
    STATUS = 0x08
    CONTEXT_FOLLOWS = 0x10
    RESERVED = 0xE0


class ContextFlag(IntEnum):
    """Flags of a context."""

    CARBOHYDRATE = 0x01
    MEAL = 0x02
    TESTER = 0x04
    EXERCISE = 0x08
    MEDICATION = 0x10
    MEDICATION_IN_LITRES = 0x20
    HBA1C = 0x40
    EXTENDED = 0x80


class Status(IntFlag):
    """What the meter noticed while it measured."""

    NONE = 0x0000
    BATTERY_LOW = 0x0001
    MALFUNCTION = 0x0002
    SAMPLE_TOO_SMALL = 0x0004
    STRIP_INSERTION_WRONG = 0x0008
    STRIP_TYPE_WRONG = 0x0010
    ABOVE_RANGE = 0x0020
    BELOW_RANGE = 0x0040
    TOO_WARM = 0x0080
    TOO_COLD = 0x0100
    STRIP_PULLED_EARLY = 0x0200
    GENERAL_FAULT = 0x0400
    TIME_FAULT = 0x0800


class Fluid(IntEnum):
    """What was sampled, as far as a hub has to tell it apart (low nibble)."""

    CAPILLARY_WHOLE_BLOOD = 1
    INTERSTITIAL = 9
    CONTROL_SOLUTION = 10


class Site(IntEnum):
    """Where it was sampled, likewise (high nibble)."""

    FINGER = 1
    CONTROL_SOLUTION = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Glucose:
    """A concentration in kg/L, or mol/L where ``in_mol_l``; NaN for none. Fluid, and site."""

    concentration: float
    in_mol_l: bool = False
    fluid: int = Fluid.CAPILLARY_WHOLE_BLOOD
    site: int = Site.FINGER

    @property
    def mgdl(self) -> float:
        """The concentration in mg/dL."""
        if self.in_mol_l:
            return self.concentration * _MMOL_L_PER_MOL_L * MGDL_PER_MMOL_L
        return self.concentration * _MGDL_PER_KG_L

    @property
    def is_control_solution(self) -> bool:
        """Whether this is a test of the meter and nobody's glucose."""
        return self.fluid == Fluid.CONTROL_SOLUTION or self.site == Site.CONTROL_SOLUTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One Glucose Measurement (0x2A18).

    The person's time of the sample is ``base`` plus ``offset_min`` minutes: a meter whose clock is
    set keeps its base time and changes the offset. Without ``glucose`` the test has failed.
    """

    sequence: int
    base: DateTime
    offset_min: int | None = None
    glucose: Glucose | None = None
    status: Status | None = None
    context_follows: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> Measurement:
        """Decode.

        :raises FrameError: not as long as its flags say.
        """
        fields = Fields(data, "glucose measurement")
        flags = fields.u8()
        one = cls(
            sequence=fields.u16(),
            base=fields.date_time(),
            offset_min=fields.s16() if flags & Flag.OFFSET else None,
            glucose=_glucose(fields, bool(flags & Flag.IN_MOL_L)) if flags & Flag.VALUE else None,
            status=Status(fields.u16()) if flags & Flag.STATUS else None,
            context_follows=bool(flags & Flag.CONTEXT_FOLLOWS),
        )
        fields.end(may_go_on=bool(flags & Flag.RESERVED))
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        flags, rest = Flag.CONTEXT_FOLLOWS * self.context_follows, b""
        if self.offset_min is not None:
            flags, rest = flags | Flag.OFFSET, rest + s16(self.offset_min)
        if self.glucose is not None:
            flags |= Flag.VALUE | Flag.IN_MOL_L * self.glucose.in_mol_l
            rest += sfloat(self.glucose.concentration)
            rest += bytes([self.glucose.site << 4 | self.glucose.fluid])
        if self.status is not None:
            flags, rest = flags | Flag.STATUS, rest + u16(self.status)
        return bytes([flags]) + u16(self.sequence) + self.base.to_bytes() + rest

    @property
    def stamp(self) -> DateTime:
        """The person's time of the sample; no date where the meter doubts its clock."""
        base_s = self.base.utc_s()
        if base_s is None or Status.TIME_FAULT in (self.status or Status.NONE):
            return NO_DATE
        base = dt.datetime.fromtimestamp(base_s, dt.UTC)
        try:
            taken = base + dt.timedelta(minutes=self.offset_min or 0)
        except OverflowError:
            return NO_DATE
        return DateTime(*taken.timetuple()[:6])


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One Glucose Measurement Context (0x2A34): what the person noted with a sample.

    ``carbohydrate``: kind of meal, kilograms. ``meal``: before or after. ``tester_health``: both in
    one octet. ``exercise``: seconds, percent. ``medication``: kind, kilograms (or litres).
    ``hba1c_percent``. ``extended`` flags have no meaning today.
    """

    sequence: int
    extended: int | None = None
    carbohydrate: tuple[int, float] | None = None
    meal: int | None = None
    tester_health: int | None = None
    exercise: tuple[int, int] | None = None
    medication: tuple[int, float] | None = None
    medication_in_litres: bool = False
    hba1c_percent: float | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Context:
        """Decode.

        :raises FrameError: not as long as its flags say.
        """
        fields = Fields(data, "glucose context")
        flags = fields.u8()
        one = cls(
            sequence=fields.u16(),
            extended=fields.u8() if flags & ContextFlag.EXTENDED else None,
            carbohydrate=_amount(fields) if flags & ContextFlag.CARBOHYDRATE else None,
            meal=fields.u8() if flags & ContextFlag.MEAL else None,
            tester_health=fields.u8() if flags & ContextFlag.TESTER else None,
            exercise=(fields.u16(), fields.u8()) if flags & ContextFlag.EXERCISE else None,
            medication=_amount(fields) if flags & ContextFlag.MEDICATION else None,
            medication_in_litres=bool(flags & ContextFlag.MEDICATION_IN_LITRES),
            hba1c_percent=fields.sfloat() if flags & ContextFlag.HBA1C else None,
        )
        fields.end(may_go_on=one.extended is not None)
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        flags, rest = ContextFlag.MEDICATION_IN_LITRES * self.medication_in_litres, b""
        if self.extended is not None:
            flags, rest = flags | ContextFlag.EXTENDED, rest + bytes([self.extended])
        if self.carbohydrate is not None:
            flags, rest = flags | ContextFlag.CARBOHYDRATE, rest + _octets(*self.carbohydrate)
        if self.meal is not None:
            flags, rest = flags | ContextFlag.MEAL, rest + bytes([self.meal])
        if self.tester_health is not None:
            flags, rest = flags | ContextFlag.TESTER, rest + bytes([self.tester_health])
        if self.exercise is not None:
            seconds, percent = self.exercise
            flags, rest = flags | ContextFlag.EXERCISE, rest + u16(seconds) + bytes([percent])
        if self.medication is not None:
            flags, rest = flags | ContextFlag.MEDICATION, rest + _octets(*self.medication)
        if self.hba1c_percent is not None:
            flags, rest = flags | ContextFlag.HBA1C, rest + sfloat(self.hba1c_percent)
        return bytes([flags]) + u16(self.sequence) + rest


def _glucose(fields: Fields, in_mol_l: bool) -> Glucose:
    concentration, kind = fields.sfloat(), fields.u8()
    return Glucose(
        concentration=concentration, in_mol_l=in_mol_l, fluid=kind & 0x0F, site=kind >> 4
    )


def _amount(fields: Fields) -> tuple[int, float]:
    return fields.u8(), fields.sfloat()


def _octets(kind: int, amount: float) -> bytes:
    return bytes([kind]) + sfloat(amount)
