"""Sections about forecasts: their errors, error grids, intervals, meals and insulin, and cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_agent.dsp.glucose_population import HORIZONS_MIN
from edge_agent.validate.drawing import GREY, OUR_COLOUR, SECOND_COLOUR
from edge_agent.validate.glucose import baselines
from edge_agent.validate.glucose.bench import GlucoseBench, Run
from edge_agent.validate.glucose.figures import Vector, clarke, crps, parkes, rmse
from edge_agent.validate.glucose.learning import SIMULATED_SET
from edge_agent.validate.glucose.scoring import Flags, eligible, truth
from edge_agent.validate.glucose.spreads import deviations
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

OURS = "edge-agent"
TYPE_1_FAST = "t1d_uom@5min"

_BARS = dict(zip(HORIZONS_MIN, (0.75, 0.83, 0.83), strict=True))
_MIDDLE = 1
_LEAST_LOWS = 30


def scored(run: Run, column: int) -> tuple[Vector, Vector, Flags]:
    """Return truth and mean (mg/dL) at the scored origins, and which these are."""
    truths = truth(run.trace, HORIZONS_MIN[column])
    here = eligible(run.trace) & ~np.isnan(truths)
    mean = run.made.mean[:, column]
    mean = np.where(np.isnan(mean), run.trace.mgdl, mean)
    return truths[here], mean[here], here


def _measured(runs: Sequence[Run], column: int = 0) -> list[Run]:
    return [one for one in runs if scored(one, column)[2].any()]


def measure_forecasts(bench: GlucoseBench) -> Outcome:
    """RMSE, MAE and MARD beside plain forecasts."""
    outcome = Outcome(
        summary="Each patient is forecast by weights learnt from the others; figures are means"
        " over patients. Origins: the first day left out, four readings within 26 min (three"
        " within 51 of a 15-min sensor)."
    )
    ratios: dict[float, list[float]] = {one: [] for one in HORIZONS_MIN}
    worse = 0
    for column, horizon_min in enumerate(HORIZONS_MIN):
        rows: list[list[Cell]] = []
        for group, everybody in bench.groups().items():
            bench.tell(f"{group}, {horizon_min:g} min")
            runs = _measured(everybody, column)
            if not runs:
                continue
            errors: dict[str, list[float]] = {}
            mae, mard = [], []
            for one in runs:
                true, mean, here = scored(one, column)
                errors.setdefault(OURS, []).append(rmse(true, mean))
                mae.append(np.abs(mean - true).mean())
                mard.append(100.0 * (np.abs(mean - true) / true).mean())
                for name in baselines.NAMES:
                    plain = baselines.forecast(name, one.trace, horizon_min)[here]
                    errors.setdefault(name, []).append(rmse(true, plain))
                ratio = errors[OURS][-1] / errors["persistence"][-1]
                ratios[horizon_min].append(ratio)
                worse += ratio > 1.0
            rows.append(
                [group, len(runs), *(float(np.mean(one)) for one in errors.values()),
                 float(np.mean(mae)), float(np.mean(mard))]
            )  # fmt: skip
        columns = ("set", "patients", OURS, *baselines.NAMES, "MAE", "MARD %")
        outcome.tables.append(
            Table(title=f"RMSE, mg/dL, {horizon_min:g} min ahead", columns=columns, rows=rows,
                  digits=dict.fromkeys(columns, 1))
        )  # fmt: skip
        outcome.figures[f"{horizon_min:g} min"] = [
            dict(zip(columns, row, strict=True)) for row in rows
        ]
        outcome.verdicts.append(
            Verdict(what=f"RMSE {horizon_min:g} min against persistence, median over patients",
                    measured=float(np.median(ratios[horizon_min])) if ratios[horizon_min] else None,
                    at_most=_BARS[horizon_min], digits=3)
        )  # fmt: skip
    outcome.verdicts.append(
        Verdict(what="patients and horizons worse than persistence",
                measured=float(worse) if any(ratios.values()) else None,
                at_most=0.0, digits=0)
    )  # fmt: skip
    return outcome


def measure_grids(bench: GlucoseBench) -> Outcome:
    """Clarke's and the consensus error grid, 30 min ahead."""
    outcome = Outcome()
    rows: list[list[Cell]] = []
    shares: dict[str, tuple[float, float]] = {}
    for group, runs in bench.groups().items():
        zones = [(clarke(*scored(one, _MIDDLE)[:2]), parkes(*scored(one, _MIDDLE)[:2]))
                 for one in _measured(runs, _MIDDLE)]  # fmt: skip
        if not zones:
            continue
        share = [
            float(np.mean([100.0 * np.isin(pair[which], list(names)).mean() for pair in zones]))
            for which, names in ((0, "A"), (0, "AB"), (0, "D"), (0, "CE"), (1, "A"), (1, "AB"))
        ]
        rows.append([group, len(zones), *share])
        shares[group] = (share[1], share[2])
    columns = ("set", "patients", "Clarke A", "Clarke A+B", "Clarke D", "Clarke C+E", "Parkes A",
               "Parkes A+B")  # fmt: skip
    outcome.tables.append(
        Table(title="Error grids, 30 min ahead, % of forecasts", columns=columns, rows=rows,
              digits=dict.fromkeys(columns, 2))
    )  # fmt: skip
    outcome.figures["grids"] = [dict(zip(columns, row, strict=True)) for row in rows]
    both = shares.get(TYPE_1_FAST)
    outcome.verdicts = [
        Verdict(what=f"Clarke A+B, 30 min, {TYPE_1_FAST}", unit="%", at_least=98.3,
                measured=both[0] if both else None, remark="set missing"),
        Verdict(what=f"Clarke D, 30 min, {TYPE_1_FAST}", unit="%", at_most=1.6,
                measured=both[1] if both else None, remark="set missing"),
    ]  # fmt: skip
    some = bench.groups().get(TYPE_1_FAST) or bench.runs()
    outcome.plots.append(
        Plot(name="error_grid", caption="Forecast against truth, 30 min ahead",
             draw=lambda figure: _draw_grid(figure, some), size=(5.0, 4.6))
    )  # fmt: skip
    return outcome


