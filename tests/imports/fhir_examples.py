"""FHIR resources for the tests, as small as they can be."""

UCUM = "http://unitsofmeasure.org"
LOINC = "http://loinc.org"
ATC = "http://www.whocc.no/atc"


def bundle(*resources, kind="collection", **more):
    entries = [{"resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries, **more}


def concept(code, system=LOINC, display=None):
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def quantity(value, unit):
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def result(loinc="2160-0", value=1.1, unit="mg/dL", **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": concept(loinc),
        "effectiveDateTime": "2026-03-01T08:15:00+01:00",
        "valueQuantity": quantity(value, unit),
    } | more


def genotype(value="CYP2D6*4/CYP2D6*1", gene="CYP2D6", **more):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": concept("84413-4"),
        "valueCodeableConcept": {"text": value},
        "component": [gene_studied(gene)],
    } | more


def gene_studied(gene):
    value = concept("HGNC:2625", "http://www.genenames.org/geneId", gene)
    return {"code": concept("48018-6"), "valueCodeableConcept": value}


def implication(answer, *more, **fields):
    metabolism = {"code": concept("53040-2"), "valueCodeableConcept": concept(answer)}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "therapeutic implication"},
        "component": [metabolism, *more],
    } | fields


def statement(**more):
    return {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": concept("C07AB02", ATC, "metoprolol"),
        "effectivePeriod": {"start": "2026-01-10"},
        "dosage": [dosage()],
    } | more


def request(**more):
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept("C07AB02", ATC, "metoprolol"),
        "authoredOn": "2026-02-01",
        "dosageInstruction": [dosage()],
    } | more


def administration(**more):
    return {
        "resourceType": "MedicationAdministration",
        "status": "completed",
        "medicationCodeableConcept": concept("J01XA01", ATC, "vancomycin"),
        "effectiveDateTime": "2026-03-01T08:00:00Z",
        "dosage": {"dose": quantity(1, "g"), "route": {"text": "IV"}},
    } | more


def dosage(value=50, unit="mg", repeat=None, **more):
    return {
        "timing": {"repeat": repeat or {"frequency": 2, "period": 1, "periodUnit": "d"}},
        "route": concept("26643006", "http://snomed.info/sct"),
        "doseAndRate": [{"doseQuantity": quantity(value, unit)}],
    } | more


def patient(identity="p", **more):
    return {"resourceType": "Patient", "id": identity} | more
