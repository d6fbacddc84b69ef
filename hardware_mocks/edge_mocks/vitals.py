"""A mock cuff, thermometer and scale: each keeps records and pushes them when it is connected.

The scale's and the cuff's person is of ordinary weight, with a pressure a little too high.
"""

from __future__ import annotations

import random

from edge_drivers import blood_pressure, thermometer, weight_scale
from edge_drivers.blood_pressure import BloodPressure
from edge_drivers.ieee11073 import DateTime
from edge_drivers.thermometer import Site, Temperature
from edge_drivers.weight_scale import Body, Weight
from edge_mocks.bluez import Characteristic
from edge_mocks.episodic import Build, Habits, PushingSensor
from edge_mocks.shelf import BleMock

CUFF = Build(
    service=blood_pressure.SERVICE, address="C0:B0:00:00:00:10", name="Mock cuff", encrypted=True
)
THERMOMETER = Build(
    service=thermometer.SERVICE, address="C0:7E:00:00:00:11", name="Mock thermometer"
)
SCALE = Build(service=weight_scale.SERVICE, address="C0:5C:00:00:00:12", name="Mock scale")

_STORED_AGES_S = (86_400.0, 3600.0)
_EVERY_S = 1.0


class Cuff(PushingSensor):
    """A cuff; ``status`` and the number of the ``user`` go into every further measurement."""

    uuid = blood_pressure.MEASUREMENT
    status = blood_pressure.Status.NONE
    user = 1

    def _record(self, stamp: DateTime) -> bytes:
        systolic = round(self.rng.gauss(134, 4))
        diastolic = round(self.rng.gauss(84, 3))
        return BloodPressure(
            systolic=systolic,
            diastolic=diastolic,
            mean=round(diastolic + (systolic - diastolic) / 3),
            stamp=stamp,
            pulse_per_min=round(self.rng.gauss(68, 3)),
            user=self.user,
            status=self.status,
        ).to_bytes()


class Thermometer(PushingSensor):
    """A thermometer for the mouth; it says so once, in a characteristic of its own."""

    uuid = thermometer.MEASUREMENT

    def __init__(self, build: Build, rng: random.Random, habits: Habits) -> None:
        site = Characteristic(uuid=thermometer.TYPE, flags=("read",), value=bytes([Site.MOUTH]))
        super().__init__(build, rng, habits, (site,))

    def _record(self, stamp: DateTime) -> bytes:
        return Temperature(value=round(self.rng.gauss(36.9, 0.1), 1), stamp=stamp).to_bytes()


class Scale(PushingSensor):
    """A scale that knows its person's height of 172 cm."""

    uuid = weight_scale.MEASUREMENT

    def _record(self, stamp: DateTime) -> bytes:
        weight = round(self.rng.gauss(14_240, 15))
        index_tenths = round(weight / 200 / 1.72**2 * 10)
        body = Body(index_tenths=index_tenths, height=1720)
        return Weight(weight=weight, stamp=stamp, user=1, body=body).to_bytes()


def _mock(title: str, kind: type[PushingSensor], build: Build) -> BleMock:
    """Return the shelf's entry: two old records, and somebody who measures every second."""

    def make(rng: random.Random) -> PushingSensor:
        sensor = kind(build, rng, Habits(every_s=_EVERY_S, bonded=build.encrypted))
        for age_s in _STORED_AGES_S:
            sensor.measure(age_s)
        return sensor

    return BleMock(title=title, make=make)


MOCK_CUFF = _mock("blood pressure cuff with two old records", Cuff, CUFF)
MOCK_THERMOMETER = _mock("thermometer with two old records", Thermometer, THERMOMETER)
MOCK_SCALE = _mock("scale with two old records", Scale, SCALE)
