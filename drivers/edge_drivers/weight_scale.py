"""Bluetooth scales (Weight Scale Service 1.0).

A scale sends a measurement once the person stands still, and those it has stored when it is
connected. Body mass index and height come along where the scale knows the person's height.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.codes import BATTERY, BODY_HEIGHT, BODY_MASS_INDEX, BODY_WEIGHT
from edge_agent.driver import Driver, FrameError, Gatt, Output
from edge_drivers.fields import DATE_TIME_OCTETS, Fields, u16
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import Placed
from edge_drivers.stamped_records import READ_ON_OPEN, RecordDecoder

SERVICE = uuid16(0x181D)
MEASUREMENT = uuid16(0x2A9D)

KG_PER_LB = 0.45359237
CM_PER_INCH = 2.54

_IMPERIAL, _TIME, _USER, _BODY, _RESERVED = 0x01, 0x02, 0x04, 0x08, 0xF0
_FAILED = 0xFFFF
_FRAME = "weight measurement"
_USER_AT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Body mass index in tenths of kg/m2, height in millimetres, or tenths of an inch."""

    index_tenths: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One Weight Measurement (0x2A9D), in the units of the wire.

    ``weight`` counts 5 g, or hundredths of a pound where ``imperial``; ``None`` says that the scale
    failed. ``user`` is the number of the person at the scale (255: unknown).
    """

    weight: int | None
    imperial: bool = False
    stamp: DateTime | None = None
    user: int | None = None
    body: Body | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Weight:
        """Decode.

        :raises FrameError: not as long as its flags say.
        """
        fields = Fields(data, _FRAME)
        flags = fields.u8()
        weight = fields.u16()
        one = cls(
            imperial=bool(flags & _IMPERIAL),
            weight=None if weight == _FAILED else weight,
            stamp=fields.date_time() if flags & _TIME else None,
            user=fields.u8() if flags & _USER else None,
            body=Body(index_tenths=fields.u16(), height=fields.u16()) if flags & _BODY else None,
        )
        fields.end(may_go_on=bool(flags & _RESERVED))
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        flags, rest = _IMPERIAL * self.imperial, b""
        if self.stamp is not None:
            flags, rest = flags | _TIME, rest + self.stamp.to_bytes()
        if self.user is not None:
            flags, rest = flags | _USER, rest + bytes([self.user])
        if self.body is not None:
            flags |= _BODY
            rest += u16(self.body.index_tenths) + u16(self.body.height)
        return bytes([flags]) + u16(_FAILED if self.weight is None else self.weight) + rest

    @property
    def weight_kg(self) -> float:
        """The weight in kilograms; NaN where the scale failed."""
        if self.weight is None:
            return math.nan
        return self.weight / 100 * KG_PER_LB if self.imperial else self.weight / 200

    @property
    def height_cm(self) -> float:
        """The height in centimetres; NaN where the scale does not know it."""
        if self.body is None:
            return math.nan
        return self.body.height / 10 * (CM_PER_INCH if self.imperial else 1.0)


class ScaleDecoder(RecordDecoder[Weight]):
    """Decodes weights."""

    measurement = MEASUREMENT

    def parse(self, data: bytes) -> Weight:
        """Decode one measurement."""
        return Weight.from_bytes(data)

    def readings(self, one: Weight, placed: Placed) -> Iterator[Output]:
        """Give the weight in kg, and where it is known the height in cm and the index in kg/m2."""
        yield from self.another_user(one.user, placed)
        yield placed.observation(BODY_WEIGHT, one.weight_kg, self.sensor)
        if one.body is not None and one.weight is not None:
            index = one.body.index_tenths / 10
            yield placed.observation(BODY_MASS_INDEX, index, self.sensor)
            yield placed.observation(BODY_HEIGHT, one.height_cm, self.sensor)


def scrub(octets: bytes, channel: str) -> bytes:
    """Blank the number of the user in a measurement."""
    try:
        one = Weight.from_bytes(octets) if channel == MEASUREMENT else None
    except FrameError:
        one = None
    if one is None or one.user is None:
        return octets
    at = _USER_AT + DATE_TIME_OCTETS * (one.stamp is not None)
    return octets[:at] + b"\0" + octets[at + 1 :]


DRIVER = Driver(
    name="weight-scale",
    title="Scale (Bluetooth Weight Scale service)",
    link=Gatt(
        service=SERVICE,
        notify=(MEASUREMENT,),
        optional=READ_ON_OPEN,
        silence_s=120.0,
        episodic=True,
    ),
    decoder=ScaleDecoder,
    measures=(BODY_WEIGHT,),
    also=(BODY_HEIGHT, BODY_MASS_INDEX, BATTERY),
    advice=(
        "Set its clock. It must be used by this person alone: the hub takes every weight for "
        "theirs, a guest's or a suitcase's too."
    ),
    scrub=scrub,
)
