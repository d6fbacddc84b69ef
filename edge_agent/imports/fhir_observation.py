"""FHIR Observation: laboratory results, and genotypes of the HL7 genomics reporting guide.

Genotype (https://hl7.org/fhir/uv/genomics-reporting, STU1 to STU3): LOINC 84413-4 with the
diplotype as value and the gene (48018-6) as component; the phenotype is the value of 53040-2, or
that component of a therapeutic implication, which names its gene or is derived from the genotype.
"""

from __future__ import annotations

import re

from edge_agent.imports import genes
from edge_agent.imports.fhir_resource import (
    LOINC,
    Resource,
    codings,
    loincs,
    unit_of,
    words_of,
)
from edge_agent.imports.findings import Findings
from edge_agent.imports.lab_codes import BY_LOINC
from edge_agent.imports.laboratory import NotAResult, Reported, canonical, contradict
from edge_agent.imports.moments import EXPECTED, Moment, Precision
from edge_agent.imports.record import Genotype, LabResult
from edge_agent.imports.tree import Node

_USED = {"preliminary", "final", "amended", "corrected"}
_MISTAKEN = {"entered-in-error", "cancelled"}
_COMPARATORS = {"", "<", "<=", ">=", ">"}
_GENOTYPE, _HAPLOTYPE, _METABOLISM, _GENE = "84413-4", "84414-2", "53040-2", "48018-6"
_ACTIVITY = re.compile(r"([A-Z][A-Z0-9]{1,9}) gene product metabolic activity interpretation")


def read_observation(resource: Resource, findings: Findings) -> None:
    """Read one Observation; what is wrong with it goes to its problems."""
    node, before = resource.node, len(findings.problems)
    status = node["status"].text()
    if status in _MISTAKEN:
        findings.skip("Observation", f"is {status}")
        _withdraw(resource, findings)
    elif status not in _USED:
        findings.skip("Observation", f"is {status}" if status else "has no status")
    elif any(node["focus"]):
        findings.skip("Observation", "is about something else than the patient")
    elif _is_genetic(node):
        found = _genotypes(resource, findings)
        findings.genotypes += found if len(findings.problems) == before else []
    else:
        results = _results(resource, findings, status)
        findings.results += results if len(findings.problems) == before else []


def _withdraw(resource: Resource, findings: Findings) -> None:
    """Remember what a mistaken entry said, in case an earlier file brought it."""
    silent = Node(resource.node.value, resource.node.path, [])
    at = _moment(Resource(silent, resource.kind, resource.find, resource.container))
    if _is_genetic(silent):
        gene = _gene(Resource(silent, resource.kind, resource.find))
        findings.withdrawn_genes += [gene] if gene else []
    elif at is not None:
        places = [silent["code"], *(one["code"] for one in silent["component"])]
        findings.withdrawn_results += [(loinc, at) for one in places for loinc in loincs(one)]


def _results(resource: Resource, findings: Findings, status: str) -> list[LabResult]:
    node = resource.node
    parts = [one for one in (node, *node["component"]) if one["valueQuantity"]]
    if not parts:
        reason = "has no value" if node["dataAbsentReason"] else "has no number with a unit"
        findings.skip("Observation", reason)
        return []
    coded = [(one, _loinc(one["code"])) for one in parts]
    for part, loinc in coded:
        if not loinc:
            findings.skip("Observation" if part is node else "component", "has no LOINC code")
    if not any(loinc for _, loinc in coded):
        return []
    at = _moment(resource)
    place = node.any_of("effectiveDateTime", "effectivePeriod", "effectiveInstant")
    if at is None and not place:
        place.refuse("missing", "say when the sample was taken")
    if at is not None and at.precision not in {Precision.DAY, Precision.SECOND}:
        place.refuse(f"{at} is too coarse", EXPECTED)
    found = list[LabResult]()
    for part, loinc in coded:
        reported = _reported(part, loinc) if loinc else None
        limits = _range(part, loinc, unit_of(part["valueQuantity"])[0])
        if reported is not None and at is not None:
            source = findings.source
            found.append(reported.result(at, limits=limits, status=status, source=source))
    return found


def _reported(part: Node, loinc: str) -> Reported | None:
    quantity = part["valueQuantity"]
    value, comparator = quantity["value"].number(), quantity["comparator"].text()
    unit, unit_place = unit_of(quantity)
    said, meant = quantity["unit"].text(), quantity["code"].text()
    if contradict(said, meant):
        quantity["unit"].refuse(f"says {said!r}, and code says {meant!r}", "one of them is wrong")
    if comparator not in _COMPARATORS:
        quantity["comparator"].refuse(f"{comparator!r} is not understood")
    if not quantity["value"]:
        quantity["value"].refuse("missing", "a result needs a number")
    if value is None:
        return None
    try:
        name = words_of(part["code"])
        return Reported.of(loinc, value, unit, comparator=comparator, name=name)
    except NotAResult as error:
        places = {"unit": unit_place, "loinc": part["code"], "value": quantity["value"]}
        places[error.field].refuse(error.reason, error.expected)
        return None


