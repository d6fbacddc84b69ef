"""A mock Masimo Rad-8 that prints lines ("ASCII 1")."""

from __future__ import annotations

from edge_drivers.masimo import Exc, Line
from edge_mocks.serial_oximeter import SerialOximeter, oximeter_mock

_PERFUSION_PERCENT, _WEAK_PERCENT = 3.6, 0.25


class MasimoOximeter(SerialOximeter):
    """A Rad-8 whose clock was never set."""

    def _said(self) -> bytes:
        perfusion = _WEAK_PERCENT if self.weak else _PERFUSION_PERCENT
        line = Line(
            spo2_percent=self.spo2_percent,
            pulse_per_min=self.pulse_per_min,
            perfusion_percent=perfusion if self.spo2_percent is not None else None,
            exceptions=self._exceptions(),
            serial_number="0000012345",
            clock=f"01/01/00 00:{int(self.time_s) // 60 % 60:02}:{int(self.time_s) % 60:02}",
        )
        return line.to_text().encode() + b"\r\n\r\n"

    def _exceptions(self) -> Exc:
        exceptions = Exc.SIGNAL_EXTRACTION
        if not self.attached:
            exceptions |= Exc.OFF_PATIENT
        elif not self.tracking:
            exceptions |= Exc.SEARCHING
        if self.moving:
            exceptions |= Exc.INTERFERENCE
        return exceptions | Exc.LOW_PERFUSION if self.weak else exceptions


MOCK = oximeter_mock("Masimo Rad-8", MasimoOximeter)
