"""What the mock sensors measure: glucose, SpO2, pulse and room air, with known truth.

Each trace is a pure function of time (no state, any order of calls), so that a mock's memory and
its live values agree and a test can ask for the truth at any moment.
"""

from __future__ import annotations

import bisect
import csv
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge_agent.errors import EdgeError

GlucoseTrace = Callable[[float], float | None]
"""Minutes -> mg/dL, or ``None`` where there is no value."""

_DAY_MIN = 1440.0
_MEALS_MIN = (7.5 * 60, 12.5 * 60, 18.75 * 60)
_LONGEST_GAP_MIN = 20.0


class SimulatedGlucose:
    """Glucose in mg/dL with three meals a day.

    A meal adds ``rise * (t / peak) * exp(1 - t / peak)``, ``t`` minutes after it: the shape of one
    absorption compartment, highest at ``peak`` minutes. Times, heights and peaks vary by day and
    are drawn from ``seed``.
    """

    def __init__(self, seed: int, *, basal_mgdl: float = 95.0, rise_mgdl: float = 65.0) -> None:
        self._seed, self._basal_mgdl, self._rise_mgdl = seed, basal_mgdl, rise_mgdl

    def __call__(self, minute: float) -> float:
        """Return the true glucose at ``minute`` (may be negative: the day before)."""
        today = math.floor(minute / _DAY_MIN)
        total = self._basal_mgdl
        for day in (today - 1, today):
            for at, rise_mgdl, peak_min in self._meals(day):
                since = (minute - at) / peak_min
                if since > 0:
                    total += rise_mgdl * since * math.exp(1 - since)
        return total

    def _meals(self, day: int) -> list[tuple[float, float, float]]:
        rng = random.Random(f"{self._seed}/{day}")
        return [
            (
                day * _DAY_MIN + meal + rng.gauss(0, 20),
                self._rise_mgdl * rng.uniform(0.6, 1.4),
                rng.uniform(35, 55),
            )
            for meal in _MEALS_MIN
        ]


class RecordedGlucose:
    """A recorded trace: linear between samples, ``None`` in gaps longer than 20 min and outside."""

    def __init__(self, minutes: list[float], mgdl: list[float]) -> None:
        self._minutes, self._mgdl = minutes, mgdl

    def __call__(self, minute: float) -> float | None:
        """Return the glucose in mg/dL at ``minute`` after the first sample."""
        after = bisect.bisect_left(self._minutes, minute)
        if after < len(self._minutes) and self._minutes[after] == minute:
            return self._mgdl[after]
        if after in {0, len(self._minutes)}:
            return None
        left, right = self._minutes[after - 1], self._minutes[after]
        if right - left > _LONGEST_GAP_MIN:
            return None
        part = (minute - left) / (right - left)
        return self._mgdl[after - 1] * (1 - part) + self._mgdl[after] * part


def read_glucose_csv(file: Path) -> RecordedGlucose:
    """Read columns ``time`` (ISO 8601) and ``glucose_mgdl``; rows without glucose are skipped.

    :raises EdgeError: unreadable file, missing columns, values that are none, or no row at all.
    """
    try:
        with file.open(encoding="utf-8", newline="") as rows:
            pairs = sorted(
                (datetime.fromisoformat(row["time"]), float(row["glucose_mgdl"]))
                for row in csv.DictReader(rows)
                if row["glucose_mgdl"]
            )
    except (OSError, KeyError, ValueError, TypeError) as error:
        step = "Give a CSV file with the columns time, glucose_mgdl"
        raise EdgeError(f"glucose trace {file}", repr(error), step) from error
    if not pairs:
        raise EdgeError(f"glucose trace {file}", "no values", "Give a file with values")
    minutes = [(time - pairs[0][0]).total_seconds() / 60 for time, _ in pairs]
    return RecordedGlucose(minutes, [value for _, value in pairs])


