"""Nights that are made up: what the blood does is known, and what a sensor makes of it.

The sensor averages over eight seconds, rounds, and adds noise. While somebody moves it reads too
low, by up to 25 %, and its status bits say so with a delay and not in every second; with a weak
pulse it reads a few percent low and noisy, stands by its number, and tells the perfusion index.
Everything comes from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]
Flags = NDArray[np.bool_]

_AVERAGES_S = 8
_NOISE_PERCENT = 0.3
_STATUS_LATE_S = 3
_STATUS_SHARE = 0.85
_WEAK_QUALITY = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUp:
    """A night, one value a second.

    ``blood`` is what was to be measured (%), ``clean`` what the sensor would have shown without
    motion and with a good pulse, ``shown`` what it shows.
    ``doubted`` are its status bits, ``quality`` (0 to 1) what its driver makes of a weak pulse.
    """

    blood: Series
    clean: Series
    shown: Series
    doubted: Flags
    quality: Series
    perfusion: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How often things happen in a night, per hour."""

    apnoeas: float = 8.0
    shallow: float = 8.0
    deep: float = 0.4
    motions: float = 12.0
    weak: float = 0.5


def night(random: np.random.Generator, *, hours: float, course: Course) -> MadeUp:
    """Make up a night of ``hours`` with everything that ``course`` asks for."""
    size = round(hours * 3600)
    level = random.uniform(93.5, 97.0)
    wander = 0.7 * np.sin(np.arange(size) * random.uniform(0.001, 0.004))
    blood = level + wander
    for _ in range(int(random.poisson(course.apnoeas * hours))):
        _subtract(blood, random, _apnoea(random))
    for _ in range(int(random.poisson(course.shallow * hours))):
        _subtract(blood, random, _shallow(random, level))
    for _ in range(int(random.poisson(course.deep * hours))):
        _subtract(blood, random, _deep(random, level))
    blood = np.clip(blood, 55.0, 100.0)
    steady = _averaged(blood) + random.normal(0.0, _NOISE_PERCENT, size)
    error, doubted = _motion(random, size, int(random.poisson(course.motions * hours)))
    perfusion, low = _perfusion(random, size, int(random.poisson(course.weak * hours)))
    shown = steady - error - low
    return MadeUp(
        blood=blood,
        clean=_whole(steady),
        shown=_whole(shown),
        doubted=doubted,
        quality=np.where(perfusion < 0.3, _WEAK_QUALITY, 1.0),
        perfusion=perfusion,
    )


def _apnoea(random: np.random.Generator) -> Series:
    return _dip(random.uniform(3.0, 9.0), random.uniform(15, 40), 0.0, random.uniform(8, 15))


def _shallow(random: np.random.Generator, level: float) -> Series:
    """A brief dip to just under 90 %: what most alarms are about."""
    return _dip(level - random.uniform(86.5, 89.0), 8.0, random.uniform(0, 10), 6.0)


def _deep(random: np.random.Generator, level: float) -> Series:
    """Under 85 % for more than half a minute."""
    depth = level - random.uniform(70.0, 83.0)
    return _dip(depth, random.uniform(20, 90), random.uniform(35, 180), random.uniform(10, 30))


def _dip(depth: float, fall_s: float, stay_s: float, rise_s: float) -> Series:
    down = np.linspace(0.0, depth, max(2, round(fall_s)))
    up = np.linspace(depth, 0.0, max(2, round(rise_s)))
    return np.concatenate((down, np.full(round(stay_s), depth), up))


def _subtract(blood: Series, random: np.random.Generator, dip: Series) -> None:
    begin = int(random.integers(0, max(1, blood.size - dip.size)))
    part = blood[begin : begin + dip.size]
    part -= dip[: part.size]


def _motion(random: np.random.Generator, size: int, count: int) -> tuple[Series, Flags]:
    """Return how much too low the sensor reads, and where its status bits say so."""
    error, doubted = np.zeros(size), np.zeros(size, dtype=bool)
    for _ in range(count):
        begin, length = int(random.integers(0, size)), round(random.uniform(5, 40))
        end = min(begin + length, size)
        error[begin:end] += random.uniform(4.0, 25.0) * np.hanning(length + 2)[1 : end - begin + 1]
        late = min(begin + _STATUS_LATE_S, end)
        doubted[late:end] |= random.random(end - late) < _STATUS_SHARE
    return error, doubted


def _perfusion(random: np.random.Generator, size: int, count: int) -> tuple[Series, Series]:
    """Return the perfusion index (%), and how much too low the sensor reads for it."""
    index = np.full(size, random.uniform(0.8, 4.0))
    low = np.zeros(size)
    for _ in range(count):
        begin, length = int(random.integers(0, size)), round(random.uniform(120, 600))
        part = slice(begin, min(begin + length, size))
        count_s = part.stop - part.start
        index[part] = random.uniform(0.05, 0.28)
        slow = _averaged(random.normal(0.0, 3.0, count_s))
        low[part] = np.maximum(random.uniform(0.0, 5.0) + slow, 0.0)
    return index, low


def _averaged(values: Series) -> Series:
    """Return the mean of each value and those before it, as a sensor gives it."""
    padded = np.concatenate((np.full(_AVERAGES_S - 1, values[:1].mean()), values))
    sums = np.cumsum(np.concatenate(([0.0], padded)))
    return np.asarray((sums[_AVERAGES_S:] - sums[:-_AVERAGES_S]) / _AVERAGES_S)


def _whole(values: Series) -> Series:
    return np.asarray(np.clip(np.rint(values), 0.0, 100.0))
