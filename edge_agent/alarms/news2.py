"""NEWS2: the National Early Warning Score of the Royal College of Physicians.

Source: Royal College of Physicians, National Early Warning Score (NEWS) 2: standardising the
assessment of acute-illness severity in the NHS, London 2017, charts 1 and 2. The score is the
College's; it is reproduced here with acknowledgement and unchanged.

The charts know whole numbers (tenths for temperature), so a value is first rounded, halves
upward. A score with a parameter missing has no total: what is known is a lower bound, and is named
so. NEWS2 is not for persons under 16 or in pregnancy, and is no diagnosis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

Bands = tuple[tuple[float, int], ...]
"""(highest value of the band, points), in rising order; the last band ends at infinity."""

_RESPIRATION: Bands = ((8, 3), (11, 1), (20, 0), (24, 2), (math.inf, 3))
_SPO2_SCALE_1: Bands = ((91, 3), (93, 2), (95, 1), (math.inf, 0))
_SPO2_SCALE_2_AIR: Bands = ((83, 3), (85, 2), (87, 1), (math.inf, 0))
_SPO2_SCALE_2_OXYGEN: Bands = ((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (math.inf, 3))
_SYSTOLIC: Bands = ((90, 3), (100, 2), (110, 1), (219, 0), (math.inf, 3))
_PULSE: Bands = ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (math.inf, 3))
_TEMPERATURE: Bands = ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (math.inf, 2))

_ON_OXYGEN = 2
_NOT_ALERT = 3
_URGENT, _EMERGENCY = 5, 7
_RED = 3
"""Points of one parameter that ask for an urgent review whatever the total."""

PARAMETERS = (
    "respiration_per_min", "spo2_percent", "oxygen", "systolic_mmhg", "pulse_per_min",
    "consciousness", "temperature_c",
)  # fmt: skip


class Consciousness(StrEnum):
    """ACVPU: how the person responds."""

    ALERT = "A"
    CONFUSION = "C"
    """New confusion."""
    VOICE = "V"
    PAIN = "P"
    UNRESPONSIVE = "U"


class Risk(StrEnum):
    """The clinical risk that a score stands for."""

    LOW = "low"
    LOW_MEDIUM = "low-medium"
    """A total under 5 with a single parameter of 3 points."""
    MEDIUM = "medium"
    HIGH = "high"


RESPONSE: Mapping[Risk, str] = MappingProxyType({
    Risk.LOW: "routine monitoring, at least every 4 to 6 hours (12 hours at a total of 0)",
    Risk.LOW_MEDIUM: "monitoring at least every hour, urgent review on the ward",
    Risk.MEDIUM: "monitoring at least every hour, urgent response",
    Risk.HIGH: "continuous monitoring, emergency response",
})  # fmt: skip
"""What the College's chart 4 recommends, in short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A NEWS2 score.

    ``points`` holds the sub-score of each known parameter by its name in :data:`PARAMETERS`;
    ``missing`` names the others. ``total`` and ``risk`` are ``None`` while anything is missing;
    ``at_least`` is the sum of what is known and ``risk_at_least`` the risk it stands for already.
    """

    points: Mapping[str, int]
    missing: tuple[str, ...]
    at_least: int
    risk_at_least: Risk

    @property
    def total(self) -> int | None:
        """The total, 0 to 20, or ``None`` when a parameter is missing."""
        return None if self.missing else self.at_least

    @property
    def risk(self) -> Risk | None:
        """The clinical risk, or ``None`` when a parameter is missing."""
        return None if self.missing else self.risk_at_least

    @property
    def has_single_3(self) -> bool:
        """Whether a single parameter has 3 points."""
        return _RED in self.points.values()


def score(
    *,
    respiration_per_min: float | None = None,
    spo2_percent: float | None = None,
    spo2_scale: int = 1,
    oxygen: bool | None = False,
    systolic_mmhg: float | None = None,
    pulse_per_min: float | None = None,
    consciousness: str | None = "A",
    temperature_c: float | None = None,
) -> Score:
    """Return the NEWS2 score of one set of observations; ``None`` or NaN is a missing one.

    ``spo2_scale`` 2 is for persons with hypercapnic respiratory failure whose clinician has set
    88 to 92 % as their target. On scale 2 the saturation of a person of whom it is not known
    whether they are on ``oxygen`` can't be judged: it counts as missing.

    :raises ValueError: an SpO2 scale other than 1 or 2, or consciousness other than A, C, V, P, U.
    """
    if spo2_scale not in {1, 2}:
        raise ValueError(f"SpO2 scale {spo2_scale!r}: NEWS2 has scales 1 and 2")
    points = {
        "respiration_per_min": _points(_RESPIRATION, respiration_per_min),
        "spo2_percent": _spo2_points(spo2_percent, spo2_scale, on_oxygen=oxygen),
        "oxygen": None if oxygen is None else _ON_OXYGEN * oxygen,
        "systolic_mmhg": _points(_SYSTOLIC, systolic_mmhg),
        "pulse_per_min": _points(_PULSE, pulse_per_min),
        "consciousness": _consciousness_points(consciousness),
        "temperature_c": _points(_TEMPERATURE, temperature_c, digits=1),
    }
    known = {name: value for name, value in points.items() if value is not None}
    at_least = sum(known.values())
    return Score(
        points=known,
        missing=tuple(name for name in PARAMETERS if points[name] is None),
        at_least=at_least,
        risk_at_least=_risk(at_least, has_single_3=_RED in known.values()),
    )


def _points(bands: Bands, value: float | None, *, digits: int = 0) -> int | None:
    if value is None or math.isnan(value):
        return None
    scale = 10**digits
    # The half-way point is shifted by far less than any sensor resolves: 35.05 is not exact.
    rounded = math.floor(value * scale + 0.5 + 1e-9) / scale
    return next(points for highest, points in bands if rounded <= highest)


def _spo2_points(value: float | None, scale: int, *, on_oxygen: bool | None) -> int | None:
    if scale == 1:
        return _points(_SPO2_SCALE_1, value)
    if on_oxygen is None:
        return None
    return _points(_SPO2_SCALE_2_OXYGEN if on_oxygen else _SPO2_SCALE_2_AIR, value)


def _consciousness_points(level: str | None) -> int | None:
    if level is None:
        return None
    return 0 if Consciousness(level) is Consciousness.ALERT else _NOT_ALERT


def _risk(total: int, *, has_single_3: bool) -> Risk:
    if total >= _EMERGENCY:
        return Risk.HIGH
    if total >= _URGENT:
        return Risk.MEDIUM
    return Risk.LOW_MEDIUM if has_single_3 else Risk.LOW
