"""Alarms of low SpO2, replayed: how many there are, and whether a deep fall is missed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge_agent.validate import drawing
from edge_agent.validate.oximetry.alarm_ways import HUB, PLAIN, WAYS, Series, Span, Way, alarms
from edge_agent.validate.oximetry.bench import OximetryBench, missing_tables
from edge_agent.validate.oximetry.made_up import Course, MadeUp, night
from edge_agent.validate.section import Cell, Outcome, Plot, Section, Table, Verdict

REMOVED_BAR_PERCENT = 60.0
DEEP_PERCENT, DEEP_FOR_S = 85.0, 30

NIGHTS, NIGHTS_QUICK, HOURS = 24, 4, 8.0

COURSES = {
    "quiet sleeper": Course(apnoeas=2, shallow=4, deep=0.3, motions=8, weak=0.2),
    "apnoea": Course(apnoeas=30, shallow=6, deep=0.5, motions=15, weak=0.2),
    "restless": Course(apnoeas=6, shallow=6, deep=0.4, motions=40, weak=0.3),
    "cold hands": Course(apnoeas=6, shallow=6, deep=0.4, motions=10, weak=3.0),
}
_PLOTTED_S = 1800
_WAIT_NOTE = (
    f"The wait counts from the second in which the blood passes {DEEP_PERCENT:g} %: the sensor's"
    " own average of eight seconds is in it."
)


@dataclass(slots=True)
class Tally:
    """What one way came to: alarms, deep falls, those missed, seconds until the others."""

    alarms: int = 0
    deep: int = 0
    missed: int = 0
    waits_s: list[float] = field(default_factory=list)

    def add(self, spans: list[Span], falls: list[Span]) -> None:
        """Count the alarms of a night whose deep falls are known."""
        self.alarms += len(spans)
        self.deep += len(falls)
        for begin_s, end_s in falls:
            heard = [begin for begin, end in spans if begin <= end_s and end >= begin_s]
            self.missed += not heard
            if heard:
                self.waits_s.append(max(0.0, min(heard) - begin_s))

    def removed(self, plain: Tally) -> float:
        """Return how many of the plain way's alarms are gone, in percent."""
        return 100.0 * (1.0 - self.alarms / plain.alarms) if plain.alarms else float("nan")


def measure(bench: OximetryBench) -> Outcome:
    """Replay made-up nights and the nights of the tables through every way to make an alarm."""
    count = NIGHTS_QUICK if bench.quick else NIGHTS
    outcome = Outcome(
        summary=f"Limit {HUB.rule.low:g} %. Made up: {count} nights of {HOURS:g} h with motion,"
        " brief shallow dips, true deep falls, weak pulse (seeded; see the chapter on gating for"
        " the sensor). A *deep fall* is blood under"
        f" {DEEP_PERCENT:g} % for more than {DEEP_FOR_S} s; it is missed when no alarm is raised or"
        " stands before it ends. *Plain* and *fixed* believe every number; every way runs through"
        " the hub's own alarm engine in this run.",
        notes=[_WAIT_NOTE],
    )
    made_up = {name: {way.name: Tally() for way in WAYS} for name in COURSES}
    example: MadeUp | None = None
    random = np.random.default_rng(bench.seed)
    for place in range(count):
        bench.tell(f"made-up night {place + 1} of {count}")
        name = list(COURSES)[place % len(COURSES)]
        one = night(random, hours=HOURS, course=COURSES[name])
        example = one if name == "restless" and example is None else example
        falls = deep_falls(one.blood)
        for way in WAYS:
            found = alarms(way, one.shown, one.doubted, one.quality)
            made_up[name][way.name].add(found, falls)
    _tell("made-up nights", together(list(made_up.values())), outcome)
    outcome.tables.append(_by_course(made_up))
    shared = _shared(bench, outcome)
    if shared is not None:
        _tell("nights of the tables", shared, outcome, judged=False)
    if example is not None:
        outcome.plots.append(_plot(example))
    outcome.figures["courses"] = {
        name: {way: _figures(one, tallies[PLAIN.name]) for way, one in tallies.items()}
        for name, tallies in made_up.items()
    }
    return outcome


def deep_falls(blood: Series) -> list[Span]:
    """Return from when to when the saturation was deep for long (s)."""
    low = np.concatenate(([False], blood < DEEP_PERCENT, [False]))
    edges = np.flatnonzero(np.diff(low.astype(np.int8)))
    runs = edges.reshape(-1, 2).tolist()
    return [(float(begin), float(end)) for begin, end in runs if end - begin > DEEP_FOR_S]


def together(parts: list[dict[str, Tally]]) -> dict[str, Tally]:
    """Return the sum of tallies."""
    return {
        way: Tally(
            alarms=sum(one[way].alarms for one in parts),
            deep=sum(one[way].deep for one in parts),
            missed=sum(one[way].missed for one in parts),
            waits_s=[wait for one in parts for wait in one[way].waits_s],
        )
        for way in parts[0]
    }


