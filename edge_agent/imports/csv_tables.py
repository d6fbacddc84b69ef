"""Tables as text: laboratory results, medication or genotype, told apart by their header.

::

    loinc,value,unit,time[,low,high]
    drug,dose,unit,times_per_day,route,start,end[,atc][,rxnorm]
    gene,diplotype,phenotype

Cells are parted by ``,`` or by ``;``, whichever the header has; a decimal comma is read only
between semicolons. Fields may be in double quotes (RFC 4180).
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_agent.errors import Problem
from edge_agent.imports import drugs, genes
from edge_agent.imports.findings import Findings
from edge_agent.imports.laboratory import NotAResult, Reported, canonical
from edge_agent.imports.moments import EXPECTED, Moment, Precision, parse_moment
from edge_agent.imports.record import Genotype, Medication
from edge_agent.imports.tree import plain

_NUMBER = re.compile(r"[+-]?(\d+([.]\d*)?|[.]\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_VALUE = re.compile(r"(<=|>=|<|>)?\s*(.*)", re.DOTALL)
_MOST_COLUMNS = 64


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: its cells by column, and the list its problems go to."""

    file: str
    line: int
    cells: dict[str, str]
    decimal_comma: bool
    problems: list[Problem]

    def refuse(self, column: str, reason: str, expected: str = "") -> None:
        place = f"{self.file}, line {self.line}, column {column}"
        self.problems.append(Problem(place, reason, expected))

    def text(self, column: str, *, required: bool = False) -> str:
        try:
            cell = plain(self.cells.get(column, ""))
        except ValueError as error:
            self.refuse(column, str(error))
            return ""
        if required and not cell:
            self.refuse(column, "is empty")
        return cell

    def number(self, column: str) -> float | None:
        cell = self.text(column)
        return self._number(column, cell) if cell else None

    def value(self, column: str) -> tuple[str, float] | None:
        """A number, perhaps with ``<`` before it: what lies beyond the method."""
        cell = self.text(column, required=True)
        found = _VALUE.fullmatch(cell)
        if not cell or not found:
            return None
        number = self._number(column, found[2])
        return None if number is None else (found[1] or "", number)

    def moment(self, column: str, *, required: bool = False) -> Moment | None:
        cell = self.text(column, required=required)
        if not cell:
            return None
        try:
            return parse_moment(cell)
        except ValueError as error:
            self.refuse(column, str(error), EXPECTED)
            return None

    def _number(self, column: str, cell: str) -> float | None:
        written = cell
        if self.decimal_comma and "." not in cell:
            cell = cell.replace(",", ".", 1)
        if not _NUMBER.fullmatch(cell):
            expected = "expected digits with a decimal point"
            if self.decimal_comma:
                expected += " or a decimal comma"
            elif "," in written:
                expected += "; a decimal comma needs semicolons between the cells"
            self.refuse(column, f"{written!r} is not a number", expected)
            return None
        number = float(cell)
        if not math.isfinite(number):
            self.refuse(column, f"{written!r} is too large")
            return None
        return number


@dataclass(frozen=True, slots=True)
class _Layout:
    """A table that is known by its columns."""

    needed: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[_Row, Findings], None]

    def __str__(self) -> str:
        return ",".join(self.needed) + "".join(f"[,{one}]" for one in self.optional)


def read_csv(text: str, file: str, findings: Findings) -> None:
    """Read a table into ``findings``; ``file`` is what problems call it."""
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = ";" if ";" in first else ","
    rows = _rows(text, delimiter, file, findings)
    _, header = next(rows, (1, []))
    layout, columns = _layout(header, file, findings)
    if layout is None:
        return
    for line, cells in rows:
        row = _Row(file, line, {}, delimiter == ";", findings.problems)
        if len(cells) != len(columns):
            reason = f"{len(cells)} cells for {len(columns)} columns"
            row.refuse(columns[min(len(cells), len(columns)) - 1], reason, "quote cells that hold "
                       f"{delimiter!r}")  # fmt: skip
            continue
        row.cells.update(zip(columns, cells, strict=True))
        before = len(findings.problems)
        _read_row(layout, row, findings, before)


def _read_row(layout: _Layout, row: _Row, findings: Findings, before: int) -> None:
    kept = [len(findings.results), len(findings.medications), len(findings.genotypes)]
    layout.read(row, findings)
    if len(findings.problems) > before:
        del findings.results[kept[0] :]
        del findings.medications[kept[1] :]
        del findings.genotypes[kept[2] :]


