"""Health observations of the Generic Health Sensor service, in both directions (service 1.0).

Little-endian. An observation is led by its class and length, then flags say which fields stand in
front of its value. Types are MDC codes; a unit is the lower half of one.

Sources: Bluetooth Generic Health Sensor Service and Profile 1.0, Elapsed Time Service 1.0, and the
sensor that ST publishes with its sources (stm32-hotspot/STM32WBA-BLE-GenericHealthSensor). Where
published sensors disagree about a layout (sample arrays, state masks, attributes as TLVs) the value
is kept as octets and not understood.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from edge_agent.driver import FrameError
from edge_drivers import elapsed_time
from edge_drivers.elapsed_time import ElapsedTime
from edge_drivers.fields import Fields, float32, u16
from edge_drivers.gatt import uuid16

SERVICE = uuid16(0x1840)
LIVE = uuid16(0x2B8B)
STORED = uuid16(0x2BDD)
FEATURES = uuid16(0x2BF3)
CONTROL = uuid16(0x2BF4)

_FRAME = "health observation"


class Kind(IntEnum):
    """Classes of observations."""

    NUMERIC = 1
    DISCRETE = 2
    TEXT = 3
    SAMPLE_ARRAY = 4
    DISCRETE_SET = 5
    STATE_SET = 6
    COMPOUND = 7
    ATTRIBUTES = 8
    BUNDLE = 255


class Flag(IntFlag):
    """Which fields stand in front of a value."""

    TYPE = 0x001
    TIME = 0x002
    DURATION = 0x004
    STATUS = 0x008
    ID = 0x010
    PATIENT = 0x020
    SUPPLEMENTAL = 0x040
    DERIVED_FROM = 0x080
    HAS_MEMBER = 0x100
    ATTRIBUTES = 0x200


class StatusBit(IntFlag):
    """What a sensor says of a measurement."""

    INVALID = 1 << 0
    QUESTIONABLE = 1 << 1
    NOT_AVAILABLE = 1 << 2
    CALIBRATING = 1 << 3
    TEST_DATA = 1 << 4
    EARLY_ESTIMATE = 1 << 5
    MANUALLY_ENTERED = 1 << 6
    SETTING = 1 << 7


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number in a unit (the lower half of an MDC code)."""

    unit: int
    value: float


