"""Which health observations the hub has a use for, and how their units are converted.

Units are the lower halves of MDC codes of ISO/IEEE 11073-10101 (partition 4).
"""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.codes import (
    BODY_HEIGHT,
    BODY_MASS_INDEX,
    BODY_TEMPERATURE,
    BODY_WEIGHT,
    CAPILLARY_GLUCOSE,
    CUFF_PULSE_RATE,
    DIASTOLIC,
    GLUCOSE,
    HEART_RATE,
    MEAN_PRESSURE,
    PERFUSION_INDEX,
    PULSE_RATE,
    RESPIRATION_RATE,
    RR_INTERVAL,
    SPO2,
    SYSTOLIC,
)
from edge_agent.driver import FrameError
from edge_agent.model import Code, Unit
from edge_drivers.ghs_codec import Numeric
from edge_drivers.glucose_meter_codec import MGDL_PER_MMOL_L

QUANTITIES = (
    SPO2, PULSE_RATE, PERFUSION_INDEX, HEART_RATE, RR_INTERVAL, RESPIRATION_RATE, SYSTOLIC,
    DIASTOLIC, MEAN_PRESSURE, CUFF_PULSE_RATE, BODY_TEMPERATURE, BODY_WEIGHT, BODY_HEIGHT,
    BODY_MASS_INDEX, GLUCOSE, CAPILLARY_GLUCOSE,
)  # fmt: skip
"""What a health sensor may give."""

BY_TYPE = {code.mdc: code for code in QUANTITIES}
"""MDC code of an observation's type -> quantity."""

PERCENT, PER_MINUTE, BREATHS_PER_MINUTE, MILLIMETRE_OF_MERCURY = 544, 2720, 2784, 3872
CELSIUS, KILOGRAM, CENTIMETRE, MILLIGRAM_PER_DECILITRE = 6048, 1731, 1297, 2130
MILLISECOND, KILOGRAM_PER_SQUARE_METRE = 2194, 1952
_SECOND, _KILOPASCAL, _FAHRENHEIT, _POUND, _INCH, _MMOL_PER_LITRE = (
    2176,
    3843,
    4416,
    1760,
    1376,
    4722,
)

_Convert = Callable[[float], float]


def _times(factor: float) -> _Convert:
    return lambda value: value * factor


def _same(value: float) -> float:
    return value


_CONVERSIONS: dict[tuple[Unit, int], _Convert] = {
    (Unit.PERCENT, PERCENT): _same,
    (Unit.PER_MINUTE, PER_MINUTE): _same,
    (Unit.PER_MINUTE, BREATHS_PER_MINUTE): _same,
    (Unit.MILLISECOND, MILLISECOND): _same,
    (Unit.MILLISECOND, _SECOND): _times(1000),
    (Unit.MILLIMETRE_OF_MERCURY, MILLIMETRE_OF_MERCURY): _same,
    (Unit.MILLIMETRE_OF_MERCURY, _KILOPASCAL): _times(1 / 0.133322),
    (Unit.CELSIUS, CELSIUS): _same,
    (Unit.CELSIUS, _FAHRENHEIT): lambda value: (value - 32) * 5 / 9,
    (Unit.KILOGRAM, KILOGRAM): _same,
    (Unit.KILOGRAM, _POUND): _times(0.45359237),
    (Unit.CENTIMETRE, CENTIMETRE): _same,
    (Unit.CENTIMETRE, _INCH): _times(2.54),
    (Unit.KILOGRAM_PER_SQUARE_METRE, KILOGRAM_PER_SQUARE_METRE): _same,
    (Unit.MILLIGRAM_PER_DECILITRE, MILLIGRAM_PER_DECILITRE): _same,
    (Unit.MILLIGRAM_PER_DECILITRE, _MMOL_PER_LITRE): _times(MGDL_PER_MMOL_L),
}


def converted(code: Code, numeric: Numeric) -> float:
    """Return the number in the unit of ``code``.

    :raises FrameError: a unit that this quantity is not given in.
    """
    convert = _CONVERSIONS.get((code.unit, numeric.unit))
    if convert is None:
        raise FrameError("health observation", f"{code.title} in unit {numeric.unit}")
    return convert(numeric.value)
