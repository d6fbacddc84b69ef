"""Breathing from beats: made-up breathing whose rate is known, and how often real records give one.

No recording with a breathing reference is at hand, so the rates are made up: beats whose intervals
and heights follow breaths that vary by 7 %, and noise. What is measured so says that the method
does what it should, not what it is worth on people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.respiration import respiration_rates
from edge_agent.dsp.respiration_features import beat_shapes
from edge_agent.dsp.rpeaks import detect
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.recordings import Recording
from edge_agent.validate.section import Cell, Outcome, Section, Table, Verdict

DATA_SET = "mitdb"
ERROR_BAR_PER_MIN, OFF_BAR_PERCENT, INVENTED_BAR_PERCENT = 1.0, 1.0, 1.0
FAR_PER_MIN = 3.0
SLOW, FAST = (5, 6, 8), (12, 15, 20, 25, 30, 36)

_EVERY_S = 10.0
_SEEDS, _SEEDS_QUICK = 6, 1
_REAL_S = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Breather:
    """A made-up person: beats a minute, how far breathing moves intervals and heights (shares).

    ``mayer`` is the share of slow waves of blood pressure in the intervals, 6 a minute.
    """

    heart_rate: float = 75.0
    in_rr: float = 0.03
    in_height: float = 0.06
    mayer: float = 0.0
    fibrillation: bool = False

    def beats(self, rate_per_min: float, seconds: float, seed: int) -> NDArray[np.float64]:
        """Return times (s), intervals (ms), heights (mV) and areas (mV s), shape (4, n)."""
        random = np.random.default_rng(seed)
        breath, offset, slow = random.uniform(0.0, 2.0 * math.pi, 3)
        current = rate_per_min / 60.0
        at_s, beats = 0.0, []
        while at_s < seconds:
            if self.fibrillation:
                rr = 60.0 / self.heart_rate * math.exp(0.22 * random.standard_normal())
            else:
                swing = self.in_rr * math.sin(breath) + self.mayer * math.sin(slow)
                rr = 60.0 / self.heart_rate * (1.0 + swing + 0.02 * random.standard_normal())
            rr = max(0.25, rr)
            for _ in range(20):
                if random.random() < rr / 20.0 * rate_per_min / 60.0:
                    current = rate_per_min / 60.0 * (1.0 + 0.07 * random.standard_normal())
                breath += 2.0 * math.pi * current * rr / 20.0
            slow += 2.0 * math.pi * 0.1 * rr
            at_s += rr
            turn = self.in_height * math.sin(breath + offset)
            height = 1.0 + turn + 0.03 * random.standard_normal()
            area = 0.05 * (1.0 + 0.8 * turn + 0.03 * random.standard_normal())
            beats.append((at_s, 1000.0 * rr, height, area))
        return np.array(beats).T


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Who breathes, at which rates, and whether shape and timing of the beats are given."""

    who: Breather = Breather()
    rates_per_min: tuple[int, ...] = (*SLOW, *FAST)
    shape: bool = True
    timing: bool = True


