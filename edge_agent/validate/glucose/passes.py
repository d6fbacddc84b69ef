"""One causal pass over a trace: every forecast that was made, and the alarm, after each reading."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from edge_agent.dsp.glucose import Forecaster
from edge_agent.dsp.glucose_features import History, Pace, scale_features
from edge_agent.dsp.glucose_population import HORIZONS_MIN, Matrix, Population, Vector
from edge_agent.model import Boottime
from edge_agent.validate.glucose.recordings import Trace
from edge_agent.validate.glucose.scoring import Flags
from edge_agent.warning.crisis import CRISES, CrisisWatch, foresee


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What a forecaster said after each of n readings; NaN where it said nothing.

    ``mean``, ``low90``, ``high90``, ``deviation``: shape (n, 3), one column for each horizon, in
    mg/dL. ``least``: the foreseen least of 40 min, ``alarm``: the low-glucose alarm,
    ``low_probability``: its probability, all (n,). ``crises`` (n, 2): whether the hub says that
    each of its glucose crises is coming. ``cpu_s``: process time of the whole pass.
    """

    mean: Matrix
    low90: Matrix
    high90: Matrix
    deviation: Matrix
    least: Vector
    low_probability: Vector
    alarm: Flags
    crises: Flags
    cpu_s: float


def run(trace: Trace, populations: tuple[Population, Population] | None = None) -> Pass:
    """Run the hub's forecaster over ``trace``, with the shipped weights by default."""
    forecaster = Forecaster() if populations is None else Forecaster(populations)
    n = trace.at_min.size
    seen = np.full((4, n, len(HORIZONS_MIN)), np.nan)
    least, chance, alarm = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, dtype=bool)
    crises, watch = np.zeros((n, len(CRISES)), dtype=bool), CrisisWatch()
    began = time.process_time()
    for row, (at_s, mgdl, carbs_g, insulin_u) in enumerate(trace.updates()):
        forecaster.update(at_s, mgdl, carbs_g=carbs_g, insulin_u=insulin_u)
        for column, horizon_min in enumerate(HORIZONS_MIN):
            one = forecaster.forecast(horizon_min)
            if one is not None:
                seen[:, row, column] = (one.mean, one.low90, one.high90, one.deviation)
        low = forecaster.low_alarm
        if low is not None:
            least[row], chance[row], alarm[row] = low.least_mgdl, low.probability, low.is_on
        at = Boottime(round(at_s * 1e9))
        for _ in watch.look(foresee(forecaster, mgdl, at, "cgm"), at):
            pass
        crises[row] = [one.finding in watch.standing for one in CRISES]
    return Pass(
        mean=seen[0], low90=seen[1], high90=seen[2], deviation=seen[3], least=least,
        low_probability=chance, alarm=alarm, crises=crises,
        cpu_s=time.process_time() - began,
    )  # fmt: skip


def features(trace: Trace, pace: Pace) -> tuple[Matrix, Matrix]:
    """Return the features (n, k) and the lags (n, l) after each reading."""
    history = History()
    rows = np.empty((trace.at_min.size, pace.size))
    lags = np.empty((trace.at_min.size, pace.lags + 1))
    for row, (at_s, mgdl, carbs_g, insulin_u) in enumerate(trace.updates()):
        history.push(at_s / 60.0, mgdl)
        history.carbs.add(carbs_g)
        history.insulin.add(insulin_u)
        lags[row] = history.lags(pace)
        rows[row] = history.features(pace, lags[row])
    return rows, lags


def scale_rows(pace: Pace, lags: Matrix, mean: Vector) -> Matrix:
    """Return what the size of each error goes by, shape (n, 13)."""
    return np.array([scale_features(pace, *one) for one in zip(lags, mean.tolist(), strict=True)])
