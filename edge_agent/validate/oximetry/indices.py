"""ODI3, ODI4, T90 and nadir of nights whose figures are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_agent.dsp.desaturation import Oxygenation, oxygenation
from edge_agent.dsp.oximetry import OximetryReading
from edge_agent.dsp.oximetry_recording import nights
from edge_agent.validate import drawing
from edge_agent.validate.oximetry.bench import KnownNight, OximetryBench, Series, missing_tables
from edge_agent.validate.oximetry.made_up import Course, night
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

ODI_BAR_PER_H, T90_BAR_PERCENT = 1.0, 0.1

_COLUMNS = {"ODI3": "odi3_pobm_relative", "ODI4": "odi4_pobm_relative", "T90": "t90_percent",
            "nadir": "nadir"}  # fmt: skip
_PEER_NIGHTS, _PEER_NIGHTS_QUICK = 40, 6


def measure(bench: OximetryBench) -> Outcome:
    """Compare the figures of known nights, of the function and of the hub's own way."""
    outcome = Outcome(
        summary="The known figures are those of the tables. *Function* is what the signal"
        " processing makes of the values; *hub* what comes out at a bedside for the same values,"
        " one reading a second through artefact gate and night.",
    )
    known = bench.known_nights()
    if not known:
        outcome.missing.append(missing_tables())
    rows: list[list[Cell]] = []
    errors: dict[str, dict[str, float]] = {"function": {}, "hub": {}}
    for one in known:
        for way, found in (("function", oxygenation(one.spo2)), ("hub", at_the_hub(one.spo2))):
            rows.append(_row(one, way, found, errors[way]))
    if rows:
        columns = [
            "night",
            "way",
            *(f"{name} {w}" for name in _COLUMNS for w in ("known", "found")),
        ]
        outcome.tables.append(Table(title="Nights with known figures", columns=columns, rows=rows))
        outcome.plots.append(_plot(known[0]))
    outcome.figures = {"nights": len(known), "largest_error": errors}
    outcome.verdicts = _verdicts(errors, len(known))
    if bench.peers:
        _beside_peers(bench, outcome)
    return outcome


def at_the_hub(spo2: Series) -> Oxygenation | None:
    """Return the figures of one value a second as a hub gives them for that night."""
    readings = [
        OximetryReading(
            at_s=float(second), spo2_percent=value, pulse_per_min=None, reliable=not np.isnan(value)
        )
        for second, value in enumerate(spo2.tolist())
    ]  # fmt: skip
    _, found = nights(readings)
    return found[0].oxygenation if found else None


def named(found: Oxygenation | None) -> dict[str, float]:
    """Return the figures by their names here."""
    if found is None:
        return dict.fromkeys(_COLUMNS, np.nan)
    return {
        "ODI3": found.odi3_per_h,
        "ODI4": found.odi4_per_h,
        "T90": found.t90_percent,
        "nadir": found.nadir_percent,
    }


def _row(
    one: KnownNight, way: str, found: Oxygenation | None, errors: dict[str, float]
) -> list[Cell]:
    row: list[Cell] = [one.name, way]
    figures = named(found)
    for name, column in _COLUMNS.items():
        truth = one.known.get(column, np.nan)
        row += [truth, figures[name]]
        # A recording of under an hour comes to nothing at a hub: no figure, and no error.
        if not np.isnan(truth) and not (way == "hub" and found is None):
            off = abs(figures[name] - truth)
            errors[name] = float("inf") if np.isnan(off) else max(errors.get(name, 0.0), off)
    return row


def _verdicts(errors: dict[str, dict[str, float]], count: int) -> list[Verdict]:
    bars = {"ODI3": (ODI_BAR_PER_H, "/h"), "ODI4": (ODI_BAR_PER_H, "/h"),
            "T90": (T90_BAR_PERCENT, "%")}  # fmt: skip
    return [
        Verdict(
            what=f"{name}, largest error of {count} known nights, {way}",
            measured=errors[way].get(name),
            unit=unit,
            at_most=bar,
            digits=3,
            remark="tables missing",
        )
        for way in errors
        for name, (bar, unit) in bars.items()
    ]


def _beside_peers(bench: OximetryBench, outcome: Outcome) -> None:
    """Count beside other software on made-up nights, where nobody has looked before."""
    count = _PEER_NIGHTS_QUICK if bench.quick else _PEER_NIGHTS
    random = np.random.default_rng(bench.seed)
    rows: list[list[Cell]] = []
    for peer in bench.peers:
        for drop in (3, 4):
            off: list[float] = []
            for place in range(count):
                bench.tell(f"{peer.name} {drop} %, {place + 1} of {count}")
                course = Course(apnoeas=float(random.uniform(2, 40)))
                spo2 = night(random, hours=2.0, course=course).clean
                found = oxygenation(spo2)
                ours = 0.0 if found is None else (found.odi3_per_h, found.odi4_per_h)[drop - 3]
                off.append(abs(ours - peer.index(spo2, drop)))
            rows.append([peer.name, drop, count, max(off), float(np.mean(off))])
            outcome.figures[f"{peer.name} {drop} %"] = {"nights": count, "differences": off}
            outcome.verdicts.append(
                Verdict(
                    what=f"ODI{drop}, most apart from {peer.name} on {count} made-up nights",
                    measured=max(off), unit="/h", at_most=ODI_BAR_PER_H, digits=3,
                )
            )  # fmt: skip
    outcome.tables.append(
        Table(
            title="Beside other software, made-up nights of two hours without artefacts",
            columns=["software", "drop, %", "nights", "largest difference, /h", "mean, /h"],
            rows=rows,
        )
    )


def _plot(one: KnownNight) -> Plot:
    found = oxygenation(one.spo2)
    marks: Sequence[Any] = () if found is None else found.desaturations

    def draw(figure: Any) -> None:  # noqa: ANN401
        axes = figure.subplots()
        minutes = np.arange(one.spo2.size) / 60.0
        axes.plot(minutes, one.spo2, color=drawing.GREY, linewidth=0.7)
        for mark in marks:
            axes.axvspan(
                mark.onset_s / 60.0, mark.offset_s / 60.0, color=drawing.OUR_COLOUR, alpha=0.25
            )
            axes.plot(mark.nadir_at_s / 60.0, mark.nadir_percent, "v", color=drawing.OUR_COLOUR,
                      markersize=4)  # fmt: skip
        axes.axhline(90.0, color=drawing.SECOND_COLOUR, linewidth=0.8)
        axes.set_xlabel("minutes")
        axes.set_ylabel("SpO2, %")

    return Plot(
        name="oximetry-night",
        caption=f"Night {one.name}: desaturations of 3 % from onset to end, and their nadirs",
        draw=draw,
    )


SECTION: Section[OximetryBench] = Section(
    name="indices", title="Indices of a night", measure=measure
)
