"""Ventricular beats by EC57: each record with weights learnt on all others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.logistic import Logistic
from edge_agent.dsp.rpeaks import detect
from edge_agent.dsp.ventricular import VENTRICULAR_FROM
from edge_agent.dsp.ventricular_features import BeatFeatures, beat_features
from edge_agent.dsp.ventricular_learning import (
    NOT_VENTRICULAR,
    VENTRICULAR,
    Examples,
    examples,
    leave_one_out,
)
from edge_agent.dsp.ventricular_weights import WEIGHTS
from edge_agent.validate import drawing
from edge_agent.validate.ecg import ec57, ventricular_runs
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.ecg.people import person_of
from edge_agent.validate.ecg.ranking import curve
from edge_agent.validate.ecg.recordings import Recording
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

DATA_SET = "mitdb"
F1_BAR = 90.0

_COLUMNS = ("record", "ventricular beats", "Se %", "+P %", "F1 %", "FPR %", "TP", "FN", "FP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Ventricular beats found, missed and invented; other beats left alone."""

    record: str
    hits: int
    missed: int
    invented: int
    left_alone: int

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and positive predictivity, in percent."""
        return _percent(2 * self.hits, self.missed + self.invented)

    def row(self) -> list[Cell]:
        """Return the figures as a row of a table."""
        return [
            self.record, self.hits + self.missed, _percent(self.hits, self.missed),
            _percent(self.hits, self.invented), self.f1,
            _percent(self.invented, self.left_alone), self.hits, self.missed, self.invented,
        ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Beats of one record with their probabilities, beside the annotated beats they pair with.

    ``symbols`` has the annotation of each beat, empty for one that nobody annotated; ``unfound``
    counts annotated ventricular beats that no beat pairs with. Scored part only.
    """

    record: str
    probability: NDArray[np.float64]
    symbols: tuple[str, ...]
    unfound: int

    def count(self) -> Count:
        """Count by EC57: what pairs with a fusion or unclassified beat counts for nothing."""
        called = self.probability >= VENTRICULAR_FROM
        true = np.array([symbol in VENTRICULAR for symbol in self.symbols], dtype=bool)
        other = np.array([not symbol or symbol in NOT_VENTRICULAR for symbol in self.symbols],
                         dtype=bool)  # fmt: skip
        return Count(
            record=self.record,
            hits=int(np.sum(true & called)),
            missed=int(np.sum(true & ~called)) + self.unfound,
            invented=int(np.sum(other & called)),
            left_alone=int(np.sum(other & ~called)),
        )


def measure(bench: EcgBench) -> Outcome:
    """Leave one record out at a time; annotated and detected beats; then the shipped weights."""
    outcome = Outcome(
        summary="Each record is classified with weights that the records of all other people taught"
        " in this run."
        " Counted from 5:00, without flutter; fusion, paced and unclassifiable beats count for"
        " nothing. With detected beats a ventricular beat that the detector missed is missed, and"
        " an invented beat called ventricular is invented. None of the peers classifies beats."
    )
    records = [bench.recording(DATA_SET, name) for name in bench.every(DATA_SET)]
    people = [person_of(one.name) for one in records]
    if len(set(people)) < 2:
        outcome.missing.append(f"{DATA_SET}: fewer than two people, none can be left out")
        outcome.verdicts.append(_verdict(None))
        return outcome
    bench.tell("features")
    patients = [examples_of(one) for one in records]
    with_some = {
        person for person, one in zip(people, patients, strict=True) if one.ventricular.any()
    }
    if len(with_some) < 2:
        outcome.missing.append(f"{DATA_SET}: ventricular beats in fewer than two people")
        outcome.verdicts.append(_verdict(None))
        return outcome
    bench.tell("learning, each record left out")
    models = leave_one_out(patients, people)
    detected, annotated, shipped, runs = [], [], [], []
    for record, model in zip(records, models, strict=True):
        bench.tell(record.name)
        found = np.unique(detect(record.signal_mV, record.rate_hz)).astype(np.int64)
        of_found = beat_features(record.signal_mV, record.rate_hz, found)
        detected.append(judge(record, found, of_found, model))
        shipped.append(judge(record, found, of_found, WEIGHTS))
        called = model.probability(of_found.rows) >= VENTRICULAR_FROM
        runs.append(ventricular_runs.runs_of(record, found, called))
        of_beats = beat_features(record.signal_mV, record.rate_hz, record.beats)
        annotated.append(judge(record, record.beats, of_beats, model))
    _fill(outcome, detected, annotated, shipped)
    of_runs = ventricular_runs.table(runs)
    outcome.tables.append(of_runs)
    outcome.figures["runs"] = [dict(zip(of_runs.columns, row, strict=True)) for row in of_runs.rows]
    return outcome


