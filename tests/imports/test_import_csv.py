import pytest

from edge_agent.imports.findings import FileRefused

LAB = "loinc,value,unit,time\n"
DRUG = "drug,dose,unit,times_per_day,route,start,end\n"
GENE = "gene,diplotype,phenotype\n"


def problems(findings):
    return [str(one) for one in findings.problems]


def test_results_are_read_with_their_range(read):
    findings = read(
        "loinc,value,unit,time,low,high\n"
        "2160-0,88.4,umol/L,2026-03-01T08:15:00+01:00,62,106\n"
        "67151-1,<3,ng/L,2026-03-01,,14\n"
    )
    creatinine, troponin = findings.results
    assert creatinine.value == pytest.approx(1.0, rel=1e-3)
    assert (creatinine.low, creatinine.high) == pytest.approx((0.701, 1.199), rel=1e-2)
    assert (troponin.comparator, troponin.value, troponin.low, troponin.high) == ("<", 3, None, 14)
    assert findings.problems == []


def test_semicolons_allow_a_decimal_comma_and_a_point(read):
    findings = read(
        "loinc;value;unit;time\r\n"
        "2823-3;4,1;mmol/L;2026-03-01\r\n"
        "\r\n"
        "2951-2;140.5;mmol/L;2026-03-01\r\n"
    )
    assert [one.value for one in findings.results] == [4.1, 140.5]


def test_medication_is_read(read):
    findings = read(
        "Drug;Dose;Unit;Times_per_day;Route;Start;End;ATC;RxNorm\n"
        '"Metoprolol; retard";0,0475;g;1;p.o.;2026-01-10;;C07AB02;866412\n'
        "Digoxin;;;;;2025;2026-02;;\n"
    )
    one, two = findings.medications
    assert (one.name, one.dose, one.dose_unit, one.route) == (
        "Metoprolol; retard",
        47.5,
        "mg",
        "oral",
    )
    assert one.codes == {"atc": "C07AB02", "rxnorm": "866412"}
    assert (two.dose, two.times_per_day, str(two.start), str(two.end)) == (
        None, None, "2025", "2026-02",
    )  # fmt: skip


