"""Detectors over recordings: every detector on the same samples, scored by the same rules."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge_agent.validate.ecg import ec57
from edge_agent.validate.ecg.detectors import Detector, run
from edge_agent.validate.ecg.ec57 import Score
from edge_agent.validate.ecg.recordings import Recording, Signal, resampled
from edge_agent.validate.section import Cell, Table

GROSS_COLUMNS = (
    "detector", "Se %", "+P %", "F1 %", "95 % interval of F1", "FP", "FN",
    "error ms", "offset ms", "jitter ms", "CPU ms/30 min",
)  # fmt: skip
GROSS_DIGITS = {"error ms": 1, "offset ms": 1, "jitter ms": 2, "CPU ms/30 min": 0}

_WARM_UP_S = 30.0


@dataclass(slots=True)
class Tally:
    """Scores of one detector over a set, CPU time it took, and where it failed."""

    scores: list[Score] = field(default_factory=list)
    cpu_s: float = 0.0
    recorded_s: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def gross(self) -> Score:
        """All records pooled."""
        return ec57.gross(self.scores)

    @property
    def cpu_ms_per_half_hour(self) -> float:
        """CPU time for 30 minutes of signal."""
        return 1e3 * self.cpu_s * 1800.0 / self.recorded_s if self.recorded_s else float("nan")


def score_one(
    tally: Tally, detector: Detector, record: Recording, signal_mV: Signal, rate_hz: float
) -> None:
    """Run a detector on ``signal_mV`` at ``rate_hz``, a form of ``record``, and add its score.

    Its peaks are put back to the record's own rate, in which the annotations are.
    """
    began = time.process_time()
    found = run(detector, signal_mV, rate_hz)
    tally.cpu_s += time.process_time() - began
    tally.recorded_s += record.duration_s
    if found.failure:
        tally.failures.append(f"{record.name}: {found.failure}")
    peaks = np.unique(np.rint(found.peaks * (record.rate_hz / rate_hz)).astype(np.int64))
    peaks = peaks[(peaks >= 0) & (peaks < record.length)]
    tally.scores.append(
        ec57.score(record.name, record.beats, peaks, record.rate_hz, record.length, record.flutter)
    )


def score_all(
    detectors: Sequence[Detector], records: Iterable[Recording], rate_hz: float | None = None
) -> dict[str, Tally]:
    """Score every detector on every record, resampled to ``rate_hz`` if that is given."""
    tallies = {one.name: Tally() for one in detectors}
    for count, record in enumerate(records):
        rate = record.rate_hz if rate_hz is None else rate_hz
        signal = record.signal_mV
        if rate != record.rate_hz:
            signal = resampled(signal, record.rate_hz, rate)
        if count == 0:
            warm_up(detectors, signal, rate)
        for detector in detectors:
            score_one(tallies[detector.name], detector, record, signal, rate)
    return tallies


def warm_up(detectors: Iterable[Detector], signal_mV: Signal, rate_hz: float) -> None:
    """Run each once on a short part: its imports and caches are not what is timed."""
    for detector in detectors:
        run(detector, signal_mV[: int(_WARM_UP_S * rate_hz)], rate_hz)


def gross_table(title: str, tallies: Mapping[str, Tally], seed: int) -> Table:
    """Set the gross figures of all detectors under each other, the best F1 first."""
    rows = [_gross_row(name, tally, seed) for name, tally in tallies.items()]
    rows.sort(key=lambda row: -_number(row[3]))
    return Table(title=title, columns=GROSS_COLUMNS, rows=rows, digits=GROSS_DIGITS)


def as_figures(tallies: Mapping[str, Tally], seed: int) -> dict[str, Any]:
    """Everything that was counted, for the JSON file."""
    return {
        name: {
            "gross": score_figures(tally.gross),
            "f1_interval": ec57.f1_interval(tally.scores, seed),
            "cpu_ms_per_half_hour": tally.cpu_ms_per_half_hour,
            "failures": tally.failures,
            "records": {one.record: score_figures(one) for one in tally.scores},
        }
        for name, tally in tallies.items()
    }


def score_figures(one: Score) -> dict[str, float]:
    """Counts and figures of one score."""
    return {
        "tp": one.true_positives,
        "fp": one.false_positives,
        "fn": one.false_negatives,
        "sensitivity": one.sensitivity,
        "positive_predictivity": one.positive_predictivity,
        "f1": one.f1,
        "error_ms": one.error_ms,
        "jitter_ms": one.jitter_ms,
    }


def f1_of(tallies: Mapping[str, Tally]) -> dict[str, float]:
    """Gross F1 of each detector."""
    return {name: tally.gross.f1 for name, tally in tallies.items()}


def _gross_row(name: str, tally: Tally, seed: int) -> list[Cell]:
    one, (low, high) = tally.gross, ec57.f1_interval(tally.scores, seed)
    offset = float(np.median(one.errors_ms)) if one.errors_ms.size else None
    label = f"{name} (failed on {len(tally.failures)})" if tally.failures else name
    between = "" if np.isnan(low) else f"{low:.2f} to {high:.2f}"
    return [
        label, one.sensitivity, one.positive_predictivity, one.f1, between, one.false_positives,
        one.false_negatives, one.error_ms, offset, one.jitter_ms, tally.cpu_ms_per_half_hour,
    ]  # fmt: skip


def _number(cell: Cell) -> float:
    return cell if isinstance(cell, float) and not np.isnan(cell) else -1.0
