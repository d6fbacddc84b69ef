"""A bed for a month, made up and seeded: what its sensors say, and when something really happens.

The signals are simple on purpose: a level with slow noise, onto which events and nuisances are
laid. *Events* are known and have to be told: real falls of saturation and glucose, a racing heart.
*Nuisances* are what wears people out: shallow dips in sleep, a level about the limit, movement that
the sensor half knows of (a low quality), doubled heart rates, a sensor that is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP_S = 4.0
"""Between two values of saturation and heart rate."""
GLUCOSE_STEP_S = 300.0
_DAY_S = 86_400.0

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """Something that happened: the rule that must tell of it, and from when to when (s)."""

    rule: str
    begin_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """What the sensors of a bed say every :data:`STEP_S`; glucose every fifth minute.

    Saturation (%) and heart rate (/min) have a quality (0 to 1) each; NaN in ``spo2`` says that
    the sensor is off the finger.
    """

    days: float
    spo2: Vector
    spo2_quality: Vector
    rate: Vector
    rate_quality: Vector
    glucose: Vector
    events: tuple[KnownEvent, ...]

    @classmethod
    def make(cls, days: int, random: np.random.Generator) -> Bed:
        """Make up ``days`` of one bed."""
        size = round(days * _DAY_S / STEP_S)
        spo2, rate = 95.5 + _slow_noise(size, 0.7, random), 72.0 + _slow_noise(size, 4.0, random)
        spo2_quality, rate_quality = np.ones(size), np.ones(size)
        glucose = 140.0 + _slow_noise(round(days * _DAY_S / GLUCOSE_STEP_S), 9.0, random)
        events: list[KnownEvent] = []
        for part in _parts(size, 40 * days, (8, 26), random):  # shallow dips in sleep
            spo2[part] = random.uniform(86.0, 89.5)
        for part in _parts(size, 30 * days, (6, 44), random):  # movement, which the sensor knows
            spo2[part], spo2_quality[part] = random.uniform(60.0, 85.0), 0.2
        for part in _parts(size, 8 * days, (4, 9), random):  # movement, which it does not know
            spo2[part] = random.uniform(76.0, 88.0)
        for part in _parts(size, 4 * days, (120, 400), random):  # to and fro about the limit
            spo2[part] = 90.0 + np.resize(np.repeat([-1.0, 1.0], 8), part.stop - part.start)
        for part in _parts(size, 20 * days, (4, 12), random):  # T waves counted as beats
            rate[part], rate_quality[part] = 2.0 * rate[part], random.choice([0.3, 1.0])
        for part in _parts(size, 3 * days, (20, 400), random):
            spo2[part] = np.nan
        for part in _parts(size, max(days // 2, 1), (180, 600), random):
            spo2[part], spo2_quality[part] = random.uniform(76.0, 84.0), 1.0
            events.append(_event("spo2-low", part, STEP_S))
        for part in _parts(size, max(days // 3, 1), (300, 900), random):
            rate[part], rate_quality[part] = random.uniform(145.0, 165.0), 1.0
            events.append(_event("heart-rate-high", part, STEP_S))
        for part in _parts(glucose.size, max(days // 3, 1), (6, 12), random, step_s=1.0):
            glucose[part] = random.uniform(50.0, 62.0)
            events.append(_event("glucose-low", part, GLUCOSE_STEP_S))
        return cls(
            days=days, spo2=np.round(spo2), spo2_quality=spo2_quality, rate=rate,
            rate_quality=rate_quality, glucose=glucose, events=_apart(events),
        )  # fmt: skip


def _slow_noise(size: int, spread: float, random: np.random.Generator) -> Vector:
    """Return noise that forgets in about a minute of steps (first-order autoregression)."""
    shocks = random.normal(0.0, spread * np.sqrt(1.0 - 0.95**2), size)
    noise = np.empty(size)
    last = 0.0
    for index in range(size):
        last = 0.95 * last + shocks[index]
        noise[index] = last
    return noise


def _parts(
    size: int,
    count: int,
    seconds: tuple[float, float],
    random: np.random.Generator,
    step_s: float = STEP_S,
) -> list[slice]:
    """Draw ``count`` places, each some ``seconds`` long."""
    lengths = np.maximum(random.uniform(*seconds, count) / step_s, 1.0).astype(int)
    starts = (random.random(count) * (size - lengths.max())).astype(int)
    return [slice(at, at + length) for at, length in zip(starts, lengths, strict=True)]


def _event(rule: str, part: slice, step_s: float) -> KnownEvent:
    return KnownEvent(rule=rule, begin_s=part.start * step_s, end_s=part.stop * step_s)


def _apart(events: list[KnownEvent]) -> tuple[KnownEvent, ...]:
    """Put events in order; of two of a kind that touch, they are one."""
    merged: list[KnownEvent] = []
    for one in sorted(events, key=lambda event: (event.rule, event.begin_s)):
        last = merged[-1] if merged else None
        if last is not None and last.rule == one.rule and one.begin_s <= last.end_s + 60.0:
            end_s = max(last.end_s, one.end_s)
            merged[-1] = KnownEvent(rule=one.rule, begin_s=last.begin_s, end_s=end_s)
        else:
            merged.append(one)
    return tuple(merged)
