"""Slow deterioration in made-up people: how many are found, how early, and how often for nothing.

Nights have the noise of one person from day to day; a deterioration is a ramp of two weeks to +10
heart beats, +3 breaths, -2 % SpO2 and -20 % of HRV. It shows that the index does what it is built
for, and nothing about people: no outcome of a real person is in it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from edge_agent.alarms.baseline import HourlyBaseline
from edge_agent.alarms.deterioration import DeteriorationIndex
from edge_agent.validate.alarms.bench import AlarmBench
from edge_agent.validate.section import Cell, Outcome, Section, Table, Verdict

_RAMP_DAYS, _BEGIN_DAY = 14, 60
_FIRST_DAYS = 35
"""Until the baseline is whole; the year that is counted comes after."""
_YEAR = 365
_SEEDS = 5
_UNUSUAL_SPREADS = 4.0
_PEOPLE_BY_HOUR = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Of ``people``: the share found in the ramp, median lead (days), false alerts a year."""

    seed: int
    people: int
    sensitivity: float
    lead_days: float
    false_per_year: float


def measure(bench: AlarmBench) -> Outcome:
    """Simulate people who get worse and people who don't, on this seed and on others."""
    people = 40 if bench.quick else 200
    found = []
    for seed in range(bench.seed, bench.seed + (1 if bench.quick else _SEEDS)):
        bench.tell(f"seed {seed}")
        found.append(simulate(seed, people))
    first = found[0]
    bench.tell("hours")
    by_hour = unusual_hours(bench.seed, 10 if bench.quick else _PEOPLE_BY_HOUR)
    rows: list[list[Cell]] = [
        [one.seed, one.people, 100.0 * one.sensitivity, one.lead_days, one.false_per_year]
        for one in found
    ]
    outcome = Outcome(
        summary=(
            f"{people} people who get worse over two weeks, and {people} stable years, for each "
            "seed. The first seed is judged."
        ),
        tables=[
            Table(
                title="Slow deterioration by seed",
                columns=("seed", "people", "found %", "median lead d", "false alerts a year"),
                rows=rows, digits={"found %": 1, "median lead d": 1},
            ),
        ],
        verdicts=[
            Verdict(what="slow deteriorations found", unit="%", at_least=85.0, digits=1,
                    measured=100.0 * first.sensitivity),
            Verdict(what="median lead before their end", unit="d", at_least=5.0, digits=1,
                    measured=first.lead_days),
            Verdict(what="false alerts in a stable year", unit="", at_most=1.0,
                    measured=first.false_per_year),
        ],
        notes=[
            "The nights are made up; nothing here is evidence about people.",
            (f"Heart rate unusual for its hour ({_UNUSUAL_SPREADS:g} spreads, an hour long), in "
            f"stable made-up people with walks at hours that vary: {by_hour:.1f} times a year. It "
            "is shown, and raises no alarm."),
        ],
    )  # fmt: skip
    outcome.figures = {
        "by_seed": [[one.seed, one.sensitivity, one.lead_days, one.false_per_year]
                    for one in found],
        "unusual_hours_per_year": by_hour,
    }  # fmt: skip
    return outcome


def simulate(seed: int, people: int) -> Found:
    """Return what the index finds in ``people`` who get worse, and in as many stable years."""
    rng = random.Random(seed)  # noqa: S311 - made-up people
    leads = []
    for _ in range(people):
        day = _first_alert(nights(rng, _BEGIN_DAY + _RAMP_DAYS, worsens_on=_BEGIN_DAY))
        if day is not None:
            leads.append(float(_BEGIN_DAY + _RAMP_DAYS - 1 - day))
    false = sum(_alerts(nights(rng, _FIRST_DAYS + _YEAR)) for _ in range(people))
    return Found(
        seed=seed,
        people=people,
        sensitivity=len(leads) / people,
        lead_days=median(leads) if leads else math.nan,
        false_per_year=false / people,
    )


def nights(
    rng: random.Random, days: int, *, worsens_on: int | None = None
) -> Iterator[tuple[int, Mapping[str, float]]]:
    """Give a person's nights: day noise, and from ``worsens_on`` a ramp of two weeks."""
    for day in range(days):
        share = 0.0 if worsens_on is None else (day - worsens_on + 1) / _RAMP_DAYS
        share = min(1.0, max(0.0, share))
        hrv_ms = 30.0 * (1.0 - 0.2 * share) * max(0.3, rng.gauss(1.0, 0.15))
        yield (
            day,
            {
                "heart rate": rng.gauss(60.0 + 10.0 * share, 4.0),
                "respiration rate": rng.gauss(15.0 + 3.0 * share, 1.2),
                "SpO2": rng.gauss(95.0 - 2.0 * share, 0.8),
                "RMSSD": math.log(hrv_ms),
            },
        )


def unusual_hours(seed: int, people: int) -> float:
    """Return how often a year a stable person's heart rate is unusual for its hour, as alarms.

    A day has a rhythm of its own, a level that varies from day to day by 3 /min, hours that vary
    by 4, and one or two walks of an hour or two that add 25 at hours that are not always the same.
    """
    rng = random.Random(seed)  # noqa: S311 - made-up people
    unusual = sum(_unusual_of(rng) for _ in range(people))
    return unusual / people


def _unusual_of(rng: random.Random) -> int:
    baseline = HourlyBaseline(least_spread=3.0)
    walks = [rng.uniform(9.0, 19.0) for _ in range(2)]
    episodes, was_unusual = 0, False
    for day in range(_FIRST_DAYS + _YEAR):
        level = rng.gauss(65.0, 3.0)
        begins = [rng.gauss(one, 1.5) for one in walks if rng.random() < 0.8]
        ends = [one + rng.uniform(0.5, 2.0) for one in begins]
        for hour in range(24):
            rhythm = -8.0 * math.cos(2.0 * math.pi * (hour - 4.0) / 24.0)
            walked = any(a <= hour + 0.5 <= b for a, b in zip(begins, ends, strict=True))
            value = level + rhythm + rng.gauss(0.0, 4.0) + 25.0 * walked
            at_s = day * 86_400.0 + hour * 3600.0
            usual = baseline.usual(at_s)
            is_unusual = usual is not None and abs(usual.z(value)) >= _UNUSUAL_SPREADS
            episodes += is_unusual and not was_unusual and day >= _FIRST_DAYS
            was_unusual = is_unusual
            baseline.push(at_s, value)
    return episodes


def _first_alert(days: Iterator[tuple[int, Mapping[str, float]]]) -> int | None:
    """Return the day of the first alert in the ramp; one that stood before it is none."""
    index = DeteriorationIndex()
    for day, values in days:
        judged = index.push(day, values)
        if judged is not None and judged.began:
            return day if day >= _BEGIN_DAY else None
    return None


def _alerts(days: Iterator[tuple[int, Mapping[str, float]]]) -> int:
    index = DeteriorationIndex()
    judged = [index.push(day, values) for day, values in days]
    return sum(one is not None and one.began for one in judged)


SECTION: Section[AlarmBench] = Section(
    name="deterioration", title="Slow deterioration over days", measure=measure
)
