"""Nonin pulse oximeters on a serial line, data formats 2 and 7 (9600 baud, 8N1).

Source: Nonin OEM III module specification, as implemented in mdpnp/mdpnp and
pez-globo/pufferfish-software (GitHub). A packet is 25 frames of five octets, three packets a
second. Each frame carries a status, one pleth sample, one octet of the packet's values, and a
checksum; bit 0 of the status marks the first frame.

    format 2    01 | status | pleth | value | sum of the four
    format 7    status | pleth high | pleth low | value | sum of the four

Pulse rates have nine bits: two in one frame, seven in the next. The readings are the four-beat
averages; the packet carries the sensor's other averages as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from enum import Enum, IntFlag

from edge_agent.codes import PLETH, PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Serial
from edge_agent.model import Boottime, State
from edge_drivers.annunciation import Annunciations, names
from edge_drivers.nonin_status import (
    BATTERY,
    NO_RATE,
    NO_SATURATION,
    Status2,
    pulse_rate,
    pulse_rate_octets,
    saturation,
    saturation_octet,
)
from edge_drivers.oximetry import (
    LOW_PERFUSION_QUALITY,
    MARGINAL_PERFUSION_QUALITY,
    Oximetry,
    PlethTime,
)
from edge_drivers.serial_frames import FrameDecoder, Framing, recogniser

__all__ = [
    "DRIVER", "DRIVER_7", "FRAMES", "NO_RATE", "NO_SATURATION", "PACKET_OCTETS", "PLETH_RATE_HZ",
    "Averages", "Format", "FrameStatus", "Packet", "is_frame",
]  # fmt: skip

FRAME_OCTETS, FRAMES = 5, 25
PACKET_OCTETS = FRAME_OCTETS * FRAMES
PLETH_RATE_HZ = 75.0

_START = 0x01
_RATE, _SATURATION, _FIRMWARE, _TIMER, _STATUS2 = 0, 2, 3, 5, 7
_SATURATIONS = {
    "spo2_shown": 8, "spo2_fast": 9, "spo2_beat": 10, "spo2_extended": 15,
    "spo2_extended_shown": 16,
}  # fmt: skip
_RATES = {"pulse_extended": 13, "pulse_shown": 19, "pulse_extended_shown": 21}


class Format(Enum):
    """The two layouts of a frame; the value is Nonin's number of the format."""

    EIGHT_BIT = 2
    SIXTEEN_BIT = 7

    @property
    def highest(self) -> int:
        """The highest pleth sample; the lowest is 0."""
        return 0xFF if self is Format.EIGHT_BIT else 0xFFFF


class FrameStatus(IntFlag):
    """The status octet of a frame; red and green together mean yellow."""

    NONE = 0x00
    SYNC = 0x01
    GREEN_PERFUSION = 0x02
    RED_PERFUSION = 0x04
    SENSOR_ALARM = 0x08
    OUT_OF_TRACK = 0x10
    ARTIFACT = 0x20
    DISCONNECTED = 0x40
    ALWAYS = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Averages:
    """The other averages of a packet: SpO2 in percent, pulse rate per minute, ``None`` for none.

    ``fast`` is over four beats and quick to respond, ``beat`` a single beat, ``extended`` over
    eight beats, ``shown`` formatted for a display.
    """

    spo2_shown: int | None = None
    spo2_fast: int | None = None
    spo2_beat: int | None = None
    spo2_extended: int | None = None
    spo2_extended_shown: int | None = None
    pulse_extended: int | None = None
    pulse_shown: int | None = None
    pulse_extended_shown: int | None = None

    @classmethod
    def alike(cls, spo2_percent: int | None, pulse_per_min: int | None) -> Averages:
        """Return averages that all agree with the four-beat ones."""
        every = [field.name for field in fields(cls)]
        return cls(
            **{name: spo2_percent if name in _SATURATIONS else pulse_per_min for name in every}
        )


