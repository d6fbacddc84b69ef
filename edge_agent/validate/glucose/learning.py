"""Learns where forecasts begin: the populations that the hub ships.

First the weights, by weighted least squares on all patients of a pace. Then every patient is run
with weights learnt from the others, and the size of the errors, the tails of the intervals, the
threshold of the low-glucose alarm and its probability are fitted to what those runs got wrong.
Nothing is drawn at random. To score a patient, all of it is fitted without that patient
(:class:`~edge_agent.validate.glucose.bench.GlucoseBench`); the others' runs are then not made anew
without it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_agent.dsp import logistic
from edge_agent.dsp.glucose_alarm import AlarmSwitch
from edge_agent.dsp.glucose_expert import (
    ALARM_CAP_MGDL,
    LOW_MGDL,
    LOW_TARGET_MGDL,
    LOW_TARGET_WEIGHT,
)
from edge_agent.dsp.glucose_features import (
    CLOCK_FEATURES,
    FIVE_MIN,
    QUARTER_HOUR,
    SCALE_FEATURES,
    Pace,
)
from edge_agent.dsp.glucose_learning import LEVEL_EDGES, TAILS_ABOVE, TAILS_BELOW
from edge_agent.dsp.glucose_population import (
    ALARM_MIN,
    HORIZONS_MIN,
    Matrix,
    Population,
    Vector,
)
from edge_agent.errors import EdgeError
from edge_agent.validate.glucose.events import AlarmScore, alarm_score, total
from edge_agent.validate.glucose.figures import crps
from edge_agent.validate.glucose.passes import Pass, features, run, scale_rows
from edge_agent.validate.glucose.recordings import Trace, read_all
from edge_agent.validate.glucose.scoring import Flags, eligible, least_ahead, truth
from edge_agent.validate.glucose.weights_text import weights_module

PACES = (FIVE_MIN, QUARTER_HOUR)
SIMULATED_SET = "sim_uvapadova"
FALSE_ALARMS_PER_DAY = 0.34
"""The alarm's threshold is the highest that keeps to so many on the patients it is fixed on."""

_ROWS_A_PATIENT = 1000.0
_SIMULATED_WEIGHT = 0.1  # people are not simulated
_RIDGE = 1e-4
_THINNED = 7  # neighbours say nearly the same: every seventh is enough for a slow fit
_DEVIATIONS = np.linspace(0.8, 2.2, 15)
_THRESHOLDS_MGDL = np.arange(62.0, 84.01, 0.25)
_POWERS = np.linspace(0.6, 3.0, 25)
_CROSSED_MGDL = (70.0, 180.0)
_WITHIN_MIN = 30.0

Tell = Callable[[str], None]
Errors = tuple[Matrix, Vector, Vector, Vector]
"""What an error's size goes by, the errors, the levels, and how much each counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One patient's features, truths and weight; and after the first round, its pass."""

    trace: Trace
    pace: Pace
    rows: Matrix
    lags: Matrix
    counts: bool
    weight: float
    used: Flags
    truths: Matrix
    least: Vector
    made: Pass | None = None
    errors: tuple[Errors, ...] = ()
    alarms: tuple[AlarmScore, ...] = ()

    @property
    def run(self) -> Pass:
        """The pass of the first round.

        :raises ValueError: there was none yet.
        """
        if self.made is None:
            raise ValueError(f"{self.trace.name}: not rehearsed yet")
        return self.made


def lessons(traces: Sequence[Trace], tell: Tell) -> list[Lesson]:
    """Prepare every trace."""
    return [_lesson(one, tell) for one in traces]


def rehearse(prepared: Sequence[Lesson], tell: Tell) -> list[Lesson]:
    """Run every patient with weights learnt from the others."""
    done = []
    for one in prepared:
        tell(f"{one.trace.name}: with the others' weights")
        others = [other for other in prepared if other is not one]
        pair = tuple(_first_round(others, pace) for pace in PACES)
        ran = replace(one, made=run(one.trace, (pair[0], pair[1])))
        done.append(
            replace(
                ran,
                errors=tuple(_errors(ran, number) for number in range(len(HORIZONS_MIN))),
                alarms=tuple(
                    alarm_score(ran.trace, _flags(ran, at)) for at in _THRESHOLDS_MGDL.tolist()
                ),
            )
        )
    return done


def learn(folder: Path, tell: Tell) -> str:
    """Return the text of the module that ships the populations, learnt from all under ``folder``.

    :raises EdgeError: no traces, or none of one of the paces.
    """
    traces = read_all(folder)
    try:
        rehearsed = rehearse(lessons(traces, tell), tell)
        found = [population(rehearsed, pace) for pace in PACES]
    except ValueError as error:
        raise EdgeError(
            f"traces in {folder}", f"they teach nothing: {error}", "Add patients of that pace."
        ) from error
    counts = Counter(one.data_set for one in traces)
    sets = ", ".join(f"{name} ({count} patients)" for name, count in sorted(counts.items()))
    origin = f"Written by ``edge-agent validate learn glucose --seed 1`` from {sets}; nothing is"
    return weights_module(f"{origin} drawn at random. Learn it anew rather than edit it.", found)


