"""FHIR MedicationStatement, MedicationRequest and MedicationAdministration.

Each dosage of a resource is an entry of its own: 50 mg in the morning and 25 mg at night are two,
and so are the steps of a changing dose.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edge_agent.errors import Problem
from edge_agent.imports import drugs
from edge_agent.imports.fhir_resource import Resource, codings, unit_of, words_of
from edge_agent.imports.findings import Findings
from edge_agent.imports.moments import Moment
from edge_agent.imports.record import Medication, MedicationKind
from edge_agent.imports.tree import Node

_USED = {
    MedicationKind.STATED: {"active", "completed", "stopped", "on-hold"},
    MedicationKind.ORDERED: {"active", "completed", "stopped", "on-hold"},
    MedicationKind.GIVEN: {"in-progress", "completed", "stopped", "on-hold"},
}
_MISTAKEN = {"entered-in-error", "not-taken", "not-done", "cancelled"}
_ONLY_IDEAS = {"proposal", "plan", "option"}
_SYSTEMS = {
    "http://www.nlm.nih.gov/research/umls/rxnorm": "rxnorm",
    "http://www.whocc.no/atc": "atc",
    "http://fhir.de/CodeSystem/bfarm/atc": "atc",
    "http://snomed.info/sct": "snomed",
    "http://hl7.org/fhir/sid/ndc": "ndc",
    "http://fhir.de/CodeSystem/ifa/pzn": "pzn",
}
_DAYS = {
    "s": 1 / 86_400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25,
}  # fmt: skip
# HL7 v3 GTSAbbreviation and FHIR timing-abbreviation, in doses a day.
_PER_DAY = {
    "QD": 1.0, "BID": 2.0, "TID": 3.0, "QID": 4.0, "QOD": 0.5, "AM": 1.0, "PM": 1.0, "BED": 1.0,
    "Q1H": 24.0, "Q2H": 12.0, "Q3H": 8.0, "Q4H": 6.0, "Q6H": 4.0, "Q8H": 3.0,
    "WK": 1 / 7, "MO": 1 / 30.4375,
}  # fmt: skip


def read_medication(resource: Resource, kind: MedicationKind, findings: Findings) -> None:
    """Read one resource; what is wrong with it goes to its problems."""
    node, before = resource.node, len(findings.problems)
    status = node["status"].text()
    drug = _drug(resource, kind)
    if status in _MISTAKEN:
        findings.skip(resource.kind, f"is {status}")
        if drug is not None:
            # "Not taken" is said of the drug, the others of one entry, which its start names.
            start = None if status == "not-taken" else _period(node)[0]
            findings.withdrawn_medications.append(msgspec.structs.replace(drug, start=start))
        return
    if status not in _USED[kind]:
        findings.skip(resource.kind, f"is {status}" if status else "has no status")
        return
    if kind is MedicationKind.ORDERED and (reason := _no_order(node)):
        findings.skip(resource.kind, reason)
        return
    if drug is None:
        if len(findings.problems) == before:
            place = node.any_of("medicationCodeableConcept", "medicationReference")
            place.refuse("names no drug that is in this file", "give a code or a text")
        return
    entries = list(_entries(node, kind, drug, findings))
    if len(findings.problems) == before:
        findings.medications += entries


def _no_order(node: Node) -> str:
    intent = node["intent"].text()
    if node["doNotPerform"].is_true():
        return "orders that it is not taken"
    return f"is only a {intent}" if intent in _ONLY_IDEAS else ""


def _drug(resource: Resource, kind: MedicationKind) -> Medication | None:
    concept = resource.node["medicationCodeableConcept"]
    if not concept:
        found = resource.follow(resource.node["medicationReference"])
        if found is None:
            return None
        concept = found["code"]
    codes = {
        _SYSTEMS.get(one.system, one.system): one.code
        for one in codings(concept)
        if one.code and one.system
    }
    name = words_of(concept)
    return Medication(name=name, codes=codes, kind=kind) if name else None


def _entries(
    node: Node, kind: MedicationKind, drug: Medication, findings: Findings
) -> Iterator[Medication]:
    given = kind is MedicationKind.GIVEN
    dosages = [node["dosage"]] if given else list(node["dosageInstruction"]) or list(node["dosage"])
    start, end = _period(node)
    if given and start is None:
        node.any_of("effectiveDateTime", "effectivePeriod").refuse(
            "missing", "say when it was given"
        )
    for dosage in dosages or [node["dosage"].first()]:
        amount = _amount(dosage, findings, given=given)
        bounds = dosage["timing"]["repeat"]["boundsPeriod"]
        first = bounds["start"].moment() or start
        last = bounds["end"].moment() or end
        if first is not None and last is not None and last.is_before(first):
            bounds.refuse(f"ends {last}, before it starts {first}")
        yield msgspec.structs.replace(
            drug,
            dose=amount[0] if amount else None, dose_unit=amount[1] if amount else "",
            route=drugs.route(_route(dosage["route"])),
            times_per_day=None if given else _times_per_day(dosage["timing"]),
            as_needed=_as_needed(dosage), start=first, end=last,
            status=node["status"].text(), source=findings.source,
        )  # fmt: skip


def _period(node: Node) -> tuple[Moment | None, Moment | None]:
    period = node["effectivePeriod"]
    if period:
        return period["start"].moment(), period["end"].moment()
    return node.any_of("effectiveDateTime", "authoredOn").moment(), None


def _amount(dosage: Node, findings: Findings, *, given: bool) -> tuple[float, str] | None:
    """Return one dose and its unit; an entry whose dose can't be told is kept without one."""
    places = [dosage] if given else list(dosage["doseAndRate"])
    quantities = [one["dose"] if given else one["doseQuantity"] for one in places]
    found = [one for one in quantities if one]
    if not found:
        findings.notes.append(Problem(dosage.path, _why_no_dose(places), "kept without a dose"))
        return None
    if len(found) > 1:
        # "ordered" and "calculated" (per kilogram, say) may stand side by side.
        findings.notes.append(Problem(dosage.path, "gives several doses", "the first is used"))
    quantity = found[0]
    value = quantity["value"].number()
    unit, place = unit_of(quantity)
    if value is None:
        if not quantity["value"]:
            quantity["value"].refuse("missing", "a dose needs a number")
        return None
    try:
        return drugs.dose(value, unit)
    except ValueError as error:
        (place if value > 0 else quantity["value"]).refuse(str(error))
        return None


