"""Days of people with whom nothing is wrong, made up and seeded: sleep, walks, meals, movement.

What such days hold is what combined findings must not take for illness: a heart and breath that
quicken with a walk, a glucose that falls after a meal, stale air at night, a saturation that dips
in sleep or is wrong in movement, a sensor that is off for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent import codes
from edge_agent.model import Code

STEP_S = 10.0
STEPS = 8640
"""A day of them."""
_GLUCOSE_EVERY, _AIR_EVERY = 30, 6  # steps
_COMES_IN = 120  # steps
_SEEN_AT_H = (8.0, 12.0, 16.0, 20.0)
"""When temperature and pressure are measured."""

Vector = NDArray[np.float64]

ILLNESSES: Mapping[str, Mapping[Code, float]] = {
    "breathing-worse-in-stale-air": {
        codes.SPO2: -5.0, codes.RESPIRATION_RATE: 8.0, codes.ROOM_CO2: 1200.0,
    },
    "breathing-worse": {codes.SPO2: -5.0, codes.RESPIRATION_RATE: 8.0, codes.HEART_RATE: 20.0},
    "fever-and-fast-heart": {
        codes.BODY_TEMPERATURE: 2.2, codes.HEART_RATE: 35.0, codes.RESPIRATION_RATE: 8.0,
    },
    "low-pressure-and-fast-heart": {codes.SYSTOLIC: -60.0, codes.HEART_RATE: 55.0},
    "glucose-falls-and-heart-quickens": {codes.GLUCOSE: -60.0, codes.HEART_RATE: 25.0},
    "oximeter-disbelieved": {codes.SPO2: -12.0, codes.PULSE_RATE: -40.0},
}  # fmt: skip
"""By how much each quantity changes with what a combined finding is there for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What is usual with somebody: awake and at rest, in the unit of each quantity."""

    heart: float
    breath: float
    spo2: float
    systolic: float

    @classmethod
    def draw(cls, random: np.random.Generator) -> Person:
        """Draw somebody, some with lungs or a heart that are not what they were."""
        return cls(
            heart=random.uniform(60.0, 86.0),
            breath=random.uniform(13.0, 18.0),
            spo2=random.uniform(93.0, 97.5),
            systolic=random.uniform(112.0, 145.0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day: each quantity every :data:`STEP_S`; NaN while the sensor is off.

    ``doubt`` is 1 where the oximeter knows that it is moved.
    """

    values: Mapping[Code, Vector]
    doubt: Vector

    @classmethod
    def make(cls, person: Person, random: np.random.Generator) -> Day:
        """Make up a day of ``person``, from midnight on."""
        hour: Vector = np.arange(STEPS, dtype=np.float64) * STEP_S / 3600.0
        asleep: Vector = ((hour < 7.0) | (hour >= 23.0)).astype(np.float64)
        effort = _effort(random)
        heart = person.heart - 12.0 * asleep + 42.0 * effort + _noise(2.5, random)
        breath = person.breath - 2.0 * asleep + 8.0 * effort + _noise(0.8, random)
        spo2 = person.spo2 - 0.8 * asleep - 1.5 * effort + _noise(0.4, random)
        pulse, doubt = heart + _noise(1.0, random), np.zeros(STEPS)
        for part in _parts(random, 12, (2, 4), hours=(0.0, 7.0)):
            spo2[part] -= random.uniform(3.0, 5.0)
        for known in (True, False):
            for part in _parts(random, 30 if known else 8, (1, 4), hours=(7.0, 23.0)):
                spo2[part] = random.uniform(70.0, 88.0)
                pulse[part] += random.uniform(-35.0, 35.0)
                doubt[part] = float(known)
        for off in (spo2, heart):
            for part in _parts(random, 2, (30, 150), hours=(0.0, 24.0)):
                off[part] = np.nan
        pulse[np.isnan(spo2)] = breath[np.isnan(heart)] = np.nan
        values: dict[Code, Vector] = {
            codes.HEART_RATE: np.round(heart),
            codes.RESPIRATION_RATE: np.round(breath),
            codes.SPO2: np.round(spo2.clip(None, 100.0)),
            codes.PULSE_RATE: np.round(pulse),
            codes.GLUCOSE: _glucose(hour, effort, random),
            codes.ROOM_CO2: _air(hour, asleep, random),
            codes.SYSTOLIC: person.systolic + random.normal(0.0, 8.0, STEPS),
            codes.BODY_TEMPERATURE: 36.8 + random.normal(0.0, 0.25, STEPS),
        }
        return cls(values=values, doubt=doubt)

    def ill(self, name: str, begin: int) -> Day:
        """Return the same day with what the combined finding ``name`` is there for, from a step on.

        It comes within twenty minutes and stays to the end of the day.
        """
        rising = np.clip((np.arange(STEPS) - begin) / _COMES_IN, 0.0, 1.0)
        changed = dict(self.values)
        for code, change in ILLNESSES[name].items():
            changed[code] = np.round(self.values[code] + change * rising)
            if code == codes.HEART_RATE:  # the finger feels what the heart does
                changed[codes.PULSE_RATE] = np.round(
                    self.values[codes.PULSE_RATE] + change * rising
                )
        return Day(values=changed, doubt=self.doubt)

    def measured(self, step: int) -> Iterator[tuple[Code, str, float]]:
        """Give what is measured in a step: quantity, sensor, value."""
        yield codes.HEART_RATE, "patch", self.values[codes.HEART_RATE][step]
        yield codes.RESPIRATION_RATE, "patch", self.values[codes.RESPIRATION_RATE][step]
        yield codes.SPO2, "oximeter", self.values[codes.SPO2][step]
        yield codes.PULSE_RATE, "oximeter", self.values[codes.PULSE_RATE][step]
        if step % _GLUCOSE_EVERY == 0:
            yield codes.GLUCOSE, "cgm", self.values[codes.GLUCOSE][step]
        if step % _AIR_EVERY == 0:
            yield codes.ROOM_CO2, "air", self.values[codes.ROOM_CO2][step]
        if step * STEP_S / 3600.0 in _SEEN_AT_H:
            yield codes.SYSTOLIC, "cuff", self.values[codes.SYSTOLIC][step]
            yield codes.BODY_TEMPERATURE, "thermometer", self.values[codes.BODY_TEMPERATURE][step]