def measure_intervals(bench: GlucoseBench) -> Outcome:
    """Coverage of the 90 % interval, overall and of low truths, and CRPS."""
    outcome = Outcome()
    rows: list[list[Cell]] = []
    ratios: list[float] = []
    below: dict[str, float] = {}
    overall: list[float] = []
    for column, horizon_min in enumerate(HORIZONS_MIN):
        for group, runs in bench.groups().items():
            figures = [_interval(one, column) for one in _measured(runs, column)]
            if not figures:
                continue
            lows = [one[1] for one in figures if not np.isnan(one[1])]
            low = float(np.mean(lows)) if lows else float("nan")
            means = [float(np.mean([one[at] for one in figures])) for at in (0, 2, 3, 4)]
            rows.append([group, int(horizon_min), means[0], low, *means[1:]])
            if column == _MIDDLE:
                ratios += [one[3] / one[4] for one in figures]
                overall += [one[0] for one in figures]
                below[group] = low
    columns = ("set", "min", "coverage %", "below 80 %", "width", "CRPS", "persistence's CRPS")
    outcome.tables.append(Table(title="90 % interval and CRPS, mg/dL", columns=columns, rows=rows,
                                digits=dict.fromkeys(columns, 1) | {"CRPS": 2}))  # fmt: skip
    outcome.figures["intervals"] = [dict(zip(columns, row, strict=True)) for row in rows]
    covered = float(np.mean(overall)) if overall else None
    outcome.verdicts = [
        Verdict(what="90 % interval, 30 min, coverage", unit="%", at_least=88.0, measured=covered,
                digits=1),
        Verdict(what="90 % interval, 30 min, coverage (upper bar)", unit="%", at_most=92.0,
                measured=covered, digits=1),
        Verdict(what=f"90 % interval, 30 min, truths below 80, {TYPE_1_FAST}", unit="%",
                at_least=80.0, measured=below.get(TYPE_1_FAST), digits=1, remark="set missing"),
        Verdict(what="CRPS 30 min against persistence's, median over patients", at_most=0.82,
                measured=float(np.median(ratios)) if ratios else None, digits=3),
    ]  # fmt: skip
    outcome.plots.append(
        Plot(name="cone", caption="Forecasts of 15, 30 and 60 min with their 90 % intervals",
             draw=lambda figure: _draw_cone(figure, bench.runs()[-1]))
    )  # fmt: skip
    return outcome


