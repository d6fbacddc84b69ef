"""Mock oximeters with Bluetooth LE: the Pulse Oximeter service, and Nonin's own."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

from edge_drivers import gatt, nonin_ble, plx
from edge_drivers.plx_codec import Continuous, Details, DeviceStatus, Pair, SpotCheck
from edge_mocks.bluez import Characteristic, Peripheral, Service
from edge_mocks.episodic import SensorClock, device_information
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks
from edge_mocks.traces import SimulatedOximetry

_NAN = float("nan")


class BleOximeter(ABC):
    """An oximeter on a finger with the truth ``trace`` that tells its numbers every ``period_s``.

    While ``attached`` is false the finger is out; while ``weak`` is true the pulse is.
    """

    service: str

    def __init__(
        self, rng: random.Random, trace: SimulatedOximetry, *, address: str, period_s: float = 1.0
    ) -> None:
        self.trace, self.attached, self.weak = trace, True, False
        self.time_s, self.period_s, self.battery_percent = 0.0, period_s, 66
        self._tasks = Tasks()
        battery = Characteristic(
            uuid=gatt.BATTERY_LEVEL,
            flags=("read", "notify"),
            on_read=lambda: bytes([self.battery_percent]),
        )
        self.peripheral = Peripheral(
            address=address,
            name="Mock oximeter",
            services=(
                Service(uuid=self.service, characteristics=self._characteristics()),
                Service(uuid=gatt.BATTERY_SERVICE, characteristics=(battery,)),
                device_information(),
            ),
            rng=rng,
            advertises=(self.service,),
        )

    @property
    def spo2_percent(self) -> int:
        """The true saturation now."""
        return round(self.trace.spo2_percent(self.time_s))

    @property
    def pulse_per_min(self) -> int:
        """The true pulse rate now."""
        return round(self.trace.pulse_per_min(self.time_s))

    @property
    def amplitude_percent(self) -> float:
        """The pulse amplitude index."""
        return 0.2 if self.weak else 3.5

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self.period_s)
            self.time_s += self.period_s
            self._tell()

    @abstractmethod
    def _characteristics(self) -> Sequence[Characteristic]:
        """Make the characteristics of the oximeter's own service."""

    @abstractmethod
    def _tell(self) -> None:
        """Send the numbers of this period."""


class PlxOximeter(BleOximeter):
    """The Pulse Oximeter service, continuous; :meth:`spot_check` sends one besides."""

    service = plx.SERVICE

    def spot_check(self) -> None:
        """Send a spot check with the true time; this oximeter does not show its clock."""
        taken = SensorClock().shows()
        self.spot.notify(SpotCheck(pair=self._pair(), taken=taken).to_bytes())

    def _characteristics(self) -> Sequence[Characteristic]:
        self.continuous = Characteristic(uuid=plx.CONTINUOUS, flags=("notify",))
        self.spot = Characteristic(uuid=plx.SPOT_CHECK, flags=("indicate",))
        return (self.continuous, self.spot)

    def _pair(self) -> Pair:
        if not self.attached:
            return Pair(spo2_percent=_NAN, pulse_per_min=_NAN)
        return Pair(spo2_percent=self.spo2_percent, pulse_per_min=self.pulse_per_min)

    def _tell(self) -> None:
        device = DeviceStatus.LOW_PERFUSION if self.weak else DeviceStatus.NONE
        if not self.attached:
            device |= DeviceStatus.NOT_ON_USER
        details = Details(
            device=device, amplitude_percent=self.amplitude_percent if self.attached else _NAN
        )
        self.continuous.notify(Continuous(normal=self._pair(), details=details).to_bytes())


class NoninBleOximeter(BleOximeter):
    """Nonin's data format 19."""

    service = nonin_ble.SERVICE

    def _characteristics(self) -> Sequence[Characteristic]:
        self.measurement = Characteristic(uuid=nonin_ble.MEASUREMENT, flags=("notify",))
        return (self.measurement,)

    def _tell(self) -> None:
        status = nonin_ble.Status.ENCRYPTED
        status |= nonin_ble.Status.WEAK_SIGNAL if self.weak else nonin_ble.Status.SMARTPOINT
        if self.attached:
            status |= nonin_ble.Status.ON_FINGER
        one = nonin_ble.Measurement(
            spo2_percent=self.spo2_percent if self.attached else None,
            pulse_per_min=self.pulse_per_min if self.attached else None,
            amplitude=round(100 * self.amplitude_percent) if self.attached else 0,
            status=status,
            counter=round(self.time_s / self.period_s) & 0xFFFF,
        )
        self.measurement.notify(one.to_bytes())


def _mock(title: str, kind: Callable[..., BleOximeter], address: str) -> BleMock:
    def make(rng: random.Random) -> BleOximeter:
        trace = SimulatedOximetry(rng.randrange(1 << 16))
        return kind(rng, trace, address=address, period_s=0.5)

    return BleMock(title=title, make=make)


MOCK_PLX = _mock("oximeter with the Pulse Oximeter service", PlxOximeter, "C0:50:00:00:00:14")
MOCK_NONIN = _mock("Nonin oximeter with Bluetooth LE", NoninBleOximeter, "C0:50:00:00:00:15")
