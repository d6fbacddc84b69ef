"""A mock Nellcor N-595: columns of text, with the header every 24 rows."""

from __future__ import annotations

from edge_drivers.nellcor import Row
from edge_mocks.serial_line import SerialLine
from edge_mocks.serial_oximeter import OximetryTrace, SerialOximeter, oximeter_mock

_HEADER = (
    "N-595 VERSION 1.0.0.1 CRC: 0000 SpO2 Limit: 85-100% PR Limit: 40-170BPM\r\n"
    "TIME                %SPO2  BPM    PA    STATUS\r\n"
)
_ROWS_PER_PAGE = 24


class NellcorMonitor(SerialOximeter):
    """Prints a row and now and then the header."""

    def __init__(self, line: SerialLine, trace: OximetryTrace) -> None:
        super().__init__(line, trace)
        self._rows = 0

    def _said(self) -> bytes:
        header = "" if self._rows % _ROWS_PER_PAGE else _HEADER
        second = int(self.time_s)
        self._rows += 1
        row = Row(
            spo2_percent=self.spo2_percent,
            pulse_per_min=self.pulse_per_min,
            amplitude=(4 if self.weak else 40) if self.spo2_percent is not None else None,
            status=self._status(),
            clock=f"01-Jan-26 00:{second // 60 % 60:02}:{second % 60:02}",
        )
        return f"{header}{row.to_text()}\r\n".encode()

    def _status(self) -> tuple[str, ...]:
        if not self.attached:
            return ("SO",)
        if not self.tracking:
            return ("PS",)
        return ("MO",) if self.moving else ()


MOCK = oximeter_mock("Nellcor N-595", NellcorMonitor)