_NO_AVERAGES = Averages()


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A third of a second: SpO2 (percent), pulse rate (per minute), 25 pleth samples.

    ``None`` means that the sensor has no value. ``status`` holds every status bit that was set in
    any of the frames, without the sync bit. ``timer`` is a 14-bit counter of the sensor whose unit
    no public source gives, so that it places nothing in time.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    pleth: tuple[int, ...]
    status: FrameStatus = FrameStatus.NONE
    status2: Status2 = Status2.NONE
    firmware: int = 48
    timer: int = 0
    averages: Averages = _NO_AVERAGES

    @classmethod
    def from_bytes(cls, data: bytes, layout: Format = Format.EIGHT_BIT) -> Packet:
        """Decode 125 octets that begin with the first frame.

        :raises FrameError: a wrong length, checksum, start octet or sync bit.
        """
        if len(data) != PACKET_OCTETS:
            raise FrameError("Nonin packet", f"expected {PACKET_OCTETS} octets", len(data))
        at_status = 1 if layout is Format.EIGHT_BIT else 0
        status = FrameStatus.NONE
        for index, begin in enumerate(range(0, PACKET_OCTETS, FRAME_OCTETS)):
            frame = data[begin : begin + FRAME_OCTETS]
            if bool(frame[at_status] & 1) != (index == 0) or not is_frame(frame, layout):
                raise FrameError("Nonin packet", "a frame is damaged", begin)
            status |= frame[at_status]
        samples: Iterable[int] = data[2::FRAME_OCTETS]
        if layout is Format.SIXTEEN_BIT:
            highs = data[1::FRAME_OCTETS]
            samples = (high << 8 | low for high, low in zip(highs, samples, strict=True))
        return cls._of_values(data[3::FRAME_OCTETS], tuple(samples), status)

    @classmethod
    def _of_values(cls, values: bytes, samples: tuple[int, ...], status: FrameStatus) -> Packet:
        averages = {name: saturation(values[at]) for name, at in _SATURATIONS.items()}
        averages |= {name: pulse_rate(values[at], values[at + 1]) for name, at in _RATES.items()}
        return cls(
            spo2_percent=saturation(values[_SATURATION]),
            pulse_per_min=pulse_rate(values[_RATE], values[_RATE + 1]),
            pleth=samples,
            status=status & ~(FrameStatus.SYNC | FrameStatus.ALWAYS),
            status2=Status2(values[_STATUS2]),
            firmware=values[_FIRMWARE],
            timer=(values[_TIMER] & 0x7F) << 7 | values[_TIMER + 1] & 0x7F,
            averages=Averages(**averages),
        )

    def to_bytes(self, layout: Format = Format.EIGHT_BIT) -> bytes:
        """Encode to 125 octets; every frame carries the whole status."""
        values = self._values()
        packet = bytearray()
        for index, (sample, value) in enumerate(zip(self.pleth, values, strict=True)):
            status = self.status | FrameStatus.ALWAYS
            status |= FrameStatus.SYNC if index == 0 else FrameStatus.NONE
            if layout is Format.EIGHT_BIT:
                frame = bytes([_START, status, sample, value])
            else:
                frame = bytes([status, sample >> 8, sample & 0xFF, value])
            packet += frame + bytes([sum(frame) & 0xFF])
        return bytes(packet)

    def _values(self) -> bytearray:
        values = bytearray(FRAMES)
        values[_RATE : _RATE + 2] = bytes(pulse_rate_octets(self.pulse_per_min))
        values[_SATURATION] = saturation_octet(self.spo2_percent)
        values[_FIRMWARE], values[_STATUS2] = self.firmware, self.status2
        values[_TIMER], values[_TIMER + 1] = self.timer >> 7, self.timer & 0x7F
        for name, at in _SATURATIONS.items():
            values[at] = saturation_octet(getattr(self.averages, name))
        for name, at in _RATES.items():
            values[at : at + 2] = bytes(pulse_rate_octets(getattr(self.averages, name)))
        return values


