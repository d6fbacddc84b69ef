"""Atrial fibrillation in short strips: by a classifier that has not seen them, and by rhythm."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.af import burden, detect_af
from edge_agent.dsp.af_strip import STRIP_DECISION, classify_strip
from edge_agent.dsp.af_strip_learning import held_out
from edge_agent.dsp.logistic import Logistic
from edge_agent.validate import drawing
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import refined
from edge_agent.validate.ecg.ranking import area_under_curve
from edge_agent.validate.ecg.recordings import labels, read
from edge_agent.validate.section import Cell, Outcome, Plot, Table, Verdict

DATA_SET = "cinc2017"
F1_BAR = 0.80
FOLDS, DRAWS = 5, 10
TIME_SHARE = 0.5
"""By rhythm a strip is fibrillation when so much of its judged time is."""

_COLUMNS = ("by", "learnt on", "strips", "Se %", "Sp %", "F1", "AUC", "noisy strips called AF")
_LABELS = {"A": "fibrillation", "O": "other rhythm", "N": "normal", "~": "too noisy"}

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A strip of one lead with its label: A, N, O or ~."""

    name: str
    label: str
    signal_mV: Vector
    rate_hz: float

    @property
    def is_af(self) -> bool:
        """Whether people saw fibrillation."""
        return self.label == "A"

    @property
    def is_noisy(self) -> bool:
        """Whether people called it too noisy."""
        return self.label == "~"


def read_strips(bench: EcgBench) -> list[Strip]:
    """Return the labelled strips that are there."""
    folder = bench.folder(DATA_SET)
    truth = labels(folder)
    records = [read(folder, name) for name in bench.names(DATA_SET, annotated=False)
               if name in truth]  # fmt: skip
    return [
        Strip(name=one.name, label=truth[one.name], signal_mV=one.signal_mV, rate_hz=one.rate_hz)
        for one in records
    ]


def judge_strips(
    bench: EcgBench, strips: Sequence[Strip], models: Mapping[str, Logistic], outcome: Outcome
) -> None:
    """Add table, plot and verdict of the strips to ``outcome``."""
    bench.tell(DATA_SET)
    try:
        draws = [_unseen(strips, bench.seed + draw) for draw in range(DRAWS)] if strips else []
    except ValueError as error:
        outcome.notes.append(f"{DATA_SET}: too few strips to learn from: {error}")
        draws = []
    if not draws:
        outcome.missing += [] if strips else [missing_set(DATA_SET)]
        outcome.verdicts.append(_verdict(None))
        return
    f1 = [_f1(strips, one >= STRIP_DECISION) for one in draws]
    shown = np.array([_probability(classify_strip(one.signal_mV, one.rate_hz).probability)
                      for one in strips])  # fmt: skip
    rows = [
        _row(strips, f"strip classifier, {FOLDS} folds", "the other folds",
             draws[0], draws[0] >= STRIP_DECISION),
        _row(strips, "strip classifier", "all of them", shown, shown >= STRIP_DECISION),
    ]  # fmt: skip
    for name, model in models.items():
        share, probability = _by_rhythm(strips, model)
        rows.append(_row(strips, "rhythm", name, probability, share >= TIME_SHARE))
    outcome.tables.append(
        Table(
            title=f"Strips of {DATA_SET}: fibrillation against normal and other rhythms",
            columns=_COLUMNS,
            rows=rows,
            digits={"Se %": 1, "Sp %": 1},
            note=f"Over {DRAWS} draws of the folds F1 is {np.mean(f1):.3f} in the mean,"
            f" {min(f1):.3f} to {max(f1):.3f}; the first draw stands in the table. By rhythm: half"
            " of the judged time. A strip without an answer is none; noisy ones are not scored.",
        )
    )
    outcome.plots.append(_plot(strips, draws[0]))
    outcome.figures["strips"] = {
        "rows": [dict(zip(_COLUMNS, row, strict=True)) for row in rows],
        "f1_of_draws": f1,
    }
    outcome.verdicts.append(_verdict(float(np.mean(f1))))


def _unseen(strips: Sequence[Strip], seed: int) -> Vector:
    answers = held_out(
        [(one.signal_mV, one.rate_hz) for one in strips],
        [one.is_af for one in strips],
        strata=[one.label for one in strips],
        folds=FOLDS,
        seed=seed,
    )
    return np.array([_probability(one) for one in answers])


def _by_rhythm(strips: Sequence[Strip], model: Logistic) -> tuple[Vector, Vector]:
    """Return the share of the time in fibrillation and the mean probability of each strip."""
    shares, probabilities = [], []
    for one in strips:
        at_s = refined(one.signal_mV, one.rate_hz) / one.rate_hz
        beats = detect_af(at_s, np.diff(at_s, prepend=np.nan) * 1000.0, model=model)
        known = [beat.probability for beat in beats if beat.probability is not None]
        shares.append(burden(beats).share or 0.0)
        probabilities.append(float(np.mean(known)) if known else 0.0)
    return np.array(shares), np.array(probabilities)


def _probability(answer: float | None) -> float:
    return 0.0 if answer is None else answer


def _f1(strips: Sequence[Strip], called: NDArray[np.bool_]) -> float:
    scored = np.array([not one.is_noisy for one in strips])
    af = np.array([one.is_af for one in strips])
    hits = int(np.sum(af & called))
    wanted = int(np.sum(called & scored) + np.sum(af))
    return 2.0 * hits / wanted if wanted else math.nan


def _row(
    strips: Sequence[Strip], by: str, learnt: str, probability: Vector, called: NDArray[np.bool_]
) -> list[Cell]:
    noisy = np.array([one.is_noisy for one in strips])
    af = np.array([one.is_af for one in strips])
    others = ~noisy & ~af
    return [
        by, learnt, int(np.sum(~noisy)), 100.0 * float(np.mean(called[af])),
        100.0 * float(np.mean(~called[others])) if others.any() else None, _f1(strips, called),
        area_under_curve(probability[~noisy], af[~noisy]), int(np.sum(called & noisy)),
    ]  # fmt: skip


def _plot(strips: Sequence[Strip], probability: Vector) -> Plot:
    signs = np.array([one.label for one in strips])

    def draw(figure: Any) -> None:  # noqa: ANN401
        drawing.columns(
            figure.subplots(),
            {name: probability[signs == sign] for sign, name in _LABELS.items()},
            axis="probability of fibrillation",
        )

    return Plot(
        name="af-strips",
        caption=f"{DATA_SET}: each strip by its label, judged by what the other folds taught",
        draw=draw,
    )


def _verdict(f1: float | None) -> Verdict:
    return Verdict(
        what=f"AF, strips of {DATA_SET}, held out, F1 (mean of {DRAWS} draws)", at_least=F1_BAR,
        measured=f1, digits=3, remark="" if f1 is not None else "strips missing or too few",
    )  # fmt: skip
