"""Records of the Bluetooth CGM service, in both directions (CGM Service 1.0.2).

Little-endian; glucose in mg/dL and times in minutes since the start of the sensor's session. The
annunciation octets of a measurement come in the order Status, Calibration/Temperature, Warning,
each only where its flag is set. A CRC follows only where the sensor's features say so.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntFlag
from typing import Self

from edge_agent.driver import FrameError
from edge_drivers.e2e import checked, with_crc
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import DateTime, decode_sfloat, encode_sfloat

SERVICE = uuid16(0x181F)
MEASUREMENT = uuid16(0x2AA7)
FEATURE = uuid16(0x2AA8)
STATUS = uuid16(0x2AA9)
SESSION_START = uuid16(0x2AAA)
RUN_TIME = uuid16(0x2AAB)

NO_CRC = 0xFFFF
_TZ_UNKNOWN, _DST_UNKNOWN = -128, 255
_TZ_EARLIEST, _TZ_LATEST, _DST = -48, 56, (0, 2, 4, 8)


class Flag(IntFlag):
    """Which fields a measurement carries."""

    TREND = 0x01
    QUALITY = 0x02
    WARNING = 0x20
    CALIBRATION = 0x40
    STATUS = 0x80


class WarningBit(IntFlag):
    """The warning octet."""

    BELOW_PATIENT_LOW = 0x01
    ABOVE_PATIENT_HIGH = 0x02
    HYPO = 0x04
    HYPER = 0x08
    FALLING_FAST = 0x10
    RISING_FAST = 0x20
    BELOW_DEVICE_RANGE = 0x40
    ABOVE_DEVICE_RANGE = 0x80


class SensorStatus(IntFlag):
    """The status octet."""

    SESSION_STOPPED = 0x01
    BATTERY_LOW = 0x02
    SENSOR_TYPE_WRONG = 0x04
    MALFUNCTION = 0x08
    DEVICE_ALERT = 0x10
    GENERAL_FAULT = 0x20


class CalibrationBit(IntFlag):
    """The octet of calibration and temperature."""

    TIME_SYNC_NEEDED = 0x01
    CALIBRATION_NOT_ALLOWED = 0x02
    CALIBRATION_RECOMMENDED = 0x04
    CALIBRATION_REQUIRED = 0x08
    TEMPERATURE_TOO_HIGH = 0x10
    TEMPERATURE_TOO_LOW = 0x20
    CALIBRATION_PENDING = 0x40


class FeatureBit(IntFlag):
    """What a sensor can do, as far as a hub has a use for it."""

    PATIENT_LEVELS = 1 << 1
    HYPO_LEVEL = 1 << 2
    HYPER_LEVEL = 1 << 3
    RATE_LEVELS = 1 << 4
    E2E_CRC = 1 << 12
    TREND = 1 << 15
    QUALITY = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One CGM measurement.

    ``glucose_mgdl`` is infinite where the sensor says "LO" (minus) or "HI" (plus) and NaN where
    it has no value; ``offset_min`` counts minutes since the session started; ``trend`` is in
    mg/dL/min and ``quality_percent`` in percent, or ``None`` when not given.
    """

    glucose_mgdl: float
    offset_min: int
    status: int = 0
    calibration: int = 0
    warning: int = 0
    trend: float | None = None
    quality_percent: float | None = None

    @classmethod
    def split(cls, data: bytes, *, crc: bool | None) -> tuple[Self, ...]:
        """Decode a notification: one record or several, each led by its size.

        With ``crc`` of ``None`` (the sensor's features are not known yet) a record that is two
        octets longer than its flags say is taken to carry a CRC.

        :raises FrameError: a size that does not fit, an unexplained octet, a wrong CRC.
        """
        records: list[Self] = []
        at = 0
        while at < len(data):
            size = data[at]
            if size < 6 or at + size > len(data):
                raise FrameError("CGM measurement", f"size {size} does not fit", at)
            records.append(cls._from_record(data[at : at + size], at, crc=crc))
            at += size
        if not records:
            raise FrameError("CGM measurement", "empty")
        return tuple(records)

    @classmethod
    def _from_record(cls, record: bytes, start: int, *, crc: bool | None) -> Self:
        flags = Flag(record[1] & sum(Flag))
        implied = 6 + 2 * sum(flag in flags for flag in (Flag.TREND, Flag.QUALITY))
        implied += sum(flag in flags for flag in (Flag.STATUS, Flag.CALIBRATION, Flag.WARNING))
        if crc is None:
            crc = len(record) == implied + 2
        if len(record) != implied + 2 * crc:
            raise FrameError("CGM measurement", f"{len(record)} octets, flags say {implied}", start)
        if crc:
            record = checked(record, "CGM measurement")
        glucose, offset = struct.unpack_from("<HH", record, 2)
        at = 6
        octets = dict.fromkeys((Flag.STATUS, Flag.CALIBRATION, Flag.WARNING), 0)
        for flag in octets:
            if flag in flags:
                octets[flag], at = record[at], at + 1
        sfloats: dict[Flag, float | None] = dict.fromkeys((Flag.TREND, Flag.QUALITY))
        for flag in sfloats:
            if flag in flags:
                raw = int.from_bytes(record[at : at + 2], "little")
                sfloats[flag], at = decode_sfloat(raw), at + 2
        return cls(
            glucose_mgdl=decode_sfloat(glucose),
            offset_min=offset,
            status=octets[Flag.STATUS],
            calibration=octets[Flag.CALIBRATION],
            warning=octets[Flag.WARNING],
            trend=sfloats[Flag.TREND],
            quality_percent=sfloats[Flag.QUALITY],
        )

    def to_bytes(self, *, crc: bool = True) -> bytes:
        """Encode one record, with an annunciation octet only where one of its bits is set."""
        octets = (
            (Flag.STATUS, self.status),
            (Flag.CALIBRATION, self.calibration),
            (Flag.WARNING, self.warning),
        )
        sfloats = ((Flag.TREND, self.trend), (Flag.QUALITY, self.quality_percent))
        flags = sum(int(flag) for flag, octet in octets if octet)
        flags += sum(int(flag) for flag, value in sfloats if value is not None)
        body = struct.pack("<BHH", flags, encode_sfloat(self.glucose_mgdl), self.offset_min)
        body += bytes(octet for _, octet in octets if octet)
        for _, value in sfloats:
            body += b"" if value is None else struct.pack("<H", encode_sfloat(value))
        record = bytes([1 + len(body) + 2 * crc]) + body
        return with_crc(record) if crc else record


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """Where the session stands: minutes since its start, and the three annunciation octets."""

    offset_min: int
    status: int = 0
    calibration: int = 0
    warning: int = 0

    @classmethod
    def from_bytes(cls, data: bytes, *, crc: bool) -> SessionStatus:
        """Decode five octets (and a CRC).

        :raises FrameError: a wrong length or CRC.
        """
        if len(data) != 5 + 2 * crc:
            raise FrameError("CGM status", f"expected {5 + 2 * crc} octets", len(data))
        body = checked(data, "CGM status") if crc else data
        offset, status, calibration, warning = struct.unpack("<H3B", body)
        return cls(offset_min=offset, status=status, calibration=calibration, warning=warning)

    def to_bytes(self, *, crc: bool = True) -> bytes:
        """Encode."""
        body = struct.pack("<H3B", self.offset_min, self.status, self.calibration, self.warning)
        return with_crc(body) if crc else body


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What the sensor can do: 24 feature bits, and sample type with location."""

    flags: int
    type_location: int = 0x59

    @property
    def has_crc(self) -> bool:
        """Whether every characteristic (but the record access control point) carries a CRC."""
        return self.has(FeatureBit.E2E_CRC)

    def has(self, bit: FeatureBit) -> bool:
        """Tell whether the sensor can do what ``bit`` stands for."""
        return bool(self.flags & bit)

    @classmethod
    def from_bytes(cls, data: bytes) -> Feature:
        """Decode six octets; the CRC is checked only where the features promise one.

        :raises FrameError: a wrong length or CRC.
        """
        if len(data) != 6:
            raise FrameError("CGM feature", "expected six octets", len(data))
        feature = cls(flags=int.from_bytes(data[:3], "little"), type_location=data[3])
        if feature.has_crc:
            checked(data, "CGM feature")
        return feature

    def to_bytes(self) -> bytes:
        """Encode, with 0xFFFF in place of a CRC that is not supported."""
        body = self.flags.to_bytes(3, "little") + bytes([self.type_location])
        return with_crc(body) if self.has_crc else body + struct.pack("<H", NO_CRC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStart:
    """When the session began; zone (-128 unknown) and summer time (255) count 15 minutes."""

    start: DateTime
    zone_quarter_hours: int = _TZ_UNKNOWN
    dst: int = _DST_UNKNOWN

    @property
    def is_zone_known(self) -> bool:
        """Whether the sensor's clock can be tied to UTC."""
        return _TZ_EARLIEST <= self.zone_quarter_hours <= _TZ_LATEST

    @property
    def utc_s(self) -> int | None:
        """Seconds since 1970, taking an unknown zone for UTC; ``None`` without a date."""
        zone = self.zone_quarter_hours if self.is_zone_known else 0
        dst = self.dst if self.dst in _DST else 0
        return self.start.utc_s((zone + dst) * 900)

    @classmethod
    def from_bytes(cls, data: bytes, *, crc: bool) -> SessionStart:
        """Decode nine octets (and a CRC).

        :raises FrameError: a wrong length or CRC.
        """
        if len(data) != 9 + 2 * crc:
            raise FrameError("CGM session start", f"expected {9 + 2 * crc} octets", len(data))
        body = checked(data, "CGM session start") if crc else data
        zone, dst = struct.unpack_from("<bB", body, 7)
        return cls(start=DateTime.from_bytes(body), zone_quarter_hours=zone, dst=dst)

    def to_bytes(self, *, crc: bool = True) -> bytes:
        """Encode."""
        body = self.start.to_bytes() + struct.pack("<bB", self.zone_quarter_hours, self.dst)
        return with_crc(body) if crc else body


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTime:
    """How long a session of this sensor lasts, in hours."""

    hours: int

    @classmethod
    def from_bytes(cls, data: bytes, *, crc: bool) -> RunTime:
        """Decode two octets (and a CRC).

        :raises FrameError: a wrong length or CRC.
        """
        if len(data) != 2 + 2 * crc:
            raise FrameError("CGM run time", f"expected {2 + 2 * crc} octets", len(data))
        body = checked(data, "CGM run time") if crc else data
        return cls(hours=int.from_bytes(body, "little"))

    def to_bytes(self, *, crc: bool = True) -> bytes:
        """Encode."""
        body = struct.pack("<H", self.hours)
        return with_crc(body) if crc else body
