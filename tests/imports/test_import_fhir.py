import pytest

from edge_agent.imports.findings import FileRefused
from edge_agent.imports.record import Genotype, MedicationKind
from tests.imports.fhir_examples import (
    ATC,
    LOINC,
    UCUM,
    administration,
    bundle,
    concept,
    dosage,
    gene_studied,
    genotype,
    implication,
    patient,
    quantity,
    request,
    result,
    statement,
)


def skipped(findings):
    return {f"{one.what}: {one.reason}": count for one, count in findings.skipped.items()}


def places(findings):
    return {one.path: one.reason for one in findings.problems}


def test_a_result_is_read_with_its_range_in_the_hubs_unit(read):
    limits = [{"low": quantity(62, "umol/L"), "high": {"value": 106}}]
    (one,) = read(bundle(result("14682-9", 88.4, "umol/L", referenceRange=limits))).results
    assert (one.loinc, one.title, one.unit) == ("14682-9", "creatinine", "mg/dL")
    assert one.value == pytest.approx(1.0, rel=1e-3)
    assert (one.low, one.high) == pytest.approx((0.701, 1.199), rel=1e-2)
    assert one.as_given == "88.4 umol/L"
    assert str(one.at) == "2026-03-01T07:15:00Z"


@pytest.mark.parametrize("kind", ["collection", "searchset", "transaction", "batch", "document"])
def test_every_kind_of_bundle_is_read(read, kind):
    assert len(read(bundle(result(), kind=kind)).results) == 1


def test_a_single_resource_is_read(read):
    assert len(read(result()).results) == 1
    findings = read(result(unit="furlong"))
    assert list(places(findings)) == ["Observation.valueQuantity.code"]


def test_components_are_results_of_their_own(read):
    parts = [
        {"code": concept("8480-6"), "valueQuantity": quantity(130, "mm[Hg]")},
        {"code": concept("8462-4"), "valueQuantity": quantity(80, "mm[Hg]")},
    ]
    panel = result("85354-9", component=parts)
    del panel["valueQuantity"]
    assert [one.value for one in read(bundle(panel)).results] == [130, 80]


def test_a_value_beyond_the_method_keeps_its_comparator(read):
    troponin = result("67151-1")
    troponin["valueQuantity"] = quantity(3, "ng/L") | {"comparator": "<"}
    (one,) = read(bundle(troponin)).results
    assert (one.comparator, one.value) == ("<", 3)


def test_a_code_known_here_is_preferred_to_a_synonym(read):
    codings = concept("2132-9")["coding"] + concept("2160-0")["coding"]
    (one,) = read(bundle(result(code={"coding": codings}))).results
    assert one.title == "creatinine"


def test_a_unit_without_a_code_is_read_from_its_text(read):
    (one,) = read(bundle(result(valueQuantity={"value": 88.4, "unit": "µmol/l"}))).results
    assert one.value == pytest.approx(1.0, rel=1e-3)


