"""Nonin pulse oximeters on a serial line, data format 2 (9600 baud, 8N1).

Source: Nonin OEM III module specification. A packet is 25 frames of five octets, three packets a
second. Each frame carries a status, one pleth sample, one octet of the packet's values, and a
checksum; bit 0 of the status marks the first frame.

    01 | status | pleth | value | (01 + status + pleth + value) & FF

The heart rate has nine bits: two in frame 1, seven in frame 2. 127 (SpO2) and 511 (rate) mean
"no value".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntFlag

import numpy as np

from edge_agent.codes import PLETH, PULSE_RATE, SPO2
from edge_agent.driver import Decoder, Driver, FrameError, Output, Request, Serial
from edge_agent.model import Boottime, Code, Event, EventKind, Observation, State, Waveform

FRAME_OCTETS, FRAMES = 5, 25
PACKET_OCTETS = FRAME_OCTETS * FRAMES
PLETH_RATE_HZ = 75.0
NO_RATE, NO_SATURATION = 511, 127

_START = 0x01
_RATE_MSB, _RATE_LSB, _SATURATION, _FIRMWARE, _STATUS2 = 0, 1, 2, 3, 7
_E_RATE_MSB, _E_RATE_LSB, _E_SATURATION = 13, 14, 15
_LOW_PERFUSION_QUALITY = 0.6
_MARGINAL_PERFUSION_QUALITY = 0.8
_REPORT_AFTER = PACKET_OCTETS


class FrameStatus(IntFlag):
    """The status octet of a frame; red and green together mean yellow."""

    SYNC = 0x01
    GREEN_PERFUSION = 0x02
    RED_PERFUSION = 0x04
    SENSOR_ALARM = 0x08
    OUT_OF_TRACK = 0x10
    ARTIFACT = 0x20
    DISCONNECTED = 0x40
    ALWAYS = 0x80


_NOTHING_SET = FrameStatus(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A third of a second: SpO2 (percent), pulse rate (per minute), 25 pleth samples (0 to 255).

    ``None`` means that the sensor has no value. ``status`` holds every status bit that was set in
    any of the frames, without the sync bit.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    pleth: tuple[int, ...]
    status: FrameStatus = _NOTHING_SET
    firmware: int = 48
    battery_low: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> Packet:
        """Decode 125 octets that begin with the first frame.

        :raises FrameError: a wrong length, checksum, start octet or sync bit.
        """
        if len(data) != PACKET_OCTETS:
            raise FrameError("Nonin packet", f"expected {PACKET_OCTETS} octets", len(data))
        status = _NOTHING_SET
        for index in range(FRAMES):
            frame = data[index * FRAME_OCTETS : (index + 1) * FRAME_OCTETS]
            if not is_frame(frame) or bool(frame[1] & FrameStatus.SYNC) != (index == 0):
                raise FrameError("Nonin packet", "a frame is damaged", index * FRAME_OCTETS)
            status |= FrameStatus(frame[1])
        values = data[3::FRAME_OCTETS]
        rate = (values[_RATE_MSB] & 0x03) << 7 | values[_RATE_LSB] & 0x7F
        spo2 = values[_SATURATION] & 0x7F
        return cls(
            spo2_percent=None if spo2 == NO_SATURATION else spo2,
            pulse_per_min=None if rate == NO_RATE else rate,
            pleth=tuple(data[2::FRAME_OCTETS]),
            status=status & ~(FrameStatus.SYNC | FrameStatus.ALWAYS),
            firmware=values[_FIRMWARE],
            battery_low=bool(values[_STATUS2] & 0x01),
        )

    def to_bytes(self) -> bytes:
        """Encode to 125 octets; the extended averages repeat the four-beat ones."""
        rate = NO_RATE if self.pulse_per_min is None else self.pulse_per_min
        spo2 = NO_SATURATION if self.spo2_percent is None else self.spo2_percent
        values = bytearray(FRAMES)
        values[_RATE_MSB] = values[_E_RATE_MSB] = rate >> 7
        values[_RATE_LSB] = values[_E_RATE_LSB] = rate & 0x7F
        values[_SATURATION] = values[_E_SATURATION] = spo2
        values[_FIRMWARE], values[_STATUS2] = self.firmware, int(self.battery_low)
        packet = bytearray()
        for index, (pleth, value) in enumerate(zip(self.pleth, values, strict=True)):
            status = self.status | FrameStatus.ALWAYS
            status |= FrameStatus.SYNC if index == 0 else _NOTHING_SET
            frame = bytes([_START, status, pleth, value])
            packet += frame + bytes([sum(frame) & 0xFF])
        return bytes(packet)


def is_frame(octets: bytes | bytearray) -> bool:
    """Tell whether five octets are a frame: start octet, status bit 7, checksum."""
    return octets[0] == _START and bool(octets[1] & 0x80) and octets[4] == sum(octets[:4]) & 0xFF


@dataclass(slots=True)
class _Buffer:
    """The octets that are not used yet, and how many were skipped to find a packet.

    ``broken`` says that samples are missing between the last packet and the next.
    """

    octets: bytearray = field(default_factory=bytearray)
    skipped: int = 0
    broken: bool = False


class NoninDecoder(Decoder):
    """Finds packets in the octet stream, however it is cut, and again after garbage."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._buffer = _Buffer()
        self._has_given = False

    def open(self, at: Boottime) -> Iterable[Request]:
        """Forget the piece of a packet that the line was cut in; there is nothing to ask."""
        self._buffer = _Buffer(broken=True)
        return ()

    def feed(self, data: bytes, at: Boottime, channel: str = "") -> Iterable[Output]:
        """Take any piece of the stream; give the readings of every packet it completes."""
        self._buffer.octets += data
        return tuple(self._outputs(at))

    def _outputs(self, at: Boottime) -> Iterator[Output]:
        buffer = self._buffer
        while len(buffer.octets) >= PACKET_OCTETS:
            try:
                packet = Packet.from_bytes(bytes(buffer.octets[:PACKET_OCTETS]))
            except FrameError as error:
                yield from self._skip(_next_start(buffer.octets), error, at)
                continue
            yield from self._report_skipped("lost octets before a packet", at)
            del buffer.octets[:PACKET_OCTETS]
            yield from self._readings(packet, at)

    def _skip(self, count: int, error: FrameError, at: Boottime) -> Iterator[Event]:
        del self._buffer.octets[:count]
        self._buffer.skipped += count
        self._buffer.broken = True
        if self._buffer.skipped >= _REPORT_AFTER:
            yield from self._report_skipped(error.reason, at)

    def _report_skipped(self, reason: str, at: Boottime) -> Iterator[Event]:
        if self._buffer.skipped:
            detail: dict[str, str | float] = {"reason": reason, "octets": self._buffer.skipped}
            self._buffer.skipped = 0
            kind = EventKind.FRAME_REJECTED
            yield Event(kind=kind, at=at, sensor=self.sensor, detail=detail)

    def _readings(self, packet: Packet, at: Boottime) -> Iterator[Output]:
        state = _state(packet.status)
        yield self._value(SPO2, packet.spo2_percent, state, packet, at)
        yield self._value(PULSE_RATE, packet.pulse_per_min, state, packet, at)
        length_ns = round((FRAMES - 1) / PLETH_RATE_HZ * 1e9)
        yield Waveform(
            code=PLETH,
            samples=np.array(packet.pleth, np.int32),
            unit_per_count=1.0,
            rate_hz=PLETH_RATE_HZ,
            start=Boottime(at - length_ns),
            sensor=self.sensor,
            state=state,
            follows_gap=self._buffer.broken and self._has_given,
        )
        self._buffer.broken, self._has_given = False, True

    def _value(
        self, code: Code, value: int | None, state: State, packet: Packet, at: Boottime
    ) -> Observation:
        if state in {State.NOT_ATTACHED, State.SEARCHING}:
            value = None  # a number held from before the finger was pulled out
        elif value is None:
            state = State.SEARCHING
        elif not code.is_plausible(value):
            state = State.QUESTIONABLE
        return Observation(
            code=code,
            value=None if value is None else float(value),
            at=at,
            sensor=self.sensor,
            state=state,
            quality=_quality(packet.status) if state is State.MEASURED else 0.0,
        )


def _next_start(octets: bytearray) -> int:
    """Return how many octets to skip: up to the next that may begin a packet.

    Looking only as far as one packet keeps the result independent of how the stream was cut.
    """
    at = octets.find(_START, 1, PACKET_OCTETS)
    return PACKET_OCTETS if at < 0 else at


def _state(status: FrameStatus) -> State:
    if FrameStatus.DISCONNECTED in status:
        return State.NOT_ATTACHED
    if FrameStatus.OUT_OF_TRACK in status:
        return State.SEARCHING
    if status & (FrameStatus.ARTIFACT | FrameStatus.SENSOR_ALARM):
        return State.QUESTIONABLE
    return State.MEASURED


def _quality(status: FrameStatus) -> float:
    red = FrameStatus.RED_PERFUSION in status
    green = FrameStatus.GREEN_PERFUSION in status
    if red and not green:
        return _LOW_PERFUSION_QUALITY
    return _MARGINAL_PERFUSION_QUALITY if red else 1.0


DRIVER = Driver(
    name="nonin-2",
    title="Nonin serial oximeter, data format 2",
    link=Serial(baud=9600, silence_s=5.0),
    decoder=NoninDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PLETH),
)
