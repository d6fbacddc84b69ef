"""Bluetooth pulse oximeters (Pulse Oximeter Service 1.0.1).

Continuous measurements come every one to four seconds; spot checks when somebody has put a finger
in, with the sensor's own time where it keeps one. Values of the fast and the slow averaging are
decoded and not given: a hub needs one SpO2, the one that the sensor calls normal.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from edge_agent.codes import BATTERY, PERFUSION_INDEX, PULSE_RATE, SPO2
from edge_agent.driver import Driver, Gatt, Output
from edge_agent.model import Boottime
from edge_drivers.annunciation import Annunciations
from edge_drivers.gatt import uuid16
from edge_drivers.plx_codec import Continuous, SpotCheck
from edge_drivers.sensor_time import Placed
from edge_drivers.stamped_records import READ_ON_OPEN, RecordDecoder

SERVICE = uuid16(0x1822)
CONTINUOUS = uuid16(0x2A5F)
SPOT_CHECK = uuid16(0x2A5E)


class PlxDecoder(RecordDecoder[SpotCheck]):
    """Decodes continuous measurements, and places spot checks in time."""

    measurement = SPOT_CHECK

    def __init__(self, sensor: str) -> None:
        super().__init__(sensor)
        self._troubles = Annunciations(sensor)

    def feed(self, data: bytes, at: Boottime, channel: str = CONTINUOUS) -> Iterable[Output]:
        """Decode one measurement, or one answer to what was read on opening."""
        if channel != CONTINUOUS:
            return super().feed(data, at, channel)
        one = Continuous.from_bytes(data)
        return (
            *self.overdue(at),
            *self._troubles.update(one.details.troubles, at),
            *one.details.oximetry(one.normal).observations(at, self.sensor),
        )

    def parse(self, data: bytes) -> SpotCheck:
        """Decode one spot check."""
        return SpotCheck.from_bytes(data)

    def readings(self, one: SpotCheck, placed: Placed) -> Iterable[Output]:
        """Give the numbers of a spot check; the sensor itself may say that it is an old one."""
        numbers = dataclasses.replace(
            one.details.oximetry(one.pair),
            device_ns=placed.device_ns,
            backfilled=placed.backfilled or one.is_from_memory,
        )
        return numbers.observations(placed.at, self.sensor)


DRIVER = Driver(
    name="plx",
    title="Pulse oximeter (Bluetooth Pulse Oximeter service)",
    # A sensor has one of the two, or both.
    link=Gatt(
        service=SERVICE,
        notify=(),
        optional=(CONTINUOUS, SPOT_CHECK, *READ_ON_OPEN),
        silence_s=30.0,
        continuous=CONTINUOUS,
    ),
    decoder=PlxDecoder,
    measures=(SPO2,),
    also=(PULSE_RATE, PERFUSION_INDEX, BATTERY),
    advice=(
        "For watching over somebody choose a sensor, or a mode of it, that measures continuously. "
        "Set its clock if it keeps spot checks."
    ),
)
