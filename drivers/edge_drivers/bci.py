"""BCI protocol, five octets with every sample: BerryMed and many unbranded oximeters.

Source: BCI protocol V1.2 of Shanghai Berry (zh2x/BCI_Protocol, GitHub), 115200 baud, 8N1, 100
frames a second. Only the first octet has bit 7 set, and there is no checksum: once octets were
lost, a frame is believed when the next begins behind it.

    1: bits 0-3 signal, 4 and 5 flags, 6 beat | pleth | bits 0-3 bar, 4 and 5 flags, 6 bit 7 of the
    rate | rate, low seven bits | SpO2

An older protocol of Contec (``contec_old``) has the same frame with other flags.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

from edge_agent.codes import PLETH, PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Request, Serial
from edge_agent.model import Boottime, State
from edge_drivers.oximetry import LOW_PERFUSION_QUALITY, Oximetry, SampleBySample
from edge_drivers.serial_frames import FrameDecoder, Framing, recogniser

FRAME_OCTETS = 5
NO_RATE, NO_SATURATION = 255, 127
WEAK_SIGNAL = 3
"""Below this signal strength (0 to 8) the pulse is weak. The limit is this hub's own."""

SAMPLES_PER_BLOCK = 25
_FIRST, _LOW, _HIGH = 0x80, 0x7F, 0x80
_FLAGS_1, _FLAGS_3, _RATE_BIT_7 = 0x70, 0x30, 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One sample: ``pleth`` 0 to 127, ``signal`` and ``bar`` 0 to 15, numbers or ``None``.

    ``flags`` holds bits 4 to 6 of the first octet and, in its high octet, bits 4 and 5 of the
    third. SpO2 is in percent, the pulse rate per minute.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    pleth: int
    signal: int = 8
    bar: int = 0
    flags: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> Frame:
        """Decode five octets.

        :raises FrameError: a wrong length, or bit 7 where it must not be or is missing.
        """
        if len(data) != FRAME_OCTETS:
            raise FrameError("oximeter frame", f"expected {FRAME_OCTETS} octets", len(data))
        if data[0] < _FIRST or max(data[1:]) >= _FIRST:
            raise FrameError("oximeter frame", "bit 7 marks the first octet alone")
        rate = data[3] | (_HIGH if data[2] & _RATE_BIT_7 else 0)
        return cls(
            spo2_percent=None if data[4] == NO_SATURATION else data[4],
            pulse_per_min=None if rate == NO_RATE else rate,
            pleth=data[1],
            signal=data[0] & 0x0F,
            bar=data[2] & 0x0F,
            flags=data[0] & _FLAGS_1 | (data[2] & _FLAGS_3) << 8,
        )

    def to_bytes(self) -> bytes:
        """Encode to five octets."""
        rate = NO_RATE if self.pulse_per_min is None else self.pulse_per_min
        third = self.bar | self.flags >> 8 & _FLAGS_3 | (_RATE_BIT_7 if rate & _HIGH else 0)
        spo2 = NO_SATURATION if self.spo2_percent is None else self.spo2_percent
        first = _FIRST | self.signal | self.flags & _FLAGS_1
        return bytes([first, self.pleth, third, rate & _LOW, spo2])


FRAMING = Framing(
    pattern=re.compile(rb"[\x80-\xff][\x00-\x7f]{4}"),
    longest=FRAME_OCTETS,
    parse=Frame.from_bytes,
    after_loss=re.compile(rb"[\x80-\xff][\x00-\x7f]{4}(?=[\x80-\xff])"),
)


class Flag(IntFlag):
    """The flags of the BCI protocol."""

    NO_SIGNAL = 0x0010
    PROBE_UNPLUGGED = 0x0020
    BEAT = 0x0040
    NO_FINGER = 0x1000
    SEARCHING = 0x2000


_NOT_ATTACHED = int(Flag.NO_FINGER | Flag.PROBE_UNPLUGGED)
_NO_PULSE = int(Flag.SEARCHING | Flag.NO_SIGNAL)


def quality(signal: int) -> float:
    """Return how far a number is trusted at this signal strength, 0 to 1."""
    return LOW_PERFUSION_QUALITY if signal < WEAK_SIGNAL else 1.0


class BciDecoder(FrameDecoder[Frame]):
    """Finds frames in the octet stream; four times a second they give readings."""

    framing = FRAMING
    rate_hz = 100.0

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._samples = SampleBySample(sensor, self.rate_hz, SAMPLES_PER_BLOCK)

    def open(self, at: Boottime) -> Iterable[Request]:
        """Forget what the line was cut in."""
        self._samples.drop()
        return super().open(at)

    def _readings(self, frame: Frame, at: Boottime, *, is_cut: bool) -> Iterable[Output]:
        one = Oximetry(
            spo2_percent=frame.spo2_percent,
            pulse_per_min=frame.pulse_per_min,
            state=self.state(frame),
            quality=quality(frame.signal),
        )
        return self._samples.add(frame.pleth, one, at, is_cut=is_cut)

    def state(self, frame: Frame) -> State:
        """Return how the numbers of ``frame`` were taken."""
        if frame.flags & _NOT_ATTACHED:
            return State.NOT_ATTACHED
        if frame.flags & _NO_PULSE:
            return State.SEARCHING
        return State.MEASURED


DRIVER = Driver(
    name="bci",
    title="BCI or BerryMed oximeter (five octets, 100 a second)",
    link=Serial(baud=115_200, silence_s=5.0),
    decoder=BciDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PLETH),
    advice=(
        "Modules of other makers may speak the same frames at another rate: give 'baud' if so. "
        "The frames have no checksum, so keep the cable short and shielded."
    ),
    recognise=recogniser(FRAMING),
)
