"""What leaving artefacts out does to the indices, on made-up nights whose truth is known."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from edge_agent.dsp.desaturation import oxygenation
from edge_agent.dsp.oximetry import OximetryReading
from edge_agent.dsp.oximetry_gate import doubts
from edge_agent.validate import drawing
from edge_agent.validate.oximetry.bench import OximetryBench, Series
from edge_agent.validate.oximetry.indices import named
from edge_agent.validate.oximetry.made_up import MadeUp, night
from edge_agent.validate.oximetry.replay import COURSES, HOURS
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

NIGHTS, NIGHTS_QUICK = 24, 4

_WAYS = ("every number", "status bits", "artefact gate")
_UNITS = {"ODI3": "/h", "ODI4": "/h", "T90": "%", "nadir": "%"}


def measure(bench: OximetryBench) -> Outcome:
    """Compare indices of what a sensor shows with those it would show undisturbed."""
    count = NIGHTS_QUICK if bench.quick else NIGHTS
    outcome = Outcome(
        summary=f"{count} made-up nights of {HOURS:g} h. The truth is what the same sensor would"
        " have shown without motion and with a good pulse. *Every number* believes all of it,"
        " *status bits* leaves out what the sensor itself doubts, the *artefact gate* also what"
        " comes right afterwards, a weak pulse, and what falls faster than blood desaturates.",
        notes=["The errors are of one made-up sensor; they rank the ways, and promise nothing."],
    )
    errors: dict[str, dict[str, dict[str, list[float]]]] = {}
    reasons: Counter[str] = Counter()
    random = np.random.default_rng(bench.seed)
    for place in range(count):
        bench.tell(f"made-up night {place + 1} of {count}")
        name = list(COURSES)[place % len(COURSES)]
        one = night(random, hours=HOURS, course=COURSES[name])
        ways, told = _ways(one)
        reasons.update(told)
        truth = named(oxygenation(one.clean))
        for way, values in ways.items():
            found = named(oxygenation(values))
            errors_here = errors.setdefault(name, {}).setdefault(way, {key: [] for key in truth})
            for key, value in truth.items():
                errors_here[key].append(found[key] - value)
    pooled = _pooled(errors)
    outcome.tables += [_table("All nights", pooled), *(
        _table(f"Nights: {name}", found) for name, found in errors.items()
    )]  # fmt: skip
    outcome.tables.append(_reasons(reasons, count))
    outcome.plots.append(_plot(pooled))
    outcome.figures = {"errors": errors, "left_out_s": dict(reasons)}
    outcome.verdicts = _verdicts(pooled)
    return outcome


def _ways(one: MadeUp) -> tuple[dict[str, Series], list[str]]:
    """Return the values that each way lets through, NaN for none, and what the gate says."""
    readings = [
        OximetryReading(
            at_s=float(second), spo2_percent=value, pulse_per_min=None, reliable=not doubted,
            perfusion_percent=perfusion,
        )
        for second, (value, doubted, perfusion) in enumerate(
            zip(one.shown.tolist(), one.doubted.tolist(), one.perfusion.tolist(), strict=True)
        )
    ]  # fmt: skip
    found = doubts(readings)
    gated = np.where([doubt is None for doubt in found], one.shown, np.nan)
    ways = dict(zip(_WAYS, (one.shown, np.where(one.doubted, np.nan, one.shown), gated),
                    strict=True))  # fmt: skip
    return ways, [doubt.value for doubt in found if doubt is not None]


def _pooled(
    errors: dict[str, dict[str, dict[str, list[float]]]],
) -> dict[str, dict[str, list[float]]]:
    return {
        way: {key: [one for found in errors.values() for one in found[way][key]] for key in _UNITS}
        for way in _WAYS
    }


def _table(title: str, errors: dict[str, dict[str, list[float]]]) -> Table:
    rows: list[list[Cell]] = [
        [way, *(_mean(keys[key]) for key in _UNITS)] for way, keys in errors.items()
    ]
    columns = ["way", *(f"{key}, {unit}" for key, unit in _UNITS.items())]
    return Table(
        title=f"{title}: mean size of the error", columns=columns, rows=rows,
        digits=dict.fromkeys(columns[1:], 2),
    )  # fmt: skip


def _reasons(reasons: Counter[str], count: int) -> Table:
    hours = count * HOURS
    rows: list[list[Cell]] = [[why, seconds / 60 / hours] for why, seconds in reasons.most_common()]
    return Table(title="What the gate leaves out", columns=["why", "minutes per hour"], rows=rows,
                 digits={"minutes per hour": 2})  # fmt: skip


def _verdicts(errors: dict[str, dict[str, list[float]]]) -> list[Verdict]:
    """The gate must do no worse than believing every number; by how much is for people to see."""
    ours, plain = errors[_WAYS[2]], errors[_WAYS[0]]
    return [
        Verdict(
            what=f"{key}, mean error with the artefact gate against that of every number",
            measured=_mean(ours[key]), unit=unit, at_most=_mean(plain[key]),
            peer=_WAYS[1], peer_measured=_mean(errors[_WAYS[1]][key]),
        )
        for key, unit in _UNITS.items()
    ]  # fmt: skip


def _mean(errors: list[float]) -> float:
    return float(np.mean(np.abs(errors)))


def _plot(errors: dict[str, dict[str, list[float]]]) -> Plot:
    def draw(figure: Any) -> None:  # noqa: ANN401
        for axes, key in zip(figure.subplots(1, len(_UNITS)), _UNITS, strict=True):
            axes.boxplot([errors[way][key] for way in _WAYS], widths=0.6)
            axes.axhline(0.0, color=drawing.SECOND_COLOUR, linewidth=0.8)
            axes.set_xticks(range(1, len(_WAYS) + 1), ["all", "status", "gate"])
            axes.set_title(f"{key}, {_UNITS[key]}")

    return Plot(
        name="oximetry-gating",
        caption="Errors of the indices: every number, status bits alone, artefact gate",
        draw=draw,
    )


SECTION: Section[OximetryBench] = Section(
    name="gating", title="Artefact gating and the indices", measure=measure
)
