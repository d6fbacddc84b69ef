"""A mock watch or strap with the Heart Rate service: no time stamps, and habits of its own.

Some send no RR intervals, some a 16-bit rate or the energy spent, some an octet too many at the
end; ``attached`` false is a strap off the skin, which only those tell that watch their contact.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Final, Self

from edge_drivers import gatt, heart_rate
from edge_drivers.heart_rate import HeartRateMeasurement
from edge_mocks.bluez import Characteristic, Peripheral, Service
from edge_mocks.shelf import BleMock
from edge_mocks.tasks import Tasks

_TICKS_PER_S: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What one make of sensor does differently from another."""

    sends_rr: bool = True
    watches_contact: bool = True
    counts_energy: bool = False
    sends_wide_rate: bool = False
    sends_odd_octet: bool = False


class HeartRateSensor:
    """A sensor on a person at rest, whose rate is ``rate_per_min`` give or take its variability.

    It speaks every ``period_s`` seconds.
    """

    def __init__(
        self,
        rng: random.Random,
        habits: Habits | None = None,
        *,
        address: str = "C0:88:00:00:00:03",
        rate_per_min: float = 64.0,
        period_s: float = 1.0,
    ) -> None:
        self.period_s = period_s
        self.habits, self.rate_per_min, self.attached = habits or Habits(), rate_per_min, True
        self.battery_percent = 74
        self._rng, self._energy_kj = rng, 0
        self._beat_s, self._now_s = 0.0, 0.0
        self._tasks = Tasks()
        self.rate = Characteristic(uuid=heart_rate.MEASUREMENT, flags=("notify",))
        battery = Characteristic(
            uuid=gatt.BATTERY_LEVEL, flags=("read",), on_read=lambda: bytes([self.battery_percent])
        )
        self.peripheral = Peripheral(
            address=address,
            name="Mock watch",
            services=(
                Service(uuid=heart_rate.SERVICE, characteristics=(self.rate,)),
                Service(uuid=gatt.BATTERY_SERVICE, characteristics=(battery,)),
            ),
            rng=rng,
            advertises=(heart_rate.SERVICE,),
        )

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._measure())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(self.period_s)
            self.rate.notify(self._measurement())

    def _measurement(self) -> bytes:
        """Return what the sensor says now: the beats since it last spoke, oldest first."""
        intervals_s = self._beats()
        self._energy_kj += 1
        contact = self.attached if self.habits.watches_contact else None
        measuring = contact is not False
        one = HeartRateMeasurement(
            rate_per_min=round(self.rate_per_min) if measuring else 0,
            contact=contact,
            energy_kj=self._energy_kj if self.habits.counts_energy else None,
            rr_1024=tuple(
                round(interval_s * _TICKS_PER_S)
                for interval_s in intervals_s
                if self.habits.sends_rr and measuring
            ),
        )
        octets = one.to_bytes(wide=self.habits.sends_wide_rate)
        return octets + (b"\0" if self.habits.sends_odd_octet else b"")

    def _beats(self) -> list[float]:
        self._now_s += self.period_s
        intervals_s = []
        while self._beat_s < self._now_s:
            interval_s = max(0.3, self._rng.gauss(60 / self.rate_per_min, 0.03))
            self._beat_s += interval_s
            intervals_s.append(interval_s)
        return intervals_s


def _watch(rng: random.Random) -> HeartRateSensor:
    return HeartRateSensor(rng, Habits(counts_energy=True))


MOCK = BleMock(title="watch with the Heart Rate service", make=_watch)
