"""A mock BCI oximeter: five octets with every sample, 100 a second."""

from __future__ import annotations

from typing import ClassVar

from edge_drivers.bci import Flag, Frame
from edge_mocks.serial_oximeter import SerialOximeter, oximeter_mock

_PLETH_HIGHEST, _SWING = 127, 90


class BciOximeter(SerialOximeter):
    """An oximeter with the BCI protocol; 20 writes a second, as a driver reads in bursts."""

    period_s = 0.05
    rate_hz: ClassVar[float] = 100.0

    def _said(self) -> bytes:
        count = round(self.period_s * self.rate_hz)
        return b"".join(self._frame(wave) for wave in self._wave(count, self.rate_hz))

    def _frame(self, wave: float) -> bytes:
        return Frame(
            spo2_percent=self.spo2_percent,
            pulse_per_min=self.pulse_per_min,
            pleth=min(round(_SWING * wave), _PLETH_HIGHEST),
            signal=2 if self.weak else 7,
            bar=min(round(15 * wave), 15),
            flags=self._flags(),
        ).to_bytes()

    def _flags(self) -> int:
        flags = 0 if self.attached else Flag.NO_FINGER
        return flags if self.tracking else flags | Flag.SEARCHING


MOCK = oximeter_mock("BCI or BerryMed oximeter", BciOximeter)