def judge(record: Recording, peaks: Samples, features: BeatFeatures, model: Logistic) -> Judged:
    """Give each of ``peaks`` its probability and the annotation it pairs with."""
    pairs = ec57.pair(record.beats, peaks, round(ec57.TOLERANCE_S * record.rate_hz))
    annotation = {found: record.symbols[beat] for beat, found in pairs}
    paired = {beat for beat, _ in pairs}
    first = ec57.scored_from(record.rate_hz, record.length)
    scored = [
        place for place, at in enumerate(peaks.tolist()) if at >= first and not _flutter(record, at)
    ]
    unfound = sum(
        symbol in VENTRICULAR
        for beat, (at, symbol) in enumerate(zip(record.beats.tolist(), record.symbols, strict=True))
        if beat not in paired and at >= first and not _flutter(record, at)
    )
    return Judged(
        record=record.name,
        probability=model.probability(features.rows)[scored],
        symbols=tuple(annotation.get(place, "") for place in scored),
        unfound=unfound,
    )


def total(counts: Iterable[Count], name: str = "**gross**") -> Count:
    """Pool the counts of several records."""
    each = list(counts)
    return Count(
        record=name,
        hits=sum(one.hits for one in each),
        missed=sum(one.missed for one in each),
        invented=sum(one.invented for one in each),
        left_alone=sum(one.left_alone for one in each),
    )


def examples_of(record: Recording) -> Examples:
    """Return the annotated beats of a record as examples; those in flutter are context only."""
    symbols = [
        None if _flutter(record, at) else symbol
        for at, symbol in zip(record.beats.tolist(), record.symbols, strict=True)
    ]
    return examples(record.signal_mV, record.rate_hz, record.beats, symbols)


def _flutter(record: Recording, at: int) -> bool:
    return any(begin <= at <= end for begin, end in record.flutter)


def _fill(
    outcome: Outcome,
    detected: Sequence[Judged],
    annotated: Sequence[Judged],
    shipped: Sequence[Judged],
) -> None:
    count = len(detected)
    ways = (
        ("detected beats, record left out", detected),
        ("annotated beats, record left out", annotated),
        ("detected beats, shipped weights (have seen these records)", shipped),
    )
    totals = {name: total((one.count() for one in each), name) for name, each in ways}
    digits = dict.fromkeys(_COLUMNS, 2)
    outcome.tables.append(
        Table(
            title=f"Ventricular beats, {DATA_SET}, {count} records, gross",
            columns=("way", *_COLUMNS[1:]),
            rows=[one.row() for one in totals.values()],
            digits=digits,
        )
    )
    each = [one.count() for one in detected]
    outcome.tables.append(
        Table(
            title="Record by record, detected beats, record left out",
            columns=_COLUMNS,
            rows=[one.row() for one in [*each, total(each)]],
            digits=digits,
        )
    )
    outcome.plots.append(_plot(detected))
    outcome.figures = {
        "gross": {name: dict(zip(_COLUMNS[1:], one.row()[1:], strict=True))
                  for name, one in totals.items()},
        "records": {one.record: dict(zip(_COLUMNS[1:], one.row()[1:], strict=True))
                    for one in each},
    }  # fmt: skip
    outcome.verdicts.append(_verdict(total(each).f1))


def _plot(detected: Sequence[Judged]) -> Plot:
    symbols = [symbol for one in detected for symbol in one.symbols]
    probability = np.concatenate([one.probability for one in detected])
    counted = np.array([not one or one in NOT_VENTRICULAR | VENTRICULAR for one in symbols], bool)
    true = np.array([one in VENTRICULAR for one in symbols], dtype=bool)

    def draw(figure: Any) -> None:  # noqa: ANN401
        axes = figure.subplots()
        grid = np.round(probability[counted], 3)
        false_rate, true_rate = curve(grid, true[counted])
        axes.plot(100.0 * false_rate, 100.0 * true_rate, color=drawing.OUR_COLOUR, linewidth=1.6,
                  label="any limit")  # fmt: skip
        called = grid >= VENTRICULAR_FROM
        here = (100.0 * np.mean(called[~true[counted]]), 100.0 * np.mean(called[true[counted]]))
        axes.plot(*here, "o", color=drawing.OUR_COLOUR, label="the hub's limit")
        axes.set_xlim(0.0, 5.0)
        axes.set_ylim(50.0, 101.0)
        axes.set_xlabel("other beats called ventricular, %")
        axes.set_ylabel("ventricular beats found, %")
        drawing.legend(axes)

    return Plot(
        name="ventricular-roc",
        caption="Ventricular beats, detected, each record left out: ROC curve, its upper left part",
        draw=draw,
    )


def _percent(part: int, rest: int) -> float:
    return 100.0 * part / (part + rest) if part + rest else math.nan


def _verdict(f1: float | None) -> Verdict:
    return Verdict(
        what=f"ventricular beats, {DATA_SET}, each record left out, detected beats, F1", unit="%",
        at_least=F1_BAR, measured=f1, remark="" if f1 is not None else "records missing",
    )  # fmt: skip


SECTION = Section(name="ventricular", title="Ventricular beats", measure=measure)