def _rows(
    text: str, delimiter: str, file: str, findings: Findings
) -> Iterator[tuple[int, list[str]]]:
    """Give every row that is not empty, with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            findings.refuse(f"{file}, line {reader.line_num}", str(error), "check the quotes")
            return
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


def _layout(header: list[str], file: str, findings: Findings) -> tuple[_Layout | None, list[str]]:
    columns = [cell.strip().lower() for cell in header]
    place = f"{file}, line 1"
    known = " or ".join(str(one) for one in _LAYOUTS)
    if len(columns) > _MOST_COLUMNS:
        findings.refuse(place, f"{len(columns)} columns", f"expected {known}")
        return None, columns
    near = max(_LAYOUTS, key=lambda one: len(set(one.needed) & set(columns)))
    missing = [one for one in near.needed if one not in columns]
    if len(missing) * 2 > len(near.needed):
        findings.refuse(place, "is not the header of a table known here", f"expected {known}")
        return None, columns
    for one in missing:
        findings.refuse(f"{place}, column {one}", "missing", f"expected {near}")
    for one in sorted({one for one in columns if columns.count(one) > 1}):
        findings.refuse(f"{place}, column {one}", "stands there twice")
    for one in sorted(set(columns) - {*near.needed, *near.optional}):
        findings.refuse(f"{place}, column {one!r}", "not known", f"expected {near}")
    return (None if findings.refusals else near), columns


def _result(row: _Row, findings: Findings) -> None:
    loinc, unit = row.text("loinc", required=True), row.text("unit")
    found, at = row.value("value"), row.moment("time", required=True)
    limits = row.number("low"), row.number("high")
    if at is not None and at.precision not in {Precision.DAY, Precision.SECOND}:
        row.refuse("time", f"{at} is too coarse", EXPECTED)
    if not loinc or found is None:
        return
    comparator, value = found
    try:
        reported = Reported.of(loinc, value, unit, comparator=comparator)
        low, high = (
            None if one is None else canonical(loinc, one, unit, bound_only=True).value
            for one in limits
        )
    except NotAResult as error:
        row.refuse(error.field, error.reason, error.expected)
        return
    if at is not None:
        findings.results.append(reported.result(at, limits=(low, high), source=findings.source))


def _medication(row: _Row, findings: Findings) -> None:
    name, unit = row.text("drug", required=True), row.text("unit")
    amount, times = row.number("dose"), row.number("times_per_day")
    start, end = row.moment("start"), row.moment("end")
    codes = {system: code for system in ("atc", "rxnorm") if (code := row.text(system))}
    if times is not None and not drugs.is_believable(times):
        expected = f"expected above 0, up to {drugs.MOST_TIMES_PER_DAY}"
        row.refuse("times_per_day", f"{times:g} is not believable", expected)
    if start is not None and end is not None and end.is_before(start):
        row.refuse("end", f"{end} lies before the start, {start}")
    dose, dose_unit = None, ""
    if amount is not None:
        try:
            dose, dose_unit = drugs.dose(amount, unit)
        except ValueError as error:
            row.refuse("unit" if amount > 0 else "dose", str(error))
    elif unit and not row.text("dose"):
        row.refuse("dose", "is empty, and there is a unit", "give both, or neither")
    findings.medications.append(
        Medication(
            name=name, codes=codes, dose=dose, dose_unit=dose_unit, times_per_day=times,
            route=drugs.route(row.text("route")), start=start, end=end, source=findings.source,
        )
    )  # fmt: skip


def _genotype(row: _Row, findings: Findings) -> None:
    row.text("gene", required=True)
    if not row.text("diplotype") and not row.text("phenotype"):
        row.refuse("diplotype", "is empty, and so is the phenotype", "give one of them, or both")
    before = len(row.problems)
    gene = _spelled(row, "gene", genes.gene_symbol)
    alleles = _spelled(row, "diplotype", lambda text: genes.diplotype(text, gene))
    words = _spelled(row, "phenotype", genes.phenotype)
    if len(row.problems) == before:
        findings.genotypes.append(
            Genotype(gene=gene, diplotype=alleles, phenotype=words, source=findings.source)
        )


def _spelled(row: _Row, column: str, read: Callable[[str], str]) -> str:
    cell = row.text(column)
    try:
        return read(cell) if cell else ""
    except ValueError as error:
        phenotypes = f"expected one of {', '.join(genes.PHENOTYPES)}"
        row.refuse(column, str(error), phenotypes if column == "phenotype" else "")
        return ""


_LAYOUTS = (
    _Layout(("loinc", "value", "unit", "time"), ("low", "high"), _result),
    _Layout(
        ("drug", "dose", "unit", "times_per_day", "route", "start", "end"),
        ("atc", "rxnorm"),
        _medication,
    ),
    _Layout(("gene", "diplotype", "phenotype"), (), _genotype),
)
