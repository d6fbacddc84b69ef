"""What one CGM measurement says: a glucose with its state, and a trend where it has one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from edge_agent.codes import GLUCOSE, GLUCOSE_TREND
from edge_agent.model import Boottime, Observation, State
from edge_drivers.cgm_codec import Measurement, SensorStatus, WarningBit

_FAULTS = SensorStatus.MALFUNCTION | SensorStatus.GENERAL_FAULT | SensorStatus.SENSOR_TYPE_WRONG


def observations(
    one: Measurement, at: Boottime, sensor: str, *, device_ns: int | None, backfilled: bool
) -> Iterator[Observation]:
    """Give the readings of a measurement that was true ``at`` (``device_ns`` by the sensor)."""
    value, state = _glucose(one)
    glucose = Observation(
        code=GLUCOSE,
        value=value,
        at=at,
        sensor=sensor,
        state=state,
        quality=_quality(one, state),
        device_ns=device_ns,
        backfilled=backfilled,
    )
    yield glucose
    if value is not None and one.trend is not None and math.isfinite(one.trend):
        trend = dataclasses.replace(glucose, code=GLUCOSE_TREND, value=one.trend)
        if not GLUCOSE_TREND.is_plausible(one.trend):
            trend = dataclasses.replace(trend, state=State.QUESTIONABLE, quality=0.0)
        yield trend


def _glucose(one: Measurement) -> tuple[float | None, State]:
    """Tell value and state. "LO" and "HI" come first: sensors set the malfunction bit with them."""
    warning = WarningBit(one.warning)
    if WarningBit.BELOW_DEVICE_RANGE in warning or one.glucose_mgdl == -math.inf:
        return None, State.BELOW_RANGE
    if WarningBit.ABOVE_DEVICE_RANGE in warning or one.glucose_mgdl == math.inf:
        return None, State.ABOVE_RANGE
    if math.isnan(one.glucose_mgdl):
        return None, State.SENSOR_FAULT
    if one.status & _FAULTS or not GLUCOSE.is_plausible(one.glucose_mgdl):
        return one.glucose_mgdl, State.QUESTIONABLE
    return one.glucose_mgdl, State.MEASURED


def _quality(one: Measurement, state: State) -> float:
    if not state.is_measurement:
        return 0.0
    if one.quality_percent is None or math.isnan(one.quality_percent):
        return 1.0
    return min(1.0, max(0.0, one.quality_percent / 100))
