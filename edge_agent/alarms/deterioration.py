"""A slow deterioration over days: several signals, each against the person's own usual, in CUSUM.

Implanted devices warn of worsening heart failure this way (HeartLogic: J. P. Boehmer et al., JACC
Heart Fail 5 (2017) 216-225, doi 10.1016/j.jchf.2016.12.011); a bedside hub has neither heart sounds
nor impedance, so it goes by what it has. Each night's value is put in spreads from the person's
usual, in the direction in which worsening shows; their weighted mean, scaled to unit variance for
independent signals, goes into a one-sided CUSUM (E. S. Page, Biometrika 41 (1954) 100-115,
doi 10.1093/biomet/41.1-2.100). Days in alert don't enter the baseline.

An alert is a reason to look at the person. It says nothing about the cause.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.alarms.baseline import DailyBaseline, Usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A nightly quantity: which way it worsens (-1 falls, 1 rises), and how much it counts.

    ``least_spread`` is the smallest day-to-day spread that is believed, in the quantity's unit.
    """

    name: str
    unit: str
    worsens: int
    least_spread: float
    weight: float = 1.0


SIGNS = (
    Sign(name="heart rate", unit="/min", worsens=1, least_spread=2.0),
    Sign(name="respiration rate", unit="/min", worsens=1, least_spread=0.7),
    Sign(name="SpO2", unit="%", worsens=-1, least_spread=0.5),
    Sign(name="RMSSD", unit="ln(ms)", worsens=-1, least_spread=0.08),
    Sign(name="activity", unit="ln(h)", worsens=-1, least_spread=0.1, weight=0.5),
    Sign(name="weight", unit="kg", worsens=1, least_spread=0.4),
)

_REFERENCE = 0.5
"""Of the CUSUM: half the shift (in spreads) that is to be found soonest."""
_ALERT, _CALM = 7.0, 2.0
_LARGEST_Z = 4.0
_LARGEST_STEP = 3.0
"""One bad night alone must not raise an alert."""
_LARGEST_SUM = 10.0
"""However long somebody was ill: two quiet weeks end the alert."""
_LEAST_SIGNS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one sign said on a day: its value, what is usual, and its part in the index."""

    sign: Sign
    value: float
    usual: Usual
    part: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One day: ``index`` in spreads from usual, its running sum, and whether an alert stands.

    ``contributions`` add up to ``index``, the largest first; ``missing`` names the signs without a
    value or without a baseline yet.
    """

    day: int
    index: float
    running_sum: float
    alert: bool
    began: bool
    contributions: tuple[Contribution, ...]
    missing: tuple[str, ...]


class DeteriorationIndex:
    """Judges a person's nights, one after the other."""

    def __init__(self, signs: tuple[Sign, ...] = SIGNS) -> None:
        self._signs = signs
        self._baselines = {
            sign.name: DailyBaseline(least_spread=sign.least_spread) for sign in signs
        }
        self._sum = 0.0
        self._alert = False
        self._day: int | None = None
        self._alert_days = 0
        """Left out of the baselines' calendar: they must not grow old while an alert stands."""

    def push(self, day: int, values: Mapping[str, float]) -> Assessment | None:
        """Judge the night of ``day`` (a running number); ``None`` while there is too little.

        ``values`` holds what was measured reliably, by :attr:`Sign.name`. A day that is not later
        than the last is ignored, and so is a night with fewer than two signs: one alone says too
        little.
        """
        if self._day is not None and day <= self._day:
            return None
        if self._alert and self._day is not None:
            self._alert_days += day - self._day
        self._day = day
        calendar = day - self._alert_days
        found = [
            (sign, values[sign.name], usual)
            for sign in self._signs
            if sign.name in values
            and math.isfinite(values[sign.name])
            and (usual := self._baselines[sign.name].usual(calendar)) is not None
        ]
        judged = self._judge(day, found) if len(found) >= _LEAST_SIGNS else None
        if not self._alert:
            for name, value in values.items():
                if name in self._baselines and math.isfinite(value):
                    self._baselines[name].push(calendar, value)
        return judged

    def _judge(self, day: int, found: list[tuple[Sign, float, Usual]]) -> Assessment:
        scale = math.sqrt(sum(sign.weight**2 for sign, _, _ in found))
        contributions = sorted(
            (
                Contribution(
                    sign=sign,
                    value=value,
                    usual=usual,
                    part=sign.weight * _bounded(sign.worsens * usual.z(value)) / scale,
                )
                for sign, value, usual in found
            ),
            key=lambda one: -one.part,
        )
        index = sum(one.part for one in contributions)
        was_alert = self._alert
        step = min(index, _LARGEST_STEP) - _REFERENCE
        self._sum = min(max(0.0, self._sum + step), _LARGEST_SUM)
        self._alert = self._sum > (_CALM if was_alert else _ALERT)
        if was_alert and not self._alert:
            self._sum = 0.0
        known = {sign.name for sign, _, _ in found}
        return Assessment(
            day=day,
            index=index,
            running_sum=self._sum,
            alert=self._alert,
            began=self._alert and not was_alert,
            contributions=tuple(contributions),
            missing=tuple(sign.name for sign in self._signs if sign.name not in known),
        )

    def state(self) -> dict[str, Any]:
        """Return what a restart has to know, as plain values."""
        baselines = {name: one.state() for name, one in self._baselines.items()}
        return {
            "sum": self._sum, "alert": self._alert, "day": self._day,
            "alert_days": self._alert_days, "baselines": baselines,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._sum, self._alert, self._day = state["sum"], state["alert"], state["day"]
        self._alert_days = state["alert_days"]
        for name, baseline in self._baselines.items():
            baseline.restore(state["baselines"].get(name, {}))


def _bounded(z: float) -> float:
    return max(-_LARGEST_Z, min(_LARGEST_Z, z))
