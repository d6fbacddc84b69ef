"""Glycaemia over days: time in range, variability, risk, in the words of the consensus on CGM.

Ranges and targets: T. Battelino et al., Diabetes Care 42 (2019) 1593-1603, doi 10.2337/dci19-0028.
GMI: R. M. Bergenstal et al., Diabetes Care 41 (2018) 2275-2280, doi 10.2337/dc18-1581. Risk
indices: B. P. Kovatchev et al., Diabetes Care 20 (1997) 1655-1658, doi 10.2337/diacare.20.11.1655.
GRI: D. C. Klonoff et al., J Diabetes Sci Technol 17 (2023) 1226-1242,
doi 10.1177/19322968221085273. J index: J. M. Wojcicki, Horm Metab Res 27 (1995) 41-42,
doi 10.1055/s-2007-979906.

Shares are of readings, as the consensus has it, not of time. Standard deviations divide by n - 1.
Levels are closed as the consensus writes them in whole mg/dL: "54 to 69" is [54, 70) here, so that
no value between two whole numbers is lost.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Signal = NDArray[np.float64]

VERY_LOW_MGDL, LOW_MGDL, HIGH_MGDL, VERY_HIGH_MGDL = 54.0, 70.0, 180.0, 250.0
MGDL_PER_MMOLL = 18.016

_S_PER_DAY = 86_400.0
_RISK_SCALE, _RISK_POWER, _RISK_CENTRE = 1.509, 1.084, 5.381
_AGP_PERCENTILES = (5.0, 25.0, 50.0, 75.0, 95.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glycemia:
    """Figures of ``n`` readings; shares in percent, glucose in mg/dL.

    ``active_percent`` is the share of expected readings that were there, at the sensor's usual
    interval: the consensus asks for 70 % of 14 days. With a single reading what needs two is
    ``None``.
    """

    n: int
    days: float
    active_percent: float
    mean_mgdl: float
    sd_mgdl: float | None
    cv_percent: float | None
    gmi_percent: float
    below_54_percent: float
    from_54_to_69_percent: float
    in_range_percent: float
    from_181_to_250_percent: float
    above_250_percent: float
    lbgi: float
    hbgi: float
    gri: float
    j_index: float | None


def glycemia(at_s: ArrayLike, mgdl: ArrayLike) -> Glycemia | None:
    """Return the figures of readings ``mgdl`` (n,) at ``at_s`` (n,), rising; ``None`` without any.

    :raises ValueError: times and values that don't belong together, or are not positive numbers.
    """
    times, values = checked(at_s, mgdl)
    if values.size == 0:
        return None
    mean = float(values.mean())
    sd = float(values.std(ddof=1)) if values.size > 1 else None
    low, high = _risks(values)
    shares = _shares(values)
    very_low, a_bit_low, in_range, a_bit_high, very_high = shares
    return Glycemia(
        n=values.size,
        days=float(times[-1] - times[0]) / _S_PER_DAY,
        active_percent=_active(times),
        mean_mgdl=mean,
        sd_mgdl=sd,
        cv_percent=None if sd is None else 100.0 * sd / mean,
        gmi_percent=3.31 + 0.02392 * mean,
        below_54_percent=very_low,
        from_54_to_69_percent=a_bit_low,
        in_range_percent=in_range,
        from_181_to_250_percent=a_bit_high,
        above_250_percent=very_high,
        lbgi=low,
        hbgi=high,
        gri=min(100.0, 3.0 * very_low + 2.4 * a_bit_low + 1.6 * very_high + 0.8 * a_bit_high),
        j_index=None if sd is None else 0.001 * (mean + sd) ** 2,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Ambulatory glucose profile: percentiles (mg/dL) of each stretch of the day.

    ``hour`` (m,) is the middle of a stretch; ``percentiles`` (m, 5) holds the 5th, 25th, 50th,
    75th and 95th, NaN where there are no readings; ``n`` (m,) counts the readings.
    """

    hour: Signal
    percentiles: Signal
    n: NDArray[np.intp]


