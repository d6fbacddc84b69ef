"""The control point of Polar's PMD service, in both directions: features, settings, start, stop.

Layout as in Polar's BLE SDK (polarofficial/polar-ble-sdk, ``online_measurement.pdf``), checked
against captures of an H10 in fstanis/polar-h10-web.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from edge_agent.driver import FrameError

_FEATURES, _REPLY, _STOPPED = 0x0F, 0xF0, 0x01
_FEATURES_OCTETS = 17
_LARGEST_FACTOR = 1e3


class Opcode(IntEnum):
    """What a control point request asks."""

    SETTINGS = 0x01
    START = 0x02
    STOP = 0x03


class Measurement(IntEnum):
    """What this driver may ask to be measured; the sensors know more types."""

    ECG = 0
    ACCELERATION = 2


class Status(IntEnum):
    """How the strap answers."""

    OK = 0
    BAD_OPCODE = 1
    BAD_TYPE = 2
    NOT_SUPPORTED = 3
    BAD_LENGTH = 4
    BAD_PARAMETER = 5
    ALREADY_IN_STATE = 6
    BAD_RESOLUTION = 7
    BAD_RATE = 8
    BAD_RANGE = 9
    BAD_MTU = 10
    BAD_CHANNELS = 11
    BAD_STATE = 12
    IN_CHARGER = 13
    DISK_FULL = 14


class Setting(IntEnum):
    """Ids of settings: rate in Hz, resolution in bits, range in g."""

    RATE = 0
    RESOLUTION = 1
    RANGE = 2
    RANGE_MILLI = 3
    CHANNELS = 4
    FACTOR = 5
    """What a compressed count is worth; only in the answer to a start."""
    SECURITY = 6


_OCTETS = {
    Setting.RATE: 2, Setting.RESOLUTION: 2, Setting.RANGE: 2, Setting.RANGE_MILLI: 4,
    Setting.CHANNELS: 1, Setting.FACTOR: 4, Setting.SECURITY: 16,
}  # fmt: skip
_NOT_CHOSEN = {Setting.FACTOR, Setting.SECURITY}


@dataclass(frozen=True, slots=True)
class Settings:
    """Values by setting: those on offer, or the one of each that was chosen."""

    values: Mapping[Setting, tuple[int, ...]]

    @classmethod
    def from_bytes(cls, data: bytes) -> Settings:
        """Decode: each setting is an id, a count of values, the values.

        :raises FrameError: a setting that is not known, or values that are cut short.
        """
        values: dict[Setting, tuple[int, ...]] = {}
        at = 0
        while at < len(data):
            if data[at] not in set(Setting):
                raise FrameError("PMD settings", f"setting {data[at]} is not known", at)
            setting = Setting(data[at])
            count = data[at + 1] if at + 1 < len(data) else 1
            size, begin = _OCTETS[setting], at + 2
            at = begin + count * size
            if at > len(data):
                raise FrameError("PMD settings", "the values are cut short", len(data))
            values[setting] = tuple(
                int.from_bytes(data[place : place + size], "little")
                for place in range(begin, at, size)
            )
        return cls(values)

    def to_bytes(self) -> bytes:
        """Encode."""
        return b"".join(
            bytes([setting, len(values)])
            + b"".join(value.to_bytes(_OCTETS[setting], "little") for value in values)
            for setting, values in self.values.items()
        )

    def choose(self, wanted: Mapping[Setting, int]) -> Settings:
        """Choose one of each setting on offer: the nearest to what is wanted, else the largest."""
        return Settings({
            setting: (min(values, key=lambda one: abs(one - wanted.get(setting, max(values)))),)
            for setting, values in self.values.items()
            if values and setting not in _NOT_CHOSEN
        })  # fmt: skip

    def one(self, setting: Setting, otherwise: int) -> int:
        """Return the only, or first, value of ``setting``."""
        return (*self.values.get(setting, ()), otherwise)[0]


ECG_SETTINGS = Settings({Setting.RATE: (130,), Setting.RESOLUTION: (14,)})


def ecg_settings() -> bytes:
    """Return the settings of an H10's ECG, which a strap expects that can't be asked for them."""
    return ECG_SETTINGS.to_bytes()


@dataclass(frozen=True, slots=True)
class Features:
    """What a strap can measure: the value that is read, not notified, from the control point."""

    offered: frozenset[int]

    @classmethod
    def from_bytes(cls, data: bytes) -> Features:
        """Decode.

        :raises FrameError: not a list of features.
        """
        if len(data) < 2 or data[0] != _FEATURES:
            raise FrameError("PMD features", "expected 0F and a bitmap", len(data))
        bits = int.from_bytes(data[1:], "little")
        return cls(frozenset(bit for bit in range(bits.bit_length()) if bits >> bit & 1))

    def to_bytes(self) -> bytes:
        """Encode."""
        bits = sum(1 << bit for bit in self.offered)
        return bytes([_FEATURES]) + bits.to_bytes(_FEATURES_OCTETS - 1, "little")


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request to the control point; to start takes settings, one value of each."""

    opcode: Opcode
    kind: int = Measurement.ECG
    parameters: bytes = b""

    @classmethod
    def from_bytes(cls, data: bytes) -> ControlRequest:
        """Decode a request, as a strap does.

        :raises FrameError: shorter than two octets, or an opcode that is not known.
        """
        if len(data) < 2:
            raise FrameError("PMD request", "shorter than two octets", len(data))
        if data[0] not in set(Opcode):
            raise FrameError("PMD request", f"opcode {data[0]} is not known")
        return cls(Opcode(data[0]), data[1], data[2:])

    def to_bytes(self) -> bytes:
        """Encode."""
        return bytes([self.opcode, self.kind]) + self.parameters


