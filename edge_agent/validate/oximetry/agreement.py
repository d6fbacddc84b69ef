"""Pulse against heart rate: a sensor that lies is found, an honest one is not accused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.pulse_agreement import disagreements
from edge_agent.dsp.rhythm_finding import Standing
from edge_agent.validate import drawing
from edge_agent.validate.oximetry.bench import OximetryBench
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

FOUND_BAR_PERCENT = 95.0
FALSE_BAR_PER_DAY = 0.1
WAIT_BAR_S = 60.0

HOURS, HOURS_QUICK = 120, 12
_LIE_EVERY_S = 1200
_LEAST_LIE_S, _MOST_LIE_S = 90, 420
_AVERAGES_S = 10

Series = NDArray[np.float64]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Heart rate and pulse (/min), one a second, and where the pulse is another's."""

    heart: Series
    pulse: Series
    lies: list[Span]


def measure(bench: OximetryBench) -> Outcome:
    """Let pulses lie in seeded stretches of hours, and count what is found and what is not."""
    hours = HOURS_QUICK if bench.quick else HOURS
    outcome = Outcome(
        summary=f"{hours} made-up hours with bursts of effort, the pulse averaged over"
        f" {_AVERAGES_S} s and late by as much. Every {_LIE_EVERY_S // 60} min on average the pulse"
        " is not the heart's for one and a half to seven minutes: twice or half of it, stuck, or"
        " short of every fourth beat. And as many hours in which nothing lies.",
    )
    random = np.random.default_rng(bench.seed)
    lying, honest = _rates(random, hours, lies=True), _rates(random, hours, lies=False)
    found, false_alarms = _steps(lying), len(_steps(honest))
    waits = [_wait(one, found) for one in lying.lies]
    heard = [wait for wait in waits if wait is not None]
    share = 100.0 * len(heard) / len(waits)
    wait_s = float(np.percentile(heard, 95)) if heard else float("nan")
    rows: list[list[Cell]] = [
        ["lies", len(waits)], ["found", len(heard)],
        ["median wait, s", float(np.median(heard)) if heard else None],
        ["95th percentile of the wait, s", wait_s],
        ["findings in honest hours", false_alarms],
    ]  # fmt: skip
    outcome.tables = [Table(title="A pulse that lies", columns=["what", "figure"], rows=rows,
                            digits={"figure": 1}), _bias(lying, honest)]  # fmt: skip
    outcome.plots = [_plot(lying, found)]
    per_day = false_alarms / (hours / 24.0)
    outcome.figures = {"lies": len(waits), "waits_s": waits, "false_per_day": per_day}
    outcome.verdicts = [
        Verdict(what="lying pulses found", measured=share, unit="%", at_least=FOUND_BAR_PERCENT,
                digits=1),
        Verdict(what="wait for it, 95th percentile", measured=wait_s, unit="s",
                at_most=WAIT_BAR_S, digits=0),
        Verdict(what="honest pulses accused", measured=per_day, unit="/day",
                at_most=FALSE_BAR_PER_DAY),
    ]  # fmt: skip
    return outcome


def _rates(random: np.random.Generator, hours: int, *, lies: bool) -> Rates:
    size = hours * 3600
    heart = 65.0 + 5.0 * np.sin(np.arange(size) / 2000.0)
    for _ in range(hours * 2):
        begin, length = int(random.integers(0, size - 600)), int(random.integers(120, 600))
        rise = np.minimum(np.arange(length) / 40.0, 1.0) * np.minimum(
            np.arange(length)[::-1] / 90.0, 1.0
        )
        heart[begin : begin + length] += random.uniform(10.0, 50.0) * rise
    heart = np.minimum(heart, 150.0)
    kernel = np.full(_AVERAGES_S, 1.0 / _AVERAGES_S)
    pulse = np.convolve(
        np.concatenate((np.full(_AVERAGES_S - 1, heart[0]), heart)), kernel, "valid"
    )
    spans = _lies(random, pulse, size) if lies else []
    return Rates(
        heart=heart + random.normal(0.0, 1.0, size),
        pulse=np.rint(pulse + random.normal(0.0, 1.0, size)),
        lies=spans,
    )


def _lies(random: np.random.Generator, pulse: Series, size: int) -> list[Span]:
    spans: list[Span] = []
    at = int(random.integers(300, _LIE_EVERY_S))
    while at + _MOST_LIE_S < size:
        length = int(random.integers(_LEAST_LIE_S, _MOST_LIE_S))
        part = pulse[at : at + length]
        kind = int(random.integers(0, 4))
        if kind == 3:
            part[:] = float(random.uniform(1.4, 1.8)) * part[0]
        else:
            part *= (2.0, 0.5, 0.75)[kind]
        spans.append((at, at + length))
        at += length + int(random.integers(_LIE_EVERY_S // 2, _LIE_EVERY_S * 3 // 2))
    return spans


def _steps(rates: Rates) -> list[float]:
    """Return when disagreements were known (s)."""
    hearts = list(enumerate(rates.heart.tolist()))
    pulses = list(enumerate(rates.pulse.tolist()))
    found = disagreements(
        [(float(at), rate) for at, rate in hearts], [(float(at), rate) for at, rate in pulses]
    )
    return [one.known_s for one in found if one.standing is Standing.BEGUN]


def _wait(lie: Span, found: list[float]) -> float | None:
    inside = [at for at in found if lie[0] <= at <= lie[1]]
    return inside[0] - lie[0] if inside else None


def _bias(lying: Rates, honest: Rates) -> Table:
    """Return how far pulse and heart rate are apart, where they should agree and where not."""
    lies = np.zeros(lying.heart.size, dtype=bool)
    for begin, end in lying.lies:
        lies[begin:end] = True
    parts = {
        "honest hours": honest.pulse - honest.heart,
        "between lies": (lying.pulse - lying.heart)[~lies],
        "lies": (lying.pulse - lying.heart)[lies],
    }
    rows: list[list[Cell]] = [
        [name, float(np.mean(one)), float(np.mean(one) - 1.96 * np.std(one)),
         float(np.mean(one) + 1.96 * np.std(one))]
        for name, one in parts.items() if one.size
    ]  # fmt: skip
    columns = ["part", "bias, /min", "lower limit of agreement", "upper limit of agreement"]
    return Table(title="Pulse minus heart rate (limits of agreement: 1.96 SD)", columns=columns,
                 rows=rows, digits=dict.fromkeys(columns[1:], 1))  # fmt: skip


def _plot(rates: Rates, found: list[float]) -> Plot:
    size = min(3 * 3600, rates.heart.size)

    def draw(figure: Any) -> None:  # noqa: ANN401
        axes = figure.subplots()
        minutes = np.arange(size) / 60.0
        axes.plot(minutes, rates.heart[:size], color=drawing.SECOND_COLOUR, linewidth=0.8,
                  label="heart rate of the ECG")  # fmt: skip
        axes.plot(minutes, rates.pulse[:size], color=drawing.GREY, linewidth=0.8, label="pulse")
        for at in found:
            if at < size:
                axes.axvline(at / 60.0, color=drawing.OUR_COLOUR, linewidth=1.2)
        axes.set_xlabel("minutes")
        axes.set_ylabel("/min")
        drawing.legend(axes)

    return Plot(
        name="oximetry-agreement",
        caption="Three hours: where the pulse lies, and when it is found (red)",
        draw=draw,
    )


SECTION: Section[OximetryBench] = Section(
    name="agreement", title="Pulse against heart rate", measure=measure
)
