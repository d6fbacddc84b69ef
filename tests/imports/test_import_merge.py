from datetime import UTC, datetime

import msgspec
import pytest

from edge_agent.errors import SealError, StoreError
from edge_agent.imports.findings import Findings
from edge_agent.imports.merge import merge
from edge_agent.imports.moments import parse_moment
from edge_agent.imports.person import forget_person, load_person, person_file, update_person
from edge_agent.imports.record import Genotype, LabResult, Medication, PersonRecord, Source
from edge_agent.store.local_state import LocalState
from edge_agent.store.subject_files import SubjectFiles

AT = "2026-03-01T08:15:00Z"
SUBJECT = "00112233445566778899aabbccddeeff"


def lab(value=1.1, at=AT, status="final", loinc="2160-0", title="creatinine", **more):
    return LabResult(
        loinc=loinc,
        title=title,
        value=value,
        unit="mg/dL",
        at=parse_moment(at),
        status=status,
        **more,
    )


def drug(name="metoprolol", start=None, **more):
    return Medication(name=name, start=parse_moment(start) if start else None, **more)


def found(source="new", **more):
    return Findings(source=source, **more)


def merged(*files):
    """Merge one file after the other; return the last step."""
    step = merge(PersonRecord(), found("none"), source("none"))
    for index, one in enumerate(files):
        step = merge(step.record, one, source(f"file{index}"))
    return step


def source(identity):
    return Source(id=identity, kind="CSV", imported_at=datetime(2026, 6, 1, tzinfo=UTC))


def test_the_same_file_twice_changes_nothing():
    files = found(
        results=[lab()], medications=[drug()], genotypes=[Genotype(gene="CYP2D6", phenotype="x")]
    )
    once, twice = merged(files), merge(merged(files).record, files, source("file0"))
    assert twice.record == once.record
    assert twice.changes == []


def test_one_result_for_each_code_and_time():
    step = merged(
        found(results=[lab(1.1), lab(1.2, at="2026-03-02")]),
        found(results=[lab(1.3), lab(4.1, loinc="2823-3", title="potassium")]),
    )
    assert [(one.title, one.value) for one in step.record.results] == [
        ("creatinine", 1.3), ("creatinine", 1.2), ("potassium", 4.1),
    ]  # fmt: skip
    assert step.changes == ["creatinine, 2026-03-01T08:15:00Z: 1.1 becomes 1.3"]


def test_a_corrected_result_outlives_the_one_it_corrected():
    step = merged(found(results=[lab(1.3, status="corrected")]), found(results=[lab(1.1)]))
    assert [one.value for one in step.record.results] == [1.3]
    assert step.changes == ["creatinine, 2026-03-01T08:15:00Z: the corrected value stays"]
    in_one_file = merged(found(results=[lab(1.1), lab(1.3, status="corrected"), lab(1.2)]))
    assert [one.value for one in in_one_file.record.results] == [1.3]
    assert in_one_file.problems == []


def test_two_values_for_one_code_and_time_are_a_problem_and_neither_is_kept():
    step = merged(found(results=[lab(1.0)]), found(results=[lab(1.1), lab(1.2)]))
    (problem,) = step.problems
    assert problem.path == "creatinine (2160-0), 2026-03-01T08:15:00Z"
    assert problem.reason == "has several values, 1.1 and 1.2 mg/dL"
    assert [one.value for one in step.record.results] == [1.0]


def test_a_withdrawn_result_leaves_the_record():
    withdrawn = found(withdrawn_results=[("2160-0", parse_moment(AT))])
    step = merged(found(results=[lab(), lab(at="2026-03-02")]), withdrawn)
    assert len(step.record.results) == 1
    assert step.changes == ["creatinine, 2026-03-01T08:15:00Z: withdrawn by this file"]


def test_what_a_later_file_says_of_a_drug_replaces_what_was_known():
    atc = {"codes": {"atc": "C07AB02"}}
    step = merged(
        found(medications=[drug(dose=50.0, **atc), drug(dose=25.0, **atc), drug("digoxin")]),
        found(medications=[drug("Beloc", dose=100.0, **atc)]),
    )
    kept = [(one.name, one.dose) for one in step.record.medications]
    assert kept == [("Beloc", 100.0), ("digoxin", None)]
    assert step.changes == ["metoprolol: replaced by what this file says"] * 2


def test_a_drug_is_known_by_a_shared_code_and_else_by_its_name():
    one = drug("Beloc", codes={"atc": "C07AB02", "pzn": "1"})
    assert one.is_same_drug(drug("metoprolol", codes={"atc": "C07AB02"}))
    assert not one.is_same_drug(drug("Beloc", codes={"atc": "C07AB07"}))
    assert one.is_same_drug(drug("beloc", codes={"rxnorm": "6918"}))


def test_doses_that_were_given_are_added_each_once():
    first = drug("vancomycin", "2026-03-01T08:00:00Z", kind="given", dose=1000.0)
    second = drug("vancomycin", "2026-03-01T20:00:00Z", kind="given", dose=1000.0)
    step = merged(found(medications=[first]), found(medications=[first, second, second]))
    assert len(step.record.medications) == 2