@dataclass(frozen=True, slots=True)
class ControlReply:
    """The strap's answer to a request; ``parameters`` follow a reply that went well.

    ``more`` says that the rest of the parameters comes in another reply.
    """

    opcode: int
    kind: int
    status: Status
    parameters: bytes = b""
    more: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> ControlReply:
        """Decode an indication of the control point; error replies may stop after four octets.

        :raises FrameError: no reply, too short, or a status that is not known.
        """
        if len(data) < 4 or data[0] != _REPLY:
            raise FrameError("PMD reply", "expected F0, opcode, type, status")
        if data[3] not in set(Status):
            raise FrameError("PMD reply", f"status {data[3]} is not known", 3)
        more = len(data) > 4 and data[4] != 0
        return cls(data[1], data[2], Status(data[3]), data[5:], more)

    def to_bytes(self) -> bytes:
        """Encode."""
        return bytes([_REPLY, self.opcode, self.kind, self.status, self.more]) + self.parameters

    def factor(self) -> float:
        """Return what a compressed count is worth, from the answer to a start; 1 where it is mute.

        An H10 answers with a single octet in place of settings.

        :raises FrameError: settings that are none, or a factor that can't be one.
        """
        if len(self.parameters) < 2:
            return 1.0
        octets = Settings.from_bytes(self.parameters).one(Setting.FACTOR, 0x3F800000)
        (factor,) = struct.unpack("<f", octets.to_bytes(4, "little"))
        if not (math.isfinite(factor) and 0 < factor <= _LARGEST_FACTOR):
            raise FrameError("PMD reply", f"a factor of {factor} makes no sense", 5)
        return float(factor)


@dataclass(frozen=True, slots=True)
class Stopped:
    """The strap's word that it has stopped streams of these types."""

    kinds: tuple[int, ...]

    @classmethod
    def from_bytes(cls, data: bytes) -> Stopped:
        """Decode.

        :raises FrameError: it names no stream.
        """
        if len(data) < 2 or data[0] != _STOPPED:
            raise FrameError("PMD notice", "expected 01 and types", len(data))
        return cls(tuple(data[1:]))

    def to_bytes(self) -> bytes:
        """Encode."""
        return bytes([_STOPPED, *self.kinds])


def control_value(data: bytes) -> ControlReply | Stopped | Features:
    """Decode whatever the control point says, asked or not.

    :raises FrameError: nothing of what it can say.
    """
    match data[:1]:
        case b"\x0f":
            return Features.from_bytes(data)
        case b"\x01":
            return Stopped.from_bytes(data)
    return ControlReply.from_bytes(data)
