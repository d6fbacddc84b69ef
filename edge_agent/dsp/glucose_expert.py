"""One expert: the forecasts at one pace of sensor, and the low-glucose alarm."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_agent.dsp.glucose_features import History, Vector, scale_features
from edge_agent.dsp.glucose_learning import Regression, Spread, Trust, level_of
from edge_agent.dsp.glucose_population import ALARM_MIN, HORIZONS_MIN, Population

LOWEST_MGDL, HIGHEST_MGDL = 20.0, 600.0
LOW_MGDL = 70.0
LOW_TARGET_MGDL = 80.0
LOW_TARGET_WEIGHT = 2.0
"""A true value under 80 mg/dL teaches as much as two others: a missed low is the worst error."""

ALARM_CAP_MGDL = 110.0
"""Glucose above counts as this in the alarm's model: how high it was says nothing about a low."""

_ALARM_OUTLOOK = 1
_OVER_MEAN_MGDL = 4.0
"""The least can't lie far over the forecast of 30 min: a steep fall from on high is in the mean."""

_DAMPING_MIN = 15.0
_DAMPED_FROM_MGDL, _DAMPED_FULLY_MGDL, _DAMPED_SHARE = 90.0, 70.0, 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What was foreseen for one horizon: mean, interval and deviation in mg/dL.

    ``change`` is what the mean would change by if the person were trusted to go as foreseen.
    """

    mean: float
    change: float
    below: float
    above: float
    deviation: float
    expected: float


@dataclass(slots=True)
class _Open:
    """A forecast whose truth is not known yet."""

    at_min: float
    mgdl: float
    features: Vector
    outlook: Outlook | None


class Expert:
    """Learns from one person at the pace of ``population``; forecasts from a :class:`History`."""

    def __init__(self, population: Population) -> None:
        self.population = population
        information = population.information()
        self.regressions = tuple(Regression(one, information) for one in population.weights)
        self.spreads = tuple(
            Spread(below.tolist(), above.tolist())
            for below, above in zip(population.below, population.above, strict=True)
        )
        self.trusts = tuple(Trust(one) for one in HORIZONS_MIN)
        self.outlooks: tuple[Outlook, ...] = ()
        self.least_mgdl: float | None = None
        self._open: tuple[deque[_Open], ...] = tuple(deque() for _ in population.weights)
        self._lowest: deque[tuple[float, float]] = deque()

    def forget_open(self) -> None:
        """Give up on outlooks whose truth can't become known."""
        for waiting in self._open:
            waiting.clear()
        self._lowest.clear()

    def learn(self, before: tuple[float, float], now: tuple[float, float], *, doubt: bool) -> None:
        """Compare what fell due between two readings (min, mg/dL) with the truth.

        In ``doubt`` about the new reading, what fell due is dropped.
        """
        for number, horizon_min in enumerate(HORIZONS_MIN):
            waiting = self._open[number]
            while waiting and waiting[0].at_min + horizon_min <= now[0]:
                one = waiting.popleft()
                share = (one.at_min + horizon_min - before[0]) / (now[0] - before[0])
                if not doubt:
                    self._teach(number, one, before[1] + share * (now[1] - before[1]))
        self._learn_least(now, doubt=doubt)

    def look(self, history: History) -> None:
        """Look ahead from the present moment."""
        pace = self.population.pace
        past = history.lags(pace)
        features = history.features(pace, past)
        at_min, now = history.times[-1], float(past[0])
        slope = (now - float(past[pace.slope_lag])) / _DAMPING_MIN
        outlooks = []
        for number, horizon_min in enumerate(HORIZONS_MIN):
            mean = now + self.regressions[number].predict(features)
            change = within_range(_shaded(mean, now, slope, horizon_min)) - now
            mean = within_range(now + self.trusts[number].share * change)
            seen = scale_features(pace, past, mean) @ self.population.scale[number]
            expected = math.exp(min(float(seen), 6.0))
            spread = self.spreads[number]
            below, above = spread.tails(mean, expected)
            deviation = spread.scale(expected) * self.population.deviation[number, level_of(mean)]
            outlook = Outlook(
                mean=mean, change=change, below=below, above=above,
                deviation=float(deviation), expected=expected,
            )  # fmt: skip
            outlooks.append(outlook)
            self._open[number].append(_Open(at_min, now, features, outlook))
        self.outlooks = tuple(outlooks)
        fall = self.regressions[-1].predict(features)
        least = min(now, ALARM_CAP_MGDL) * math.exp(min(max(fall, -2.0), 1.0))
        self.least_mgdl = min(least, outlooks[_ALARM_OUTLOOK].mean + _OVER_MEAN_MGDL)
        self._open[-1].append(_Open(at_min, now, features, None))

    def low_probability(self) -> float:
        """Return the probability of a reading under 70 mg/dL within the alarm's minutes."""
        if self.least_mgdl is None:
            return 0.0
        first, second = self.population.low_odds
        logit = first + second * math.log(self.least_mgdl / LOW_MGDL)
        return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))

    def _teach(self, number: int, one: _Open, truth: float) -> None:
        weight = LOW_TARGET_WEIGHT if truth < LOW_TARGET_MGDL else 1.0
        self.regressions[number].learn(one.features, truth - one.mgdl, weight=weight)
        seen = one.outlook
        if seen is not None:
            self.trusts[number].learn(seen.change, truth - one.mgdl)
            self.spreads[number].learn(seen.mean, seen.expected, (seen.below, seen.above), truth)

    def _learn_least(self, now: tuple[float, float], *, doubt: bool) -> None:
        """Teach the alarm: the least reading of the minutes after a moment, once they are over."""
        waiting = self._open[-1]
        while waiting and waiting[0].at_min + ALARM_MIN < now[0]:
            one = waiting.popleft()
            while self._lowest and self._lowest[0][0] <= one.at_min:
                self._lowest.popleft()
            if self._lowest and not doubt:
                least = min(self._lowest[0][1], ALARM_CAP_MGDL)
                value = math.log(least / min(one.mgdl, ALARM_CAP_MGDL))
                self.regressions[-1].learn(one.features, value)
        while self._lowest and self._lowest[-1][1] >= now[1]:
            self._lowest.pop()
        self._lowest.append(now)

    def state(self) -> dict[str, Any]:
        """Return what was learnt and what is open, as plain values."""
        return {
            "regressions": [one.state() for one in self.regressions],
            "spreads": [one.state() for one in self.spreads],
            "trusts": [one.state() for one in self.trusts],
            "outlooks": [_plain(one) for one in self.outlooks],
            "least": self.least_mgdl,
            "open": [
                [
                    [one.at_min, one.mgdl, one.features.tolist(), _plain(one.outlook)]
                    for one in waiting
                ]
                for waiting in self._open
            ],
            "lowest": [list(one) for one in self._lowest],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` gave.

        :raises ValueError: a state of another size.
        """
        for regression, kept in zip(self.regressions, state["regressions"], strict=True):
            regression.restore(kept)
        for spread, kept in zip(self.spreads, state["spreads"], strict=True):
            spread.restore(kept)
        for trust, kept in zip(self.trusts, state["trusts"], strict=True):
            trust.restore(kept)
        self.outlooks = tuple(Outlook(**one) for one in state["outlooks"])
        self.least_mgdl = None if state["least"] is None else float(state["least"])
        for waiting, kept in zip(self._open, state["open"], strict=True):
            waiting.clear()
            for at_min, mgdl, features, seen in kept:
                outlook = None if seen is None else Outlook(**seen)
                waiting.append(_Open(at_min, mgdl, np.array(features), outlook))
        self._lowest = deque((float(at), float(value)) for at, value in state["lowest"])


def within_range(mgdl: float) -> float:
    """Return the nearest value that a forecast may have."""
    return min(HIGHEST_MGDL, max(LOWEST_MGDL, mgdl))


def _shaded(mean: float, now: float, slope: float, horizon_min: float) -> float:
    """Draw a forecast towards the damped trend where that leads low.

    The least-squares mean shrinks towards the usual, and so misses lows; a trend that dies away
    within 15 min does not.
    """
    damped = now + slope * _DAMPING_MIN * (1.0 - math.exp(-horizon_min / _DAMPING_MIN))
    if damped >= mean:
        return mean
    share = (_DAMPED_FROM_MGDL - damped) / (_DAMPED_FROM_MGDL - _DAMPED_FULLY_MGDL)
    return mean + _DAMPED_SHARE * min(max(share, 0.0), 1.0) * (damped - mean)


def _plain(outlook: Outlook | None) -> dict[str, float] | None:
    if outlook is None:
        return None
    return {
        "mean": outlook.mean, "change": outlook.change, "below": outlook.below,
        "above": outlook.above, "deviation": outlook.deviation, "expected": outlook.expected,
    }  # fmt: skip