def test_an_order_does_not_replace_a_statement():
    step = merged(found(medications=[drug()]), found(medications=[drug(kind="ordered")]))
    assert {one.kind for one in step.record.medications} == {"stated", "ordered"}


@pytest.mark.parametrize(
    ("withdrawn", "left"),
    [
        (drug(), 0), (drug("METOPROLOL"), 0), (drug(start="2026-01-10"), 0),
        (drug(start="2026-01-11"), 1), (drug(kind="ordered"), 1), (drug("digoxin"), 1),
    ],
)  # fmt: skip
def test_a_withdrawn_medication_leaves_the_record(withdrawn, left):
    step = merged(
        found(medications=[drug(start="2026-01-10")]), found(withdrawn_medications=[withdrawn])
    )
    assert len(step.record.medications) == left
    assert len(step.changes) == 1 - left


def test_diplotype_and_phenotype_of_a_gene_come_together():
    step = merged(
        found(genotypes=[Genotype(gene="CYP2D6", diplotype="*1/*4", method="panel")]),
        found(genotypes=[Genotype(gene="CYP2D6", phenotype="intermediate metabolizer")]),
    )
    assert step.record.genotype("CYP2D6") == Genotype(
        gene="CYP2D6", diplotype="*1/*4", phenotype="intermediate metabolizer", method="panel"
    )
    assert step.record.genotype("CYP2C9") is None


def test_two_genotypes_of_a_gene_are_a_problem_and_what_was_there_stays():
    before = found(genotypes=[Genotype(gene="CYP2D6", diplotype="*1/*4")])
    step = merged(before, found(genotypes=[Genotype(gene="CYP2D6", diplotype="*1/*1")]))
    (problem,) = step.problems
    assert problem.path == "CYP2D6"
    assert problem.reason == "the diplotype is *1/*4, and also *1/*1"
    assert step.record.genotypes == tuple(before.genotypes)
    both = [Genotype(gene="CYP2D6", phenotype=one) for one in ("a", "b", "a")]
    assert merged(found(genotypes=both)).record.genotypes == ()


def test_a_withdrawn_genotype_makes_room_for_the_right_one():
    right = Genotype(gene="CYP2D6", diplotype="*1/*1")
    step = merged(
        found(genotypes=[Genotype(gene="CYP2D6", diplotype="*1/*4")]),
        found(genotypes=[right], withdrawn_genes=["CYP2D6", "CYP2C9"]),
    )
    assert step.record.genotypes == (right,)
    assert step.problems == []


@pytest.mark.parametrize("other", [{"birth_year": 1951}, {"sex": "male"}])
def test_another_birth_year_or_sex_may_be_another_person(other):
    step = merged(found(birth_year=1950, sex="female"), found(**other))
    assert "is it the file of another person?" in str(step.refusals[0])
    assert (step.record.birth_year, step.record.sex) == (1950, "female")
    assert not merged(found(birth_year=1950), found(sex="female")).refusals


def test_the_latest_result_is_found_by_its_title():
    record = merged(found(results=[lab(2.0, at="2026-03-05"), lab(1.0)])).record
    assert record.latest("creatinine").value == 2.0
    assert record.latest("potassium") is None


def test_the_record_is_kept_sealed_and_comes_back(tmp_path):
    record = merged(found(results=[lab()], medications=[drug()], birth_year=1950)).record
    assert load_person(SubjectFiles(tmp_path / "state", SUBJECT)) is None
    assert not (tmp_path / "state").exists()
    update_person(SubjectFiles(tmp_path / "state", SUBJECT), lambda _: record)
    assert load_person(SubjectFiles(tmp_path / "state", SUBJECT)) == record
    update_person(SubjectFiles(tmp_path / "state", SUBJECT), lambda _: None)
    assert load_person(SubjectFiles(tmp_path / "state", SUBJECT)) == record
    assert person_file(SubjectFiles(tmp_path / "state", SUBJECT)).exists()
    octets = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert not any(word in octets for word in (b"creatinine", b"metoprolol", b"2160-0", b"1950"))
    assert forget_person(SubjectFiles(tmp_path / "state", SUBJECT))
    assert load_person(SubjectFiles(tmp_path / "state", SUBJECT)) is None
    assert not forget_person(SubjectFiles(tmp_path / "state", SUBJECT))
    assert not forget_person(SubjectFiles(tmp_path / "never", SUBJECT))


def test_a_record_of_another_version_is_refused_in_words(tmp_path):
    LocalState.open(tmp_path).write(
        f"person-{SUBJECT[:12]}", msgspec.json.encode({"kind": "edge-agent person 9"})
    )
    with pytest.raises(StoreError, match="of another version"):
        load_person(SubjectFiles(tmp_path, SUBJECT))


def test_a_damaged_record_is_refused_in_words(tmp_path):
    update_person(SubjectFiles(tmp_path, SUBJECT), lambda record: record)
    path = person_file(SubjectFiles(tmp_path, SUBJECT))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SealError, match="set aside"):
        load_person(SubjectFiles(tmp_path, SUBJECT))
    assert load_person(SubjectFiles(tmp_path, SUBJECT)) is None
