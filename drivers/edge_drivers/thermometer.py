"""Bluetooth thermometers for the body (Health Thermometer Service 1.0).

A thermometer sends a measurement once it has settled. What it shows while it settles (intermediate
temperature) is not subscribed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from edge_agent.codes import BATTERY, BODY_TEMPERATURE
from edge_agent.driver import Driver, FrameError, Gatt, Output, Read, Request
from edge_agent.model import Boottime, State
from edge_drivers.fields import Fields, float32
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import Placed
from edge_drivers.stamped_records import READ_ON_OPEN, RecordDecoder

SERVICE = uuid16(0x1809)
MEASUREMENT = uuid16(0x2A1C)
TYPE = uuid16(0x2A1D)

_FAHRENHEIT, _TIME, _SITE, _RESERVED = 0x01, 0x02, 0x04, 0xF8
_FRAME = "temperature measurement"


class Site(IntEnum):
    """Where on the body a thermometer measures (Temperature Type, 0x2A1D)."""

    ARMPIT = 1
    BODY = 2
    EAR = 3
    FINGER = 4
    GUT = 5
    MOUTH = 6
    RECTUM = 7
    TOE = 8
    EARDRUM = 9


_SKIN = frozenset({Site.FINGER, Site.TOE})
"""A finger of 30 degrees belongs to a warm person with cold hands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temperature:
    """One Temperature Measurement (0x2A1C).

    ``value`` is in degrees Celsius, or Fahrenheit where ``in_fahrenheit``; NaN for none. ``site``
    is a :class:`Site` or a number that is reserved today.
    """

    value: float
    in_fahrenheit: bool = False
    stamp: DateTime | None = None
    site: int | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Temperature:
        """Decode.

        :raises FrameError: not as long as its flags say.
        """
        fields = Fields(data, _FRAME)
        flags = fields.u8()
        one = cls(
            in_fahrenheit=bool(flags & _FAHRENHEIT),
            value=fields.float32(),
            stamp=fields.date_time() if flags & _TIME else None,
            site=fields.u8() if flags & _SITE else None,
        )
        fields.end(may_go_on=bool(flags & _RESERVED))
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        flags, rest = _FAHRENHEIT * self.in_fahrenheit, b""
        if self.stamp is not None:
            flags, rest = flags | _TIME, rest + self.stamp.to_bytes()
        if self.site is not None:
            flags, rest = flags | _SITE, rest + bytes([self.site])
        return bytes([flags]) + float32(self.value) + rest

    @property
    def celsius(self) -> float:
        """The temperature in degrees Celsius."""
        return (self.value - 32) / 1.8 if self.in_fahrenheit else self.value


class ThermometerDecoder(RecordDecoder[Temperature]):
    """Decodes temperatures; those of a finger or a toe are no body temperature."""

    measurement = MEASUREMENT

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._site: int | None = None

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read first where a thermometer measures that does not say so with every value."""
        return (Read(TYPE), *super().open(at))

    def feed(self, data: bytes, at: Boottime, channel: str = MEASUREMENT) -> Iterable[Output]:
        """Decode one measurement, or one answer to what was read on opening."""
        if channel != TYPE:
            return super().feed(data, at, channel)
        if len(data) != 1:
            raise FrameError("temperature type", "expected one octet", len(data))
        self._site = data[0]
        return ()

    def parse(self, data: bytes) -> Temperature:
        """Decode one measurement."""
        return Temperature.from_bytes(data)

    def readings(self, one: Temperature, placed: Placed) -> Iterable[Output]:
        """Give the temperature in degrees Celsius."""
        site = self._site if one.site is None else one.site
        state = State.QUESTIONABLE if site in _SKIN else State.MEASURED
        return (placed.observation(BODY_TEMPERATURE, one.celsius, self.sensor, state=state),)


DRIVER = Driver(
    name="thermometer",
    title="Body thermometer (Bluetooth Health Thermometer service)",
    link=Gatt(
        service=SERVICE,
        notify=(MEASUREMENT,),
        optional=(TYPE, *READ_ON_OPEN),
        silence_s=120.0,
        episodic=True,
    ),
    decoder=ThermometerDecoder,
    measures=(BODY_TEMPERATURE,),
    also=(BATTERY,),
    advice=(
        "Use it for this person alone and always at the same place of the body; set its clock. "
        "Switch off a mode for rooms or bottles: the hub takes every value for a body's."
    ),
)