def measure_events(bench: GlucoseBench) -> Outcome:
    """Simulated patients, whose meals and insulin are known."""
    outcome = Outcome(summary="Simulated patients: what a forecast gains from meals and insulin.")
    runs = [one for one in _measured(bench.runs(), _MIDDLE) if one.trace.data_set == SIMULATED_SET]
    ours = [rmse(*scored(one, _MIDDLE)[:2]) for one in runs]
    plain = [rmse(scored(one, _MIDDLE)[0], one.trace.mgdl[scored(one, _MIDDLE)[2]]) for one in runs]
    outcome.verdicts = [
        Verdict(what="RMSE 30 min, simulated, meals and insulin known", unit="mg/dL", at_most=13.0,
                measured=float(np.mean(ours)) if ours else None, remark="set missing",
                peer="persistence", peer_measured=float(np.mean(plain)) if plain else None)
    ]  # fmt: skip
    outcome.figures["rmse"] = {one.trace.name: value for one, value in zip(runs, ours, strict=True)}
    return outcome


def measure_cost(bench: GlucoseBench) -> Outcome:
    """Processor time of one reading: update, three horizons, alarm."""
    spent = sum(one.made.cpu_s for one in bench.runs())
    count = sum(one.trace.at_min.size for one in bench.runs())
    return Outcome(
        verdicts=[Verdict(what="cost of a reading, three horizons and alarm", unit="ms",
                          at_most=0.5, measured=1e3 * spent / count, digits=3)]
    )  # fmt: skip


def _interval(run: Run, column: int) -> tuple[float, float, float, float, float]:
    """Return coverage, that of truths below 80, width, CRPS and persistence's CRPS."""
    true, mean, here = scored(run, column)
    low, high = run.made.low90[here, column], run.made.high90[here, column]
    held = 100.0 * ((true >= low) & (true <= high))
    lows = true < 80.0
    trace, truths = run.trace, truth(run.trace, HORIZONS_MIN[column])
    plain = deviations(trace, trace.mgdl, truths, HORIZONS_MIN[column])[here]
    return (
        float(held.mean()),
        float(held[lows].mean()) if lows.sum() > _LEAST_LOWS else float("nan"),
        float(np.nanmean(high - low)),
        float(np.nanmean(crps(true - mean, run.made.deviation[here, column]))),
        float(crps(true - trace.mgdl[here], plain).mean()),
    )


def _draw_grid(figure: Any, runs: Sequence[Run]) -> None:  # noqa: ANN401
    axes = figure.add_subplot()
    pairs = [scored(one, _MIDDLE)[:2] for one in _measured(runs, _MIDDLE)]
    true = np.concatenate([one[0] for one in pairs])
    mean = np.concatenate([one[1] for one in pairs])
    zones = clarke(true, mean)
    for names, colour in (("AB", SECOND_COLOUR), ("CDE", OUR_COLOUR)):
        here = np.isin(zones, list(names))
        axes.plot(true[here], mean[here], ".", color=colour, markersize=1.0, alpha=0.3)
    axes.set_xlabel("truth, mg/dL (red: Clarke C, D, E)")
    axes.set_ylabel("forecast, mg/dL")


def _draw_cone(figure: Any, run: Run) -> None:  # noqa: ANN401
    axes = figure.add_subplot()
    first = int(np.flatnonzero(eligible(run.trace))[0])
    shown = slice(first, min(first + 96, run.trace.at_min.size))
    axes.plot(run.trace.at_min[shown] / 60.0, run.trace.mgdl[shown], ".-", color=GREY, markersize=3)
    for row in range(first, shown.stop, 18):
        at = (run.trace.at_min[row] + np.array(HORIZONS_MIN)) / 60.0
        axes.fill_between(at, run.made.low90[row], run.made.high90[row], color=OUR_COLOUR,
                          alpha=0.2)  # fmt: skip
        axes.plot(at, run.made.mean[row], color=OUR_COLOUR)
    axes.set_xlabel("hours")
    axes.set_ylabel("glucose, mg/dL")


SECTIONS = (
    Section(name="forecast", title="Forecast errors", measure=measure_forecasts),
    Section(name="grid", title="Error grids", measure=measure_grids),
    Section(name="interval", title="Intervals", measure=measure_intervals),
    Section(name="events", title="Meals and insulin", measure=measure_events),
    Section(name="cost", title="Cost of a reading", measure=measure_cost),
)