def _range(part: Node, loinc: str, unit: str) -> tuple[float | None, float | None]:
    """Return the reference range in the unit of the result; a bound without unit shares its."""
    for one in part["referenceRange"]:
        kind = _all_codes(one["type"])
        if not one["appliesTo"] and not one["age"] and kind <= {"normal"}:
            return _bound(one["low"], loinc, unit), _bound(one["high"], loinc, unit)
    return None, None


def _bound(quantity: Node, loinc: str, unit: str) -> float | None:
    value = quantity["value"].number()
    if value is None:
        return None
    own, place = unit_of(quantity)
    try:
        return canonical(loinc, value, own or unit, bound_only=True).value
    except NotAResult as error:
        if own:  # without a unit of its own, the result's unit is at fault, and is listed there
            place.refuse(error.reason, error.expected)
        return None


def _loinc(concept: Node) -> str:
    """Return the LOINC code of a concept: one that is known here, else the first."""
    found = loincs(concept)
    return next((one for one in found if one in BY_LOINC), found[0] if found else "")


def _moment(resource: Resource) -> Moment | None:
    """Return when the sample was taken; a contained result may leave that to its report."""
    for node in (resource.node, resource.container):
        if node is None:
            continue
        period = node["effectivePeriod"]
        place = node.any_of("effectiveDateTime", "effectiveInstant")
        found = place or period.any_of("end", "start")
        if found:
            return found.moment()
    return None


def _is_genetic(node: Node) -> bool:
    codes = {code for one in (node, *node["component"]) for code in loincs(one["code"])}
    return bool(codes & {_GENOTYPE, _HAPLOTYPE, _METABOLISM}) or bool(_gene_of_activity(node))


def _gene_of_activity(node: Node) -> str:
    """LOINC has a code for the activity of each enzyme; its name begins with the gene."""
    for one in codings(node["code"]):
        if one.system == LOINC and (found := _ACTIVITY.fullmatch(one.display)):
            return found[1]
    return ""


def _genotypes(resource: Resource, findings: Findings) -> list[Genotype]:
    node = resource.node
    codes = set(loincs(node["code"]))
    if _HAPLOTYPE in codes:
        findings.skip("Observation", "is one haplotype; the diplotype is what is used")
        return []
    gene = _gene(resource)
    if not gene:
        findings.skip("Observation", "is about a genotype and does not name one gene")
        return []
    method = words_of(node["method"])
    found = list[Genotype]()
    if _GENOTYPE in codes:
        found += _two_alleles(_value(node), gene, method, findings)
    told = [one for one in node["component"] if _METABOLISM in loincs(one["code"])]
    if not told and _GENOTYPE not in codes:
        told = [node]
    for one in told:
        found += _phenotype(_value(one), gene, method, findings)
    return found


def _two_alleles(place: Node, gene: str, method: str, findings: Findings) -> list[Genotype]:
    words = _words(place)
    try:
        alleles = genes.diplotype(words, gene)
    except ValueError as error:
        place.refuse(str(error))
        return []
    return [Genotype(gene=gene, diplotype=alleles, method=method, source=findings.source)]


def _phenotype(place: Node, gene: str, method: str, findings: Findings) -> list[Genotype]:
    coded = [genes.LOINC_PHENOTYPES.get(one) for one in _codes(place)]
    words = next((one for one in coded if one), None) or _words(place)
    try:
        found = genes.phenotype(words)
    except ValueError as error:
        findings.skip("Observation", f"{gene}: {error}" if words else f"{gene}: has no phenotype")
        return []
    return [Genotype(gene=gene, phenotype=found, method=method, source=findings.source)]


def _value(node: Node) -> Node:
    return node.any_of("valueCodeableConcept", "valueString")


def _words(place: Node) -> str:
    return words_of(place) if isinstance(place.value, dict) else place.text()


def _all_codes(concept: Node) -> set[str]:
    """Return the codes of a CodeableConcept, whatever their system."""
    return {one.code for one in codings(concept)}


def _codes(place: Node) -> set[str]:
    return _all_codes(place) if isinstance(place.value, dict) else set()


def _gene(resource: Resource) -> str:
    """Return the one gene that an Observation is about; ``""`` when it is none or several."""
    node = resource.node
    named = {_gene_of_activity(node)} | {
        word
        for component in node["component"]
        if _GENE in loincs(component["code"])
        for word in _gene_words(component["valueCodeableConcept"])
    }
    if _GENOTYPE in loincs(node["code"]):
        words = _words(_value(node))
        named.add(genes.gene_in(words))
    named.discard("")
    if not named:
        sources = [resource.follow(one) for one in node["derivedFrom"]]
        named = {_gene(Resource(one, "Observation", _nowhere)) for one in sources if one}
        named.discard("")
    return named.pop() if len(named) == 1 else ""


def _gene_words(concept: Node) -> list[str]:
    """Return the symbol in a gene's concept; its code is often a number, "HGNC:2625"."""
    words = [concept["text"].text(), *(one.display for one in codings(concept))]
    words += [one.code for one in codings(concept)]
    for word in words:
        try:
            return [genes.gene_symbol(word)]
        except ValueError:
            continue
    return []


def _nowhere(_reference: str) -> None:
    """Follow no further: what a genotype is derived from says nothing more about its gene."""
