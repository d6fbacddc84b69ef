"""NEWS2: the table of truth, and every case of a table of cases with inputs left out."""

from __future__ import annotations

import csv
from itertools import combinations

from edge_agent.alarms.news2 import PARAMETERS, Risk, Score, score
from edge_agent.errors import EdgeError
from edge_agent.validate.alarms.bench import TABLES, AlarmBench, missing_table
from edge_agent.validate.section import Cell, Outcome, Section, Table, Verdict

_CASES, _BANDS = "news2_cases.csv", "news2_bands.csv"
_COLUMN = {
    "respiration_per_min": "rr",
    "spo2_percent": "spo2",
    "oxygen": "oxygen",
    "systolic_mmhg": "sbp",
    "pulse_per_min": "pulse",
    "consciousness": "acvpu",
    "temperature_c": "temp",
}
_BY_NAME = {
    "rr": "respiration_per_min",
    "sbp": "systolic_mmhg",
    "pulse": "pulse_per_min",
    "temp_c": "temperature_c",
}
_TAKEN_AWAY = 2
"""Inputs left out at once: every one, and every pair."""

Row = dict[str, str]


def measure(bench: AlarmBench) -> Outcome:
    """Score every case, complete and with inputs left out.

    :raises EdgeError: a table without its columns, or with something else than numbers.
    """
    try:
        return _measured(bench)
    except (KeyError, ValueError, csv.Error) as error:
        raise EdgeError(
            f"tables {_CASES} and {_BANDS} in {bench.data / TABLES}", f"can't be read: {error!r}",
            "They need the columns that docs/validation.md names, with a number in each",
        ) from error  # fmt: skip


def _measured(bench: AlarmBench) -> Outcome:
    outcome = Outcome()
    cases, bands = bench.table(_CASES), bench.table(_BANDS)
    outcome.missing += [
        missing_table(name) for name, rows in ((_CASES, cases), (_BANDS, bands)) if not rows
    ]
    if bands:
        outcome.tables.append(_truth(bands))
    if not cases:
        return outcome
    cases = cases[::10] if bench.quick else cases
    wrong = sum(_is_wrong(row) for row in cases)
    parts = [_left_out(row) for row in cases]
    partial, wrong_partial = sum(n for n, _ in parts), sum(bad for _, bad in parts)
    outcome.tables.append(_counts(cases))
    outcome.verdicts += [
        Verdict(what="NEWS2 cases that differ in any sub-score, total or band", at_most=0,
                measured=float(wrong), digits=0, remark=f"of {len(cases)}"),
        Verdict(what="NEWS2 with inputs left out: a total given, or one not named", at_most=0,
                measured=float(wrong_partial), digits=0, remark=f"of {partial}"),
    ]  # fmt: skip
    outcome.summary = (
        f"{len(cases)} cases on both scales: {wrong} differ. With one or two inputs left out, "
        f"{partial} times: {wrong_partial} wrong."
    )
    outcome.figures = {
        "cases": len(cases), "wrong": wrong, "partial": partial, "wrong_partial": wrong_partial,
    }  # fmt: skip
    outcome.notes.append(
        "NEWS2 is the Royal College of Physicians' (2017), reproduced with acknowledgement and "
        "unchanged."
    )
    return outcome


def inputs(row: Row) -> dict[str, float | bool | str | None]:
    """Return the inputs of a case by their parameter."""
    return {
        "respiration_per_min": float(row["rr"]),
        "spo2_percent": float(row["spo2"]),
        "oxygen": row["on_oxygen"] == "1",
        "systolic_mmhg": float(row["sbp"]),
        "pulse_per_min": float(row["pulse"]),
        "consciousness": row["acvpu"],
        "temperature_c": float(row["temp_c"]),
    }


def _scored(row: Row, without: tuple[str, ...] = ()) -> Score:
    given = inputs(row) | dict.fromkeys(without)
    return score(**given, spo2_scale=int(row["spo2_scale"]))


def _is_wrong(row: Row) -> bool:
    found = _scored(row)
    expected = {name: int(row[f"s_{column}"]) for name, column in _COLUMN.items()}
    return (
        dict(found.points) != expected
        or found.total != int(row["total"])
        or found.has_single_3 != (row["any_single_3"] == "1")
        or found.risk is not Risk(row["risk_band"])
    )


def _left_out(row: Row) -> tuple[int, int]:
    """Return how often inputs were left out of a case, and how often that was not told."""
    tried = wrong = 0
    for count in range(1, _TAKEN_AWAY + 1):
        for without in combinations(PARAMETERS, count):
            found = _scored(row, without)
            unknown = set(without)
            if row["spo2_scale"] == "2" and "oxygen" in unknown:
                unknown.add("spo2_percent")
            kept = sum(int(row[f"s_{_COLUMN[one]}"]) for one in PARAMETERS if one not in unknown)
            tried += 1
            wrong += found.total is not None or set(found.missing) != unknown
            wrong += found.at_least != kept
    return tried, wrong


def _counts(cases: list[Row]) -> Table:
    rows: list[list[Cell]] = []
    for scale in ("1", "2"):
        for risk in Risk:
            here = [one for one in cases if (one["spo2_scale"], one["risk_band"]) == (scale, risk)]
            rows.append([scale, risk.value, len(here), sum(map(_is_wrong, here))])
    columns = ("SpO2 scale", "risk", "cases", "differ")
    return Table(title="Cases by scale and risk", columns=columns, rows=rows)


def _truth(bands: list[Row]) -> Table:
    """Return the College's chart 1, with what the hub gives at both ends of every band."""
    rows: list[list[Cell]] = []
    for band in bands:
        ends = [one for one in (band["from_incl"], band["to_incl"]) if one]
        given = sorted({_at(band, end) for end in ends}) or [_at(band, "")]
        text = " and ".join(map(str, given))
        rows.append([band["parameter"], band["condition"], band["from_incl"], band["to_incl"],
                     band["score"], text])  # fmt: skip
    columns = ("parameter", "condition", "from", "to", "points", "the hub gives")
    return Table(title="Table of truth", columns=columns, rows=rows)


def _at(band: Row, end: str) -> int:
    """Return the points that the hub gives at one end of a band."""
    name, condition = band["parameter"], band["condition"]
    if name == "oxygen":
        return score(oxygen=condition == "oxygen").points["oxygen"]
    if name == "consciousness":
        return score(consciousness=condition[0]).points["consciousness"]
    value = float(end)
    if name.startswith("spo2"):
        scale = int(name[-1])
        found = score(spo2_percent=value, spo2_scale=scale, oxygen=condition == "oxygen")
        return found.points["spo2_percent"]
    parameter = _BY_NAME[name]
    given: dict[str, float] = {parameter: value}
    return score(**given).points[parameter]  # type: ignore[arg-type]


SECTION: Section[AlarmBench] = Section(
    name="news2", title="NEWS2 on every case, with what is missing", measure=measure
)