def population(rehearsed: Sequence[Lesson], pace: Pace) -> Population:
    """Return everything that the patients of one pace teach.

    :raises ValueError: no patient of that pace with a day of readings.
    """
    taught = [one for one in rehearsed if one.pace == pace and one.made is not None]
    first = _first_round(taught, pace)
    scale, below, above, deviation = [], [], [], []
    for number in range(len(HORIZONS_MIN)):
        errors = [one.errors[number] for one in taught]
        size = _scale(errors)
        z = np.concatenate([error / np.exp(rows @ size) for rows, error, _, _ in errors])
        level = np.concatenate([levels for _, _, levels, _ in errors])
        weight = np.concatenate([weights for _, _, _, weights in errors])
        usual = float(np.average(np.abs(z), weights=weight))
        size[0] += math.log(usual)
        tails = [_tails(z / usual, weight, level, one) for one in range(len(LEVEL_EDGES) + 1)]
        scale.append(size)
        below.append([one[0] for one in tails])
        above.append([one[1] for one in tails])
        deviation.append([one[2] for one in tails])
    complete = replace(
        first, scale=np.array(scale), below=np.array(below), above=np.array(above),
        deviation=np.array(deviation), alarm_low_mgdl=_threshold(taught),
        low_odds=_low_odds(taught),
    )  # fmt: skip
    return replace(complete, crossing_power=_crossing_power(taught, complete))


def _lesson(trace: Trace, tell: Tell) -> Lesson:
    tell(f"{trace.name}: features")
    pace = FIVE_MIN if trace.step_min == FIVE_MIN.step_min else QUARTER_HOUR
    rows, lags = features(trace, pace)
    used = eligible(trace, 0.0)
    simulated = trace.data_set == SIMULATED_SET
    return Lesson(
        trace=trace, pace=pace, rows=rows, lags=lags, counts=not simulated,
        weight=(_SIMULATED_WEIGHT if simulated else 1.0)
        * min(1.0, _ROWS_A_PATIENT / max(1, used.sum())),
        used=used, truths=np.array([truth(trace, one) for one in HORIZONS_MIN]),
        least=least_ahead(trace, ALARM_MIN),
    )  # fmt: skip


def _first_round(taught: Sequence[Lesson], pace: Pace) -> Population:
    """Return a population that knows the weights only."""
    some = [one for one in taught if one.pace == pace]
    if not some:
        raise ValueError(f"no patient with a sensor that reads every {pace.step_min:g} min")
    moments, mass = np.zeros((pace.base, pace.base)), 0.0
    for one in some:
        base = one.rows[one.used, : pace.base]
        moments += one.weight * base.T @ base
        mass += one.weight * len(base)
    levels = len(LEVEL_EDGES) + 1
    weights = [_weights(some, pace, number) for number in range(len(HORIZONS_MIN) + 1)]
    return Population(
        pace=pace, weights=np.array(weights), moments=moments / mass,
        scale=np.zeros((len(HORIZONS_MIN), SCALE_FEATURES)),
        below=np.full((len(HORIZONS_MIN), levels), 2.0),
        above=np.full((len(HORIZONS_MIN), levels), 2.0),
        deviation=np.full((len(HORIZONS_MIN), levels), 1.25),
        alarm_low_mgdl=LOW_MGDL, low_odds=(0.0, -20.0), crossing_power=1.0,
    )  # fmt: skip


def _weights(some: Sequence[Lesson], pace: Pace, number: int) -> Vector:
    """Return the weights (k,) of one horizon, or of the alarm; those of the clock are zero."""
    chosen = [*range(pace.base), *range(pace.base + CLOCK_FEATURES, pace.size)]
    normal, right = np.zeros((len(chosen), len(chosen))), np.zeros(len(chosen))
    mass = 0.0
    for one in some:
        value, weight = _target(one, number)
        known = one.used & ~np.isnan(value)
        rows, weight = one.rows[known][:, chosen], one.weight * weight[known]
        normal += (rows * weight[:, np.newaxis]).T @ rows
        right += rows.T @ (weight * value[known])
        mass += float(weight.sum())
    found = np.zeros(pace.size)
    found[chosen] = np.linalg.solve(normal + _RIDGE * mass * np.eye(len(chosen)), right)
    return found


def _target(one: Lesson, number: int) -> tuple[Vector, Vector]:
    g = one.trace.mgdl
    if number == len(HORIZONS_MIN):
        value = np.log(np.minimum(one.least, ALARM_CAP_MGDL) / np.minimum(g, ALARM_CAP_MGDL))
        return value, np.ones(g.size)
    then = one.truths[number]
    return then - g, np.where(then < LOW_TARGET_MGDL, LOW_TARGET_WEIGHT, 1.0)


def _errors(one: Lesson, number: int) -> Errors:
    mean = one.run.mean[:, number]
    known = one.used & ~np.isnan(one.truths[number]) & ~np.isnan(mean)
    rows = scale_rows(one.pace, one.lags[known], mean[known])
    levels = np.searchsorted(LEVEL_EDGES, mean[known], side="right")
    error = one.truths[number][known] - mean[known]
    return rows, error, levels.astype(float), np.full(error.size, one.weight)