def is_frame(octets: bytes | bytearray, layout: Format = Format.EIGHT_BIT) -> bool:
    """Tell whether five octets are a frame: start octet, status bit 7, checksum."""
    if octets[4] != sum(octets[:4]) & 0xFF:
        return False
    if layout is Format.EIGHT_BIT:
        return octets[0] == _START and bool(octets[1] & 0x80)
    return bool(octets[0] & 0x80)


_FIRST_STATUS = b"[%s]" % b"".join(b"\\x%02x" % octet for octet in range(0x81, 0x100, 2))
_OTHER_STATUS = b"[%s]" % b"".join(b"\\x%02x" % octet for octet in range(0x80, 0x100, 2))
_EIGHT_BIT = re.compile(rb"(?s:\x01%s.{3}(?:\x01%s.{3}){24})" % (_FIRST_STATUS, _OTHER_STATUS))
_SIXTEEN_BIT = re.compile(rb"(?s:%s.{4}(?:%s.{4}){24})" % (_FIRST_STATUS, _OTHER_STATUS))


class NoninDecoder(FrameDecoder[Packet]):
    """Finds packets of format 2 in the octet stream and gives their readings."""

    framing = Framing(pattern=_EIGHT_BIT, longest=PACKET_OCTETS, parse=Packet.from_bytes)

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._pleth = PlethTime(sensor, PLETH_RATE_HZ)
        self._annunciations = Annunciations(sensor)

    def _readings(self, frame: Packet, at: Boottime, *, is_cut: bool) -> Iterator[Output]:
        one = _oximetry(frame)
        yield from self._annunciations.update(names(frame.status2 & BATTERY), at)
        yield from one.observations(at, self.sensor)
        yield self._pleth.block(frame.pleth, one.state, at, is_cut=is_cut)


class Nonin7Decoder(NoninDecoder):
    """The same for format 7."""

    framing = Framing(
        pattern=_SIXTEEN_BIT,
        longest=PACKET_OCTETS,
        parse=lambda octets: Packet.from_bytes(octets, Format.SIXTEEN_BIT),
    )


def _oximetry(packet: Packet) -> Oximetry:
    return Oximetry(
        spo2_percent=packet.spo2_percent,
        pulse_per_min=packet.pulse_per_min,
        state=_state(packet),
        quality=_quality(packet.status),
    )


def _state(packet: Packet) -> State:
    if Status2.SENSOR_FAULT in packet.status2:
        return State.SENSOR_FAULT
    if FrameStatus.DISCONNECTED in packet.status:
        return State.NOT_ATTACHED
    if FrameStatus.OUT_OF_TRACK in packet.status:
        return State.SEARCHING
    if packet.status & (FrameStatus.ARTIFACT | FrameStatus.SENSOR_ALARM):
        return State.QUESTIONABLE
    return State.MEASURED


def _quality(status: FrameStatus) -> float:
    red = FrameStatus.RED_PERFUSION in status
    green = FrameStatus.GREEN_PERFUSION in status
    if red and not green:
        return LOW_PERFUSION_QUALITY
    return MARGINAL_PERFUSION_QUALITY if red else 1.0


DRIVER = Driver(
    name="nonin-2",
    title="Nonin serial oximeter, data format 2",
    link=Serial(baud=9600, silence_s=5.0),
    decoder=NoninDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PLETH),
    advice=(
        "Choose data format 2 at the module (OEM III, Xpod, 3012), or in the settings of a "
        "Bluetooth model (9560, 3150) bound to a serial port; the hub does not change it."
    ),
    recognise=recogniser(NoninDecoder.framing),
)

DRIVER_7 = Driver(
    name="nonin-7",
    title="Nonin serial oximeter, data format 7 (16-bit pleth)",
    link=Serial(baud=9600, silence_s=5.0),
    decoder=Nonin7Decoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PLETH),
    advice="Choose data format 7 at the sensor or its module; the hub does not change it.",
    recognise=recogniser(Nonin7Decoder.framing),
)
