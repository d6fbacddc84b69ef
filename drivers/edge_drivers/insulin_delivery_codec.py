"""Values of the Bluetooth Insulin Delivery service, in both directions (service 1.0.2).

Little-endian; insulin in international units (IU). Where the features say so, a counter and a CRC
stand behind each value (the record access control point has neither, a history record only the
CRC). Commands (0x2B25, 0x2B26) are not decoded here, nor anywhere else in the hub.

Layouts: Bluetooth GATT Specification Supplement; public code that speaks this service
(ehealthinnovation/AndroidBLEParser, ehealthinnovation/BLEIDSSim, palmarci/OpenGuardian).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from edge_agent.driver import FrameError
from edge_drivers.e2e import checked, with_crc
from edge_drivers.gatt import uuid16
from edge_drivers.ieee11073 import crc16_mcrf4xx, decode_sfloat, encode_sfloat

SERVICE = uuid16(0x183A)
STATUS_CHANGED = uuid16(0x2B20)
STATUS = uuid16(0x2B21)
ANNUNCIATION = uuid16(0x2B22)
FEATURES = uuid16(0x2B23)
READER = uuid16(0x2B24)
RECORDS = uuid16(0x2B27)
HISTORY = uuid16(0x2B28)

NO_COUNTER, NO_CRC = 0, 0xFFFF
_MORE_FLAGS = 0x80


class FeatureBit(IntFlag):
    """What a pump can do, as far as a hub has a use for it."""

    E2E_PROTECTION = 1 << 0
    BASAL_RATE = 1 << 1
    FAST_BOLUS = 1 << 5
    EXTENDED_BOLUS = 1 << 6
    MULTIWAVE_BOLUS = 1 << 7
    INSULIN_ON_BOARD = 1 << 15


class Therapy(IntEnum):
    """What the therapy does."""

    UNDETERMINED = 0x0F
    STOP = 0x33
    PAUSE = 0x3C
    RUN = 0x55


class Operation(IntEnum):
    """What the pump does."""

    UNDETERMINED = 0x0F
    OFF = 0x33
    STANDBY = 0x3C
    PREPARING = 0x55
    PRIMING = 0x5A
    WAITING = 0x66
    READY = 0x96


class Change(IntFlag):
    """What has changed since somebody last reset these bits; a hub never does."""

    THERAPY = 0x01
    OPERATION = 0x02
    RESERVOIR = 0x04
    ANNUNCIATION = 0x08
    TOTAL_DAILY = 0x10
    BASAL_RATE = 0x20
    ACTIVE_BOLUS = 0x40
    HISTORY = 0x80


class AnnunciationType(IntEnum):
    """What a pump can announce; vendors have numbers of their own from 0xF000."""

    SYSTEM_ISSUE = 0x000F
    MECHANICAL_ISSUE = 0x0033
    OCCLUSION = 0x003C
    RESERVOIR_ISSUE = 0x0055
    RESERVOIR_EMPTY = 0x005A
    RESERVOIR_LOW = 0x0066
    PRIMING_ISSUE = 0x0069
    INFUSION_SET_INCOMPLETE = 0x0096
    INFUSION_SET_DETACHED = 0x0099
    POWER_SOURCE_INSUFFICIENT = 0x00A5
    BATTERY_EMPTY = 0x00AA
    BATTERY_LOW = 0x00C3
    BATTERY_MEDIUM = 0x00CC
    BATTERY_FULL = 0x00F0
    TEMPERATURE_OUT_OF_RANGE = 0x00FF
    AIR_PRESSURE_OUT_OF_RANGE = 0x0303
    BOLUS_CANCELED = 0x030C
    TEMPORARY_BASAL_OVER = 0x0330
    TEMPORARY_BASAL_CANCELED = 0x033F
    MAXIMUM_DELIVERY = 0x0356
    DATE_TIME_ISSUE = 0x0359
    TEMPERATURE = 0x0365


class AnnunciationState(IntEnum):
    """What a person has done about an annunciation."""

    UNDETERMINED = 0x0F
    PENDING = 0x33
    SNOOZED = 0x3C
    CONFIRMED = 0x55


def protected(body: bytes, counter: int | None) -> bytes:
    """Append counter and CRC, unless ``counter`` is ``None`` (no end-to-end protection)."""
    return body if counter is None else with_crc(body + bytes([counter]))


def unprotected(data: bytes, frame: str, *, e2e: bool) -> tuple[bytes, int]:
    """Return body and counter (0 without protection).

    :raises FrameError: too short, or a wrong CRC.
    """
    if not e2e:
        return data, NO_COUNTER
    body = checked(data, frame)
    if not body:
        raise FrameError(frame, "too short for a counter")
    return body[:-1], body[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Insulin concentration in IU/mL, and 24 flags or, where bit 23 says so, more."""

    concentration_iu_ml: float
    flags: int
    counter: int = NO_COUNTER

    @property
    def e2e(self) -> bool:
        """Whether a counter and a CRC stand behind every value."""
        return self.has(FeatureBit.E2E_PROTECTION)

    def has(self, bit: FeatureBit) -> bool:
        """Tell whether the pump can do what ``bit`` stands for."""
        return bool(self.flags & bit)

    @classmethod
    def from_bytes(cls, data: bytes) -> Features:
        """Decode; here the CRC stands in front.

        :raises FrameError: a wrong length or CRC.
        """
        if len(data) < 8:
            raise FrameError("insulin features", "shorter than eight octets", len(data))
        crc, counter, concentration = struct.unpack_from("<HBH", data)
        size = 3
        while size <= len(data) - 5 and data[5 + size - 1] & _MORE_FLAGS:
            size += 1
        if len(data) != 5 + size:
            raise FrameError("insulin features", f"expected {5 + size} octets", len(data))
        features = cls(
            concentration_iu_ml=decode_sfloat(concentration),
            flags=int.from_bytes(data[5:], "little"),
            counter=counter,
        )
        if features.e2e and crc16_mcrf4xx(data[2:]) != crc:
            raise FrameError("insulin features", "wrong CRC")
        return features

    def to_bytes(self) -> bytes:
        """Encode, with 0xFFFF in place of a CRC that is not supported."""
        size = max(3, (self.flags.bit_length() + 7) // 8)
        flags = self.flags.to_bytes(size, "little")
        body = struct.pack("<BH", self.counter, encode_sfloat(self.concentration_iu_ml)) + flags
        return struct.pack("<H", crc16_mcrf4xx(body) if self.e2e else NO_CRC) + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the pump does now, and what is left in its reservoir."""

    therapy: int
    operation: int
    reservoir_iu: float
    is_reservoir_attached: bool
    counter: int | None = None

    @classmethod
    def from_bytes(cls, data: bytes, *, e2e: bool) -> Status:
        """Decode.

        :raises FrameError: a wrong length or CRC.
        """
        body, counter = unprotected(data, "insulin status", e2e=e2e)
        if len(body) != 5:
            raise FrameError("insulin status", "expected five octets of status", len(body))
        therapy, operation, reservoir, flags = struct.unpack("<BBHB", body)
        return cls(
            therapy=therapy,
            operation=operation,
            reservoir_iu=decode_sfloat(reservoir),
            is_reservoir_attached=bool(flags & 1),
            counter=counter if e2e else None,
        )

    def to_bytes(self) -> bytes:
        """Encode."""
        body = struct.pack(
            "<BBHB",
            self.therapy,
            self.operation,
            encode_sfloat(self.reservoir_iu),
            self.is_reservoir_attached,
        )
        return protected(body, self.counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChanged:
    """What has changed."""

    changes: Change
    counter: int | None = None

    @classmethod
    def from_bytes(cls, data: bytes, *, e2e: bool) -> StatusChanged:
        """Decode.

        :raises FrameError: a wrong length or CRC.
        """
        body, counter = unprotected(data, "insulin status changed", e2e=e2e)
        if len(body) != 2:
            raise FrameError("insulin status changed", "expected two octets of flags", len(body))
        changes = Change(int.from_bytes(body, "little") & sum(Change))
        return cls(changes=changes, counter=counter if e2e else None)

    def to_bytes(self) -> bytes:
        """Encode."""
        return protected(struct.pack("<H", self.changes), self.counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annunciation:
    """The annunciation of highest priority; ``instance`` tells two of one type apart."""

    instance: int
    type: int
    state: int
    auxiliary: tuple[int, ...] = ()

    @classmethod
    def from_bytes(cls, data: bytes, *, e2e: bool) -> Annunciation | None:
        """Decode; ``None`` where there is none.

        :raises FrameError: a wrong length or CRC.
        """
        body, _ = unprotected(data, "insulin annunciation", e2e=e2e)
        if not body:
            raise FrameError("insulin annunciation", "empty")
        auxiliary = (body[0] >> 1 & 0x1F).bit_count()
        size = 6 + 2 * auxiliary if body[0] & 1 else 1
        if len(body) != size:
            raise FrameError("insulin annunciation", f"flags say {size} octets", len(body))
        if not body[0] & 1:
            return None
        instance, kind, state = struct.unpack_from("<HHB", body, 1)
        further = struct.unpack_from(f"<{auxiliary}H", body, 6)
        return cls(instance=instance, type=kind, state=state, auxiliary=further)

    def to_bytes(self, counter: int | None) -> bytes:
        """Encode, with the first auxiliary fields present."""
        flags = 1 | ((1 << len(self.auxiliary)) - 1) << 1
        head = struct.pack("<BHHB", flags, self.instance, self.type, self.state)
        further = struct.pack(f"<{len(self.auxiliary)}H", *self.auxiliary)
        return protected(head + further, counter)
