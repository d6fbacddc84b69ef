"""R peaks against annotations, at the recording's own rate and at that of a chest strap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_agent.validate import drawing
from edge_agent.validate.ecg import ec57
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import OURS
from edge_agent.validate.ecg.ec57 import Score
from edge_agent.validate.ecg.people import person_of
from edge_agent.validate.ecg.scoring import Tally, as_figures, f1_of, gross_table, score_all
from edge_agent.validate.section import (
    Cell,
    Outcome,
    Plot,
    Section,
    Table,
    Verdict,
    best_peer,
)

STRAP_RATE_HZ = 130.0
SETS = ("mitdb", "cpsc2019", "cpsc2021")

F1_BARS = {
    ("mitdb", None): 99.88,
    ("mitdb", STRAP_RATE_HZ): 99.86,
    ("cpsc2019", None): 96.5,
    ("cpsc2021", None): 99.6,
}
JITTER_BAR_MS = 2.4

_RECORD_COLUMNS = (
    "record", "lead", "beats", "Se %", "+P %", "F1 %", "FP", "FN", "error ms", "jitter ms",
    "F1 % at 130 Hz", "FP at 130 Hz", "FN at 130 Hz",
)  # fmt: skip

Key = tuple[str, float | None]


def measure(bench: EcgBench) -> Outcome:
    """Score all detectors on every set that is there, at both rates."""
    outcome = Outcome(
        summary="Beat by beat after ANSI/AAMI EC57: a beat is found when a detection lies within"
        " 150 ms; records of over ten minutes are scored from 5:00, without ventricular flutter."
        " Gross figures pool all beats; the interval redraws people, each with all their"
        " records. CPU is process time on this machine; the offset is the median error, which"
        " jitter leaves out. The network of edge-agent has learnt from mitdb, nstdb, cpsc2019 and"
        " cpsc2021: what it is worth on other people, `edge-agent validate learn beats --held-out"
        " 4` tells."
    )
    measured: dict[Key, dict[str, Tally]] = {}
    for data_set in SETS:
        if not bench.names(data_set):
            outcome.missing.append(missing_set(data_set))
            continue
        for rate in (None, STRAP_RATE_HZ):
            bench.tell(f"{data_set} {_at(rate)}")
            tallies = score_all(bench.detectors, bench.recordings(data_set), rate)
            measured[data_set, rate] = tallies
            count = len(tallies[OURS].scores)
            title = f"{data_set} {_at(rate)}, {count} records{_people(tallies[OURS])}, gross"
            outcome.tables.append(gross_table(title, tallies, bench.seed))
            outcome.figures[f"{data_set} {_at(rate)}"] = as_figures(tallies, bench.seed)
            outcome.notes += _failures(tallies)
        outcome.tables.append(_per_record(bench, data_set, measured))
        outcome.plots += _plots(data_set, measured)
    outcome.verdicts += _verdicts(measured)
    return outcome


def _at(rate: float | None) -> str:
    return "at its own rate" if rate is None else f"at {rate:g} Hz"


def _people(tally: Tally) -> str:
    """Say of how many people the records are, where these are fewer."""
    count = len({person_of(one.record) for one in tally.scores})
    if count == len(tally.scores):
        return ""
    return " of one person" if count == 1 else f" of {count} people"


def _failures(tallies: Mapping[str, Tally]) -> list[str]:
    return [
        f"{name} failed on {len(tally.failures)} records, which count as without a detection;"
        f" the first: {tally.failures[0]}"
        for name, tally in tallies.items()
        if tally.failures
    ]


def _per_record(
    bench: EcgBench, data_set: str, measured: Mapping[Key, Mapping[str, Tally]]
) -> Table:
    own = measured[data_set, None][OURS].scores
    strap = measured[data_set, STRAP_RATE_HZ][OURS].scores
    rows: list[list[Cell]] = []
    beats = 0
    for record, one, slow in zip(bench.recordings(data_set), own, strap, strict=True):
        beats += record.beats.size
        rows.append(_row(one.record, record.lead, record.beats.size, one, slow))
    rows.append(_row("**gross**", "", beats, ec57.gross(own), ec57.gross(strap)))
    return Table(
        title=f"{data_set}, {OURS}, record by record",
        columns=_RECORD_COLUMNS,
        rows=rows,
        digits=dict.fromkeys(_RECORD_COLUMNS, 2),
        note="Beats are all that are annotated; the counts are those of the scored part.",
    )


def _row(name: str, lead: str, beats: int, own: Score, strap: Score) -> list[Cell]:
    return [
        name, lead, beats, own.sensitivity, own.positive_predictivity, own.f1,
        own.false_positives, own.false_negatives, own.error_ms, own.jitter_ms,
        strap.f1, strap.false_positives, strap.false_negatives,
    ]  # fmt: skip


def _plots(data_set: str, measured: Mapping[Key, Mapping[str, Tally]]) -> list[Plot]:
    own, strap = measured[data_set, None], measured[data_set, STRAP_RATE_HZ]
    wrong = {name: (_wrong(own[name]), _wrong(strap[name])) for name in own}

    def draw_wrong(figure: Any) -> None:  # noqa: ANN401
        drawing.dots(
            figure.subplots(), wrong, labels=("its own rate", "130 Hz"), ours=OURS,
            axis="beats missed or invented, per 1000 beats (logarithmic)",
        )  # fmt: skip

    def draw_jitter(figure: Any) -> None:  # noqa: ANN401
        axes = figure.subplots()
        drawing.shares(
            axes,
            {name: np.abs(tally.gross.jitters_ms) for name, tally in own.items()},
            ours=OURS,
        )
        axes.set_xlabel("distance from the annotation after the record's median, ms")
        axes.set_ylabel("share of the beats found, %")

    return [
        Plot(
            name=f"rpeaks-{data_set}-wrong",
            caption=f"{data_set}: false positives and false negatives per 1000 beats",
            draw=draw_wrong,
            size=(7.2, 0.9 + 0.36 * len(own)),
        ),
        Plot(
            name=f"rpeaks-{data_set}-jitter",
            caption=f"{data_set}: how exactly beats are located, share of beats within a distance",
            draw=draw_jitter,
        ),
    ]


def _wrong(tally: Tally) -> float:
    one = tally.gross
    beats = one.true_positives + one.false_negatives
    return 1000.0 * (one.false_positives + one.false_negatives) / beats if beats else float("nan")


def _verdicts(measured: Mapping[Key, Mapping[str, Tally]]) -> list[Verdict]:
    verdicts = []
    for (data_set, rate), bar in F1_BARS.items():
        figures = f1_of(measured.get((data_set, rate), {}))
        peer, best = best_peer(figures, ours=OURS)
        verdicts.append(
            Verdict(
                what=f"R peaks, {data_set} {_at(rate)}, F1", unit="%", at_least=bar, digits=3,
                measured=figures.get(OURS), peer=peer, peer_measured=best,
                remark="" if figures else "data set missing",
            )
        )  # fmt: skip
    jitters = {
        name: tally.gross.jitter_ms for name, tally in measured.get(("mitdb", None), {}).items()
    }
    peer, best = best_peer(jitters, ours=OURS, largest=False)
    verdicts.append(
        Verdict(
            what="R peaks, mitdb, location jitter", unit="ms", at_most=JITTER_BAR_MS,
            measured=jitters.get(OURS), peer=peer, peer_measured=best,
            remark="" if jitters else "data set missing",
        )
    )  # fmt: skip
    return verdicts


SECTION = Section(name="rpeaks", title="R peaks", measure=measure)
