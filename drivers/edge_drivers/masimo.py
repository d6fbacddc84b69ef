"""Masimo Rad-8 and Radical-7: a line of KEY=VALUE every second ("ASCII 1", 9600 baud, 8N1).

Sources: lines captured in yahnatan/pulseox (Rad-8) and nmenon/masimo-datacapture (Radical-7), both
on GitHub. Which keys there are, whether a percent sign follows, and how many digits EXC has differ
by model; dashes mean "no number". The bits of EXC are those users have found, for Masimo publishes
none. The clock has no zone and drifts, so the hub's is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

from edge_agent.codes import PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Serial
from edge_agent.model import Boottime, State
from edge_drivers.oximetry import LOW_PERFUSION_QUALITY, Oximetry
from edge_drivers.serial_frames import FrameDecoder, recogniser
from edge_drivers.serial_lines import line_framing

_FIELD = re.compile(r"([A-Z][A-Z0-9]*)=(\S*)")
_NUMBER = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)%?")
_NO_NUMBER = re.compile(r"[+-][-.]*%?")
_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,8}")
_SERIAL_NUMBER = re.compile(rb"(?<=SN=)[^\s=]+|[^\s=]+(?=\s+SPO2=)")


class Exc(IntFlag):
    """The bits of EXC."""

    NONE = 0x000
    NO_SENSOR = 0x001
    SENSOR_DEFECTIVE = 0x002
    LOW_PERFUSION = 0x004
    SEARCHING = 0x008
    INTERFERENCE = 0x010
    OFF_PATIENT = 0x020
    AMBIENT_LIGHT = 0x040
    SENSOR_UNRECOGNISED = 0x080
    LOW_SIGNAL_IQ = 0x400
    SIGNAL_EXTRACTION = 0x800
    """Masimo's SET algorithm is at work: the normal case."""


_KNOWN_BITS = sum(Exc)
_NOT_ATTACHED = Exc.NO_SENSOR | Exc.OFF_PATIENT
_FAULT = Exc.SENSOR_DEFECTIVE | Exc.SENSOR_UNRECOGNISED
_DOUBT = Exc.INTERFERENCE | Exc.AMBIENT_LIGHT | Exc.LOW_SIGNAL_IQ


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One second: SpO2 and perfusion index in percent, pulse rate per minute, ``None`` for none.

    ``serial_number`` is as printed. Fields of other parameters are not kept.
    """

    spo2_percent: float | None
    pulse_per_min: float | None
    perfusion_percent: float | None = None
    exceptions: Exc = Exc.NONE
    serial_number: str = "----------"
    clock: str = ""

    @classmethod
    def from_text(cls, text: str) -> Line:
        """Decode one line without its end.

        :raises FrameError: SPO2 or BPM is missing, or a field is neither a number nor dashes.
        """
        found = dict(_FIELD.findall(text))
        if not {"SPO2", "BPM"} <= found.keys():
            raise FrameError("Masimo line", "expected SPO2= and BPM=")
        exc = found.get("EXC", "0")
        if _HEXADECIMAL.fullmatch(exc) is None:
            raise FrameError("Masimo line", f"EXC={exc} is not hexadecimal")
        return cls(
            spo2_percent=_number(found, "SPO2"),
            pulse_per_min=_number(found, "BPM"),
            perfusion_percent=_number(found, "PI"),
            exceptions=Exc(int(exc, 16) & _KNOWN_BITS),
            serial_number=found.get("SN", ""),
            clock=text[: text.index("=")].rpartition(" ")[0].strip(),
        )

    def to_text(self) -> str:
        """Encode as a Rad-8 prints it, without the end of the line."""
        spo2 = "---" if self.spo2_percent is None else f"{self.spo2_percent:03.0f}"
        rate = "---" if self.pulse_per_min is None else f"{self.pulse_per_min:03.0f}"
        perfusion = "--.--" if self.perfusion_percent is None else f"{self.perfusion_percent:05.2f}"
        return (
            f"{self.clock} SN={self.serial_number} SPO2={spo2}% BPM={rate} PI={perfusion}% "
            f"SPCO=--.-% SPMET=--.-% DESAT=-- PIDELTA=+-- ALARM=0000 EXC={self.exceptions:06X}"
        ).strip()

    @property
    def state(self) -> State:
        """How the numbers were taken, the worst exception first."""
        if self.exceptions & _FAULT:
            return State.SENSOR_FAULT
        if self.exceptions & _NOT_ATTACHED:
            return State.NOT_ATTACHED
        if self.exceptions & Exc.SEARCHING:
            return State.SEARCHING
        return State.QUESTIONABLE if self.exceptions & _DOUBT else State.MEASURED


def _number(found: dict[str, str], key: str) -> float | None:
    text = found.get(key, "--")
    number = _NUMBER.fullmatch(text)
    if number is not None:
        return float(number[1])
    if _NO_NUMBER.fullmatch(text) is None:
        raise FrameError("Masimo line", f"{key}={text} is neither a number nor dashes")
    return None


class MasimoDecoder(FrameDecoder[Line]):
    """Reads the lines."""

    framing = line_framing(Line.from_text)

    def _readings(self, frame: Line, at: Boottime, *, is_cut: bool) -> Iterator[Output]:
        is_weak = bool(frame.exceptions & Exc.LOW_PERFUSION)
        one = Oximetry(
            spo2_percent=frame.spo2_percent,
            pulse_per_min=frame.pulse_per_min,
            perfusion_percent=frame.perfusion_percent,
            state=frame.state,
            quality=LOW_PERFUSION_QUALITY if is_weak else 1.0,
        )
        yield from one.observations(at, self.sensor)


def scrub(octets: bytes, _channel: str) -> bytes:
    """Replace the serial number by zeros, also in a line whose beginning was not heard."""
    return _SERIAL_NUMBER.sub(lambda found: b"0" * len(found[0]), octets)


DRIVER = Driver(
    name="masimo",
    title="Masimo Rad-8 or Radical-7 (serial output ASCII 1)",
    link=Serial(baud=9600, silence_s=5.0),
    decoder=MasimoDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PERFUSION_INDEX),
    advice=(
        "Set the serial output to ASCII 1 (Rad-8: setup level 3, SEr, AS1; ASCII 2 is the "
        "default). It prints only; the hub sends nothing."
    ),
    recognise=recogniser(MasimoDecoder.framing),
    scrub=scrub,
)