def _why_no_dose(places: list[Node]) -> str:
    for one in places:
        if one["doseRange"]:
            return "gives a range of doses"
        if one.any_of("rateQuantity", "rateRatio", "rateRange"):
            return "gives a rate and no dose"
    return "gives no dose"


def _route(concept: Node) -> str:
    """Return the route: a code that is known here, else its words."""
    for one in codings(concept):
        if drugs.route(one.code) != one.code:
            return one.code
    return words_of(concept)


def _as_needed(dosage: Node) -> bool:
    return dosage["asNeededBoolean"].is_true() or bool(dosage["asNeededCodeableConcept"])


def _times_per_day(timing: Node) -> float | None:
    """Return how often a day on average, from ``repeat`` or the abbreviation; ``None``: unsaid."""
    repeat = timing["repeat"]
    days_of_week = len(list(repeat["dayOfWeek"])) or 7
    moments = len(list(repeat["timeOfDay"])) or len(list(repeat["when"]))
    period, unit = repeat["period"].number(), repeat["periodUnit"].text()
    frequency = repeat.any_of("frequency", "frequencyMax").number()
    if period is not None:
        if unit not in _DAYS or period <= 0:
            repeat["periodUnit"].refuse(f"{period:g} {unit!r} is no period")
            return None
        times = (frequency if frequency is not None else moments or 1) / (period * _DAYS[unit])
        if not drugs.is_believable(times):
            repeat.refuse(f"{times:g} times a day is not believable")
            return None
        return times * days_of_week / 7
    if moments:
        return moments * days_of_week / 7
    for one in codings(timing["code"]):
        if one.code in _PER_DAY:
            return _PER_DAY[one.code]
    return None