@dataclass(frozen=True, slots=True)
class Discrete:
    """One of several states, as an MDC code."""

    code: int


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class DiscreteSet:
    """All states that hold, as MDC codes."""

    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Compound:
    """Several numbers of one measurement, each with its type."""

    components: tuple[tuple[int, Numeric], ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Observations that share the fields of the bundle."""

    members: tuple[HealthObservation, ...]


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value that is not understood here."""

    octets: bytes


Value = Numeric | Discrete | Text | DiscreteSet | Compound | Bundle | Opaque


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthObservation:
    """One observation; a field that is absent is ``None`` or empty."""

    kind: int
    value: Value
    type: int | None = None
    time: ElapsedTime | None = None
    duration_s: float | None = None
    status: int | None = None
    id: int | None = None
    patient: int | None = None
    supplemental: tuple[int, ...] = ()
    derived_from: tuple[int, ...] = ()
    has_member: tuple[int, ...] = ()
    has_attributes: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> HealthObservation:
        """Decode one observation and nothing else.

        :raises FrameError: a length that does not fit, reserved flags, unexplained octets.
        """
        fields = _HealthFields(data, _FRAME)
        one = _observation(fields, may_bundle=True)
        fields.end()
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        optional: tuple[tuple[Flag, bytes | None], ...] = (
            (Flag.TYPE, None if self.type is None else _u32(self.type)),
            (Flag.TIME, None if self.time is None else self.time.to_bytes()),
            (Flag.DURATION, None if self.duration_s is None else float32(self.duration_s)),
            (Flag.STATUS, None if self.status is None else u16(self.status)),
            (Flag.ID, None if self.id is None else _u32(self.id)),
            (Flag.PATIENT, None if self.patient is None else bytes([self.patient])),
            (Flag.SUPPLEMENTAL, _codes(self.supplemental) if self.supplemental else None),
            (Flag.DERIVED_FROM, _codes(self.derived_from) if self.derived_from else None),
            (Flag.HAS_MEMBER, _codes(self.has_member) if self.has_member else None),
            (Flag.ATTRIBUTES, b"" if self.has_attributes else None),
        )
        flags = sum(flag for flag, field in optional if field is not None)
        head = u16(flags) + b"".join(field for _, field in optional if field is not None)
        body = head + _value_to_bytes(self.value)
        return bytes([self.kind]) + u16(len(body)) + body


class _HealthFields(Fields):
    """Takes the fields of observations."""

    def u32(self) -> int:
        return self.u16() | self.u16() << 16

    def codes(self) -> tuple[int, ...]:
        return tuple(self.u32() for _ in range(self.u8()))

    def octets(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + size
        if len(self._data) < self._at:
            raise self._too_short()
        return self._data[begin : self._at]

    def rest(self) -> Opaque:
        return Opaque(self.octets(len(self._data) - self._at))


def _observation(outer: _HealthFields, *, may_bundle: bool) -> HealthObservation:
    kind, size = outer.u8(), outer.u16()
    fields = _HealthFields(outer.octets(size), _FRAME)
    flags = fields.u16()
    if flags & ~sum(Flag):
        raise FrameError(_FRAME, f"flags 0x{flags:04x} are reserved", 3)
    if kind == Kind.BUNDLE and not may_bundle:
        raise FrameError(_FRAME, "a bundle within a bundle")
    has_attributes = bool(flags & Flag.ATTRIBUTES)
    # The fields stand in this order, and the value last.
    one = HealthObservation(
        kind=kind,
        type=fields.u32() if flags & Flag.TYPE else None,
        time=_elapsed(fields) if flags & Flag.TIME else None,
        duration_s=fields.float32() if flags & Flag.DURATION else None,
        status=fields.u16() if flags & Flag.STATUS else None,
        id=fields.u32() if flags & Flag.ID else None,
        patient=fields.u8() if flags & Flag.PATIENT else None,
        supplemental=fields.codes() if flags & Flag.SUPPLEMENTAL else (),
        derived_from=fields.codes() if flags & Flag.DERIVED_FROM else (),
        has_member=fields.codes() if flags & Flag.HAS_MEMBER else (),
        has_attributes=has_attributes,
        value=fields.rest() if has_attributes else _value(kind, fields),
    )
    fields.end()
    return one


def _elapsed(fields: _HealthFields) -> ElapsedTime:
    return ElapsedTime.from_bytes(fields.octets(elapsed_time.OCTETS))


def _numeric(fields: _HealthFields) -> Numeric:
    return Numeric(fields.u16(), fields.float32())


def _value(kind: int, fields: _HealthFields) -> Value:
    match kind:
        case Kind.NUMERIC:
            value: Value = _numeric(fields)
        case Kind.DISCRETE:
            value = Discrete(fields.u32())
        case Kind.TEXT:
            value = _text(fields)
        case Kind.DISCRETE_SET:
            value = DiscreteSet(fields.codes())
        case Kind.COMPOUND:
            value = _compound(fields)
        case Kind.BUNDLE:
            members = (_observation(fields, may_bundle=False) for _ in range(fields.u8()))
            value = Bundle(tuple(members))
        case _:
            value = fields.rest()
    return value


def _text(fields: _HealthFields) -> Text:
    try:
        return Text(fields.octets(fields.u16()).decode())
    except UnicodeDecodeError as error:
        raise FrameError(_FRAME, "text that is not UTF-8") from error


def _compound(fields: _HealthFields) -> Value:
    """Take numbers; with a component of another kind the whole is not understood."""
    whole = fields.rest()
    inner = _HealthFields(whole.octets, _FRAME)
    components = []
    for _ in range(inner.u8()):
        component, kind = inner.u32(), inner.u8()
        if kind != Kind.NUMERIC:
            return whole
        components.append((component, _numeric(inner)))
    inner.end()
    return Compound(tuple(components))


def _value_to_bytes(value: Value) -> bytes:
    match value:
        case Numeric(unit, number):
            octets = u16(unit) + float32(number)
        case Discrete(code):
            octets = _u32(code)
        case Text(text):
            octets = u16(len(text.encode())) + text.encode()
        case DiscreteSet(codes):
            octets = _codes(codes)
        case Compound(components):
            octets = bytes([len(components)])
            for component, numeric in components:
                octets += _u32(component) + bytes([Kind.NUMERIC]) + _value_to_bytes(numeric)
        case Bundle(members):
            octets = bytes([len(members)]) + b"".join(one.to_bytes() for one in members)
        case Opaque(octets):
            pass
    return octets


def _u32(value: int) -> bytes:
    return struct.pack("<I", value)


def _codes(codes: tuple[int, ...]) -> bytes:
    return bytes([len(codes)]) + b"".join(map(_u32, codes))
