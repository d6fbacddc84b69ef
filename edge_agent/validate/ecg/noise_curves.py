"""R peaks in noise: from hardly any to more noise than signal, and everybody at 6 dB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_agent.validate import drawing
from edge_agent.validate.ecg import noise
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import OURS
from edge_agent.validate.ecg.recordings import NORMAL_SYMBOLS, Recording
from edge_agent.validate.ecg.scoring import (
    Tally,
    as_figures,
    f1_of,
    gross_table,
    score_one,
    warm_up,
)
from edge_agent.validate.section import (
    Cell,
    Outcome,
    Plot,
    Section,
    Table,
    Verdict,
    best_peer,
)

STRESS_RECORDS = ("118", "119")
"""The records of the MIT-BIH Noise Stress Test Database; elsewhere the two cleanest stand in."""

LEVELS_DB = (24.0, 18.0, 12.0, 6.0, 0.0, -6.0)
CURVE_BARS = {12.0: 99.4, 6.0: 95.0, 0.0: 86.0}  # electrode motion
ALL_BARS = {"ma": 97.0, "em": 96.0}
ALL_DB = 6.0

Curve = dict[float, dict[str, Tally]]


def measure(bench: EcgBench) -> Outcome:
    """Score all detectors with every kind of noise that is there."""
    outcome = Outcome(
        summary="Noise of the MIT-BIH Noise Stress Test Database, added by the rules of the WFDB"
        " program nst: after five clean minutes, two minutes on and two off, at a signal-to-noise"
        " ratio that compares the size of the QRS with the power of the noise. Scored as above."
    )
    sources = noise.find(bench.folder("nstdb"))
    records = list(bench.recordings("mitdb"))
    if not sources:
        outcome.missing.append(missing_set("nstdb"))
    if not records:
        outcome.missing.append(missing_set("mitdb"))
    if not sources or not records:
        outcome.verdicts = _verdicts({}, {}, "")
        return outcome
    stressed = stress_records(bench, records)
    names = "/".join(one.name for one in stressed)
    curves: dict[str, Curve] = {}
    for kind, source in sources.items():
        curves[kind] = _curve(bench, stressed, source)
        outcome.tables.append(_curve_table(f"{names}, {noise.KINDS[kind]}, F1 %", curves[kind]))
        outcome.figures[f"{names} {kind}"] = {
            f"{level:g} dB": as_figures(tallies, bench.seed)
            for level, tallies in curves[kind].items()
        }
    everybody: dict[str, dict[str, Tally]] = {}
    for kind in ALL_BARS:
        if kind in sources:
            bench.tell(f"mitdb, {noise.KINDS[kind]} {ALL_DB:g} dB")
            everybody[kind] = _noisy(bench, records, sources[kind], ALL_DB)
            title = f"mitdb, {len(records)} records, {noise.KINDS[kind]} at {ALL_DB:g} dB, gross"
            outcome.tables.append(gross_table(title, everybody[kind], bench.seed))
            outcome.figures[f"mitdb {kind} {ALL_DB:g} dB"] = as_figures(everybody[kind], bench.seed)
    outcome.plots.append(_plot(names, curves))
    outcome.verdicts = _verdicts(curves, everybody, names)
    return outcome


def stress_records(bench: EcgBench, records: Sequence[Recording]) -> list[Recording]:
    """Return those of the noise stress test, or the two with the largest share of normal beats."""
    every = bench.every("mitdb")
    if set(STRESS_RECORDS) <= set(every):
        return [bench.recording("mitdb", name) for name in STRESS_RECORDS]

    def normal_share(record: Recording) -> float:
        normal = sum(symbol in NORMAL_SYMBOLS for symbol in record.symbols)
        return normal / max(1, len(record.symbols))

    return sorted(records, key=normal_share, reverse=True)[:2]


def _curve(bench: EcgBench, records: Sequence[Recording], source: Path) -> Curve:
    curve = {}
    for level in LEVELS_DB:
        bench.tell(f"{source.name} {level:g} dB")
        curve[level] = _noisy(bench, records, source, level)
    return curve


def _noisy(
    bench: EcgBench, records: Sequence[Recording], source: Path, level_db: float
) -> dict[str, Tally]:
    tallies = {one.name: Tally() for one in bench.detectors}
    warm_up(bench.detectors, records[0].signal_mV, records[0].rate_hz)
    for record in records:
        signal = noise.noisy(record, source, level_db)
        for detector in bench.detectors:
            score_one(tallies[detector.name], detector, record, signal, record.rate_hz)
    return tallies


def _curve_table(title: str, curve: Curve) -> Table:
    levels = sorted(curve, reverse=True)
    rows: list[list[Cell]] = [
        [name, *(curve[level][name].gross.f1 for level in levels)] for name in curve[levels[0]]
    ]
    columns = ["detector", *(f"{level:g} dB" for level in levels)]
    return Table(title=title, columns=columns, rows=rows, digits=dict.fromkeys(columns, 2))


def _plot(names: str, curves: Mapping[str, Curve]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        panels = figure.subplots(1, len(curves), sharey=True, squeeze=False)[0]
        for axes, (kind, curve) in zip(panels, curves.items(), strict=True):
            detectors = list(next(iter(curve.values())))
            levels = sorted(curve)
            for name in detectors:
                values = [curve[level][name].gross.f1 for level in levels]
                axes.plot(levels, values, **drawing.style(name, OURS, detectors), marker=".")
            axes.set_title(noise.KINDS[kind])
            axes.set_xticks(levels)
            axes.set_xlabel("signal-to-noise ratio, dB")
            axes.invert_xaxis()
        panels[0].set_ylim(50.0, 101.0)
        panels[0].set_ylabel("F1, %")
        drawing.legend(panels[0])

    return Plot(
        name="noise-curves",
        caption=f"{names}: F1 as noise grows from left to right; below 50 % is not shown",
        draw=draw,
        size=(3.1 * max(2, len(curves)), 3.8),
    )


def _verdicts(
    curves: Mapping[str, Curve], everybody: Mapping[str, Mapping[str, Tally]], names: str
) -> list[Verdict]:
    motion = curves.get("em", {})
    rows: list[tuple[str, float, Mapping[str, Tally]]] = [
        (f"R peaks, {names or 'two records'}, electrode motion {level:g} dB, F1", bar,
         motion.get(level, {}))
        for level, bar in CURVE_BARS.items()
    ]  # fmt: skip
    rows += [
        (f"R peaks, mitdb, {noise.KINDS[kind]} {ALL_DB:g} dB, F1", bar, everybody.get(kind, {}))
        for kind, bar in ALL_BARS.items()
    ]
    verdicts = []
    for what, bar, tallies in rows:
        figures = f1_of(tallies)
        peer, best = best_peer(figures, ours=OURS)
        verdicts.append(
            Verdict(
                what=what, unit="%", at_least=bar, measured=figures.get(OURS), peer=peer,
                peer_measured=best, remark="" if figures else "noise or records missing",
            )
        )  # fmt: skip
    return verdicts


SECTION = Section(name="noise", title="R peaks in noise", measure=measure)
