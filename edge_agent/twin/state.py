"""Twin v0: the latest state of the subject, the room and each device, with its age.

Every variable carries value, unit, age and quality, and says when it is stale. Where two sensors
give the same quantity, the fresh reliable one wins, and among those the newest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from edge_agent import codes
from edge_agent.model import RELIABLE_QUALITY, Boottime, Code, Observation, State

_NS_PER_S = 1_000_000_000


class Domain(StrEnum):
    """Whose state a variable describes."""

    SUBJECT = "subject"
    ROOM = "room"
    DEVICE = "device"


_ROOM = {
    codes.ROOM_TEMPERATURE, codes.ROOM_HUMIDITY, codes.ROOM_CO2, codes.ROOM_PM2_5,
    codes.ROOM_PM10, codes.ROOM_VOC, codes.ROOM_CO, codes.ROOM_ILLUMINANCE, codes.ROOM_SOUND,
    codes.ROOM_MOTION, codes.CONTACT_CLOSED, codes.CONTACT_COUNT, codes.POWER, codes.ENERGY,
}  # fmt: skip
_DOMAIN = dict.fromkeys(_ROOM, Domain.ROOM) | {
    codes.BATTERY: Domain.DEVICE,
    codes.INSULIN_RESERVOIR: Domain.DEVICE,
}

_MINUTE_S, _HOUR_S = 60.0, 3600.0

FRESH_FOR_S = {
    codes.HEART_RATE: 15.0,
    codes.RR_INTERVAL: 15.0,
    codes.SPO2: 15.0,
    codes.PULSE_RATE: 15.0,
    codes.PERFUSION_INDEX: 15.0,
    codes.GLUCOSE: 15 * _MINUTE_S,
    codes.GLUCOSE_TREND: 15 * _MINUTE_S,
    codes.GLUCOSE_IN_15_MIN: 15 * _MINUTE_S,
    codes.GLUCOSE_IN_30_MIN: 15 * _MINUTE_S,
    codes.GLUCOSE_IN_60_MIN: 15 * _MINUTE_S,
    codes.CAPILLARY_GLUCOSE: 15 * _MINUTE_S,
    codes.SDNN: 10 * _MINUTE_S,
    codes.RMSSD: 10 * _MINUTE_S,
    codes.PNN50: 10 * _MINUTE_S,
    codes.SYSTOLIC: 4 * _HOUR_S,
    codes.DIASTOLIC: 4 * _HOUR_S,
    codes.MEAN_PRESSURE: 4 * _HOUR_S,
    codes.CUFF_PULSE_RATE: 15 * _MINUTE_S,
    codes.BODY_TEMPERATURE: 4 * _HOUR_S,
    codes.BODY_WEIGHT: 48 * _HOUR_S,
    codes.BODY_MASS_INDEX: 48 * _HOUR_S,
    codes.BODY_HEIGHT: 365 * 24 * _HOUR_S,
    codes.INSULIN_ON_BOARD: 10 * _MINUTE_S,
    codes.INSULIN_BASAL_RATE: _HOUR_S,
    codes.INSULIN_BOLUS: 6 * _HOUR_S,
    codes.INSULIN_TOTAL_DAILY: 24 * _HOUR_S,
    codes.INSULIN_RESERVOIR: 24 * _HOUR_S,
    codes.BATTERY: 24 * _HOUR_S,
    codes.DETERIORATION_INDEX: 36 * _HOUR_S,
    codes.DETERIORATION_SUM: 36 * _HOUR_S,
    codes.HEART_RATE_VERSUS_USUAL: 15 * _MINUTE_S,
    codes.ODI3: 24 * _HOUR_S,
    codes.ODI4: 24 * _HOUR_S,
    codes.T90: 24 * _HOUR_S,
    codes.SPO2_NADIR: 24 * _HOUR_S,
    codes.SPO2_NIGHT_MEAN: 24 * _HOUR_S,
    codes.PULSE_NIGHT_MEAN: 24 * _HOUR_S,
    codes.OXIMETRY_HOURS: 24 * _HOUR_S,
    codes.DESATURATION_AREA: 24 * _HOUR_S,
    codes.GLUCOSE_IN_RANGE: 24 * _HOUR_S,
    codes.GLUCOSE_TIME_BELOW: 24 * _HOUR_S,
    codes.GLUCOSE_TIME_ABOVE: 24 * _HOUR_S,
    codes.GLUCOSE_MEAN: 24 * _HOUR_S,
    codes.GLUCOSE_CV: 24 * _HOUR_S,
    codes.LBGI: 24 * _HOUR_S,
    codes.HBGI: 24 * _HOUR_S,
    codes.MAGE: 24 * _HOUR_S,
    codes.GMI: 24 * _HOUR_S,
}
"""For how many seconds a value of a quantity describes the present; the room's: 2 minutes."""