def _shared(bench: OximetryBench, outcome: Outcome) -> dict[str, Tally] | None:
    """Replay the nights of the tables: a sensor that doubts nothing, and blood as it shows."""
    known = bench.known_nights()
    if not known:
        outcome.missing.append(missing_tables())
        return None
    tallies = {way.name: Tally() for way in WAYS}
    for one in known:
        trusted = np.zeros(one.spo2.size, dtype=bool)
        for way in WAYS:
            found = alarms(way, one.spo2, trusted, np.ones(one.spo2.size))
            tallies[way.name].add(found, deep_falls(one.spo2))
    return tallies


def _tell(where: str, tallies: dict[str, Tally], outcome: Outcome, *, judged: bool = True) -> None:
    plain, hub = tallies[PLAIN.name], tallies[HUB.name]
    rows: list[list[Cell]] = [
        [
            name, one.alarms, one.removed(plain), one.deep, one.missed,
            float(np.median(one.waits_s)) if one.waits_s else None,
            float(np.max(one.waits_s)) if one.waits_s else None,
        ]
        for name, one in tallies.items()
    ]  # fmt: skip
    columns = ["way", "alarms", "removed, %", "deep falls", "missed", "median wait, s",
               "longest wait, s"]  # fmt: skip
    digits = dict.fromkeys(columns[2:], 1)
    outcome.tables.append(
        Table(title=f"Alarms, {where}", columns=columns, rows=rows, digits=digits)
    )
    outcome.figures[where] = {name: _figures(one, plain) for name, one in tallies.items()}
    others = {name: one for name, one in tallies.items() if name == WAYS[1].name}
    (fixed_name, fixed), = others.items()  # fmt: skip
    if judged:
        outcome.verdicts.append(
            Verdict(
                what=f"SpO2 alarms removed, {where}", measured=hub.removed(plain), unit="%",
                at_least=REMOVED_BAR_PERCENT, digits=1, peer=fixed_name,
                peer_measured=fixed.removed(plain),
            )
        )  # fmt: skip
    outcome.verdicts.append(
        Verdict(
            what=f"deep falls missed, of {hub.deep}, {where}",
            measured=float(hub.missed) if hub.deep else None,
            remark="" if hub.deep else "no deep fall to miss",
            at_most=0.0, digits=0, peer=fixed_name, peer_measured=float(fixed.missed),
        )
    )  # fmt: skip


def _figures(one: Tally, plain: Tally) -> dict[str, Any]:
    return {
        "alarms": one.alarms,
        "removed_percent": one.removed(plain),
        "deep_falls": one.deep,
        "missed": one.missed,
        "waits_s": one.waits_s,
    }


def _by_course(made_up: dict[str, dict[str, Tally]]) -> Table:
    rows: list[list[Cell]] = [
        [name, tallies[PLAIN.name].alarms, tallies[HUB.name].alarms,
         tallies[HUB.name].removed(tallies[PLAIN.name]), tallies[HUB.name].deep,
         tallies[HUB.name].missed]
        for name, tallies in made_up.items()
    ]  # fmt: skip
    return Table(
        title="The hub's alarms by kind of night",
        columns=["night", "plain", "hub", "removed, %", "deep falls", "missed"],
        rows=rows,
        digits={"removed, %": 1},
    )


def _plot(one: MadeUp) -> Plot:
    begin = _busiest(one)
    part = slice(begin, begin + _PLOTTED_S)

    def draw(figure: Any) -> None:  # noqa: ANN401
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        minutes = np.arange(_PLOTTED_S) / 60.0
        top.plot(minutes, one.blood[part], color=drawing.SECOND_COLOUR, label="blood")
        top.plot(minutes, one.shown[part], color=drawing.GREY, linewidth=0.8, label="shown")
        top.axhline(90.0, color="#dddddd")
        top.set_ylabel("SpO2, %")
        for row, way in enumerate((PLAIN, WAYS[1], HUB)):
            _bars(bottom, row, way, one, begin)
        bottom.set_yticks(range(3), [PLAIN.name, WAYS[1].name, HUB.name])
        bottom.set_xlabel("minutes")
        drawing.legend(top)

    return Plot(
        name="oximetry-replay",
        caption="Half an hour of a restless night: blood, what the sensor shows, and the alarms",
        draw=draw,
        size=(7.2, 4.4),
    )


def _bars(axes: Any, row: int, way: Way, one: MadeUp, begin: int) -> None:  # noqa: ANN401
    for start, end in alarms(way, one.shown, one.doubted, one.quality):
        left, right = max(start - begin, 0.0), min(end - begin, float(_PLOTTED_S))
        if left < right:
            axes.barh(row, max(right - left, 4.0) / 60.0, left=left / 60.0, height=0.6,
                      color=drawing.OUR_COLOUR)  # fmt: skip


def _busiest(one: MadeUp) -> int:
    """Return where a deep fall lies in the middle, or the beginning."""
    falls: list[Span] = deep_falls(one.blood)
    middle = falls[0][0] if falls else 0.0
    return int(min(max(middle - _PLOTTED_S / 2, 0.0), one.blood.size - _PLOTTED_S))


SECTION: Section[OximetryBench] = Section(
    name="replay", title="Alarms of low SpO2, replayed", measure=measure
)
