"""New findings and what is there already become one record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from edge_agent.errors import Problem
from edge_agent.imports.findings import Findings
from edge_agent.imports.record import (
    Genotype,
    LabResult,
    Medication,
    MedicationKind,
    PersonRecord,
    Source,
)

_MOST_SOURCES = 100
_RANKS = {"preliminary": 0, "final": 1, "amended": 2, "corrected": 2}
_Key = tuple[str, datetime, str]


@dataclass(slots=True)
class Merge:
    """The merged record, what could not be merged, and what happened to what was there.

    ``refusals`` say why nothing at all of the file may be merged.
    """

    record: PersonRecord
    refusals: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


def merge(record: PersonRecord, findings: Findings, source: Source) -> Merge:
    """Merge ``findings`` into ``record``.

    * One result for each LOINC code and time; a corrected one outlives a final one.
    * What the file says of a drug replaces what was known of it; doses that were given are added.
    * One genotype for each gene; two that differ are a problem, never a choice.
    * What the file calls mistaken or not taken goes.

    Entries that contradict each other are in ``problems``; the record keeps what it had there.
    """
    result = Merge(record)
    results = _results(record, findings, result)
    medications = _medications(record, findings, result)
    genotypes = _genotypes(record, findings, result)
    _check_person(record, findings, result)
    sources = [one for one in record.sources if one.id != source.id]
    result.record = PersonRecord(
        results=tuple(sorted(results, key=lambda one: (one.title, one.at.at, one.loinc))),
        medications=tuple(sorted(medications, key=lambda one: (one.name.casefold(), one.kind))),
        genotypes=tuple(sorted(genotypes, key=lambda one: one.gene)),
        sources=(*sources, source)[-_MOST_SOURCES:],
        birth_year=record.birth_year or findings.birth_year,
        sex=record.sex or findings.sex,
    )
    return result


def _results(record: PersonRecord, findings: Findings, merged: Merge) -> list[LabResult]:
    kept = {_key(one): one for one in record.results}
    for loinc, at in findings.withdrawn_results:
        old = kept.pop((loinc, at.at, at.precision), None)
        if old is not None:
            merged.changes.append(f"{old.title}, {old.at}: withdrawn by this file")
    for key, one in _agreed(findings.results, merged).items():
        old = kept.get(key)
        if old is not None and _RANKS[old.status] > _RANKS[one.status]:
            merged.changes.append(f"{one.title}, {one.at}: the {old.status} value stays")
            continue
        if old is not None and (old.comparator, old.value) != (one.comparator, one.value):
            merged.changes.append(f"{one.title}, {one.at}: {old.value:g} becomes {one.value:g}")
        kept[key] = one
    return list(kept.values())


def _agreed(results: list[LabResult], merged: Merge) -> dict[_Key, LabResult]:
    """Return one result for each key: of the best status, where all of that status agree."""
    groups: dict[_Key, list[LabResult]] = {}
    for one in results:
        groups.setdefault(_key(one), []).append(one)
    agreed = {}
    for key, group in groups.items():
        rank = max(_RANKS[one.status] for one in group)
        best = [one for one in group if _RANKS[one.status] == rank]
        values = {f"{one.comparator}{one.value:g}" for one in best}
        if len(values) == 1:
            agreed[key] = best[-1]
            continue
        place = f"{best[0].title} ({best[0].loinc}), {best[0].at}"
        reason = f"has several values, {' and '.join(sorted(values))} {best[0].unit}"
        expected = "give the time of each sample to the second"
        merged.problems.append(Problem(place, reason, expected))
    return agreed


def _key(one: LabResult) -> _Key:
    return one.loinc, one.at.at, one.at.precision


def _medications(record: PersonRecord, findings: Findings, merged: Merge) -> list[Medication]:
    new = {_content(one): one for one in findings.medications}
    by_key: dict[tuple[object, ...], list[Medication]] = {}
    for one in new.values():
        for key in _drug_keys(one):
            by_key.setdefault(key, []).append(one)
    kept = list[Medication]()
    for old in record.medications:
        is_told_anew = any(
            one.is_same_drug(old) for key in _drug_keys(old) for one in by_key.get(key, ())
        )
        if any(_withdraws(one, old) for one in findings.withdrawn_medications):
            merged.changes.append(f"{old.name}: withdrawn by this file")
        elif not is_told_anew:
            kept.append(old)
        elif _content(old) not in new:
            merged.changes.append(f"{old.name}: replaced by what this file says")
    return [*kept, *new.values()]


def _content(one: Medication) -> bytes:
    """Return all that an entry says, but not which file said it."""
    return msgspec.json.encode(msgspec.structs.replace(one, source=""), order="deterministic")


def _drug_keys(one: Medication) -> Iterator[tuple[object, ...]]:
    """Give every key under which another entry on the same drug may be found.

    A dose that was given is only told anew by one at the same time.
    """
    at = one.start if one.kind is MedicationKind.GIVEN else None
    for system, code in one.codes.items():
        yield one.kind, at, system, code
    yield one.kind, at, "", one.name.casefold()


def _withdraws(one: Medication, old: Medication) -> bool:
    is_that_entry = one.start is None or old.start is None or one.start == old.start
    return one.kind is old.kind and one.is_same_drug(old) and is_that_entry


def _genotypes(record: PersonRecord, findings: Findings, merged: Merge) -> list[Genotype]:
    kept = {one.gene: one for one in record.genotypes}
    for gene in findings.withdrawn_genes:
        if kept.pop(gene, None):
            merged.changes.append(f"{gene}: withdrawn by this file")
    before, torn = dict(kept), set[str]()
    for one in findings.genotypes:
        old = kept.get(one.gene, one)
        problem = _conflict(old, one)
        if problem:
            merged.problems.append(problem)
            torn.add(one.gene)
            continue
        kept[one.gene] = msgspec.structs.replace(
            one,
            diplotype=one.diplotype or old.diplotype,
            phenotype=one.phenotype or old.phenotype,
            method=one.method or old.method,
        )
    agreed = {gene: one for gene, one in kept.items() if gene not in torn}
    return list((agreed | {gene: before[gene] for gene in torn & before.keys()}).values())


def _conflict(old: Genotype, new: Genotype) -> Problem | None:
    read: tuple[tuple[str, Callable[[Genotype], str]], ...] = (
        ("diplotype", lambda one: one.diplotype),
        ("phenotype", lambda one: one.phenotype),
    )
    for name, of in read:
        if of(old) and of(new) and of(old) != of(new):
            reason = f"the {name} is {of(old)}, and also {of(new)}"
            expected = "a genotype does not change: find out which is right"
            return Problem(new.gene, reason, expected)
    return None


def _check_person(record: PersonRecord, findings: Findings, merged: Merge) -> None:
    """A file that knows another birth year or sex may be another person's."""
    pairs = (
        ("year of birth", record.birth_year, findings.birth_year),
        ("sex", record.sex, findings.sex),
    )
    for name, old, new in pairs:
        if old and new and old != new:
            reason = f"is {new} in this file, and {old} in what was imported before"
            expected = "is it the file of another person? `edge-agent import --forget` begins anew"
            merged.refusals.append(Problem(name, reason, expected))