def test_the_time_may_be_a_period_or_the_reports(read):
    timed = result(effectivePeriod={"start": "2026-02-28", "end": "2026-03-01"})
    contained = result(id="inside")
    del timed["effectiveDateTime"], contained["effectiveDateTime"]
    report = {
        "resourceType": "DiagnosticReport", "status": "final", "effectiveDateTime": "2026-02-03",
        "contained": [contained], "result": [{"reference": "#inside"}],
    }  # fmt: skip
    assert [str(one.at) for one in read(bundle(timed, report)).results] == [
        "2026-03-01",
        "2026-02-03",
    ]


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        ({"valueQuantity": {"value": 1.1}}, "valueQuantity.unit", "missing"),
        ({"valueQuantity": {"unit": "mg/dL"}}, "valueQuantity.value", "missing"),
        ({"valueQuantity": {"value": "1.1", "unit": "mg/dL"}}, "valueQuantity.value",
         "'1.1' is not a number"),
        ({"valueQuantity": {"value": True, "unit": "mg/dL"}}, "valueQuantity.value",
         "True is not a number"),
        ({"valueQuantity": {"value": 1.1, "unit": ["mg/dL"]}}, "valueQuantity.unit",
         "is not a text"),
        ({"valueQuantity": quantity(1.1, "mm[Hg]")}, "valueQuantity.code",
         "'mm[Hg]' is not a unit of creatinine"),
        ({"valueQuantity": quantity(88, "mg/dL")}, "valueQuantity.value",
         "88 mg/dL is no believable creatinine"),
        ({"valueQuantity": quantity(1, "mg/dL") | {"unit": "umol/L"}}, "valueQuantity.unit",
         "says 'umol/L', and code says 'mg/dL'"),
        ({"valueQuantity": quantity(1, "mg/dL") | {"comparator": "~"}}, "valueQuantity.comparator",
         "'~' is not understood"),
        ({"valueQuantity": [1]}, "valueQuantity", "is not a JSON object"),
        ({"effectiveDateTime": None}, "effectiveDateTime", "missing"),
        ({"effectiveDateTime": "2026-03"}, "effectiveDateTime", "2026-03 is too coarse"),
        ({"effectiveDateTime": "2026-03-01T08:15:00"}, "effectiveDateTime",
         "'2026-03-01T08:15:00' has no time zone"),
        ({"code": concept("2160-1")}, "code", "'2160-1' is no LOINC code"),
        ({"code": {"coding": "2160-0"}}, "code.coding", "is not a list"),
        ({"referenceRange": [{"low": quantity(1, "kg")}]}, "referenceRange[0].low.code",
         "'kg' is not a unit of creatinine"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_result_is_a_problem_with_its_key_path(read, change, place, reason):
    findings = read(bundle(result(), result(**change), result("2823-3", 4.1, "mmol/L")))
    assert places(findings)[f"Bundle.entry[1].resource.{place}"] == reason
    assert [one.title for one in findings.results] == ["creatinine", "potassium"]


def test_every_problem_is_listed_at_once(read):
    both = result(unit="furlong", effectiveDateTime="2026-03")
    findings = read(bundle(both, result(unit="")))
    assert list(places(findings)) == [
        "Bundle.entry[0].resource.effectiveDateTime",
        "Bundle.entry[0].resource.valueQuantity.code",
        "Bundle.entry[1].resource.valueQuantity.code",
    ]


@pytest.mark.parametrize("text", ["x" * 301, "\x1b[2J", "\ud800", "a\x00b"])
def test_a_name_that_can_not_be_printed_is_a_problem(read, text):
    findings = read(bundle(result(code={"coding": concept("2132-9")["coding"], "text": text})))
    assert not findings.results
    assert "Bundle.entry[0].resource.code.text" in places(findings)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (result(status="entered-in-error"), "Observation: is entered-in-error"),
        (result(status="cancelled"), "Observation: is cancelled"),
        (result(status="registered"), "Observation: is registered"),
        (result(status=None), "Observation: has no status"),
        (result(valueQuantity=None), "Observation: has no number with a unit"),
        (result(valueQuantity=None, dataAbsentReason={"text": "haemolysed"}),
         "Observation: has no value"),
        (result(code=concept("CREA", "urn:local")), "Observation: has no LOINC code"),
        (result(focus=[{"reference": "Patient/fetus"}]),
         "Observation: is about something else than the patient"),
        (result(subject={"reference": "Device/7"}), "Observation: is not about a patient"),
        (result(subject={"type": "Group", "display": "ward"}),
         "Observation: is not about a patient"),
        (result(modifierExtension=[{"url": "urn:not"}]),
         "Observation: has a modifierExtension or implicitRules that may change its meaning"),
        (statement(status="not-taken"), "MedicationStatement: is not-taken"),
        (statement(status="intended"), "MedicationStatement: is intended"),
        (statement(status="entered-in-error"), "MedicationStatement: is entered-in-error"),
        (request(status="draft"), "MedicationRequest: is draft"),
        (request(status="cancelled"), "MedicationRequest: is cancelled"),
        (request(intent="proposal"), "MedicationRequest: is only a proposal"),
        (request(doNotPerform=True), "MedicationRequest: orders that it is not taken"),
        (administration(status="not-done"), "MedicationAdministration: is not-done"),
        (genotype(code=concept("84414-2")),
         "Observation: is one haplotype; the diplotype is what is used"),
        (implication("LA6677-4", gene_studied("CYP2D6")),
         "Observation: CYP2D6: 'LA6677-4' is no phenotype known here"),
        (implication("LA9657-3"), "Observation: is about a genotype and does not name one gene"),
        ({"resourceType": "Condition"}, "Condition: not read here"),
        ({"resourceType": "DiagnosticReport", "status": "entered-in-error"},
         "DiagnosticReport: is entered-in-error"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_used_is_counted_with_the_reason(read, resource, reason):
    findings = read(bundle(resource, resource))
    assert skipped(findings) == {reason: 2}
    assert not findings.problems
    assert [*findings.results, *findings.medications, *findings.genotypes] == []


def test_results_of_a_withdrawn_report_are_not_used(read):
    report = {
        "resourceType": "DiagnosticReport", "status": "cancelled",
        "result": [{"reference": "Observation/o"}],
    }  # fmt: skip
    findings = read(bundle(report, result(id="o"), result("2823-3", 4.1, "mmol/L", id="other")))
    assert [one.title for one in findings.results] == ["potassium"]


def test_what_is_called_mistaken_is_remembered_for_the_merge(read):
    findings = read(
        bundle(
            result(status="entered-in-error"),
            genotype(status="entered-in-error"),
            statement(status="not-taken"),
        )
    )
    assert [(loinc, str(at)) for loinc, at in findings.withdrawn_results] == [
        ("2160-0", "2026-03-01T07:15:00Z")
    ]
    assert findings.withdrawn_genes == ["CYP2D6"]
    assert [one.name for one in findings.withdrawn_medications] == ["metoprolol"]


def test_a_diplotype_and_a_phenotype_are_read_with_their_gene(read):
    derived = implication("LA10317-8", derivedFrom=[{"reference": "Observation/g"}])
    named = implication("LA9657-3", gene_studied("CYP2C19"))
    old_style = implication("LA9657-3")
    old_style |= {"code": concept("53040-2"), "component": [gene_studied("CYP2B6")]}
    old_style["valueCodeableConcept"] = {"text": "Extensive metabolizer"}
    display = "CYP2C9 gene product metabolic activity interpretation"
    activity = result(code=concept("79716-7", LOINC, display), valueQuantity=None)
    activity["valueCodeableConcept"] = {"text": "Normal metabolizer"}
    method = {"text": "panel sequencing"}
    findings = read(bundle(genotype(id="g", method=method), derived, named, old_style, activity))
    kept = [(one.gene, one.diplotype, one.phenotype) for one in findings.genotypes]
    assert kept == [
        ("CYP2D6", "*1/*4", ""),
        ("CYP2D6", "", "intermediate metabolizer"),
        ("CYP2C19", "", "poor metabolizer"),
        ("CYP2B6", "", "normal metabolizer"),
        ("CYP2C9", "", "normal metabolizer"),
    ]
    assert findings.genotypes[0].method == "panel sequencing"
    assert not findings.problems


def test_a_genotype_may_carry_its_phenotype(read):
    metabolism = implication("LA10317-8")["component"]
    findings = read(bundle(genotype(component=[gene_studied("CYP2D6"), *metabolism])))
    assert [(one.gene, one.diplotype, one.phenotype) for one in findings.genotypes] == [
        ("CYP2D6", "*1/*4", ""),
        ("CYP2D6", "", "intermediate metabolizer"),
    ]


def test_a_genotype_names_its_gene_in_its_value_or_is_about_none(read):
    findings = read(bundle(genotype(component=[]), genotype("*1/*4", component=[])))
    assert [one.gene for one in findings.genotypes] == ["CYP2D6"]
    two_genes = genotype(component=[gene_studied("CYP2C9"), gene_studied("VKORC1")], value="*1/*2")
    assert read(bundle(two_genes)).genotypes == []


def test_a_genotype_that_is_not_two_alleles_is_a_problem(read):
    findings = read(bundle(genotype("CYP2D6*4")))
    assert places(findings) == {
        "Bundle.entry[0].resource.valueCodeableConcept": (
            "'CYP2D6*4' is not two alleles such as *1/*4"
        )
    }


def test_a_medication_is_read_from_each_of_its_three_resources(read):
    drug = {"resourceType": "Medication", "id": "m", "code": concept("7980", ATC, "penicillin")}
    by_reference = request(medicationReference={"reference": "Medication/m"})
    contained = statement(medicationReference={"reference": "#m"}, contained=[drug])
    del by_reference["medicationCodeableConcept"], contained["medicationCodeableConcept"]
    findings = read(bundle(statement(), by_reference, contained, administration(), drug))
    one, two, three, four = findings.medications
    assert (one.name, one.codes) == ("metoprolol", {"atc": "C07AB02"})
    assert (one.dose, one.dose_unit, one.times_per_day, one.route) == (50, "mg", 2, "oral")
    assert (str(one.start), one.end) == ("2026-01-10", None)
    assert (two.name, three.name) == ("penicillin", "penicillin")
    assert (two.kind, str(two.start)) == (MedicationKind.ORDERED, "2026-02-01")
    assert (four.kind, four.dose, four.dose_unit) == (MedicationKind.GIVEN, 1000, "mg")
    assert (four.route, four.times_per_day) == ("intravenous", None)
    assert not findings.problems
    assert not findings.notes


@pytest.mark.parametrize(
    ("timing", "times"),
    [
        ({"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}}, 3),
        ({"repeat": {"period": 8, "periodUnit": "h"}}, 3),
        ({"repeat": {"frequency": 1, "period": 2, "periodUnit": "d"}}, 0.5),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "wk"}}, 1 / 7),
        ({"repeat": {"timeOfDay": ["08:00:00", "20:00:00"]}}, 2),
        ({"repeat": {"frequency": 2, "period": 1, "periodUnit": "d",
                     "timeOfDay": ["08:00:00", "20:00:00"]}}, 2),
        ({"repeat": {"when": ["MORN"]}}, 1),
        ({"repeat": {"frequency": 1, "period": 1, "periodUnit": "d",
                     "dayOfWeek": ["mon", "wed", "fri"]}}, 3 / 7),
        ({"code": concept("TID", "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation")}, 3),
        ({"code": concept("Q4H", "urn:any")}, 6),
        ({"code": {"text": "when it rains"}}, None),
        ({}, None),
    ],
    ids=str,
)  # fmt: skip
def test_how_often_a_day_is_an_average(read, timing, times):
    findings = read(bundle(request(dosageInstruction=[dosage() | {"timing": timing}])))
    assert findings.medications[0].times_per_day == (times and pytest.approx(times))


def test_each_dosage_is_an_entry_with_its_own_bounds(read):
    bounds = {"boundsPeriod": {"start": "2026-03-01", "end": "2026-03-08"}}
    later = dosage(25, repeat={"frequency": 1, "period": 1, "periodUnit": "d"} | bounds)
    findings = read(
        bundle(request(dosageInstruction=[dosage(), later | {"asNeededBoolean": True}]))
    )
    one, two = findings.medications
    assert (one.dose, one.times_per_day, str(one.start), one.as_needed) == (
        50, 2, "2026-02-01", False,
    )  # fmt: skip
    assert (two.dose, str(two.start), str(two.end), two.as_needed) == (
        25, "2026-03-01", "2026-03-08", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("amounts", "note", "dose"),
    [
        ([{"doseRange": {"low": quantity(1, "mg")}}], "gives a range of doses", None),
        ([{"rateQuantity": quantity(1, "mg/h")}], "gives a rate and no dose", None),
        ([], "gives no dose", None),
        ([{"doseQuantity": quantity(5, "mg")}, {"doseQuantity": quantity(0.1, "mg/kg")}],
         "gives several doses", 5),
    ],
    ids=str,
)  # fmt: skip
def test_a_dose_that_can_not_be_told_is_noted_and_never_made_up(read, amounts, note, dose):
    findings = read(bundle(request(dosageInstruction=[dosage() | {"doseAndRate": amounts}])))
    assert [one.reason for one in findings.notes] == [note]
    assert findings.medications[0].dose == dose


@pytest.mark.parametrize(
    ("resource", "place", "reason"),
    [
        (statement(medicationCodeableConcept=None), "medicationCodeableConcept",
         "names no drug that is in this file"),
        (statement(dosage=[dosage(value=-1)]), "dosage[0].doseAndRate[0].doseQuantity.value",
         "-1 is no dose"),
        (statement(dosage=[dosage(unit="mg/dL")]), "dosage[0].doseAndRate[0].doseQuantity.code",
         "'mg/dL' is no unit of a dose"),
        (statement(dosage=[dosage() | {"doseAndRate": [{"doseQuantity": {"value": 5}}]}]),
         "dosage[0].doseAndRate[0].doseQuantity.unit", "a dose without a unit can't be used"),
        (statement(dosage=[dosage() | {"doseAndRate": [{"doseQuantity": {"unit": "mg"}}]}]),
         "dosage[0].doseAndRate[0].doseQuantity.value", "missing"),
        (statement(dosage=[dosage(repeat={"period": 0, "periodUnit": "d"})]),
         "dosage[0].timing.repeat.periodUnit", "0 'd' is no period"),
        (statement(dosage=[dosage(repeat={"period": 1})]),
         "dosage[0].timing.repeat.periodUnit", "1 '' is no period"),
        (statement(dosage=[dosage(repeat={"frequency": 2, "period": 1, "periodUnit": "s"})]),
         "dosage[0].timing.repeat", "172800 times a day is not believable"),
        (statement(dosage=[dosage(repeat={"frequency": -2, "period": 1, "periodUnit": "d"})]),
         "dosage[0].timing.repeat", "-2 times a day is not believable"),
        (statement(effectivePeriod={"start": "2026-03-02", "end": "2026-03-01"}),
         "dosage[0].timing.repeat.boundsPeriod", "ends 2026-03-01, before it starts 2026-03-02"),
        (administration(effectiveDateTime=None), "effectiveDateTime", "missing"),
        (request(doNotPerform="no"), "doNotPerform", "is neither true nor false"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_medication_is_a_problem_with_its_key_path(read, resource, place, reason):
    findings = read(bundle(resource))
    assert places(findings) == {f"Bundle.entry[0].resource.{place}": reason}
    assert not findings.medications


def test_only_year_of_birth_and_sex_of_the_person_are_kept(read):
    person = patient(
        name=[{"family": "Mustermann"}], birthDate="1950-02-03", gender="female",
        identifier=[{"value": "A123"}], address=[{"city": "Ulm"}],
    )  # fmt: skip
    findings = read(bundle(person, result(subject={"reference": "Patient/p"})))
    assert (findings.birth_year, findings.sex) == (1950, "female")
    assert not any(word in repr(findings) for word in ("Mustermann", "A123", "Ulm", "02-03"))
    assert places(read(bundle(patient(gender="f")))) == {
        "Bundle.entry[0].resource.gender": "'f' is no code"
    }


@pytest.mark.parametrize(
    "resources",
    [
        [patient("p"), patient("q")],
        [result(subject={"reference": "Patient/p"}), result(subject={"reference": "Patient/q"})],
        [patient("p"), result(subject={"reference": "Patient/q"})],
        [result(subject={"identifier": {"system": "s", "value": "1"}}),
         statement(subject={"identifier": {"system": "s", "value": "2"}})],
        [result(subject={"reference": "#p"}, contained=[patient(identifier=[{"value": "1"}])]),
         result(subject={"reference": "#p"}, contained=[patient(identifier=[{"value": "2"}])])],
    ],
)  # fmt: skip
def test_a_file_about_two_people_is_refused_as_a_whole(read, resources):
    with pytest.raises(FileRefused, match="is about another person than"):
        read(bundle(*resources))


@pytest.mark.parametrize(
    "resources",
    [
        [patient("p"), result(subject={"reference": "Patient/p"}),
         result(subject={"reference": "https://clinic.example/fhir/Patient/p/_history/2"})],
        [result(subject={"reference": "Patient/p"}),
         result(subject={"reference": "https://clinic.example/fhir/Patient/p"})],
        [result(subject={"identifier": {"system": "s", "value": "1"}}),
         result(subject={"identifier": {"system": "t", "value": "2"}})],
        [result(subject={"reference": "Patient/p"}), result()],
    ],
)  # fmt: skip
def test_one_person_may_be_named_in_several_ways(read, resources):
    assert read(bundle(*resources)).problems == []


def test_a_full_url_and_a_relative_reference_are_one_person(read):
    entries = bundle(patient("p"), result(subject={"reference": "urn:uuid:7"}),
                     result(subject={"reference": "Patient/p"}))  # fmt: skip
    entries["entry"][0]["fullUrl"] = "urn:uuid:7"
    assert read(entries).refusals == []


def test_a_deleted_entry_is_nothing(read):
    document = bundle(result())
    document["entry"][0]["request"] = {"method": "DELETE"}
    assert read(document).results == []


def test_a_page_of_several_is_noted(read):
    findings = read(bundle(result(), link=[{"relation": "next", "url": "https://x"}]))
    assert "one page of several" in findings.notes[0].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"a": 1}, "resourceType: missing"),
        (bundle(result(), kind="history"), "a history holds old versions"),
        ([], "is a JSON list"),
        ('{"resourceType": "Bundle",\n "entry": [}', "line 2, column 12: is not valid JSON"),
        ('{"resourceType": "Bundle"} {}', "is not valid JSON: Extra data"),
        ('{"resourceType": "Bundle", "a": NaN}', "NaN is no JSON number"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "is nested deeper than 64 levels"),
        ('{"a":' * 70 + "1" + "}" * 70, "is nested deeper than 64 levels"),
        ('{"a": 1' + "0" * 5000 + "}", "is not valid JSON"),
        (b'{"a": "\xff"}', "octet 7 is not UTF-8"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_file_that_is_no_fhir_is_refused_with_the_place(read, content, reason):
    with pytest.raises(FileRefused) as caught:
        read(content)
    assert reason in str(caught.value)


def test_a_byte_order_mark_is_no_obstacle(read):
    import json

    text = json.dumps(bundle(result()))
    assert len(read(b"\xef\xbb\xbf" + text.encode()).results) == 1
    assert len(read(text.encode("utf-16")).results) == 1


def test_a_result_of_tomorrow_is_doubted(read):
    findings = read(bundle(result(effectiveDateTime="2031-03-01T08:15:00Z"), statement()))
    assert [one.reason for one in findings.problems] == ["lies in the future"]
    assert not findings.results
    assert findings.medications


def test_a_phenotype_keeps_the_source_it_came_from(read):
    findings = read(bundle(genotype()))
    assert findings.genotypes == [
        Genotype(gene="CYP2D6", diplotype="*1/*4", source=findings.source)
    ]
    assert len(findings.source) == 12


def test_ucum_is_what_the_code_says_only_when_the_system_says_so(read):
    local = {"value": 1.1, "unit": "mg/dL", "system": "urn:local", "code": "U17"}
    assert read(bundle(result(valueQuantity=local))).results[0].value == 1.1
    ucum = local | {"system": UCUM}
    assert "'U17' is not a unit known here" in str(
        read(bundle(result(valueQuantity=ucum))).problems
    )
