"""One glucose sensor of a person: what it has taught, what is foreseen, and why.

Live readings are foreseen and judged; those from a sensor's memory only teach.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from edge_agent import codes
from edge_agent.dsp.glucose import Forecast, Forecaster
from edge_agent.dsp.glucose_alarm import LowAlarm
from edge_agent.model import Alarm, Boottime, Code, Evidence, Observation, Unit
from edge_agent.warning.crisis import Foreseen, foresee

_NS_PER_S = 1_000_000_000

HORIZONS = (
    (15.0, codes.GLUCOSE_IN_15_MIN),
    (30.0, codes.GLUCOSE_IN_30_MIN),
    (60.0, codes.GLUCOSE_IN_60_MIN),
)
_TOLD_IN_A_CRISIS = frozenset({codes.GLUCOSE_IN_15_MIN, codes.GLUCOSE_IN_30_MIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucoseForecast:
    """A forecast of glucose (mg/dL) made at ``at`` for ``horizon_min`` minutes later."""

    code: Code
    at: Boottime
    horizon_min: float
    forecast: Forecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """What follows from one reading: forecasts, the alarm of a low to come, crises.

    ``judged`` is what the limit of a low to come is held against: the low-glucose alarm's level,
    not the mean, which shrinks towards the usual and would come late.
    """

    forecasts: tuple[GlucoseForecast, ...] = ()
    foreseen: Foreseen | None = None
    low: LowAlarm | None = None
    judged: Observation | None = None


def look_ahead(forecaster: Forecaster, one: Observation) -> Ahead:
    """Let ``forecaster`` learn the reliable glucose ``one`` (mg/dL), and ask it what follows."""
    if one.value is None:
        return Ahead()
    forecaster.update(one.at / _NS_PER_S, one.value)
    made = tuple(
        GlucoseForecast(code=code, at=one.at, horizon_min=horizon_min, forecast=forecast)
        for horizon_min, code in HORIZONS
        if (forecast := forecaster.forecast(horizon_min)) is not None
    )
    if one.backfilled:
        return Ahead(forecasts=made)
    low = forecaster.low_alarm
    reasons = [_reason(each, one.sensor) for each in made if each.code in _TOLD_IN_A_CRISIS]
    return Ahead(
        forecasts=made,
        foreseen=foresee(forecaster, one.value, one.at, one.sensor, reasons),
        low=low,
        judged=None if low is None else _level(one, low),
    )


def expected(one: Observation, made: GlucoseForecast) -> Observation:
    """Return a forecast as a value of the twin, made after the reading ``one``."""
    return dataclasses.replace(
        one, code=made.code, value=made.forecast.mean, device_ns=None, at=made.at
    )


def with_reasons(alarm: Alarm, measured: Observation, ahead: Ahead) -> Alarm:
    """Add to an alarm about the future what was measured, and how sure the forecast is."""
    made = next(one for one in ahead.forecasts if one.code == codes.GLUCOSE_IN_30_MIN)
    if ahead.low is None:
        return alarm
    present = Evidence(
        quantity=measured.code.refid, value=measured.value, unit=measured.unit,
        sensor=measured.sensor, at=measured.at, note="measured",
    )  # fmt: skip
    interval = Evidence(
        quantity="lower end of the 90 % interval", value=made.forecast.low90, unit=measured.unit,
        sensor=measured.sensor, at=measured.at,
    )  # fmt: skip
    in_min = ahead.low.in_min
    chance = Evidence(
        quantity="probability of a low within 40 min",
        value=round(100.0 * ahead.low.probability, 1), unit=Unit.PERCENT,
        sensor=measured.sensor, at=measured.at,
        note="" if in_min is None else f"in about {in_min:.0f} min",
    )  # fmt: skip
    return dataclasses.replace(alarm, evidence=(*alarm.evidence, present, interval, chance))


def _level(one: Observation, low: LowAlarm) -> Observation:
    return dataclasses.replace(
        one, code=codes.GLUCOSE_IN_30_MIN, value=low.level_mgdl, device_ns=None
    )


def _reason(made: GlucoseForecast, sensor: str) -> Evidence:
    forecast = made.forecast
    return Evidence(
        quantity=made.code.refid, value=forecast.mean, unit=made.code.unit.value, sensor=sensor,
        at=made.at, note=f"90 % interval {forecast.low90:.0f} to {forecast.high90:.0f}",
    )  # fmt: skip
