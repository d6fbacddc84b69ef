"""The section about the low-glucose alarm, its threshold fixed on other patients."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_agent.dsp.glucose_population import ALARM_MIN
from edge_agent.validate.drawing import GREY, OUR_COLOUR
from edge_agent.validate.glucose.bench import GlucoseBench
from edge_agent.validate.glucose.events import LOW_MGDL, alarm_score, total
from edge_agent.validate.glucose.forecasts import TYPE_1_FAST
from edge_agent.validate.glucose.scoring import eligible, least_ahead
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict


def measure(bench: GlucoseBench) -> Outcome:
    """Score the alarm of every patient; pool episodes within each set."""
    outcome = Outcome(summary="Episodes under 70 mg/dL of 15 min and more, pooled over patients.")
    rows: list[list[Cell]] = []
    pooled = {}
    for group, runs in bench.groups().items():
        one = total([alarm_score(each.trace, each.made.alarm) for each in runs])
        pooled[group] = one
        lead = float(np.median(one.leads)) if one.leads else None
        rows.append([group, one.episodes, one.sensitivity, one.precision, one.early,
                     one.false_per_day, lead])  # fmt: skip
    columns = ("set", "episodes", "sensitivity %", "precision %", "15 min ahead %", "false a day",
               "median lead, min")  # fmt: skip
    outcome.tables.append(
        Table(title="Low-glucose alarm", columns=columns, rows=rows,
              digits=dict.fromkeys(columns, 1) | {"false a day": 2})
    )  # fmt: skip
    outcome.figures["alarm"] = [dict(zip(columns, row, strict=True)) for row in rows]
    main = pooled.get(TYPE_1_FAST)
    outcome.verdicts = [
        Verdict(what=f"low alarm, {TYPE_1_FAST}: {what}", unit=unit, at_least=least, at_most=most,
                measured=getattr(main, name) if main else None, remark="set missing")
        for what, name, unit, least, most in (
            ("false a day", "false_per_day", "", None, 0.5),
            ("sensitivity", "sensitivity", "%", 86.0, None),
            ("precision", "precision", "%", 60.0, None),
            ("caught 15 min ahead", "early", "%", 40.0, None),
        )
    ]  # fmt: skip
    outcome.plots.append(
        Plot(name="reliability", caption="How often a low came, by its probability",
             draw=lambda figure: _draw(figure, bench), size=(4.6, 4.2))
    )  # fmt: skip
    return outcome


def _draw(figure: Any, bench: GlucoseBench) -> None:  # noqa: ANN401
    axes = figure.add_subplot()
    said, came = [], []
    for one in bench.runs():
        least = least_ahead(one.trace, ALARM_MIN)
        here = eligible(one.trace) & ~np.isnan(least) & ~np.isnan(one.made.low_probability)
        here &= one.trace.mgdl >= LOW_MGDL
        said.append(one.made.low_probability[here])
        came.append(least[here] < LOW_MGDL)
    chance, did = np.concatenate(said), np.concatenate(came)
    which = np.minimum((chance * 10.0).astype(int), 9)
    bins = [one for one in range(10) if (which == one).any()]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    axes.plot([chance[which == one].mean() for one in bins],
              [did[which == one].mean() for one in bins], "o-", color=OUR_COLOUR)  # fmt: skip
    axes.set_xlabel("probability of a low within 40 min")
    axes.set_ylabel("share that came")


SECTION = Section(name="alarm", title="Low-glucose alarm", measure=measure)
