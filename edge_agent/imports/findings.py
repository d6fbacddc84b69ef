"""What a reader found in a file: entries, problems with their places, and what it did not use."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from edge_agent.errors import EdgeError, Problem
from edge_agent.imports.moments import Moment
from edge_agent.imports.record import Genotype, LabResult, Medication, Sex


class FileRefused(EdgeError):
    """A file that can't be imported; ``problems`` lists everything wrong with it."""

    def __init__(self, file: str, problems: tuple[Problem, ...], next_step: str = "") -> None:
        self.problems = problems
        lines = "".join(f"\n  {problem}" for problem in problems)
        step = f"\n{next_step}" if next_step else ""
        super().__init__(file, f"{len(problems)} problem(s){lines}{step}")


@dataclass(frozen=True, slots=True)
class Skipped:
    """What a reader left alone on purpose: entries of this kind, for this reason."""

    what: str
    reason: str


@dataclass(slots=True)
class Findings:
    """What one file holds. An entry with a problem is in ``problems`` and nowhere else.

    ``refusals`` are wrong with the file as a whole: no part of it may be used. ``notes`` say what
    is less than it could be in an entry that is used. ``withdrawn_results`` (LOINC code and time),
    ``withdrawn_medications`` and ``withdrawn_genes`` are entries that the file calls mistaken or
    not taken: they leave the record when an earlier file brought them.
    """

    source: str
    results: list[LabResult] = field(default_factory=list)
    medications: list[Medication] = field(default_factory=list)
    genotypes: list[Genotype] = field(default_factory=list)
    birth_year: int | None = None
    sex: Sex = ""
    problems: list[Problem] = field(default_factory=list)
    refusals: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    skipped: Counter[Skipped] = field(default_factory=Counter)
    withdrawn_results: list[tuple[str, Moment]] = field(default_factory=list)
    withdrawn_medications: list[Medication] = field(default_factory=list)
    withdrawn_genes: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything to keep or to withdraw."""
        entries = (self.results, self.medications, self.genotypes)
        withdrawn = (self.withdrawn_results, self.withdrawn_medications, self.withdrawn_genes)
        return any(entries) or any(withdrawn)

    def skip(self, what: str, reason: str) -> None:
        """Count something that is left alone."""
        self.skipped[Skipped(what, reason)] += 1

    def refuse(self, path: str, reason: str, expected: str = "") -> None:
        """List something that makes the whole file unusable."""
        self.refusals.append(Problem(path, reason, expected))
