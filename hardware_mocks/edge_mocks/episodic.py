"""What mock sensors share that measure now and then, stamp what they measure, and keep it.

They show what their clock says (Current Time), the level of their battery and their maker. Real
ones hang up when they have told what they had to tell; a mock does if it is told to.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from edge_drivers import gatt
from edge_drivers.ieee11073 import DateTime
from edge_drivers.sensor_time import CURRENT_TIME, NO_DATE, CurrentTime
from edge_drivers.stamped_records import MANUFACTURER_NAME
from edge_mocks.bluez import Characteristic, Peripheral, Service
from edge_mocks.tasks import Tasks

_CURRENT_TIME_SERVICE, _DEVICE_INFORMATION = gatt.uuid16(0x1805), gatt.uuid16(0x180A)
_RECORD_GAP_S = 0.01


@dataclass(slots=True, kw_only=True)
class SensorClock:
    """A clock that somebody has set: ``ahead_s`` before the true time, in UTC.

    While ``is_lost`` it shows no date at all.
    """

    ahead_s: float = 0.0
    is_lost: bool = False

    def shows(self, age_s: float = 0.0) -> DateTime:
        """Return what the clock showed ``age_s`` seconds ago."""
        if self.is_lost:
            return NO_DATE
        shown = dt.datetime.fromtimestamp(time.time() + self.ahead_s - age_s, dt.UTC)
        return DateTime(*shown.timetuple()[:6])


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What tells one family from another: its service, its name, whether it wants a bond."""

    service: str
    address: str
    name: str
    encrypted: bool = False

    def characteristic(self, uuid: str, *flags: str) -> Characteristic:
        """Make a characteristic of the family's own service."""
        return Characteristic(uuid=uuid, flags=flags, encrypted=self.encrypted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How one sensor behaves: it measures every ``every_s`` seconds.

    Without ``shows_clock`` it tells nobody what time it thinks it is, though it stamps. With
    ``hangs_up_after_s`` it ends each connection so many seconds after somebody listened.
    """

    every_s: float = 60.0
    shows_clock: bool = True
    bonded: bool = False
    hangs_up_after_s: float | None = None


class StoringSensor(ABC):
    """A sensor with a clock, a battery and ``characteristics`` of its own."""

    def __init__(
        self,
        build: Build,
        rng: random.Random,
        habits: Habits,
        characteristics: Sequence[Characteristic],
    ) -> None:
        self.rng, self.battery_percent, self.clock = rng, 74, SensorClock()
        self.every_s, self.hangs_up_after_s = habits.every_s, habits.hangs_up_after_s
        self._tasks = Tasks()
        services = [
            Service(uuid=build.service, characteristics=characteristics),
            Service(uuid=gatt.BATTERY_SERVICE, characteristics=(self._battery(),)),
            device_information(),
        ]
        if habits.shows_clock:
            now = Characteristic(uuid=CURRENT_TIME, flags=("read", "notify"), on_read=self._now)
            services.append(Service(uuid=_CURRENT_TIME_SERVICE, characteristics=(now,)))
        self.peripheral = Peripheral(
            address=build.address,
            name=build.name,
            services=services,
            rng=rng,
            advertises=(build.service,),
            bonded=habits.bonded,
        )

    @abstractmethod
    def measure(self, age_s: float = 0.0) -> None:
        """Measure, or have measured ``age_s`` seconds ago, and keep the record."""

    async def __aenter__(self) -> Self:
        self._tasks.spawn(self._measure_now_and_then())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.close()

    def _listened_to(self, wanted: bool) -> None:
        if wanted and self.hangs_up_after_s is not None:
            self._tasks.spawn(self._hang_up(self.hangs_up_after_s))

    async def _hang_up(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self.peripheral.drop_link()

    async def _measure_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            self.measure()

    def _battery(self) -> Characteristic:
        return Characteristic(
            uuid=gatt.BATTERY_LEVEL,
            flags=("read", "notify"),
            on_read=lambda: bytes([self.battery_percent]),
        )

    def _now(self) -> bytes:
        return CurrentTime(date_time=self.clock.shows()).to_bytes()


class PushingSensor(StoringSensor):
    """A sensor that pushes what it keeps as soon as somebody listens, and forgets it then.

    ``pushed`` is all that it has sent.
    """

    uuid: ClassVar[str]
    """The characteristic that it pushes on."""

    def __init__(
        self,
        build: Build,
        rng: random.Random,
        habits: Habits,
        others: Sequence[Characteristic] = (),
    ) -> None:
        self.pushed: list[bytes] = []
        self._kept: deque[bytes] = deque()
        self.measurement = build.characteristic(self.uuid, "indicate")
        self.measurement.on_subscribe = self._listened_to
        super().__init__(build, rng, habits, (self.measurement, *others))

    @abstractmethod
    def _record(self, stamp: DateTime) -> bytes:
        """Return the octets of a fresh measurement."""

    def measure(self, age_s: float = 0.0) -> None:
        """Measure, and push the record when somebody listens."""
        self._kept.append(self._record(self.clock.shows(age_s)))
        if self.measurement.subscribed:
            self._tasks.spawn(self._push())

    def push_again(self) -> None:
        """Push the last record once more, as a sensor does that was not thanked for it."""
        self.measurement.notify(self.pushed[-1])

    def _listened_to(self, wanted: bool) -> None:
        super()._listened_to(wanted)
        if wanted:
            self._tasks.spawn(self._push())

    async def _push(self) -> None:
        while self._kept and self.measurement.subscribed:
            self.pushed.append(self._kept.popleft())
            self.measurement.notify(self.pushed[-1])
            await asyncio.sleep(_RECORD_GAP_S)


def device_information() -> Service:
    """Make the service in which a sensor names its maker."""
    maker = Characteristic(uuid=MANUFACTURER_NAME, flags=("read",), value=b"Mock")
    return Service(uuid=_DEVICE_INFORMATION, characteristics=(maker,))