def _scale(errors: Sequence[Errors]) -> Vector:
    normal, right = 1e-3 * np.eye(SCALE_FEATURES), np.zeros(SCALE_FEATURES)
    for rows, error, _, weight in errors:
        normal += (rows * weight[:, np.newaxis]).T @ rows
        right += rows.T @ (weight * np.log(np.abs(error) + 1.0))
    return np.asarray(np.linalg.solve(normal, right))


def _tails(z: Vector, weight: Vector, level: Vector, one: int) -> tuple[float, float, float]:
    """Return the tails below and above, and the deviation, of errors at one level."""
    here = level == one
    if not here.any():
        here = np.ones(z.size, dtype=bool)
    order = np.argsort(z[here])
    sorted_z, share = z[here][order], np.cumsum(weight[here][order])
    share /= share[-1]
    low = -sorted_z[np.searchsorted(share, TAILS_BELOW[one])]
    high = sorted_z[min(np.searchsorted(share, 1.0 - TAILS_ABOVE[one]), sorted_z.size - 1)]
    some = z[here][::_THINNED]
    scores = [
        np.average(crps(some, np.full(some.size, one)), weights=weight[here][::_THINNED])
        for one in _DEVIATIONS
    ]
    return max(float(low), 0.3), max(float(high), 0.3), float(_DEVIATIONS[int(np.argmin(scores))])


def _threshold(taught: Sequence[Lesson]) -> float:
    """Return the highest threshold that keeps false alarms of type 1 patients few enough."""
    people = [one for one in taught if one.counts and "t1d" in one.trace.data_set]
    people = people or [one for one in taught if one.counts] or list(taught)
    best = float(_THRESHOLDS_MGDL[0])
    for number, raising in enumerate(_THRESHOLDS_MGDL.tolist()):
        if total([one.alarms[number] for one in people]).false_per_day > FALSE_ALARMS_PER_DAY:
            break
        best = raising
    return best


def _flags(one: Lesson, raising: float) -> Flags:
    switch, flags = AlarmSwitch(), np.zeros(one.trace.at_min.size, dtype=bool)
    for row, (at, least) in enumerate(
        zip(one.trace.at_min.tolist(), one.run.least.tolist(), strict=True)
    ):
        if math.isnan(least):
            switch.reset()
        else:
            switch.see(at, least, raising)
        flags[row] = switch.is_on
    return flags


def _low_odds(taught: Sequence[Lesson]) -> tuple[float, float]:
    rows, labels, weights = [], [], []
    for one in taught:
        known = one.used & ~np.isnan(one.least) & ~np.isnan(one.run.least)
        known &= one.trace.mgdl >= LOW_MGDL
        rows.append(np.log(one.run.least[known] / LOW_MGDL))
        labels.append(one.least[known] < LOW_MGDL)
        weights.append(np.full(int(known.sum()), one.weight))
    model = logistic.fit(
        np.concatenate(rows)[:, np.newaxis],
        np.concatenate(labels).astype(float),
        sample_weights=np.concatenate(weights),
    )
    return model.intercept, model.weights[0]


def _crossing_power(taught: Sequence[Lesson], known: Population) -> float:
    """Return the power that makes crossing 70 and 180 mg/dL within 30 min likeliest."""
    chances, crossed, weights = [], [], []
    for one in taught:
        g, least = one.trace.mgdl, least_ahead(one.trace, _WITHIN_MIN)
        highest = -least_ahead(replace(one.trace, mgdl=-g), _WITHIN_MIN)
        for threshold, truths in zip(_CROSSED_MGDL, (least, highest), strict=True):
            side = 1.0 if threshold < 100.0 else -1.0
            starts = one.used & ~np.isnan(truths) & ~np.isnan(one.run.mean[:, 1])
            starts &= side * (g - threshold) >= 0.0
            starts &= np.arange(g.size) % _THINNED == 0
            chance = np.zeros(int(starts.sum()))
            for number in (0, 1):
                mean = one.run.mean[starts, number]
                rows = scale_rows(one.pace, one.lags[starts], mean)
                levels = np.searchsorted(LEVEL_EDGES, mean, side="right")
                spread = np.exp(rows @ known.scale[number]) * known.deviation[number, levels]
                depth = side * (threshold - mean) / (math.sqrt(2.0) * spread)
                here = [0.5 * math.erfc(-value) for value in depth.tolist()]
                chance = np.maximum(chance, here)
            chances.append(chance)
            crossed.append(side * (truths[starts] - threshold) < 0.0)
            weights.append(np.full(chance.size, one.weight))
    chance = np.clip(np.concatenate(chances), 1e-6, 1.0 - 1e-6)
    did, weight = np.concatenate(crossed), np.concatenate(weights)
    losses = []
    for power in _POWERS.tolist():
        not_crossed = (1.0 - chance) ** power
        losses.append(
            float(weight @ np.where(did, -np.log(1.0 - not_crossed), -np.log(not_crossed)))
        )
    return float(_POWERS[int(np.argmin(losses))])