_FRESH_ELSE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable of the twin at one moment.

    ``value`` is in ``code.unit`` or ``None``; ``age_s`` counts seconds since it was true;
    ``is_stale`` tells that it no longer describes the present.
    """

    code: Code
    domain: Domain
    sensor: str
    value: float | None
    state: State
    quality: float
    at: Boottime
    age_s: float
    is_stale: bool

    @property
    def is_usable(self) -> bool:
        """Whether it is a number to rely on; it may be stale."""
        measured = self.state is State.MEASURED and self.value is not None
        return measured and self.quality >= RELIABLE_QUALITY


class Twin:
    """Keeps the latest observation of every quantity of every sensor."""

    def __init__(self) -> None:
        self._latest: dict[tuple[Code, str], Observation] = {}

    def assimilate(self, observation: Observation) -> None:
        """Take in an observation; one older than what is known changes nothing."""
        key = (observation.code, observation.sensor)
        known = self._latest.get(key)
        if known is None or observation.at >= known.at:
            self._latest[key] = observation

    def variable(self, code: Code, now: Boottime) -> Variable | None:
        """Return the best known value of ``code``, or ``None`` when nothing was ever measured."""
        return self._best((one for (known, _), one in self._latest.items() if known == code), now)

    def every(self, code: Code, now: Boottime) -> tuple[Variable, ...]:
        """Return what each sensor says of ``code``, in the order of their names."""
        found = [(sensor, one) for (known, sensor), one in self._latest.items() if known == code]
        return tuple(_view(one, now) for _, one in sorted(found, key=lambda pair: pair[0]))

    def snapshot(self, now: Boottime) -> tuple[Variable, ...]:
        """Return every variable: the best per quantity, and per device for its own state."""
        groups: dict[tuple[Code, str], list[Observation]] = {}
        for (code, sensor), one in self._latest.items():
            own = sensor if _DOMAIN.get(code) is Domain.DEVICE else ""
            groups.setdefault((code, own), []).append(one)
        best = (self._best(group, now) for group in groups.values())
        return tuple(variable for variable in best if variable is not None)

    def _best(self, candidates: Iterable[Observation], now: Boottime) -> Variable | None:
        views = [_view(one, now) for one in candidates]
        return max(views, key=_preference, default=None)


def _preference(variable: Variable) -> tuple[bool, bool, Boottime]:
    return (not variable.is_stale, variable.is_usable, variable.at)


def _view(one: Observation, now: Boottime) -> Variable:
    age_s = max(0.0, (now - one.at) / _NS_PER_S)
    return Variable(
        code=one.code,
        domain=_DOMAIN.get(one.code, Domain.SUBJECT),
        sensor=one.sensor,
        value=one.value,
        state=one.state,
        quality=one.quality,
        at=one.at,
        age_s=age_s,
        is_stale=age_s > FRESH_FOR_S.get(one.code, _FRESH_ELSE_S),
    )
