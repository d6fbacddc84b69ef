"""Polar H10 and kin: ECG over Polar's PMD service, with the strap's heart rate and battery.

Layout as published in Polar's BLE SDK documentation ("Polar Measurement Data"): little-endian,
times in nanoseconds since 2000-01-01T00:00Z by the strap's own clock, samples in microvolts.

Three habits of the strap shape the decoder: the time of a frame belongs to its *last* sample; the
true rate is near 130 Hz and differs by unit, so it is worked out from the spacing of frames; and a
stream that was never stopped survives a lost connection, so it is stopped before it is started.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from edge_agent.codes import BATTERY, ECG, HEART_RATE, RR_INTERVAL
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request, Write
from edge_agent.model import Boottime, Event, EventKind, Waveform
from edge_drivers import heart_rate
from edge_drivers.gatt import BATTERY_LEVEL, battery_level

SERVICE = "fb005c80-02e7-f387-1cad-8acd2d8df0c8"
CONTROL_POINT = "fb005c81-02e7-f387-1cad-8acd2d8df0c8"
DATA = "fb005c82-02e7-f387-1cad-8acd2d8df0c8"

ECG_TYPE = 0x00
NOMINAL_RATE_HZ = 130.0
_RESOLUTION_BITS = 14
_RATE, _RESOLUTION = 0x00, 0x01
_REPLY, _STOPPED = 0xF0, 0x01
_TYPE_MASK = 0x3F
_HEAD = struct.Struct("<BQB")
_RATE_TOLERANCE = 0.1
_SMOOTHING = 0.1
_CLOCK_RESET_NS = 60 * 10**9


class Opcode(IntEnum):
    """What a control point request asks."""

    SETTINGS = 0x01
    START = 0x02
    STOP = 0x03


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


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request to the control point: an opcode and a measurement type, with settings to start."""

    opcode: Opcode
    kind: int = ECG_TYPE

    @classmethod
    def from_bytes(cls, data: bytes) -> ControlRequest:
        """Decode a request, as a strap does.

        :raises FrameError: shorter than two octets, or an opcode that is not known.
        """
        if len(data) < 2:
            raise FrameError("PMD request", "shorter than two octets", len(data))
        if data[0] not in set(Opcode):
            raise FrameError("PMD request", f"opcode {data[0]} is not known")
        return cls(Opcode(data[0]), data[1])

    def to_bytes(self) -> bytes:
        """Encode; a start names 130 Hz and 14 bits, without which the strap refuses it."""
        head = bytes([self.opcode, self.kind])
        return head + ecg_settings() if self.opcode is Opcode.START else head


@dataclass(frozen=True, slots=True)
class ControlReply:
    """The strap's answer to a request; ``parameters`` follow a reply that went well."""

    opcode: int
    kind: int
    status: Status
    parameters: bytes = b""

    @classmethod
    def from_bytes(cls, data: bytes) -> ControlReply:
        """Decode an indication of the control point; error replies may stop after four octets.

        :raises FrameError: no reply, too short, or a status that is not known.
        """
        if len(data) < 4 or data[0] != _REPLY:
            raise FrameError("PMD reply", "expected F0, opcode, type, status")
        if data[3] not in set(Status):
            raise FrameError("PMD reply", f"status {data[3]} is not known", 3)
        return cls(data[1], data[2], Status(data[3]), data[5:])

    def to_bytes(self) -> bytes:
        """Encode; the octet before the parameters says that nothing more follows."""
        return bytes([_REPLY, self.opcode, self.kind, self.status, 0]) + self.parameters


def ecg_settings() -> bytes:
    """Return the settings of the ECG stream: each as id, count of values, value."""
    rate = struct.pack("<BBH", _RATE, 1, int(NOMINAL_RATE_HZ))
    return rate + struct.pack("<BBH", _RESOLUTION, 1, _RESOLUTION_BITS)


@dataclass(frozen=True, slots=True, eq=False)
class EcgFrame:
    """One ECG notification: samples in microvolts, shape ``(n,)``, int32.

    ``timestamp_ns`` is the strap's time of the last sample, in nanoseconds since 2000-01-01.
    """

    timestamp_ns: int
    samples_uv: NDArray[np.int32]

    @classmethod
    def from_bytes(cls, data: bytes) -> EcgFrame:
        """Decode an uncompressed ECG frame of 24-bit samples, the only kind straps send.

        :raises FrameError: another type or frame type, or a length that is no whole sample.
        """
        if len(data) < _HEAD.size + 3:
            raise FrameError("ECG frame", "shorter than one sample", len(data))
        kind, timestamp_ns, frame_type = _HEAD.unpack_from(data)
        if kind & _TYPE_MASK != ECG_TYPE:
            raise FrameError("ECG frame", f"measurement type {kind & _TYPE_MASK} is not ECG")
        if frame_type != 0:
            raise FrameError("ECG frame", f"frame type {frame_type:#x} is not supported", 9)
        if (len(data) - _HEAD.size) % 3:
            raise FrameError("ECG frame", "the last sample is cut short", len(data))
        return cls(timestamp_ns, _from_s24(data[_HEAD.size :]))

    def to_bytes(self) -> bytes:
        """Encode; samples must fit 24 bits."""
        words = self.samples_uv.astype("<i4").view(np.uint8).reshape(-1, 4)
        return _HEAD.pack(ECG_TYPE, self.timestamp_ns, 0) + words[:, :3].tobytes()


