"""The measured inputs of NEWS2: the latest reliable value of each, with its age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edge_agent import codes
from edge_agent.model import Boottime, Code, State
from edge_agent.twin.state import Twin, Variable

_NS_PER_S = 1_000_000_000
_MINUTE_S, _HOUR_S = 60.0, 3600.0

SOURCES: Mapping[str, tuple[Code, ...]] = MappingProxyType({
    "respiration_per_min": (codes.RESPIRATION_RATE,),
    "spo2_percent": (codes.SPO2,),
    "systolic_mmhg": (codes.SYSTOLIC,),
    "pulse_per_min": (codes.HEART_RATE, codes.PULSE_RATE, codes.CUFF_PULSE_RATE),
    "temperature_c": (codes.BODY_TEMPERATURE,),
})  # fmt: skip
"""Parameter -> the quantities that give it, the best first."""

HOLDS_FOR_S: Mapping[str, float] = MappingProxyType({
    "respiration_per_min": 5 * _MINUTE_S,
    "spo2_percent": 5 * _MINUTE_S,
    "systolic_mmhg": 4 * _HOUR_S,
    "pulse_per_min": 5 * _MINUTE_S,
    "temperature_c": 4 * _HOUR_S,
})  # fmt: skip
"""For how long a value counts: five minutes of what is watched all the time, four hours of what is
measured now and then. What is older is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vital:
    """A reliable value in ``code.unit``, where it is from, and when it was true."""

    code: Code
    value: float
    sensor: str
    at: Boottime

    def age_s(self, now: Boottime) -> float:
        """Return its age in seconds."""
        return max(0.0, (now - self.at) / _NS_PER_S)


class Vitals:
    """Keeps the latest reliable value of each parameter, as long as it counts."""

    def __init__(self) -> None:
        self._kept: dict[Code, Vital] = {}

    def look(self, twin: Twin, now: Boottime) -> None:
        """Look at what the twin knows now."""
        for code in (code for sources in SOURCES.values() for code in sources):
            for variable in twin.every(code, now):
                one = _vital(variable)
                known = self._kept.get(code)
                if one is not None and (known is None or one.at >= known.at):
                    self._kept[code] = one

    def known(self, now: Boottime) -> dict[str, Vital]:
        """Return the parameters of which a value counts now."""
        found = {parameter: next(self._counting(parameter, now), None) for parameter in SOURCES}
        return {parameter: one for parameter, one in found.items() if one is not None}

    def _counting(self, parameter: str, now: Boottime) -> Iterator[Vital]:
        for code in SOURCES[parameter]:
            one = self._kept.get(code)
            if one is not None and one.age_s(now) <= HOLDS_FOR_S[parameter]:
                yield one


def _vital(variable: Variable) -> Vital | None:
    """Return a variable as an input; "LO" and "HI" count as the end of the plausible range.

    The outer bands of every chart are open, so whatever the sensor could not tell lies in them.
    """
    value = variable.value if variable.is_usable else None
    if variable.state is State.BELOW_RANGE:
        value = variable.code.low
    elif variable.state is State.ABOVE_RANGE:
        value = variable.code.high
    if value is None:
        return None
    return Vital(code=variable.code, value=value, sensor=variable.sensor, at=variable.at)
