"""Nonin oximeters that print a line of text every second (8500, 8600, 9600 Avant, 9847, 4100).

Source: operator's manuals of these models, chapter "real-time data output": 9600 baud, 8N1 (the
9600 Avant sends two stop bits, others a ninth bit that is always set; a receiver set to 8N1 reads
both).

    [HH:MM:SS] SPO2=XXX HR=YYY [F][*][B]

``F`` marks fast-responding values, ``*`` an event key, ``B`` a breath; dashes mean "no data". At
power-on the model prints a header, which is passed over as text that is no measurement.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Serial
from edge_agent.model import Boottime
from edge_drivers.oximetry import Oximetry
from edge_drivers.serial_frames import FrameDecoder, recogniser
from edge_drivers.serial_lines import line_framing, number_or_dashes

_LINE = re.compile(
    r"(?:(?P<clock>\d\d:\d\d:\d\d)\s+)?SPO2=(?P<spo2>\d{1,3}|-{1,3})\s+HR=(?P<rate>\d{1,3}|-{1,3})"
    r"(?P<marks>[ F*B]*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedLine:
    """One second: SpO2 in percent, pulse rate per minute, ``None`` for none.

    ``clock`` is the model's own time of day, where it prints one.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    clock: dt.time | None = None
    fast: bool = False
    event: bool = False
    breath: bool = False

    @classmethod
    def from_text(cls, line: str) -> PrintedLine:
        """Decode one line without its end.

        :raises FrameError: any other text.
        """
        found = _LINE.fullmatch(line)
        if found is None:
            raise FrameError("Nonin line", "expected SPO2=XXX HR=YYY")
        try:
            clock = dt.time.fromisoformat(found["clock"]) if found["clock"] else None
        except ValueError as error:
            raise FrameError("Nonin line", str(error)) from error
        return cls(
            spo2_percent=number_or_dashes(found["spo2"]),
            pulse_per_min=number_or_dashes(found["rate"]),
            clock=clock,
            fast="F" in found["marks"],
            event="*" in found["marks"],
            breath="B" in found["marks"],
        )

    def to_text(self) -> str:
        """Encode, without the end of the line."""
        clock = f"{self.clock:%H:%M:%S} " if self.clock else ""
        marks = " F" * self.fast + "*" * self.event + "B" * self.breath
        return f"{clock}SPO2={_digits(self.spo2_percent)} HR={_digits(self.pulse_per_min)}{marks}"


def _digits(value: int | None) -> str:
    return "---" if value is None else f"{value:03}"


class NoninAsciiDecoder(FrameDecoder[PrintedLine]):
    """Reads the lines; the model's clock knows neither date nor zone, so the hub's is used."""

    framing = line_framing(PrintedLine.from_text)

    def _readings(self, frame: PrintedLine, at: Boottime, *, is_cut: bool) -> Iterator[Output]:
        one = Oximetry(spo2_percent=frame.spo2_percent, pulse_per_min=frame.pulse_per_min)
        yield from one.observations(at, self.sensor)


DRIVER = Driver(
    name="nonin-ascii",
    title="Nonin oximeter that prints lines (8500, 8600, 9600, 9847, 4100)",
    link=Serial(baud=9600, silence_s=5.0),
    decoder=NoninAsciiDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE,),
    advice=(
        "Connect the real-time output with a null-modem cable. The lines tell neither a finger "
        "pulled out nor a weak pulse: missing numbers are all that is seen of them."
    ),
    recognise=recogniser(NoninAsciiDecoder.framing),
)
