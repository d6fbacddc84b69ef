"""FHIR R4 (https://hl7.org/fhir/R4): a bundle, or one resource, as JSON.

What is read: Observation, MedicationStatement, MedicationRequest, MedicationAdministration, and of
the Patient the year of birth and the sex. DiagnosticReport is a container: its contained
Observations are read. Everything else is skipped and counted. A file about two people is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from edge_agent.errors import Problem
from edge_agent.imports.fhir_medication import read_medication
from edge_agent.imports.fhir_observation import read_observation
from edge_agent.imports.fhir_resource import Resource
from edge_agent.imports.findings import Findings
from edge_agent.imports.record import MedicationKind, Sex
from edge_agent.imports.tree import Node

_SEXES: tuple[Sex, ...] = ("female", "male", "other", "unknown")
_WITHDRAWN = {"entered-in-error", "cancelled"}
_MEDICATION = {
    "MedicationStatement": MedicationKind.STATED,
    "MedicationRequest": MedicationKind.ORDERED,
    "MedicationAdministration": MedicationKind.GIVEN,
}
_READ = {"Observation", "DiagnosticReport", "Patient", *_MEDICATION}
_REFERRED_TO = {"Medication"}  # read where a medication entry refers to it


def read_fhir(document: object, findings: Findings) -> None:
    """Read a parsed JSON document into ``findings``."""
    root = Node(document, _root_name(document), findings.problems)
    kind = root["resourceType"].text()
    if not kind:
        expected = "give a FHIR Bundle, or a table: docs/import.md"
        findings.refuse(root["resourceType"].path, "missing", expected)
        return
    if kind != "Bundle":
        _read_all(_Bundle([root]), findings)
        return
    if root["type"].text() == "history":
        expected = "export a searchset or a collection"
        findings.refuse(root["type"].path, "a history holds old versions as well", expected)
    _read_all(_Bundle.of(root), findings)
    for link in root["link"]:
        if link["relation"].text() == "next":
            text = "this bundle is one page of several; the next is not read"
            findings.notes.append(Problem(link.path, text))


@dataclass(slots=True)
class _Bundle:
    """The resources of a bundle, and how references find them."""

    resources: list[Node]
    by_reference: dict[str, Node] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Node) -> _Bundle:
        bundle = cls([])
        for entry in root["entry"]:
            resource = entry["resource"]
            if not resource or entry["request"]["method"].text() == "DELETE":
                continue
            bundle.resources.append(resource)
            names = [entry["fullUrl"].text()]
            if identity := resource["id"].text():
                names.append(f"{resource['resourceType'].text()}/{identity}")
            bundle.by_reference |= {name: resource for name in names if name}
        return bundle

    def find(self, reference: str) -> Node | None:
        """Return the resource of this bundle that a reference points to."""
        plain = reference.partition("/_history/")[0]
        return self.by_reference.get(plain) or self.by_reference.get(_tail(plain))


def _read_all(bundle: _Bundle, findings: Findings) -> None:
    subjects = _Subjects()
    blamed = {
        found.path
        for one in bundle.resources
        for reference in _results_of_withdrawn_reports(one)
        if (found := bundle.find(reference))
    }
    for node in bundle.resources:
        kind = node["resourceType"].text()
        if kind not in _READ | _REFERRED_TO:
            findings.skip(kind or "entry without resourceType", "not read here")
            continue
        if node.path in blamed:
            findings.skip(kind, "its report is cancelled or entered in error")
            continue
        if kind not in _REFERRED_TO:
            _read_one(Resource(node, kind, bundle.find), findings, subjects)
    subjects.check(bundle, findings)


def _read_one(resource: Resource, findings: Findings, subjects: _Subjects) -> None:
    """Read one resource; one with a problem, or about somebody else, leaves nothing but that."""
    node, kind = resource.node, resource.kind
    if node["modifierExtension"] or node["implicitRules"]:
        findings.skip(kind, "has a modifierExtension or implicitRules that may change its meaning")
        return
    if kind == "Patient":
        subjects.patients.append(node)
        _read_patient(node, findings)
        return
    if (subject := node["subject"]) and not subjects.add(subject, resource):
        findings.skip(kind, "is not about a patient")
        return
    if kind == "Observation":
        read_observation(resource, findings)
    elif kind in _MEDICATION:
        read_medication(resource, _MEDICATION[kind], findings)
    elif node["status"].text() not in _WITHDRAWN:
        _read_report(resource, findings, subjects)
    else:
        findings.skip(kind, f"is {node['status'].text()}")


def _read_report(report: Resource, findings: Findings, subjects: _Subjects) -> None:
    for node in report.node["contained"]:
        kind = node["resourceType"].text()
        if kind == "Observation":
            inside = Resource(node, kind, report.find, container=report.node)
            _read_one(inside, findings, subjects)


def _read_patient(node: Node, findings: Findings) -> None:
    born, sex = node["birthDate"].moment(), node["gender"].text()
    if born is not None:
        findings.birth_year = born.at.year
    known = {str(one): one for one in _SEXES}
    if sex in known:
        findings.sex = known[sex]
    elif sex:
        node["gender"].refuse(f"{sex!r} is no code", f"expected one of {', '.join(_SEXES)}")


@dataclass(slots=True)
class _Subjects:
    """Whom the entries are about, to refuse two people in one file."""

    patients: list[Node] = field(default_factory=list)
    references: dict[str, Node] = field(default_factory=dict)
    identifiers: dict[tuple[str, str], Node] = field(default_factory=dict)

    def add(self, subject: Node, resource: Resource) -> bool:
        """Note one subject; return whether it may be a patient at all."""
        reference = subject["reference"].text()
        kind = subject["type"].text() or _tail(reference).partition("/")[0]
        if kind in {"Group", "Device", "Location"}:
            return False
        identifiers = [subject["identifier"]]
        if reference.startswith("#"):
            inside = resource.follow(subject)
            identifiers += list(inside["identifier"]) if inside else []
        elif reference:
            self.references.setdefault(reference, subject)
        for one in identifiers:
            if value := one["value"].text():
                self.identifiers.setdefault((one["system"].text(), value), subject)
        return True

    def check(self, bundle: _Bundle, findings: Findings) -> None:
        """Refuse the file when it is about more than one person."""
        people = {patient.path: patient.path for patient in self.patients}
        for reference, place in self.references.items():
            target = bundle.find(reference)
            who = target.path if target else _tail(reference.partition("/_history/")[0])
            people.setdefault(who, place.path)
        # One person has several numbers, but only one of each system.
        systems = [system for system, _ in self.identifiers]
        for (system, value), place in self.identifiers.items():
            if systems.count(system) > 1:
                people.setdefault(f"{system}|{value}", place.path)
        if len(people) > 1:
            first, second, *_ = people.values()
            reason = f"is about another person than {first}"
            findings.refuse(second, reason, "import the file of one person")


def _results_of_withdrawn_reports(node: Node) -> Iterator[str]:
    is_report = node["resourceType"].text() == "DiagnosticReport"
    if is_report and node["status"].text() in _WITHDRAWN:
        for result in node["result"]:
            yield result["reference"].text()


def _tail(reference: str) -> str:
    """Return the last two parts of a URL, ``Patient/7``; a ``urn:`` stays whole."""
    return reference if reference.startswith("urn:") else "/".join(reference.split("/")[-2:])


def _root_name(document: object) -> str:
    kind = document.get("resourceType") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) and kind.isalpha() else "(file)"
