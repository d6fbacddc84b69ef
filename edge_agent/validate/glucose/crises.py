"""The section about glucose crises: how often what the hub says is coming does come."""

from __future__ import annotations

import numpy as np

from edge_agent.validate.glucose.bench import GlucoseBench
from edge_agent.validate.glucose.events import AlarmScore, Limit, alarm_score, total
from edge_agent.validate.section import Cell, Outcome, Section, Table, Verdict
from edge_agent.warning.crisis import BEGIN_CHANCE, CRISES, WITHIN_MIN

_PACE = "@5min"
_COLUMNS = ("crisis", "set", "episodes", "sensitivity %", "precision %", "15 min ahead %",
            "false a day", "median lead, min")  # fmt: skip


def measure(bench: GlucoseBench) -> Outcome:
    """Score the hub's rule on every patient; sensors of a reading every 5 min are pooled."""
    outcome = Outcome(
        summary=f"A crisis is told when it is {100 * BEGIN_CHANCE:.0f} % likely within "
        f"{WITHIN_MIN:.0f} min. The limits are those of the consensus; the chance was chosen on "
        "these recordings, with weights that had seen them."
    )
    rows: list[list[Cell]] = []
    for column, crisis in enumerate(CRISES):
        limit = Limit(mgdl=crisis.limit, below=crisis.below)
        scores: list[AlarmScore] = []
        for group, runs in bench.groups().items():
            each = [alarm_score(one.trace, one.made.crises[:, column], limit) for one in runs]
            rows.append(_row(crisis.words, group, total(each)))
            scores += each if group.endswith(_PACE) else []
        pooled = total(scores)
        rows.append(_row(crisis.words, "all sensors of 5 min", pooled))
        outcome.verdicts += _verdicts(crisis.words, pooled)
    outcome.tables.append(
        Table(title="Glucose crises", columns=_COLUMNS, rows=rows,
              digits=dict.fromkeys(_COLUMNS, 1) | {"false a day": 2})
    )  # fmt: skip
    outcome.figures["crises"] = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    return outcome


def _row(words: str, group: str, one: AlarmScore) -> list[Cell]:
    lead = float(np.median(one.leads)) if one.leads else None
    return [words, group, one.episodes, one.sensitivity, one.precision, one.early,
            one.false_per_day, lead]  # fmt: skip


def _verdicts(words: str, one: AlarmScore) -> list[Verdict]:
    """Hold both figures to the bars of the low alarm's kind; NaN where there is no such episode."""
    return [
        Verdict(
            what=f"crisis {words}, sensitivity",
            measured=one.sensitivity,
            unit="%",
            digits=1,
            at_least=90.0,
        ),
        Verdict(what=f"crisis {words}, false a day", measured=one.false_per_day, at_most=0.5),
    ]


SECTION = Section(name="crises", title="Glucose crises", measure=measure)
