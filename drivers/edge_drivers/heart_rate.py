"""Bluetooth Heart Rate service: any chest strap or watch (Heart Rate Service 1.0).

A measurement carries the rate, optionally whether the skin contact is good, and the RR intervals
since the last one, oldest first, in 1/1024 s.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edge_agent.codes import BATTERY, HEART_RATE, RR_INTERVAL
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request
from edge_agent.model import Boottime, Observation, State
from edge_drivers.gatt import BATTERY_LEVEL, battery_level, uuid16

SERVICE = uuid16(0x180D)
MEASUREMENT = uuid16(0x2A37)

_RATE_IS_16_BIT, _CONTACT, _CONTACT_KNOWN, _ENERGY, _RR = 0x01, 0x02, 0x04, 0x08, 0x10
_NS_PER_RR_TICK = 1e9 / 1024
_MS_PER_RR_TICK = 1e3 / 1024
_LATEST_NS = 1_500_000_000
"""Sensors tell of a beat within about a second; what lies further back has missed beats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartRateMeasurement:
    """One Heart Rate Measurement (0x2A37).

    ``rate_per_min`` is 0 when the sensor has none. ``contact`` is ``None`` when the sensor can't
    tell. ``energy_kj`` is in kilojoules. ``rr_1024`` are RR intervals in 1/1024 s, oldest first.
    """

    rate_per_min: int
    contact: bool | None = None
    energy_kj: int | None = None
    rr_1024: tuple[int, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes) -> HeartRateMeasurement:
        """Decode; an odd octet after the last RR interval is dropped, as sensors send one.

        :raises FrameError: shorter than its flags say.
        """
        if not data:
            raise FrameError("heart rate measurement", "empty")
        flags, at = data[0], 1
        rate, at = _take(data, at, "<H" if flags & _RATE_IS_16_BIT else "<B")
        energy: int | None = None
        if flags & _ENERGY:
            energy, at = _take(data, at, "<H")
        count = (len(data) - at) // 2 if flags & _RR else 0
        return cls(
            rate_per_min=rate,
            contact=bool(flags & _CONTACT) if flags & _CONTACT_KNOWN else None,
            energy_kj=energy,
            rr_1024=struct.unpack_from(f"<{count}H", data, at),
        )

    def to_bytes(self, *, wide: bool = False) -> bytes:
        """Encode; with a 16-bit rate where it needs one, or always if ``wide``."""
        wide = wide or self.rate_per_min > 255
        flags = _RATE_IS_16_BIT * wide + _ENERGY * (self.energy_kj is not None)
        flags += _RR * bool(self.rr_1024)
        if self.contact is not None:
            flags += _CONTACT_KNOWN + _CONTACT * self.contact
        energy = b"" if self.energy_kj is None else struct.pack("<H", self.energy_kj)
        rate = struct.pack("<H" if wide else "<B", self.rate_per_min)
        return bytes([flags]) + rate + energy + struct.pack(f"<{len(self.rr_1024)}H", *self.rr_1024)


class BeatTimes:
    """Puts beats where they were: each an RR interval after the last, over notifications too.

    The intervals say how far beats lie apart but not when they were: no beat lies after the arrival
    of its notification, and none much before. The least delayed notification fixes the rest.
    """

    def __init__(self) -> None:
        self._last: Boottime | None = None

    def ends(self, rr_1024: tuple[int, ...], at: Boottime) -> list[Boottime]:
        """Return the hub time of the end of each interval, in 1/1024 s, that arrived at ``at``."""
        lengths_ns = [round(ticks * _NS_PER_RR_TICK) for ticks in rr_1024]
        span_ns = sum(lengths_ns)
        last = at if self._last is None else Boottime(self._last + span_ns)
        if not at - _LATEST_NS <= last <= at:
            last = at
        begin, ends = last - span_ns, []
        for length_ns in lengths_ns:
            begin += length_ns
            ends.append(Boottime(begin))
        if ends:
            self._last = last
        return ends


def observations(
    one: HeartRateMeasurement, at: Boottime, sensor: str, beats: BeatTimes
) -> Iterator[Observation]:
    """Give the heart rate, and the RR intervals at the ``beats`` that end them."""
    if one.contact is False:
        yield Observation(
            code=HEART_RATE, value=None, at=at, sensor=sensor, state=State.NOT_ATTACHED, quality=0.0
        )
        return
    yield _rate(one.rate_per_min, at, sensor)
    for ticks, end in zip(one.rr_1024, beats.ends(one.rr_1024, at), strict=True):
        value = ticks * _MS_PER_RR_TICK
        plausible = RR_INTERVAL.is_plausible(value)
        yield Observation(
            code=RR_INTERVAL,
            value=value,
            at=end,
            sensor=sensor,
            state=State.MEASURED if plausible else State.QUESTIONABLE,
            quality=1.0 if plausible else 0.0,
        )


def _rate(rate_per_min: int, at: Boottime, sensor: str) -> Observation:
    if rate_per_min == 0:
        return Observation(
            code=HEART_RATE, value=None, at=at, sensor=sensor, state=State.SEARCHING, quality=0.0
        )
    plausible = HEART_RATE.is_plausible(rate_per_min)
    return Observation(
        code=HEART_RATE,
        value=float(rate_per_min),
        at=at,
        sensor=sensor,
        state=State.MEASURED if plausible else State.QUESTIONABLE,
        quality=1.0 if plausible else 0.0,
    )


class HeartRateDecoder(Decoder):
    """Decodes heart rate measurements and the battery level."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._beats = BeatTimes()

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read the battery once; later changes come as notifications."""
        return (Read(BATTERY_LEVEL),)

    def feed(self, data: bytes, at: Boottime, channel: str = MEASUREMENT) -> Iterable[Output]:
        """Decode one notification of ``channel``."""
        if channel == BATTERY_LEVEL:
            return (battery_level(data, at, self.sensor),)
        if channel == MEASUREMENT:
            one = HeartRateMeasurement.from_bytes(data)
            return tuple(observations(one, at, self.sensor, self._beats))
        raise FrameError(f"channel {channel}", "not one of this driver's")


def _take(data: bytes, at: int, layout: str) -> tuple[int, int]:
    """Read one number; return it and the offset behind it."""
    size = struct.calcsize(layout)
    if len(data) < at + size:
        raise FrameError("heart rate measurement", "shorter than its flags say", len(data))
    return struct.unpack_from(layout, data, at)[0], at + size


DRIVER = Driver(
    name="heart-rate",
    title="Heart rate strap or watch (Bluetooth Heart Rate service)",
    link=Gatt(service=SERVICE, notify=(MEASUREMENT,), optional=(BATTERY_LEVEL,), silence_s=15.0),
    decoder=HeartRateDecoder,
    measures=(HEART_RATE,),
    also=(RR_INTERVAL, BATTERY),
    advice=(
        "A watch must be told to share its heart rate; many send no RR intervals. Most serve one "
        "listener, so close the phone app that holds the connection."
    ),
)
