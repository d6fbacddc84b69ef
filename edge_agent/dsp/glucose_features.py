"""What a glucose forecast goes by: the last hour, slow means, the hour of the day, food, insulin.

Two experts see the same readings at the pace of their sensor: lags of 5 minutes for one that reads
every 5 minutes, of 15 for one that reads every 15 (and when somebody holds a reader to it). Between
readings glucose is taken to run straight; before the first reading after a long silence it is
taken to have stood still. Every feature is of order one.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

LONGEST_GAP_MIN = 60.0
"""After a longer silence the history starts anew. What was learnt stays."""

MEAN_MEMORIES_MIN = (180.0, 720.0, 2880.0)
CARBS_MEMORIES_MIN = (10.0, 20.0, 40.0, 80.0)
INSULIN_MEMORIES_MIN = (40.0, 75.0, 120.0)
CLOCK_FEATURES = 6
DOSE_FEATURES = 2 * (len(CARBS_MEMORIES_MIN) + len(INSULIN_MEMORIES_MIN))

_HISTORY_MIN = 60.0
_LONGEST_MEAN_STEP_MIN = 30.0
_DAY_MIN = 1440.0
_SLOPE_MIN = 15.0
_CARBS_G, _INSULIN_U = 30.0, 3.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How densely an expert looks back: ``lags`` steps of ``step_min`` minutes."""

    step_min: float
    lags: int

    @property
    def base(self) -> int:
        """Number of features of glucose alone; the clock's and the doses' come after them."""
        return 1 + 1 + self.lags + 7 + len(MEAN_MEMORIES_MIN)

    @property
    def size(self) -> int:
        """Number of features."""
        return self.base + CLOCK_FEATURES + DOSE_FEATURES

    @property
    def slope_lag(self) -> int:
        """The lag that lies a quarter of an hour back."""
        return round(_SLOPE_MIN / self.step_min)


FIVE_MIN = Pace(5.0, 12)
QUARTER_HOUR = Pace(15.0, 4)


class Depots:
    """Doses on their way: each leaves a first compartment into a second, at several paces.

    ``amounts`` holds both compartments of each pace in turns, in units of the dose.
    """

    def __init__(self, memories_min: Sequence[float]) -> None:
        self._memories = np.array(memories_min)
        self.amounts: Vector = np.zeros(2 * len(memories_min))

    def advance(self, minutes: float) -> None:
        """Let time pass."""
        if not self.amounts.any():
            return
        keep = np.exp(-minutes / self._memories)
        waiting, active = self.amounts[0::2], self.amounts[1::2]
        self.amounts[1::2] = keep * (active + waiting * (minutes / self._memories))
        self.amounts[0::2] = waiting * keep

    def add(self, dose: float) -> None:
        """Take in a dose."""
        self.amounts[0::2] += dose


class History:
    """The last hour of one sensor, its slow means, and what was eaten and injected."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.values: list[float] = []
        self.means: Vector = np.zeros(len(MEAN_MEMORIES_MIN))
        self.carbs = Depots(CARBS_MEMORIES_MIN)
        self.insulin = Depots(INSULIN_MEMORIES_MIN)
        self._memories = np.array(MEAN_MEMORIES_MIN)

    def push(self, at_min: float, mgdl: float) -> None:
        """Take in a reading that is later than all before."""
        if not self.times:
            if not self.means.any():
                self.means += mgdl
        else:
            waited = at_min - self.times[-1]
            self.carbs.advance(waited)
            self.insulin.advance(waited)
            step = min(waited, _LONGEST_MEAN_STEP_MIN)
            self.means += (1.0 - np.exp(-step / self._memories)) * (mgdl - self.means)
            if waited > LONGEST_GAP_MIN:
                self.clear()
        self.times.append(at_min)
        self.values.append(mgdl)
        oldest = at_min - _HISTORY_MIN
        while len(self.times) > 1 and self.times[1] <= oldest:
            del self.times[0], self.values[0]

    def fill(self, at_min: float, mgdl: float) -> None:
        """Put a late reading in its place."""
        place = bisect.bisect_left(self.times, at_min)
        self.times.insert(place, at_min)
        self.values.insert(place, mgdl)

    def clear(self) -> None:
        """Forget the last hour: it says nothing of what comes now."""
        self.times.clear()
        self.values.clear()

    def lags(self, pace: Pace) -> Vector:
        """Return glucose (mg/dL) now and at each lag before, shape (lags + 1,)."""
        at = self.times[-1] - pace.step_min * np.arange(pace.lags + 1)
        return np.asarray(np.interp(at, self.times, self.values), dtype=np.float64)

    def features(self, pace: Pace, past: Vector) -> Vector:
        """Return the features of the present moment, shape (size,), given its :meth:`lags`."""
        now = float(past[0])
        level, slope = (now - 140.0) / 50.0, float(past[0] - past[pace.slope_lag]) / 20.0
        high, low = max(0.0, now - 200.0) / 50.0, max(0.0, 90.0 - now) / 20.0
        day = 2.0 * math.pi * (self.times[-1] % _DAY_MIN) / _DAY_MIN
        sine, cosine = math.sin(day), math.cos(day)
        row = np.empty(pace.size)
        row[0], row[1] = 1.0, level
        first = 2 + pace.lags
        row[2:first] = (past[:-1] - past[1:]) / 10.0
        row[first : first + 7] = (
            level**2, level * slope, high, low, max(slope, 0.0), slope * abs(slope),
            low * min(slope, 0.0),
        )  # fmt: skip
        row[first + 7 : pace.base] = (self.means - now) / 50.0
        doses = pace.base + CLOCK_FEATURES
        row[pace.base : doses] = (
            sine, cosine, 2.0 * sine * cosine, cosine**2 - sine**2, sine * slope, cosine * slope,
        )  # fmt: skip
        insulin = doses + self.carbs.amounts.size
        row[doses:insulin] = self.carbs.amounts / _CARBS_G
        row[insulin:] = self.insulin.amounts / _INSULIN_U
        return row


SCALE_FEATURES = 13


def scale_features(pace: Pace, past: Vector, mean: float) -> Vector:
    """Return what the size of a forecast's error goes by, shape (13,).

    ``past`` are the lags, ``mean`` is the forecast in mg/dL.
    """
    now = float(past[0])
    level, slope = (now - 140.0) / 50.0, abs(float(past[0] - past[pace.slope_lag])) / 20.0
    bend = abs(float(past[0] - 2.0 * past[1] + past[2])) / 10.0
    span = float(past.max() - past.min()) / 50.0
    change = (mean - now) / 20.0
    return np.array(
        (
            1.0, level, level**2, max(0.0, 90.0 - mean) / 20.0, max(0.0, now - 200.0) / 50.0,
            slope, min(slope, 1.0), span, math.sqrt(span), bend, max(change, 0.0),
            max(-change, 0.0), level * slope,
        )
    )  # fmt: skip
