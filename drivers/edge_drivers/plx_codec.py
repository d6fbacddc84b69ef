"""The measurements of Bluetooth pulse oximeters (Pulse Oximeter Service 1.0.1), both ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from edge_agent.model import State
from edge_drivers.annunciation import names
from edge_drivers.fields import Fields, sfloat, u16, u24
from edge_drivers.ieee11073 import DateTime
from edge_drivers.oximetry import LOW_PERFUSION_QUALITY, Oximetry
from edge_drivers.sensor_time import NO_DATE

_EARLY_QUALITY = 0.4


class Flag(IntEnum):
    """Flags of a continuous measurement."""

    FAST = 0x01
    SLOW = 0x02
    STATUS = 0x04
    DEVICE = 0x08
    AMPLITUDE = 0x10
    RESERVED = 0xE0


class SpotFlag(IntEnum):
    """Flags of a spot check."""

    TIME = 0x01
    STATUS = 0x02
    DEVICE = 0x04
    AMPLITUDE = 0x08
    CLOCK_NOT_SET = 0x10
    RESERVED = 0xE0


class Status(IntFlag):
    """Measurement status (table 3.4 of the service)."""

    NONE = 0x0000
    ONGOING = 0x0020
    EARLY = 0x0040
    VALIDATED = 0x0080
    FULLY_QUALIFIED = 0x0100
    FROM_MEMORY = 0x0200
    DEMONSTRATION = 0x0400
    TESTING = 0x0800
    CALIBRATION = 0x1000
    UNAVAILABLE = 0x2000
    QUESTIONABLE = 0x4000
    INVALID = 0x8000


class DeviceStatus(IntFlag):
    """Device and sensor status (table 3.5 of the service)."""

    NONE = 0x0000
    DISPLAY_HELD = 0x0001
    EQUIPMENT_MALFUNCTION = 0x0002
    PROCESSING_IRREGULAR = 0x0004
    SIGNAL_INADEQUATE = 0x0008
    SIGNAL_POOR = 0x0010
    LOW_PERFUSION = 0x0020
    SIGNAL_ERRATIC = 0x0040
    NOT_PULSATILE = 0x0080
    PULSE_QUESTIONABLE = 0x0100
    ANALYSIS_ONGOING = 0x0200
    INTERFERENCE = 0x0400
    NOT_ON_USER = 0x0800
    SENSOR_UNKNOWN = 0x1000
    SENSOR_DISPLACED = 0x2000
    SENSOR_MALFUNCTION = 0x4000
    SENSOR_DISCONNECTED = 0x8000


_OFF = DeviceStatus.NOT_ON_USER | DeviceStatus.SENSOR_DISPLACED | DeviceStatus.SENSOR_DISCONNECTED
_BROKEN = (
    DeviceStatus.EQUIPMENT_MALFUNCTION
    | DeviceStatus.SENSOR_UNKNOWN
    | DeviceStatus.SENSOR_MALFUNCTION
)
_NOBODY = Status.DEMONSTRATION | Status.TESTING
_NO_VALUE = Status.CALIBRATION | Status.UNAVAILABLE | Status.INVALID
_NO_SIGNAL = DeviceStatus.SIGNAL_INADEQUATE | DeviceStatus.NOT_PULSATILE
_DOUBTED = (
    DeviceStatus.PROCESSING_IRREGULAR
    | DeviceStatus.SIGNAL_ERRATIC
    | DeviceStatus.PULSE_QUESTIONABLE
    | DeviceStatus.INTERFERENCE
)
_WEAK = DeviceStatus.SIGNAL_POOR | DeviceStatus.LOW_PERFUSION
_TOLD, _TOLD_OF_DEVICE = _NOBODY | Status.CALIBRATION, _BROKEN | DeviceStatus.INTERFERENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """SpO2 in percent and pulse rate per minute; NaN where the sensor has none."""

    spo2_percent: float
    pulse_per_min: float

    @classmethod
    def take(cls, fields: Fields) -> Pair:
        """Take the next two fields."""
        return cls(spo2_percent=fields.sfloat(), pulse_per_min=fields.sfloat())

    def to_bytes(self) -> bytes:
        """Encode."""
        return sfloat(self.spo2_percent) + sfloat(self.pulse_per_min)


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What follows the numbers where the sensor tells it; ``amplitude_percent`` may be NaN."""

    status: Status | None = None
    device: DeviceStatus | None = None
    amplitude_percent: float | None = None

    @classmethod
    def take(cls, fields: Fields, *, status: bool, device: bool, amplitude: bool) -> Details:
        """Take those of the next three fields that are present."""
        return cls(
            status=Status(fields.u16()) if status else None,
            device=DeviceStatus(fields.u24()) if device else None,
            amplitude_percent=fields.sfloat() if amplitude else None,
        )

    def to_bytes(self) -> bytes:
        """Encode."""
        status = b"" if self.status is None else u16(self.status)
        device = b"" if self.device is None else u24(self.device)
        amplitude = b"" if self.amplitude_percent is None else sfloat(self.amplitude_percent)
        return status + device + amplitude

    def oximetry(self, pair: Pair) -> Oximetry:
        """Give the numbers that these details belong to, with the state they are in."""
        return Oximetry(
            spo2_percent=_finite(pair.spo2_percent),
            pulse_per_min=_finite(pair.pulse_per_min),
            perfusion_percent=_finite(self.amplitude_percent),
            state=self.state,
            quality=self.quality,
        )

    @property
    def troubles(self) -> frozenset[str]:
        """The names of what a person has to see to; a poor signal comes and goes by itself."""
        status, device = self.status or Status.NONE, self.device or DeviceStatus.NONE
        return names(status & _TOLD) | names(device & _TOLD_OF_DEVICE)

    @property
    def state(self) -> State:
        """How the numbers were taken; what a demonstration shows is nobody's."""
        status, device = self.status or Status.NONE, self.device or DeviceStatus.NONE
        if device & _BROKEN or status & _NOBODY:
            return State.SENSOR_FAULT
        if device & _OFF:
            return State.NOT_ATTACHED
        if status & _NO_VALUE or device & _NO_SIGNAL:
            return State.SEARCHING
        doubted = Status.QUESTIONABLE in status or bool(device & _DOUBTED)
        return State.QUESTIONABLE if doubted else State.MEASURED

    @property
    def quality(self) -> float:
        """How far the sensor trusts its numbers, 0 to 1; early ones must not clear an alarm."""
        status, device = self.status or Status.NONE, self.device or DeviceStatus.NONE
        if Status.EARLY in status or DeviceStatus.ANALYSIS_ONGOING in device:
            return _EARLY_QUALITY
        return LOW_PERFUSION_QUALITY if device & _WEAK else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuous:
    """One PLX Continuous Measurement (0x2A5F)."""

    normal: Pair
    fast: Pair | None = None
    slow: Pair | None = None
    details: Details = Details()

    @classmethod
    def from_bytes(cls, data: bytes) -> Continuous:
        """Decode.

        :raises FrameError: not as long as its flags say.
        """
        fields = Fields(data, "PLX continuous measurement")
        flags = fields.u8()
        one = cls(
            normal=Pair.take(fields),
            fast=Pair.take(fields) if flags & Flag.FAST else None,
            slow=Pair.take(fields) if flags & Flag.SLOW else None,
            details=Details.take(
                fields,
                status=bool(flags & Flag.STATUS),
                device=bool(flags & Flag.DEVICE),
                amplitude=bool(flags & Flag.AMPLITUDE),
            ),
        )
        fields.end(may_go_on=bool(flags & Flag.RESERVED))
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        details = self.details
        flags = Flag.FAST * (self.fast is not None) | Flag.SLOW * (self.slow is not None)
        flags |= Flag.STATUS * (details.status is not None)
        flags |= Flag.DEVICE * (details.device is not None)
        flags |= Flag.AMPLITUDE * (details.amplitude_percent is not None)
        pairs = (pair.to_bytes() for pair in (self.normal, self.fast, self.slow) if pair)
        return bytes([flags]) + b"".join(pairs) + details.to_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotCheck:
    """One PLX Spot-check Measurement (0x2A5E); ``stamp`` is the sensor's own time."""

    pair: Pair
    taken: DateTime | None = None
    details: Details = Details()
    clock_not_set: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> SpotCheck:
        """Decode.

        :raises FrameError: not as long as its flags say.
        """
        fields = Fields(data, "PLX spot check")
        flags = fields.u8()
        one = cls(
            pair=Pair.take(fields),
            taken=fields.date_time() if flags & SpotFlag.TIME else None,
            details=Details.take(
                fields,
                status=bool(flags & SpotFlag.STATUS),
                device=bool(flags & SpotFlag.DEVICE),
                amplitude=bool(flags & SpotFlag.AMPLITUDE),
            ),
            clock_not_set=bool(flags & SpotFlag.CLOCK_NOT_SET),
        )
        fields.end(may_go_on=bool(flags & SpotFlag.RESERVED))
        return one

    def to_bytes(self) -> bytes:
        """Encode."""
        details = self.details
        flags = SpotFlag.TIME * (self.taken is not None)
        flags |= SpotFlag.STATUS * (details.status is not None)
        flags |= SpotFlag.DEVICE * (details.device is not None)
        flags |= SpotFlag.AMPLITUDE * (details.amplitude_percent is not None)
        flags |= SpotFlag.CLOCK_NOT_SET * self.clock_not_set
        taken = b"" if self.taken is None else self.taken.to_bytes()
        return bytes([flags]) + self.pair.to_bytes() + taken + details.to_bytes()

    @property
    def is_from_memory(self) -> bool:
        """Whether the sensor says that it took this earlier."""
        return Status.FROM_MEMORY in (self.details.status or Status.NONE)

    @property
    def stamp(self) -> DateTime | None:
        """The time it was taken; no date where the sensor says that its clock is not set."""
        return NO_DATE if self.taken is not None and self.clock_not_set else self.taken


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