def profile(local_s: ArrayLike, mgdl: ArrayLike, *, stretch_min: float = 30.0) -> Profile:
    """Return the ambulatory glucose profile of readings at ``local_s`` (s since a local midnight).

    :raises ValueError: as :func:`glycemia`, or a stretch that does not divide the day.
    """
    times, values = checked(local_s, mgdl)
    stretches = round(1440.0 / stretch_min)
    if not math.isclose(stretches * stretch_min, 1440.0):
        raise ValueError(f"{stretch_min} min does not divide the day")
    which = ((times % _S_PER_DAY) // (60.0 * stretch_min)).astype(np.intp)
    percentiles = np.full((stretches, len(_AGP_PERCENTILES)), np.nan)
    for index in np.unique(which):
        percentiles[index] = np.percentile(values[which == index], _AGP_PERCENTILES)
    return Profile(
        hour=(np.arange(stretches, dtype=np.float64) + 0.5) * (stretch_min / 60.0),
        percentiles=percentiles,
        n=np.bincount(which, minlength=stretches),
    )


class RollingGlycemia:
    """The readings of the last ``days``, each counted once; figures when asked for.

    14 days of a 5-minute sensor are 4,032 readings: 64 KiB, and 0.3 ms for all figures. A reading
    that is older than the newest is put in its place (backfill); one at a known time is dropped.
    """

    def __init__(self, *, days: float = 14.0) -> None:
        self._span_s = days * _S_PER_DAY
        self._readings: deque[tuple[float, float]] = deque()

    def push(self, at_s: float, mgdl: float) -> None:
        """Take in a reading.

        :raises ValueError: a value that is no positive number.
        """
        if not (math.isfinite(at_s) and math.isfinite(mgdl) and mgdl > 0):
            raise ValueError(f"glucose {mgdl} mg/dL at {at_s} s: not a positive number")
        later: list[tuple[float, float]] = []
        while self._readings and self._readings[-1][0] > at_s:
            later.append(self._readings.pop())
        if not self._readings or self._readings[-1][0] < at_s:
            self._readings.append((at_s, mgdl))
        self._readings.extend(reversed(later))
        newest_s = self._readings[-1][0]
        while self._readings[0][0] <= newest_s - self._span_s:
            self._readings.popleft()

    @property
    def at_s(self) -> Signal:
        """Times of the readings (n,), rising."""
        return np.array([at for at, _ in self._readings])

    @property
    def mgdl(self) -> Signal:
        """Values of the readings (n,)."""
        return np.array([value for _, value in self._readings])

    def value(self) -> Glycemia | None:
        """Return the figures now, or ``None`` without a reading."""
        return glycemia(self.at_s, self.mgdl)


def checked(at_s: ArrayLike, mgdl: ArrayLike) -> tuple[Signal, Signal]:
    """Return both as arrays.

    :raises ValueError: other than two rows of equal length, times that don't rise, glucose that is
        no positive number.
    """
    times, values = np.asarray(at_s, dtype=np.float64), np.asarray(mgdl, dtype=np.float64)
    if times.ndim != 1 or times.shape != values.shape:
        raise ValueError(f"times of shape {times.shape} for glucose of shape {values.shape}")
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise ValueError("times have to be numbers and to rise: sort them, drop what came twice")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError("glucose has to be positive numbers (mg/dL): leave missing readings out")
    return times, values


def _shares(values: Signal) -> tuple[float, float, float, float, float]:
    """Return the percentages of the five levels, from very low to very high."""
    low = values < LOW_MGDL
    high = values > HIGH_MGDL
    very_low, very_high = values < VERY_LOW_MGDL, values > VERY_HIGH_MGDL
    return (
        100.0 * float(very_low.mean()),
        100.0 * float((low & ~very_low).mean()),
        100.0 * float((~low & ~high).mean()),
        100.0 * float((high & ~very_high).mean()),
        100.0 * float(very_high.mean()),
    )


def _risks(values: Signal) -> tuple[float, float]:
    """Return LBGI and HBGI: mean risk of the low and of the high side over all readings."""
    scaled = _RISK_SCALE * (np.log(values) ** _RISK_POWER - _RISK_CENTRE)
    risk = 10.0 * scaled**2
    return float(np.where(scaled < 0, risk, 0.0).mean()), float(
        np.where(scaled > 0, risk, 0.0).mean()
    )


def _active(times: Signal) -> float:
    if times.size < 2:
        return 100.0
    usual_s = float(np.median(np.diff(times)))
    expected = (times[-1] - times[0]) / usual_s + 1.0
    return min(100.0, 100.0 * times.size / float(expected))
