"""Nellcor N-595, N-600x, N-395, NPB-290, NPB-295: columns of text every two seconds (9600, 8N1).

Sources: operator's manuals of the NPB-295 and N-395, appendix "data port protocol"; mdpnp/mdpnp
(GitHub). Two header lines repeat now and then, the second with the names of the columns:

    N-595 VERSION 1.0.0.1 CRC: XXXX SpO2 Limit: 85-100% PR Limit: 40-170BPM
    TIME                %SPO2  BPM   PA  Status
    01-Jan-26 10:15:02    98    72   40
    01-Jan-26 10:15:04    87*   72   40  SL

An asterisk marks a value that is alarmed, dashes a missing one. PA is a pulse amplitude without a
unit, and no perfusion index. The monitor's clock has no zone, so the hub's is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.codes import PULSE_RATE, SPO2
from edge_agent.driver import Driver, FrameError, Output, Serial
from edge_agent.model import Boottime, State
from edge_drivers.annunciation import Annunciations
from edge_drivers.oximetry import Oximetry
from edge_drivers.serial_frames import FrameDecoder, recogniser
from edge_drivers.serial_lines import line_framing, number_or_dashes

_COLUMNS = re.compile(
    r"(?P<clock>\d\d-[A-Za-z]{3}-\d\d\s+\d\d:\d\d:\d\d)"
    r"\s+(?P<spo2>\d{1,3}|-{3})(?P<spo2_alarm>\*?)"
    r"\s+(?P<rate>\d{1,3}|-{3})(?P<rate_alarm>\*?)"
    r"\s+(?P<amplitude>\d{1,3}|-{3})\*?"
    r"(?P<status>(?:\s+[A-Z]{2})*)"
)
_HEADER = re.compile(r"\S+\s+VERSION\s.*|TIME\s+%SPO2\s+BPM\s+PA\s+STATUS", re.IGNORECASE)

STATUS = {
    "AO": "alarm off", "AS": "alarm silence", "BU": "battery in use", "ID": "interference detected",
    "LB": "low battery", "LM": "loss of pulse with motion", "LP": "loss of pulse",
    "MO": "patient motion", "PH": "pulse rate high", "PL": "pulse rate low", "PS": "pulse search",
    "SD": "sensor disconnected", "SH": "saturation high", "SL": "saturation low",
    "SO": "sensor off",
}  # fmt: skip
"""What the status codes mean. Those that a monitor adds later are kept and change nothing."""

_NOT_ATTACHED = frozenset({"SD", "SO"})
_SEARCHING = frozenset({"LM", "LP", "PS"})
_DOUBT = frozenset({"ID", "MO"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: SpO2 in percent, pulse rate per minute, pulse amplitude, ``None`` for none."""

    spo2_percent: int | None
    pulse_per_min: int | None
    amplitude: int | None
    status: tuple[str, ...] = ()
    spo2_alarm: bool = False
    rate_alarm: bool = False
    clock: str = "01-Jan-26 00:00:00"

    @classmethod
    def from_text(cls, text: str) -> Row:
        """Decode one line without its end.

        :raises FrameError: any other text.
        """
        found = _COLUMNS.fullmatch(text)
        if found is None:
            raise FrameError("Nellcor row", "expected date, time, %SPO2, BPM, PA and status")
        return cls(
            spo2_percent=number_or_dashes(found["spo2"]),
            pulse_per_min=number_or_dashes(found["rate"]),
            amplitude=number_or_dashes(found["amplitude"]),
            status=tuple(found["status"].split()),
            spo2_alarm=bool(found["spo2_alarm"]),
            rate_alarm=bool(found["rate_alarm"]),
            clock=found["clock"],
        )

    def to_text(self) -> str:
        """Encode, without the end of the line."""
        spo2 = _digits(self.spo2_percent) + ("*" if self.spo2_alarm else "")
        rate = _digits(self.pulse_per_min) + ("*" if self.rate_alarm else "")
        columns = f"{self.clock}   {spo2:<5}  {rate:<5}  {_digits(self.amplitude):<4}"
        return (columns + "  " + " ".join(self.status)).rstrip()

    @property
    def state(self) -> State:
        """How the numbers were taken."""
        if not _NOT_ATTACHED.isdisjoint(self.status):
            return State.NOT_ATTACHED
        if not _SEARCHING.isdisjoint(self.status):
            return State.SEARCHING
        return State.MEASURED if _DOUBT.isdisjoint(self.status) else State.QUESTIONABLE


def _digits(value: int | None) -> str:
    return "---" if value is None else f"{value:3}"


def row(text: str) -> Row | None:
    """Decode a line; ``None`` for one of the two headers.

    :raises FrameError: any other text.
    """
    return None if _HEADER.fullmatch(text) else Row.from_text(text)


class NellcorDecoder(FrameDecoder[Row | None]):
    """Reads the rows, and tells when the monitor's battery begins to run low."""

    framing = line_framing(row)

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._annunciations = Annunciations(sensor)

    def _readings(self, frame: Row | None, at: Boottime, *, is_cut: bool) -> Iterator[Output]:
        if frame is None:
            return
        yield from self._annunciations.update(["battery-low"] * ("LB" in frame.status), at)
        one = Oximetry(
            spo2_percent=frame.spo2_percent, pulse_per_min=frame.pulse_per_min, state=frame.state
        )
        yield from one.observations(at, self.sensor)


DRIVER = Driver(
    name="nellcor",
    title="Nellcor monitor with a data port (N-595, N-600x, N-395, NPB-290)",
    link=Serial(baud=9600, silence_s=10.0),
    decoder=NellcorDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE,),
    advice=(
        "Set the data port to ASCII, 9600 baud, and use its RS-232 pins with a null-modem cable. "
        "A row comes every two seconds."
    ),
    recognise=recogniser(NellcorDecoder.framing),
)