class SimulatedOximetry:
    """SpO2 in % and pulse rate in 1/min: slow drifts, and a dip of SpO2 now and then.

    A dip of ``dip_percent`` comes every ``dip_every_s`` seconds, lasts 60 s and is as smooth as
    a raised cosine; the pulse answers with a few beats more. The phases are drawn from ``seed``.
    """

    def __init__(
        self,
        seed: int,
        *,
        spo2_percent: float = 97.0,
        pulse_per_min: float = 66.0,
        dip_percent: float = 3.0,
        dip_every_s: float = 600.0,
    ) -> None:
        rng = random.Random(seed)
        self._spo2_percent, self._pulse_per_min = spo2_percent, pulse_per_min
        self._dip_percent, self._dip_every_s = dip_percent, dip_every_s
        self._first_dip_s = rng.uniform(0.3, 0.7) * dip_every_s
        self._phase = rng.uniform(0, 2 * math.pi)

    def spo2_percent(self, time_s: float) -> float:
        """Return the true saturation."""
        drift = 0.7 * math.sin(2 * math.pi * time_s / 240 + self._phase)
        return min(100.0, self._spo2_percent + drift - self._dip_percent * self._dip(time_s))

    def pulse_per_min(self, time_s: float) -> float:
        """Return the true pulse rate."""
        drift = 2.0 * math.sin(2 * math.pi * time_s / 90 + self._phase)
        return self._pulse_per_min + drift + 6.0 * self._dip(time_s)

    def _dip(self, time_s: float) -> float:
        since_s = (time_s - self._first_dip_s) % self._dip_every_s
        return 0.5 - 0.5 * math.cos(2 * math.pi * since_s / 60) if since_s < 60 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomAir:
    """Temperature in degrees Celsius, relative humidity in % and CO2 in ppm."""

    temperature_c: float
    humidity_percent: float
    co2_ppm: float


class SimulatedRoom:
    """The air of a room by the mass balance of CO2.

    dC/dt = G n(t) / V - Q (C - C_out), with ``people`` n, G = 0.018 m3/h CO2 per resting person
    (ASTM D6245), volume V and air changes Q; solved exactly from one change of occupancy to the
    next. ``people`` lists (seconds, persons) pairs, ascending, the first at the beginning; before
    it the air is at balance.
    """

    def __init__(
        self,
        seed: int,
        *,
        volume_m3: float = 35.0,
        air_changes_per_h: float = 1.0,
        outdoor_ppm: float = 420.0,
        people: tuple[tuple[float, int], ...] = ((0.0, 1), (1800.0, 2), (3600.0, 1)),
    ) -> None:
        self._phase = random.Random(seed).uniform(0, 2 * math.pi)
        self._per_person_ppm = 1e6 * 0.018 / (volume_m3 * air_changes_per_h)
        self._tau_s = 3600.0 / air_changes_per_h
        self._outdoor_ppm, self._people = outdoor_ppm, people

    def at(self, time_s: float) -> RoomAir:
        """Return the true air at ``time_s``."""
        day = 2 * math.pi * time_s / 86_400 + self._phase
        return RoomAir(
            temperature_c=22.0 + 1.5 * math.sin(day),
            humidity_percent=45.0 - 6.0 * math.sin(day),
            co2_ppm=self._co2_ppm(time_s),
        )

    def _co2_ppm(self, time_s: float) -> float:
        started_s, count = self._people[0]
        ppm = self._balance_ppm(count)
        for change_s, people in (*self._people[1:], (math.inf, 0)):
            until_s = min(change_s, time_s)
            if until_s > started_s:
                target = self._balance_ppm(count)
                ppm = target + (ppm - target) * math.exp(-(until_s - started_s) / self._tau_s)
            started_s, count = change_s, people
        return ppm

    def _balance_ppm(self, people: int) -> float:
        return self._outdoor_ppm + self._per_person_ppm * people