def _effort(random: np.random.Generator) -> Vector:
    """Return how hard the person works: 0 at rest, 1 on a brisk walk, more on stairs."""
    effort = np.zeros(STEPS)
    for part in _parts(random, 5, (60, 180), hours=(7.0, 22.0)):
        effort[part] = random.uniform(0.4, 1.3)
    ramp = np.exp(-np.arange(30) / 6.0)  # about a minute to get going, and to calm down
    smooth: Vector = np.convolve(effort, ramp / ramp.sum())[:STEPS]
    return smooth


def _glucose(hour: Vector, effort: Vector, random: np.random.Generator) -> Vector:
    """Return glucose (mg/dL) with three meals; work of the muscles lowers it."""
    glucose = random.uniform(95.0, 120.0) + _noise(4.0, random)
    for at_h in (7.5, 12.5, 18.5):
        since_h = hour - at_h - random.uniform(-0.5, 0.5)
        rise = np.where(since_h > 0.0, since_h / 0.8 * np.exp(1.0 - since_h / 0.8), 0.0)
        glucose += random.uniform(40.0, 90.0) * rise
    spent = np.convolve(effort, np.full(180, 1.0 / 180.0))[:STEPS]
    lowered: Vector = np.maximum(glucose - 20.0 * spent, 65.0)
    return lowered


def _air(hour: Vector, asleep: Vector, random: np.random.Generator) -> Vector:
    """Return CO2 (ppm): it rises through a night behind closed windows."""
    night_h = np.where(hour < 7.0, hour + 1.0, np.maximum(hour - 23.0, 0.0))
    most = random.uniform(1200.0, 2400.0)
    air: Vector = 750.0 + asleep * (most - 750.0) * (1.0 - np.exp(-night_h / 2.0))
    return air + _noise(40.0, random)


def _noise(spread: float, random: np.random.Generator) -> Vector:
    """Return noise that forgets in about three minutes: a running mean of white noise."""
    white = random.normal(0.0, 1.0, STEPS + 17)
    noise: Vector = spread * np.convolve(white, np.ones(18), mode="valid") / np.sqrt(18.0)
    return noise


def _parts(
    random: np.random.Generator,
    count: int,
    steps: tuple[int, int],
    *,
    hours: tuple[float, float],
) -> list[slice]:
    """Draw about ``count`` places within ``hours`` of the day, each some ``steps`` long."""
    first, last = (round(hour * 3600.0 / STEP_S) for hour in hours)
    starts = random.integers(first, last - steps[1], random.poisson(count))
    lengths = random.integers(steps[0], steps[1] + 1, starts.size)
    return [slice(at, at + length) for at, length in zip(starts, lengths, strict=True)]
