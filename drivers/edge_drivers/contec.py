"""Contec's newer protocol (CMS50D+, E, F, FW): 115200 baud, 8N1, 60 real-time packets a second.

Source: Contec, "Communication protocol of pulse oximeter V7.0" (in albertcbraun/CMS50FW, GitHub);
captured bytes in headrotor/contec_data (GitHub). A packet is a type with bit 7 clear, an octet with
the high bits, and data with bit 7 set: bit *i* of the second octet is bit 7 of data octet *i*. A
driver that only masks bit 7 shows a pulse of 141 as 13.

The oximeter sends once it is asked to (command A1) and stops when it hears nothing for some
seconds, so the hub gives a sign of life (AF) every five. Packets of other types answer commands, or
are not documented; they are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.codes import PERFUSION_INDEX, PLETH, PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Request, Serial, Write
from edge_agent.model import Boottime, State
from edge_drivers.bci import quality
from edge_drivers.oximetry import Oximetry, SampleBySample
from edge_drivers.serial_frames import FrameDecoder, Framing, recogniser

RATE_HZ = 60.0
"""Nominal; the vendor gives 60 ± 2 per second."""
SAMPLES_PER_BLOCK = 20
NO_RATE, NO_SATURATION, NO_PERFUSION = 0xFF, 0x7F, 0xFFFF

_REAL_TIME, _REAL_TIME_OCTETS, _LONGEST = 0x01, 9, 10
_HIGH = 0x80
_SIGNAL, _TOO_LONG, _LOW_SPO2, _BEAT, _PROBE_ERROR = 0x0F, 0x10, 0x20, 0x40, 0x80
_SEARCHING, _BAR, _PI_INVALID = 0x80, 0x0F, 0x10


def command(opcode: int) -> bytes:
    """Return the nine octets of a command without parameters."""
    return bytes([0x7D, 0x81, opcode]) + bytes([_HIGH]) * 6


START, STOP, KEEP_ALIVE = command(0xA1), command(0xA2), command(0xAF)


@dataclass(frozen=True, slots=True, kw_only=True)
class RealTime:
    """One sample: ``pleth`` 0 to 127, ``signal`` 0 to 8, ``bar`` 0 to 15, numbers or ``None``.

    SpO2 is in percent, the pulse rate per minute, the perfusion index in 1/100 percent.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    pleth: int
    perfusion_centipercent: int | None = None
    signal: int = 8
    bar: int = 0
    beat: bool = False
    searching: bool = False
    searching_too_long: bool = False
    low_spo2: bool = False
    probe_error: bool = False

    @classmethod
    def from_bytes(cls, data: bytes) -> RealTime:
        """Decode nine octets.

        :raises FrameError: a wrong length, another type, or bit 7 missing after the type.
        """
        if len(data) != _REAL_TIME_OCTETS or data[0] != _REAL_TIME:
            raise FrameError("Contec packet", "no real-time packet of nine octets")
        if min(data[1:]) < _HIGH:
            raise FrameError("Contec packet", "bit 7 marks all but the type", 1)
        highs = data[1]
        flags, wave, bar, rate, spo2, low, high = (
            octet & 0x7F | (highs >> index & 1) << 7 for index, octet in enumerate(data[2:])
        )
        perfusion = high << 8 | low
        valid = not bar & _PI_INVALID and perfusion != NO_PERFUSION
        return cls(
            spo2_percent=None if spo2 & 0x7F == NO_SATURATION else spo2,
            pulse_per_min=None if rate == NO_RATE else rate,
            pleth=wave & 0x7F,
            perfusion_centipercent=perfusion if valid else None,
            signal=flags & _SIGNAL,
            bar=bar & _BAR,
            beat=bool(flags & _BEAT),
            searching=bool(wave & _SEARCHING),
            searching_too_long=bool(flags & _TOO_LONG),
            low_spo2=bool(flags & _LOW_SPO2),
            probe_error=bool(flags & _PROBE_ERROR),
        )

    def to_bytes(self) -> bytes:
        """Encode to nine octets."""
        perfusion = self.perfusion_centipercent
        low_high = (NO_PERFUSION if perfusion is None else perfusion).to_bytes(2, "little")
        values = (
            self.signal
            | _TOO_LONG * self.searching_too_long
            | _LOW_SPO2 * self.low_spo2
            | _BEAT * self.beat
            | _PROBE_ERROR * self.probe_error,
            self.pleth | _SEARCHING * self.searching,
            self.bar | _PI_INVALID * (perfusion is None),
            NO_RATE if self.pulse_per_min is None else self.pulse_per_min,
            NO_SATURATION if self.spo2_percent is None else self.spo2_percent,
            *low_high,
        )
        highs = sum((value >> 7) << index for index, value in enumerate(values))
        return bytes([_REAL_TIME, _HIGH | highs, *(_HIGH | value for value in values)])

    @property
    def state(self) -> State:
        """How the numbers were taken; a probe error is what a finger pulled out looks like."""
        if self.probe_error:
            return State.NOT_ATTACHED
        if self.searching or self.searching_too_long:
            return State.SEARCHING
        return State.MEASURED


def packet(octets: bytes) -> RealTime | None:
    """Decode a packet; ``None`` for one of another type.

    :raises FrameError: a real-time packet that is none.
    """
    return RealTime.from_bytes(octets) if octets[0] == _REAL_TIME else None


_PACKET = re.compile(rb"\x01[\x80-\xff]{8}|[\x02-\x14][\x80-\xff]{1,8}(?=[\x00-\x7f])")


class ContecDecoder(FrameDecoder[RealTime | None]):
    """Asks for real-time packets and finds them; three times a second they give readings."""

    framing: Framing[RealTime | None] = Framing(pattern=_PACKET, longest=_LONGEST, parse=packet)

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._samples = SampleBySample(sensor, RATE_HZ, SAMPLES_PER_BLOCK)

    def open(self, at: Boottime) -> Iterable[Request]:
        """Ask for real-time packets."""
        self._samples.drop()
        super().open(at)
        return (Write("", START),)

    def poll(self, at: Boottime) -> Iterable[Request]:
        """Give a sign of life."""
        return (Write("", KEEP_ALIVE),)

    def close(self) -> Iterable[Request]:
        """Let the oximeter stop sending."""
        return (Write("", STOP),)

    def _readings(self, frame: RealTime | None, at: Boottime, *, is_cut: bool) -> Iterable[Output]:
        if frame is None:
            self._is_cut = is_cut  # still to be told, by the next sample
            return ()
        perfusion = frame.perfusion_centipercent
        one = Oximetry(
            spo2_percent=frame.spo2_percent,
            pulse_per_min=frame.pulse_per_min,
            perfusion_percent=None if perfusion is None else perfusion / 100,
            state=frame.state,
            quality=quality(frame.signal),
        )
        return self._samples.add(frame.pleth, one, at, is_cut=is_cut)


DRIVER = Driver(
    name="contec",
    title="Contec oximeter (CMS50D+, CMS50E, CMS50F)",
    link=Serial(baud=115_200, silence_s=5.0, poll_s=5.0),
    decoder=ContecDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PLETH, PERFUSION_INDEX),
    advice=(
        "Use the cable that came with it: the socket on the device carries 3.3 V TTL, not USB. "
        "Older devices need the driver contec-old."
    ),
    recognise=recogniser(ContecDecoder.framing),
)
