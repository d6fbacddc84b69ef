"""Imported results, medication and genotypes as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from edge_agent.imports.findings import Findings
from edge_agent.imports.record import Genotype, LabResult, Medication, PersonRecord


def tables(found: Findings | PersonRecord) -> Iterator[Table]:
    """Give a table for each kind of entry that there is."""
    if found.results:
        yield _results(found.results)
    if found.medications:
        yield _medications(found.medications)
    if found.genotypes:
        yield _genotypes(found.genotypes)


def _results(results: Sequence[LabResult]) -> Table:
    table = _table("Results", "what", "value", "range", "at", "as given", "LOINC")
    for one in results:
        what = one.title if one.status == "final" else f"{one.title} ({one.status})"
        value = f"{one.comparator}{one.value:.5g} {one.unit}"
        _row(table, what, value, _range(one), str(one.at), one.as_given, one.loinc)
    return table


def _medications(medications: Sequence[Medication]) -> Table:
    table = _table("Medication", "drug", "dose", "a day", "route", "from", "to", "how")
    for one in medications:
        codes = ", ".join(f"{system} {code}" for system, code in one.codes.items())
        dose = "--" if one.dose is None else f"{one.dose:.5g} {one.dose_unit}"
        times = "--" if one.times_per_day is None else f"{one.times_per_day:.3g}"
        _row(
            table, f"{one.name} ({codes})" if codes else one.name, dose,
            f"{times}, as needed" if one.as_needed else times,
            one.route, str(one.start or ""), str(one.end or ""), f"{one.kind}, {one.status}",
        )  # fmt: skip
    return table


def _genotypes(genotypes: Sequence[Genotype]) -> Table:
    table = _table("Genotype", "gene", "diplotype", "phenotype", "method")
    for one in genotypes:
        _row(table, one.gene, one.diplotype, one.phenotype, one.method)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _row(table: Table, *cells: str) -> None:
    # What came from a file is text and never markup.
    table.add_row(*(Text(cell) for cell in cells))


def _range(one: LabResult) -> str:
    if one.low is None and one.high is None:
        return ""
    if one.low is None:
        return f"up to {one.high:.5g}"
    return f"from {one.low:.5g}" if one.high is None else f"{one.low:.5g} to {one.high:.5g}"
