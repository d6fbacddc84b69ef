"""Nonin data format 8: four octets once a second, from modules and Bluetooth models (9600, 8N1).

    status and rate high | rate low | SpO2 | status 2

Sources that agree: mattjlewis/NoninPulseOx (``DataFormat8Serialiser``, Onyx II 9560) and
drphrozen/javautilityclasses (``Format8``), both on GitHub. Only the first octet has bit 7 set, and
there is no checksum: once octets were lost, a frame is believed when the next begins behind it.
Noise that looks like a frame right before a true one passes nevertheless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Serial
from edge_agent.model import Boottime, State
from edge_drivers.annunciation import Annunciations, names
from edge_drivers.nonin_status import (
    BATTERY,
    Status2,
    pulse_rate,
    pulse_rate_octets,
    saturation,
    saturation_octet,
)
from edge_drivers.oximetry import LOW_PERFUSION_QUALITY, MARGINAL_PERFUSION_QUALITY, Oximetry
from edge_drivers.serial_frames import FrameDecoder, Framing, recogniser

FRAME_OCTETS = 4

_FIRST = 0x80
_RATE_BITS = 0x03


class Status(IntFlag):
    """The first octet, without bit 7 and without the two bits of the rate."""

    NONE = 0x00
    ARTIFACT = 0x04
    MARGINAL_PERFUSION = 0x08
    LOW_PERFUSION = 0x10
    OUT_OF_TRACK = 0x20
    DISCONNECTED = 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One second: SpO2 in percent, pulse rate per minute, ``None`` for none."""

    spo2_percent: int | None
    pulse_per_min: int | None
    status: Status = Status.NONE
    status2: Status2 = Status2.NONE

    @classmethod
    def from_bytes(cls, data: bytes) -> Frame:
        """Decode four octets.

        :raises FrameError: a wrong length, or bit 7 where it must not be or is missing.
        """
        if len(data) != FRAME_OCTETS:
            raise FrameError("Nonin format 8", f"expected {FRAME_OCTETS} octets", len(data))
        if data[0] < _FIRST or max(data[1:]) >= _FIRST:
            raise FrameError("Nonin format 8", "bit 7 marks the first octet alone")
        return cls(
            spo2_percent=saturation(data[2]),
            pulse_per_min=pulse_rate(data[0], data[1]),
            status=Status(data[0] & ~(_FIRST | _RATE_BITS)),
            status2=Status2(data[3]),
        )

    def to_bytes(self) -> bytes:
        """Encode to four octets."""
        high, low = pulse_rate_octets(self.pulse_per_min)
        saturation = saturation_octet(self.spo2_percent)
        return bytes([_FIRST | self.status | high, low, saturation, self.status2])

    @property
    def state(self) -> State:
        """How the numbers were taken."""
        if Status2.SENSOR_FAULT in self.status2:
            return State.SENSOR_FAULT
        if Status.DISCONNECTED in self.status:
            return State.NOT_ATTACHED
        if Status.OUT_OF_TRACK in self.status:
            return State.SEARCHING
        return State.QUESTIONABLE if Status.ARTIFACT in self.status else State.MEASURED

    @property
    def quality(self) -> float:
        """How far the sensor trusts its numbers, 0 to 1."""
        if Status.LOW_PERFUSION in self.status:
            return LOW_PERFUSION_QUALITY
        return MARGINAL_PERFUSION_QUALITY if Status.MARGINAL_PERFUSION in self.status else 1.0


class Nonin8Decoder(FrameDecoder[Frame]):
    """Finds the four octets of each second and gives their readings."""

    framing = Framing(
        pattern=re.compile(rb"[\x80-\xff][\x00-\x7f]{3}"),
        longest=FRAME_OCTETS,
        parse=Frame.from_bytes,
        after_loss=re.compile(rb"[\x80-\xff][\x00-\x7f]{3}(?=[\x80-\xff])"),
    )

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._annunciations = Annunciations(sensor)

    def _readings(self, frame: Frame, at: Boottime, *, is_cut: bool) -> Iterator[Output]:
        yield from self._annunciations.update(names(frame.status2 & BATTERY), at)
        one = Oximetry(
            spo2_percent=frame.spo2_percent,
            pulse_per_min=frame.pulse_per_min,
            state=frame.state,
            quality=frame.quality,
        )
        yield from one.observations(at, self.sensor)


DRIVER = Driver(
    name="nonin-8",
    title="Nonin serial oximeter, data format 8 (once a second)",
    link=Serial(baud=9600, silence_s=5.0),
    decoder=Nonin8Decoder,
    measures=(SPO2,),
    also=(PULSE_RATE,),
    advice=(
        "Choose data format 8 at the module or in the sensor's settings; the hub does not change "
        "it. It carries no pulse wave: prefer format 2 where the sensor has it."
    ),
    recognise=recogniser(Nonin8Decoder.framing),
)
