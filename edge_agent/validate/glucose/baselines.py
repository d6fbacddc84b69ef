"""Plain forecasts to compare with, each by its published rule.

* persistence: glucose stays.
* line: through the last two readings; least squares: through those of the last 15 min.
* AR: recursive least squares from zero on the last hour, per patient, as in G. Sparacino et al.,
  IEEE Trans Biomed Eng 54 (2007) 931-937, doi 10.1109/TBME.2006.889774.
* Loop momentum: the slope of the last 15 min, its share falling linearly to none after 30 min
  (LoopKit's glucose momentum blend, loopkit.github.io/loopdocs).
* AR2: Nightscout's second-order model of log glucose around 140 mg/dL with the coefficients -0.723
  and 1.716 in 5-min steps (Nightscout, ar2 plugin).
"""

from __future__ import annotations

import numpy as np

from edge_agent.dsp.glucose_learning import Regression, Vector
from edge_agent.validate.glucose.recordings import Trace
from edge_agent.validate.glucose.scoring import truth

NAMES = ("persistence", "line", "least squares", "AR", "Loop momentum", "AR2")

_AR2 = (-0.723, 1.716)
_AR2_CENTRE = 140.0
_MOMENTUM_MIN = 30.0


def forecast(name: str, trace: Trace, horizon_min: float) -> Vector:
    """Return the forecasts after each reading, shape (n,), in mg/dL (20 to 600)."""
    g = trace.mgdl
    before = np.interp(trace.at_min - trace.step_min, trace.at_min, g)
    if name == "persistence":
        made = g
    elif name == "line":
        made = g + (g - before) / trace.step_min * horizon_min
    elif name == "least squares":
        made = g + _slope(trace) * horizon_min
    elif name == "Loop momentum":
        reach = min(horizon_min, _MOMENTUM_MIN)
        made = g + _slope(trace) * (reach - 0.5 * reach**2 / _MOMENTUM_MIN)
    elif name == "AR2":
        made = _second_order(trace, horizon_min)
    else:
        made = _autoregressive(trace, horizon_min)
    return np.clip(made, 20.0, 600.0)


def _slope(trace: Trace) -> Vector:
    """Return the least-squares slope of four points of the last 15 min, mg/dL/min."""
    back = np.array([-15.0, -10.0, -5.0, 0.0])
    points = np.interp(trace.at_min[:, np.newaxis] + back, trace.at_min, trace.mgdl)
    centred = back - back.mean()
    return np.asarray(points @ centred / (centred @ centred))


def _second_order(trace: Trace, horizon_min: float) -> Vector:
    older = np.log(np.interp(trace.at_min - 5.0, trace.at_min, trace.mgdl) / _AR2_CENTRE)
    newer = np.log(trace.mgdl / _AR2_CENTRE)
    for _ in range(round(horizon_min / 5.0)):
        older, newer = newer, _AR2[0] * older + _AR2[1] * newer
    return np.asarray(_AR2_CENTRE * np.exp(np.clip(newer, -3.0, 3.0)))


def _autoregressive(trace: Trace, horizon_min: float) -> Vector:
    lags = trace.step_min * np.arange(12 if trace.step_min == 5.0 else 4)
    past = np.interp(trace.at_min[:, np.newaxis] - lags, trace.at_min, trace.mgdl)
    rows = np.column_stack((np.ones(past.shape[0]), (past - 140.0) / 50.0))
    value = truth(trace, horizon_min) - trace.mgdl
    model, made, due = Regression(np.zeros(rows.shape[1]), 0.1 * np.eye(rows.shape[1])), [], 0
    for row, at in enumerate(trace.at_min.tolist()):
        while due < row and trace.at_min[due] + horizon_min <= at:
            if not np.isnan(value[due]):
                model.learn(rows[due], float(value[due]))
            due += 1
        made.append(model.predict(rows[row]))
    return np.asarray(trace.mgdl + np.array(made))
