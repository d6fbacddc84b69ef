"""Mock Nonin oximeters: data formats 2, 7, 8 and 13, and the models that print lines."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar, Final

from edge_drivers import nonin_8, nonin_13
from edge_drivers.nonin import FRAMES, PLETH_RATE_HZ, Averages, Format, FrameStatus, Packet
from edge_drivers.nonin_ascii import PrintedLine
from edge_mocks.serial_oximeter import OximetryTrace, SerialOximeter, oximeter_mock

__all__ = [
    "MOCK", "MOCK_7", "MOCK_8", "MOCK_13", "MOCK_ASCII", "Nonin7Oximeter", "Nonin8Oximeter",
    "Nonin13Oximeter", "NoninOximeter", "NoninPrinter", "OximetryTrace",
]  # fmt: skip

PACKET_S: Final = FRAMES / PLETH_RATE_HZ
_BASELINE, _SWING = 0.35, 0.35
_CLOCK: Final = dt.datetime(2026, 1, 1, 10, 15)  # noqa: DTZ001 - the sensor knows no zone


class NoninOximeter(SerialOximeter):
    """Data format 2: three packets a second, with a pulse wave of 8 bits."""

    period_s = PACKET_S
    layout: ClassVar[Format] = Format.EIGHT_BIT

    def _said(self) -> bytes:
        return self._packet().to_bytes(self.layout)

    def _packet(self) -> Packet:
        highest = self.layout.highest
        wave = self._wave(FRAMES, PLETH_RATE_HZ)
        spo2, pulse = self.spo2_percent, self.pulse_per_min
        return Packet(
            spo2_percent=spo2,
            pulse_per_min=pulse,
            pleth=tuple(round(highest * (_BASELINE + _SWING * sample)) for sample in wave),
            status=self._status(),
            averages=Averages.alike(spo2, pulse),
        )

    def _status(self) -> FrameStatus:
        status = FrameStatus.RED_PERFUSION if self.weak else FrameStatus.GREEN_PERFUSION
        if not self.attached:
            status |= FrameStatus.DISCONNECTED
        if not (self.attached and self.tracking):
            status |= FrameStatus.OUT_OF_TRACK
        if self.moving:
            status |= FrameStatus.ARTIFACT
        return status


class Nonin7Oximeter(NoninOximeter):
    """Data format 7: the same with a pulse wave of 16 bits."""

    layout = Format.SIXTEEN_BIT


class Nonin8Oximeter(SerialOximeter):
    """Data format 8: four octets at a time."""

    def _said(self) -> bytes:
        status = nonin_8.Status.LOW_PERFUSION if self.weak else nonin_8.Status.NONE
        if not self.attached:
            status |= nonin_8.Status.DISCONNECTED
        if not (self.attached and self.tracking):
            status |= nonin_8.Status.OUT_OF_TRACK
        if self.moving:
            status |= nonin_8.Status.ARTIFACT
        return nonin_8.Frame(
            spo2_percent=self.spo2_percent, pulse_per_min=self.pulse_per_min, status=status
        ).to_bytes()


class Nonin13Oximeter(SerialOximeter):
    """Data format 13: a person who puts a finger in again and again."""

    def _said(self) -> bytes:
        status = nonin_13.Status.SMARTPOINT
        if self.spo2_percent is None:
            status = nonin_13.Status.NO_MEASUREMENT
        return nonin_13.SpotCheck(
            spo2_percent=self.spo2_percent,
            pulse_per_min=self.pulse_per_min,
            taken=_CLOCK + dt.timedelta(seconds=self.time_s),
            status=status,
        ).to_bytes()


class NoninPrinter(SerialOximeter):
    """A model that prints lines."""

    def _said(self) -> bytes:
        clock = (_CLOCK + dt.timedelta(seconds=self.time_s)).time()
        line = PrintedLine(
            spo2_percent=self.spo2_percent, pulse_per_min=self.pulse_per_min, clock=clock
        )
        return line.to_text().encode() + b"\r\n"


MOCK = oximeter_mock("Nonin oximeter, data format 2", NoninOximeter)
MOCK_7 = oximeter_mock("Nonin oximeter, data format 7", Nonin7Oximeter)
MOCK_8 = oximeter_mock("Nonin oximeter, data format 8", Nonin8Oximeter)
MOCK_13 = oximeter_mock("Nonin spot-check oximeter, data format 13", Nonin13Oximeter)
MOCK_ASCII = oximeter_mock("Nonin oximeter that prints lines", NoninPrinter)