_NEXT_STEP = {
    Status.IN_CHARGER: "Take the strap out of its charger",
    Status.BAD_MTU: "Take the strap off and on again, so that the link is made anew",
}
_NEXT_STEP_ELSE = "Close the phone app that holds the strap, then take it off and on again"


class PolarDecoder(Decoder):
    """Decodes ECG frames, control replies, heart rate and battery of one strap."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._last_ns: int | None = None
        self._last_at = Boottime(0)
        self._is_new_stream = True
        self._period_ns = 1e9 / NOMINAL_RATE_HZ

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read the battery, stop a stream left over from before, start a new one."""
        self._is_new_stream = True
        return (
            Read(BATTERY_LEVEL),
            Write(CONTROL_POINT, ControlRequest(Opcode.STOP).to_bytes()),
            Write(CONTROL_POINT, ControlRequest(Opcode.START).to_bytes()),
        )

    def feed(self, data: bytes, at: Boottime, channel: str = DATA) -> Iterable[Output]:
        """Decode one notification or indication of ``channel``."""
        if channel == DATA:
            return tuple(self._waveform(EcgFrame.from_bytes(data), at))
        if channel == CONTROL_POINT:
            return tuple(self._control(data, at))
        if channel == heart_rate.MEASUREMENT:
            one = heart_rate.HeartRateMeasurement.from_bytes(data)
            return tuple(heart_rate.observations(one, at, self.sensor))
        if channel == BATTERY_LEVEL:
            return (battery_level(data, at, self.sensor),)
        raise FrameError(f"channel {channel}", "not one of this driver's")

    def close(self) -> Iterable[Request]:
        """Stop the stream: a strap left streaming stays awake until its battery is empty."""
        return (Write(CONTROL_POINT, ControlRequest(Opcode.STOP).to_bytes()),)

    def _waveform(self, frame: EcgFrame, at: Boottime) -> Iterator[Output]:
        count = len(frame.samples_uv)
        missing_s = self._missing_s(frame, at)
        self._last_ns, self._last_at, self._is_new_stream = frame.timestamp_ns, at, False
        if missing_s:
            detail = {"missing_s": round(missing_s, 3)}
            yield Event(kind=EventKind.GAP, at=at, sensor=self.sensor, detail=detail)
        yield Waveform(
            code=ECG,
            samples=frame.samples_uv,
            unit_per_count=1.0,
            rate_hz=1e9 / self._period_ns,
            start=Boottime(at - round((count - 1) * self._period_ns)),
            sensor=self.sensor,
            device_ns=frame.timestamp_ns - round((count - 1) * self._period_ns),
            follows_gap=bool(missing_s),
        )

    def _missing_s(self, frame: EcgFrame, at: Boottime) -> float:
        """Refine the sample period; return the seconds of signal missing before this frame.

        Across connections, and when the strap's clock fell back (it restarts in 2019 after a
        minute off the skin), the gap is judged by arrival.

        :raises FrameError: the time does not come after that of the frame before.
        """
        if self._last_ns is None:
            return 0.0
        count, spacing_ns = len(frame.samples_uv), frame.timestamp_ns - self._last_ns
        clock_fell_back = spacing_ns < -_CLOCK_RESET_NS
        if self._is_new_stream or clock_fell_back:
            spacing_ns = at - self._last_at
        elif spacing_ns <= 0:
            raise FrameError("ECG frame", "its time does not come after the one before", 1)
        else:
            period_ns = spacing_ns / count
            if abs(period_ns * NOMINAL_RATE_HZ / 1e9 - 1) <= _RATE_TOLERANCE:
                self._period_ns += _SMOOTHING * (period_ns - self._period_ns)
                return 0.0
        return max(self._period_ns, spacing_ns - count * self._period_ns) / 1e9

    def _control(self, data: bytes, at: Boottime) -> Iterator[Output]:
        if data[:1] == bytes([_STOPPED]):
            if ECG_TYPE in data[1:]:
                yield self._refused(at, "the strap stopped the stream", "Moisten and refit it")
                yield Write(CONTROL_POINT, ControlRequest(Opcode.START).to_bytes())
            return
        reply = ControlReply.from_bytes(data)
        if reply.opcode != Opcode.START or reply.status is Status.OK:
            return
        if reply.status is Status.ALREADY_IN_STATE:
            return  # it streams already, which is what was asked
        step = _NEXT_STEP.get(reply.status, _NEXT_STEP_ELSE)
        yield self._refused(at, f"status {reply.status.name.lower()}", step)

    def _refused(self, at: Boottime, reason: str, next_step: str) -> Event:
        detail = {"reason": reason, "next_step": next_step}
        return Event(kind=EventKind.STREAM_REFUSED, at=at, sensor=self.sensor, detail=detail)


def _from_s24(octets: bytes) -> NDArray[np.int32]:
    """Unpack little-endian 24-bit two's-complement numbers."""
    parts = np.frombuffer(octets, np.uint8).reshape(-1, 3).astype(np.int32)
    unsigned = parts[:, 0] | (parts[:, 1] << 8) | (parts[:, 2] << 16)
    return (unsigned ^ 0x800000) - 0x800000


DRIVER = Driver(
    name="polar-pmd",
    title="Polar ECG strap (PMD service)",
    link=Gatt(
        service=heart_rate.SERVICE,
        notify=(CONTROL_POINT, DATA),
        optional=(heart_rate.MEASUREMENT, BATTERY_LEVEL),
        writable=(CONTROL_POINT,),
        silence_s=10.0,
    ),
    decoder=PolarDecoder,
    measures=(ECG, HEART_RATE),
    also=(RR_INTERVAL, BATTERY),
)
