"""Figures of forecasts: errors, error grids, intervals, CRPS.

Clarke error grid: W. L. Clarke et al., Diabetes Care 10 (1987) 622-628, doi
10.2337/diacare.10.5.622. Consensus grid for type 1 diabetes: J. L. Parkes et al., Diabetes Care 23
(2000) 1143-1148, doi 10.2337/diacare.23.8.1143, borders as in A. Pfützner et al., J Diabetes Sci
Technol 7 (2013) 1275-1281, doi 10.1177/193229681300700517. CRPS of a normal distribution:
T. Gneiting and A. E. Raftery, J Am Stat Assoc 102 (2007) 359-378, doi 10.1198/016214506000001437.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Zones = NDArray[np.str_]

_ABOVE = {
    "B": ((0, 50), (30, 50), (140, 170), (280, 380), (430, 550)),
    "C": ((0, 60), (30, 60), (50, 80), (70, 110), (260, 550)),
    "D": ((0, 100), (25, 100), (50, 125), (80, 215), (125, 550)),
    "E": ((0, 150), (35, 155), (50, 550)),
}
_BELOW = {
    "B": ((50, 0), (50.001, 30), (170, 145), (385, 300), (550, 450)),
    "C": ((120, 0), (120.001, 30), (260, 130), (550, 250)),
    "D": ((250, 0), (250.001, 40), (550, 150)),
}


def rmse(truth: Vector, mean: Vector) -> float:
    """Return the root mean square error in the unit of both."""
    return float(np.sqrt(np.mean((mean - truth) ** 2)))


def clarke(truth: Vector, mean: Vector) -> Zones:
    """Return the zone (A to E) of each forecast, shape (n,); both in mg/dL."""
    zones = np.full(truth.size, "B")
    missed = (truth >= 240) & (mean >= 70) & (mean <= 180)
    missed |= (truth <= 175 / 3) & (mean >= 70) & (mean <= 180)
    missed |= (truth >= 175 / 3) & (truth <= 70) & (mean >= 1.2 * truth)
    over = (truth >= 70) & (truth <= 290) & (mean >= truth + 110)
    over |= (truth >= 130) & (truth <= 180) & (mean <= 1.4 * truth - 182)
    wrong = ((truth >= 180) & (mean <= 70)) | ((truth <= 70) & (mean >= 180))
    right = ((truth < 70) & (mean < 70)) | (np.abs(mean - truth) <= 0.2 * truth)
    for name, where in (("D", missed), ("C", over), ("E", wrong), ("A", right)):
        zones[where] = name
    return zones


def parkes(truth: Vector, mean: Vector) -> Zones:
    """Return the zone (A to E) of the consensus grid of each forecast, shape (n,)."""
    zones = np.full(truth.size, "A")
    for name in "BCDE":
        where = mean > _border(truth, _ABOVE[name])
        if name in _BELOW:
            border = _border(truth, _BELOW[name])
            where |= (mean < border) & (truth >= _BELOW[name][0][0])
        zones[where] = name
    return zones


def _border(truth: Vector, line: tuple[tuple[float, float], ...]) -> Vector:
    """Return the border at each true value: a polyline, its last piece extended."""
    x, y = np.array(line, dtype=np.float64).T
    slope = (y[-1] - y[-2]) / (x[-1] - x[-2])
    inside = np.interp(truth, x, y)
    return np.asarray(np.where(truth > x[-1], y[-1] + slope * (truth - x[-1]), inside))


def crps(error: Vector, deviation: Vector) -> Vector:
    """Return the continuous ranked probability score of normal forecasts, shape (n,)."""
    z = error / deviation
    share = 0.5 * (1.0 + _erf(z / math.sqrt(2.0)))
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return np.asarray(
        deviation * (z * (2.0 * share - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))
    )


def _erf(values: Vector) -> Vector:
    return np.array([math.erf(one) for one in values.tolist()])
