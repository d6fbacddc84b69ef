"""What the hub knows of the person from elsewhere. Types only: the twin may use them.

No name, address or identifier of the person has a place here; the year of birth and the sex are
kept because drug exposure depends on them.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from edge_agent.imports.moments import Moment

Sex = Literal["female", "male", "other", "unknown", ""]


class LabResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One laboratory result, or body measure, by LOINC code.

    ``value``, ``low`` and ``high`` are in ``unit`` (UCUM): the hub's own for codes it knows, else
    the laboratory's. ``comparator`` (``<``, ``<=``, ``>=``, ``>``) marks a value beyond what
    the method can measure. ``as_given`` is the value as it came where it was converted.
    """

    loinc: str
    title: str
    value: float
    unit: str
    at: Moment
    comparator: str = ""
    low: float | None = None
    high: float | None = None
    status: str = "final"
    as_given: str = ""
    source: str = ""


class MedicationKind(StrEnum):
    """What an entry is evidence of. One drug may be ordered, stated and given: count it once."""

    STATED = "stated"
    """Somebody says the person takes it (MedicationStatement, or a table)."""
    ORDERED = "ordered"
    """A prescriber ordered it (MedicationRequest)."""
    GIVEN = "given"
    """It was given, at ``start`` (MedicationAdministration)."""


class Medication(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A drug, and how the person takes it; ``None`` and ``""`` are what nobody said.

    ``codes`` maps a system (``atc``, ``rxnorm``, ``snomed``, else its URL) to a code. ``dose``
    is one dose in ``dose_unit`` (UCUM; masses in mg). ``times_per_day`` is an average; with
    ``as_needed`` it is the most that is taken.
    """

    name: str
    codes: dict[str, str] = {}
    kind: MedicationKind = MedicationKind.STATED
    dose: float | None = None
    dose_unit: str = ""
    route: str = ""
    times_per_day: float | None = None
    as_needed: bool = False
    start: Moment | None = None
    end: Moment | None = None
    status: str = "active"
    source: str = ""

    def is_same_drug(self, other: Medication) -> bool:
        """Tell whether both name one drug: by a code system they share, else by name."""
        shared = self.codes.keys() & other.codes.keys()
        if shared:
            return any(self.codes[system] == other.codes[system] for system in shared)
        return self.name.casefold() == other.name.casefold()


class Genotype(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A gene of drug metabolism: its two alleles, what they make of the person, or both."""

    gene: str
    diplotype: str = ""
    phenotype: str = ""
    method: str = ""
    source: str = ""


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that was imported: ``id`` is the start of its SHA-256. Its name is not kept."""

    id: str
    kind: str
    imported_at: datetime


class PersonRecord(Struct, frozen=True, kw_only=True, tag="edge-agent person 1", tag_field="kind"):
    """Everything imported, merged.

    Results are in the order of title and time, medication of its name; a gene has one genotype.
    """

    results: tuple[LabResult, ...] = ()
    medications: tuple[Medication, ...] = ()
    genotypes: tuple[Genotype, ...] = ()
    sources: tuple[Source, ...] = ()
    birth_year: int | None = None
    sex: Sex = ""

    def latest(self, title: str) -> LabResult | None:
        """Return the latest result of what is called ``title`` ("creatinine"), if there is any."""
        found = [one for one in self.results if one.title == title]
        return max(found, key=lambda one: one.at.at, default=None)

    def genotype(self, gene: str) -> Genotype | None:
        """Return what is known of ``gene`` ("CYP2D6")."""
        return next((one for one in self.genotypes if one.gene == gene), None)
