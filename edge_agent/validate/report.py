"""The page: header, bars at the top, one chapter for each section; and the same as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.validate import drawing
from edge_agent.validate.section import Cell, Outcome, Table, Verdict

_WORDS = {True: "yes", False: "**no**", None: "not measured"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A measured section under its name and title, and how long that took."""

    name: str
    title: str
    outcome: Outcome
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that goes onto the page. ``header`` tells how it was made, line by line."""

    title: str
    introduction: str
    header: Mapping[str, str]
    chapters: Sequence[Chapter]
    missing: Sequence[str] = ()

    @property
    def verdicts(self) -> list[Verdict]:
        """Every verdict of every chapter."""
        return [one for chapter in self.chapters for one in chapter.outcome.verdicts]

    @property
    def absent(self) -> list[str]:
        """Everything that was not there: peers first, then what sections lacked, each once."""
        lines = [*self.missing]
        lines += [line for chapter in self.chapters for line in chapter.outcome.missing]
        return list(dict.fromkeys(lines))

    @property
    def shortcomings(self) -> list[str]:
        """Why the run has not passed, one line each; none where every bar was measured and met.

        A section that gave no bar has not passed either: nothing of it was held against anything.
        """
        if not self.chapters:
            return ["no section was measured"]
        lines = []
        for chapter in self.chapters:
            if not chapter.outcome.verdicts:
                why = "; ".join(chapter.outcome.missing) or "it has none to be held against"
                lines.append(f"section {chapter.name}: no bar was measured: {why}")
            lines += [_shortcoming(one) for one in chapter.outcome.verdicts if not one.met]
        return lines


def _shortcoming(one: Verdict) -> str:
    if one.met is None:
        return f"{one.what}: not measured" + (f": {one.remark}" if one.remark else "")
    return f"{one.what}: {one.figure(one.measured)}, and the bar is {one.bar}"


def write(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write ``report.md``, ``report.json`` and the plots into ``folder``; return the first two."""
    folder.mkdir(parents=True, exist_ok=True)
    for chapter in report.chapters:
        for plot in chapter.outcome.plots:
            drawing.save(plot, folder)
    page, values = folder / "report.md", folder / "report.json"
    page.write_text(markdown(report), encoding="utf-8")
    encoded = msgspec.json.encode(_plain(_content(report)))
    values.write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")
    return page, values


def markdown(report: Report) -> str:
    """Return the page."""
    lines = [f"# {report.title}", "", report.introduction, ""]
    lines += _lines(("run", ""), [[f"**{key}**", value] for key, value in report.header.items()])
    if report.verdicts:
        lines += ["## Summary", "", *summary(report.verdicts)]
    if report.absent:
        lines += ["Not there in this run:", "", *(f"- {one}" for one in report.absent), ""]
    lines += ["## Contents", ""]
    lines += [f"- [{one.title}](#{_anchor(one.title)})" for one in report.chapters]
    for chapter in report.chapters:
        lines += ["", *_chapter(chapter)]
    return "\n".join(lines).rstrip() + "\n"


def summary(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the table of bars, measured figures and best peers."""
    rows: list[list[Cell]] = [
        [
            one.what,
            one.bar,
            one.figure(one.measured) or one.remark,
            f"{one.figure(one.peer_measured)} ({one.peer})" if one.peer else "",
            _WORDS[one.met],
        ]
        for one in verdicts
    ]
    return _lines(("what", "bar", "measured", "best peer in this run", "met"), rows)


def _chapter(chapter: Chapter) -> list[str]:
    outcome = chapter.outcome
    lines = [f"## {chapter.title}", ""]
    if outcome.summary:
        lines += [outcome.summary, ""]
    lines += [f"- {note}" for note in dict.fromkeys(outcome.missing + outcome.notes)]
    lines += [""] if outcome.missing or outcome.notes else []
    for table in outcome.tables:
        lines += _table(table)
    for plot in outcome.plots:
        lines += [f"![{plot.caption}]({plot.name}.png)", "", f"*{plot.caption}*", ""]
    return [*lines, f"Measured in {chapter.seconds:.0f} s."]


def _table(table: Table) -> list[str]:
    rows = [
        [_cell(cell, table.digits.get(column, 3))
         for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows
    ]  # fmt: skip
    note = [table.note, ""] if table.note else []
    return [f"**{table.title}**", "", *_lines(table.columns, rows), *note]


def _lines(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> list[str]:
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return [*head, *(f"| {' | '.join(_escaped(cell) for cell in row)} |" for row in rows), ""]


def _escaped(cell: Cell) -> str:
    return ("" if cell is None else str(cell)).replace("|", "\\|")


def _cell(cell: Cell, digits: int) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    return f"{cell:.{digits}f}" if isinstance(cell, float) else str(cell)


def _anchor(title: str) -> str:
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -")
    return kept.replace(" ", "-")


def _content(report: Report) -> dict[str, Any]:
    return {
        "title": report.title,
        "header": dict(report.header),
        "not_there": report.absent,
        "bars": [asdict(one) | {"bar": one.bar, "met": one.met} for one in report.verdicts],
        "sections": {
            one.name: {
                "title": one.title,
                "seconds": one.seconds,
                "notes": one.outcome.notes,
                "figures": one.outcome.figures,
                "plots": [f"{plot.name}.png" for plot in one.outcome.plots],
            }
            for one in report.chapters
        },
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a section measured
    """Return ``value`` as JSON knows it: no NaN, no numpy."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
