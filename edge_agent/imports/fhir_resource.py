"""What the readers of single FHIR resources share: codings, references, quantities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_agent.imports.tree import Node

LOINC = "http://loinc.org"
_UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, its type, and how its references are followed.

    ``container`` is the report that holds it, where one does.
    """

    node: Node
    kind: str
    find: Callable[[str], Node | None]
    container: Node | None = None

    def follow(self, reference: Node) -> Node | None:
        """Return what a reference points to: a contained resource, or one of the bundle."""
        text = reference["reference"].text()
        if not text.startswith("#"):
            return self.find(text) if text else None
        holder = self.container or self.node
        inside = [*self.node["contained"], *holder["contained"]]
        return next((one for one in inside if one["id"].text() == text[1:]), None)


@dataclass(frozen=True, slots=True)
class Coding:
    """One coding of a concept."""

    system: str
    code: str
    display: str


def codings(concept: Node) -> Iterator[Coding]:
    """Give the codings of a CodeableConcept."""
    for one in concept["coding"]:
        yield Coding(one["system"].text(), one["code"].text(), one["display"].text())


def loincs(concept: Node) -> list[str]:
    """Return the LOINC codes of a CodeableConcept."""
    return [one.code for one in codings(concept) if one.system == LOINC and one.code]


def words_of(concept: Node) -> str:
    """Return the words of a CodeableConcept: its text, else a display, else a code."""
    found = [concept["text"].text()]
    for coding in codings(concept):
        found += [coding.display, coding.code]
    return next((one for one in found if one), "")


def unit_of(quantity: Node) -> tuple[str, Node]:
    """Return the unit of a Quantity and where it stands: the UCUM code, else the unit's text."""
    code, unit = quantity["code"], quantity["unit"]
    if code and (quantity["system"].text() == _UCUM or not unit):
        return code.text(), code
    return unit.text(), unit
