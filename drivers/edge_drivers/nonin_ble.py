"""Nonin oximeters with Bluetooth LE (3230, 3150 BLE): data format 19, once a second.

    length = 10 | status | battery, 0.1 V | PAI, 0.01 % | counter | SpO2 | pulse rate

Numbers of two octets come high octet first, unlike anything else in Bluetooth. 127 (SpO2) and 511
(rate) mean "no value". PAI, the pulse amplitude index, is the perfusion index.

Sources: public code for these sensors: andreasdri/nonin-3230-ble (GitHub) for the layout, and a
decoder after Nonin's document 113142-000-02 for the status bits. Weak is a modulation of 0.3 % or
less; SmartPoint is the sensor's own test of quality, meant for spot checks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag

from edge_agent.codes import BATTERY, PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import Decoder, Driver, FrameError, Gatt, Output, Read, Request
from edge_agent.model import Boottime, State
from edge_drivers.annunciation import Annunciations, names
from edge_drivers.gatt import BATTERY_LEVEL, battery_level
from edge_drivers.nonin_status import NO_RATE, NO_SATURATION
from edge_drivers.oximetry import LOW_PERFUSION_QUALITY, Oximetry

SERVICE = "46a970e0-0d5f-11e2-8b5e-0002a5d5c51b"
MEASUREMENT = "0aad7ea0-0d60-11e2-8e3c-0002a5d5c51b"

_LAYOUT = struct.Struct(">BBBHHBH")


class Status(IntFlag):
    """The status octet."""

    NONE = 0x00
    WEAK_SIGNAL = 0x02
    SMARTPOINT = 0x04
    SEARCHING = 0x08
    ON_FINGER = 0x10
    BATTERY_LOW = 0x20
    ENCRYPTED = 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One second: SpO2 (percent), pulse rate (per minute), or ``None`` without a value.

    ``amplitude`` is in hundredths of a percent, ``battery_tenths`` in tenths of a volt.
    """

    spo2_percent: int | None
    pulse_per_min: int | None
    amplitude: int
    status: Status
    battery_tenths: int = 30
    counter: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> Measurement:
        """Decode ten octets.

        :raises FrameError: another length, in truth or by the first octet.
        """
        if len(data) != _LAYOUT.size or data[0] != _LAYOUT.size:
            raise FrameError("Nonin data format 19", f"expected {_LAYOUT.size} octets")
        _, status, battery, amplitude, counter, spo2, pulse = _LAYOUT.unpack(data)
        return cls(
            spo2_percent=None if spo2 == NO_SATURATION else spo2,
            pulse_per_min=None if pulse == NO_RATE else pulse,
            amplitude=amplitude,
            status=Status(status),
            battery_tenths=battery,
            counter=counter,
        )

    def to_bytes(self) -> bytes:
        """Encode to ten octets."""
        spo2 = NO_SATURATION if self.spo2_percent is None else self.spo2_percent
        pulse = NO_RATE if self.pulse_per_min is None else self.pulse_per_min
        return _LAYOUT.pack(
            _LAYOUT.size, self.status, self.battery_tenths, self.amplitude, self.counter, spo2,
            pulse,
        )  # fmt: skip

    @property
    def state(self) -> State:
        """How the numbers were taken."""
        if Status.ON_FINGER not in self.status:
            return State.NOT_ATTACHED
        return State.SEARCHING if Status.SEARCHING in self.status else State.MEASURED


class NoninBleDecoder(Decoder):
    """Decodes one measurement a second, and the battery level where the sensor tells it."""

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._troubles = Annunciations(sensor)

    def open(self, at: Boottime) -> Iterable[Request]:
        """Read the battery once; later changes come as notifications."""
        return (Read(BATTERY_LEVEL),)

    def feed(self, data: bytes, at: Boottime, channel: str = MEASUREMENT) -> Iterable[Output]:
        """Decode one notification of ``channel``."""
        if channel == BATTERY_LEVEL:
            return (battery_level(data, at, self.sensor),)
        if channel != MEASUREMENT:
            raise FrameError(f"channel {channel}", "not one of this driver's")
        one = Measurement.from_bytes(data)
        numbers = Oximetry(
            spo2_percent=one.spo2_percent,
            pulse_per_min=one.pulse_per_min,
            perfusion_percent=one.amplitude / 100,
            state=one.state,
            quality=LOW_PERFUSION_QUALITY if Status.WEAK_SIGNAL in one.status else 1.0,
        )
        return (
            *self._troubles.update(names(one.status & Status.BATTERY_LOW), at),
            *numbers.observations(at, self.sensor),
        )


DRIVER = Driver(
    name="nonin-ble",
    title="Nonin oximeter with Bluetooth LE (3230, 3150 BLE)",
    link=Gatt(service=SERVICE, notify=(MEASUREMENT,), optional=(BATTERY_LEVEL,), silence_s=10.0),
    decoder=NoninBleDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PERFUSION_INDEX, BATTERY),
    advice=(
        "A 3230 starts when a finger is put in. A 3150 takes a new hub only within two minutes "
        "after its batteries were put in: pair it then."
    ),
)