USUAL, STILL = "shape and timing", "no modulation"
WAYS: Mapping[str, Way] = MappingProxyType({
    USUAL: Way(),
    "shape only": Way(timing=False),
    "timing only, from 12 a minute": Way(shape=False, rates_per_min=FAST),
    "half the modulation": Way(who=Breather(in_rr=0.015, in_height=0.03)),
    STILL: Way(who=Breather(in_rr=0.0, in_height=0.0)),
    "atrial fibrillation": Way(who=Breather(fibrillation=True)),
    "atrial fibrillation, timing only": Way(who=Breather(fibrillation=True), shape=False),
    "Mayer waves as large": Way(who=Breather(mayer=0.03)),
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """Windows, and how far (per minute) those that were given a rate are off."""

    windows: int
    errors: tuple[float, ...]

    @property
    def given(self) -> float:
        """Share of the windows given a rate."""
        return len(self.errors) / self.windows

    @property
    def error_per_min(self) -> float:
        """Mean error of these; NaN without any."""
        return fmean(self.errors) if self.errors else math.nan

    @property
    def off(self) -> float:
        """Share of these that is off by over 3 a minute; NaN without any."""
        return fmean(one > FAR_PER_MIN for one in self.errors) if self.errors else math.nan


def score(way: Way, seeds: int, *, seconds: float = 182.0) -> Scored:
    """Score so many people at each of the rates."""
    errors: list[float] = []
    windows = 0
    for rate, seed in ((rate, seed) for rate in way.rates_per_min for seed in range(seeds)):
        at_s, rr_ms, height, area = way.who.beats(rate, seconds, seed)
        shapes = {"height_mV": height, "area_mv_s": area} if way.shape else {}
        intervals = rr_ms if way.timing else np.full_like(rr_ms, np.nan)
        found = respiration_rates(at_s, intervals, every_s=_EVERY_S, **shapes)
        windows += len(found)
        given = [one.rate_per_min for _, one in found if one.rate_per_min is not None]
        errors += [abs(one - rate) for one in given]
    return Scored(windows=windows, errors=tuple(errors))


def measure(bench: EcgBench) -> Outcome:
    """Score the made-up people; then see how many windows of real records are given a rate."""
    outcome = Outcome(
        summary="No recording with a breathing reference is at hand. The breathing is made up"
        " (breaths vary by 7 %, intervals by 3 % and heights by 6 % with them, and by 2 and 3 % by"
        " chance); the figures say what the method does, not what it is worth on people. Of real"
        " records nobody knows the rate: only how often one is given is counted."
    )
    seeds = _SEEDS_QUICK if bench.quick else _SEEDS
    scored: dict[str, Scored] = {}
    for name, way in WAYS.items():
        bench.tell(name)
        scored[name] = score(way, seeds)
    rows: list[list[Cell]] = [
        [name, 100.0 * one.given, one.error_per_min, 100.0 * one.off]
        for name, one in scored.items()
    ]
    columns = ("beats", "windows given a rate, %", "mean error, 1/min", "of them off by 3, %")
    digits = {columns[1]: 1, columns[2]: 1, columns[3]: 1}
    outcome.tables.append(
        Table(title=f"Made-up breathing, {seeds} runs of 3 minutes at each rate", columns=columns,
              rows=rows, digits=digits)
    )  # fmt: skip
    real = {one.name: share_given(one) for one in bench.recordings(DATA_SET)}
    if real:
        outcome.tables.append(_real_table(real))
    else:
        outcome.missing.append(missing_set(DATA_SET))
    outcome.figures = {
        "made_up": [dict(zip(columns, row, strict=True)) for row in rows], "given": real,
    }  # fmt: skip
    outcome.verdicts = _verdicts(scored)
    return outcome


def share_given(record: Recording) -> float | None:
    """Return the share of the windows of the first 15 minutes that are given a rate."""
    signal = record.signal_mV[: round(_REAL_S * record.rate_hz)]
    peaks = np.unique(detect(signal, record.rate_hz))
    shapes = beat_shapes(signal, record.rate_hz, peaks)
    at_s = peaks / record.rate_hz
    found = respiration_rates(
        at_s,
        1000.0 * np.diff(at_s, prepend=np.nan),
        height_mV=[one.height_mV for one in shapes],
        area_mv_s=[one.area_mv_s for one in shapes],
        every_s=_EVERY_S,
    )
    return fmean(one.rate_per_min is not None for _, one in found) if found else None


def _real_table(real: Mapping[str, float | None]) -> Table:
    rows: list[list[Cell]] = [
        [name, None if share is None else 100.0 * share] for name, share in real.items()
    ]
    columns = ("record", "windows given a rate, %")
    return Table(
        title=f"{DATA_SET}, first 15 minutes: how often a rate is given", columns=columns,
        rows=rows, digits={columns[1]: 0},
    )  # fmt: skip


def _verdicts(scored: Mapping[str, Scored]) -> list[Verdict]:
    usual, still = scored[USUAL], scored[STILL]
    return [
        Verdict(what="respiration, made-up breathing, mean error", unit="1/min",
                at_most=ERROR_BAR_PER_MIN, measured=usual.error_per_min),
        Verdict(what="respiration, made-up breathing, rates off by over 3 a minute", unit="%",
                at_most=OFF_BAR_PERCENT, measured=100.0 * usual.off),
        Verdict(what="respiration, no breathing in the beats, windows given a rate", unit="%",
                at_most=INVENTED_BAR_PERCENT, measured=100.0 * still.given),
    ]  # fmt: skip


SECTION = Section(name="respiration", title="Respiration", measure=measure)