def test_genotypes_are_read(read):
    findings = read(GENE + "CYP2D6,*4/*1,Intermediate Metabolizer\nCYP2C19,,poor metabolizer\n")
    assert [(one.gene, one.diplotype, one.phenotype) for one in findings.genotypes] == [
        ("CYP2D6", "*1/*4", "intermediate metabolizer"),
        ("CYP2C19", "", "poor metabolizer"),
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (LAB + "2160-1,1,mg/dL,2026-03-01\n",
         "line 2, column loinc: '2160-1' is no LOINC code; its form or its check digit is wrong"),
        (LAB + ",1,mg/dL,2026-03-01\n", "line 2, column loinc: is empty"),
        (LAB + "2160-0,,mg/dL,2026-03-01\n", "line 2, column value: is empty"),
        (LAB + "2160-0,1e999,mg/dL,2026-03-01\n", "line 2, column value: '1e999' is too large"),
        (LAB + "2160-0,nan,mg/dL,2026-03-01\n", "line 2, column value: 'nan' is not a number"),
        (LAB + '2160-0,"1,1",mg/dL,2026-03-01\n', "a decimal comma needs semicolons"),
        (LAB + "2160-0,١,mg/dL,2026-03-01\n", "line 2, column value: '١' is not a number"),
        (LAB + "2160-0,88,mg/dL,2026-03-01\n", "is the unit right?"),
        (LAB + "2160-0,1,,2026-03-01\n", "line 2, column unit: missing"),
        (LAB + "2160-0,1,mg,2026-03-01\n", "column unit: 'mg' is not a unit of creatinine"),
        (LAB + "2160-0,1,mg/dL,\n", "line 2, column time: is empty"),
        (LAB + "2160-0,1,mg/dL,01.03.2026\n", "line 2, column time: '01.03.2026' is not a time"),
        (LAB + "2160-0,1,mg/dL,2026-03\n", "line 2, column time: 2026-03 is too coarse"),
        (LAB + "2160-0,1,mg/dL\n", "line 2, column unit: 3 cells for 4 columns"),
        (LAB + "2160-0,1,mg/dL,2026-03-01,7\n", "line 2, column time: 5 cells for 4 columns"),
        (LAB + '\n"2160-0",1,mg/dL,2026-03-01\n"2160-\n0",1,mg/dL,2026-03-01\n',
         "line 4, column loinc: '2160- 0' is no LOINC code"),
        (LAB + "2160-0,1,\x1b[2J,2026-03-01\n", "column unit: holds characters that can't be"),
        (DRUG + ",1,mg,1,po,,\n", "line 2, column drug: is empty"),
        (DRUG + "A,1,,1,po,,\n", "line 2, column unit: a dose without a unit can't be used"),
        (DRUG + "A,,mg,1,po,,\n", "line 2, column dose: is empty, and there is a unit"),
        (DRUG + "A,0,mg,1,po,,\n", "line 2, column dose: 0 is no dose"),
        (DRUG + "A,1,mg/dL,1,po,,\n", "line 2, column unit: 'mg/dL' is no unit of a dose"),
        (DRUG + "A,1,mg,0,po,,\n", "line 2, column times_per_day: 0 is not believable"),
        (DRUG + "A,1,mg,1,po,2026-03-02,2026-03-01\n",
         "line 2, column end: 2026-03-01 lies before the start, 2026-03-02"),
        (GENE + ",*1/*4,\n", "line 2, column gene: is empty"),
        (GENE + "cyp2d6,*1/*4,\n", "line 2, column gene: 'cyp2d6' is no gene symbol"),
        (GENE + "CYP2D6,*4,\n", "line 2, column diplotype: '*4' is not two alleles such as *1/*4"),
        (GENE + "CYP2D6,,\n", "line 2, column diplotype: is empty, and so is the phenotype"),
        (GENE + "CYP2D6,,slow\n", "line 2, column phenotype: 'slow' is no phenotype known here"),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_cell_is_a_problem_with_line_and_column(read, content, expected):
    findings = read(content, "table.csv")
    assert all(one.startswith("table.csv, line ") for one in problems(findings))
    assert any(expected in one for one in problems(findings)), problems(findings)


def test_every_wrong_cell_of_a_row_is_listed_and_the_other_rows_are_read(read):
    findings = read(DRUG + "A,x,mg,y,po,z,\nB,1,mg,1,po,,\n")
    assert len(findings.problems) == 3
    assert [one.name for one in findings.medications] == ["B"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("name,born\nMustermann,1950\n",
         "line 1: is not the header of a table known here; expected loinc,value,unit,time[,low]"),
        ("loinc,value,unit\n", "line 1, column time: missing; expected loinc,value,unit,time"),
        ("loinc,value,unit,time,note\n", "line 1, column 'note': not known"),
        ("loinc,value,unit,time,time\n", "line 1, column time: stands there twice"),
        (LAB + '"2160-0,1,mg/dL,2026-03-01\n', "check the quotes"),
        (LAB + '"2160-0"x,1,mg/dL,2026-03-01\n', "check the quotes"),
        (",".join("abc" for _ in range(100)), "100 columns"),
        (b"\xff\xfea", "is not UTF-16"),
        (b"loinc\x81", "octet 5 is not UTF-8; save it as UTF-8"),
        (b"PK\x03\x04rest", "is a ZIP archive or a workbook; save the sheet as CSV"),
        (b"\x1f\x8brest", "is compressed; unpack it first"),
        ("<Bundle xmlns='http://hl7.org/fhir'/>", "is XML or HTML; export FHIR as JSON"),
        ("%PDF-1.7", "is a PDF"),
        (b" " * (20 * 1024 * 1024) + b"x", "is larger than 20 MiB; export a shorter time"),
    ],
    ids=lambda one: str(one[:30]),
)  # fmt: skip
def test_a_file_that_is_no_table_is_refused_as_a_whole(read, content, expected):
    with pytest.raises(FileRefused) as caught:
        read(content, "table.csv")
    assert expected in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_with_and_without_a_mark(read, encoding):
    content = (LAB + "2160-0,88.4,µmol/L,2026-03-01\n").encode(encoding)
    findings = read(content)
    assert len(findings.results) == 1
    assert not findings.notes


def test_what_an_old_program_wrote_is_read_and_noted(read):
    findings = read((LAB + "2160-0,88.4,µmol/L,2026-03-01\n").encode("cp1252"))
    assert len(findings.results) == 1
    assert "read as Windows-1252" in findings.notes[0].reason


def test_a_file_that_is_not_there_is_named(tmp_path):
    from edge_agent.imports.reading import read_file
    from tests.imports.conftest import NOW

    with pytest.raises(FileRefused, match=r"absent\.csv: No such file"):
        read_file(tmp_path / "absent.csv", NOW)
    with pytest.raises(FileRefused, match="Is a directory"):
        read_file(tmp_path, NOW)
