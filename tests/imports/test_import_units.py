import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.imports.lab_codes import ANALYTES, BY_LOINC
from edge_agent.imports.laboratory import NotAResult, canonical, is_loinc
from edge_agent.imports.units import convert, parse_unit, spelled

# IUPAC standard atomic weights, abridged (doi:10.1515/pac-2019-0603).
WEIGHTS = {
    "H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "Na": 22.990, "Mg": 24.305, "Cl": 35.45,
    "K": 39.098, "Ca": 40.078,
}  # fmt: skip
FORMULAS = {
    "creatinine": {"C": 4, "H": 7, "N": 3, "O": 1},
    "urea": {"C": 1, "H": 4, "N": 2, "O": 1},
    "urea nitrogen": {"N": 2},
    "urate": {"C": 5, "H": 4, "N": 4, "O": 3},
    "glucose": {"C": 6, "H": 12, "O": 6},
    "lactate": {"C": 3, "H": 6, "O": 3},
    "bilirubin": {"C": 33, "H": 36, "N": 4, "O": 6},
    "bilirubin, direct": {"C": 33, "H": 36, "N": 4, "O": 6},
    "digoxin": {"C": 41, "H": 64, "O": 14},
    "vancomycin": {"C": 66, "H": 75, "Cl": 2, "N": 9, "O": 24},
    "theophylline": {"C": 7, "H": 8, "N": 4, "O": 2},
    "potassium": {"K": 1},
    "sodium": {"Na": 1},
    "chloride": {"Cl": 1},
    "calcium": {"Ca": 1},
    "magnesium": {"Mg": 1},
}


@pytest.mark.parametrize("title", FORMULAS)
def test_molar_mass_is_that_of_the_formula(title):
    analyte = next(one for one in ANALYTES if one.title == title)
    mass = sum(WEIGHTS[element] * count for element, count in FORMULAS[title].items())
    assert analyte.molar_mass_g_per_mol == pytest.approx(mass, abs=0.02, rel=2e-5)


def test_every_molar_mass_has_a_formula_or_is_a_protein():
    massive = {one.title for one in ANALYTES if one.molar_mass_g_per_mol}
    proteins = {"cystatin C", "haemoglobin", "BNP", "NT-proBNP", "albumin"}
    assert massive == FORMULAS.keys() | proteins


def test_every_code_is_a_loinc_code_of_one_analyte_in_a_unit_that_is_understood():
    codes = [loinc for one in ANALYTES for loinc in one.loincs]
    assert len(codes) == len(set(codes)) == len(BY_LOINC)
    for one in ANALYTES:
        assert all(is_loinc(loinc) for loinc in one.loincs), one.title
        assert parse_unit(one.unit) is not None, one.title
        assert spelled(one.unit) == one.unit
        assert 0 < one.low < one.high
        assert all(parse_unit(special.unit) for special in one.special)


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "expected"),
    [
        ("2160-0", 88.4, "umol/L", 1.0),  # the factor in use is 88.4
        ("14682-9", 88.4, "µmol/l", 1.0),
        ("2345-7", 5.0, "mmol/L", 90.08),  # 18.016
        ("4548-4", 53, "mmol/mol", 7.0),  # NGSP's table of round pairs
        ("59261-8", 86, "mmol/mol", 10.0),
        ("4548-4", 7.0, "%", 7.0),
        ("718-7", 8.69, "mmol/L", 14.0),  # 0.6206
        ("718-7", 140, "g/L", 14.0),
        ("2823-3", 4.1, "meq/L", 4.1),
        ("2823-3", 4.1, "mEq/L", 4.1),
        ("2000-8", 5.0, "meq/L", 2.5),
        ("17861-6", 10.0, "mg/dL", 2.495),  # 0.2495
        ("19123-9", 2.431, "mg/dL", 1.0),
        ("1975-2", 17.1, "umol/L", 1.0),  # 17.1
        ("3094-0", 5.0, "mmol/L", 14.0),  # 2.801
        ("33762-6", 100, "pmol/L", 845.7),  # 8.457
        ("30934-4", 100, "pmol/L", 346.4),  # 3.464
        ("1751-7", 40, "g/L", 4.0),
        ("1751-7", 602, "umol/L", 4.0),  # 15.05 umol/L to 1 g/L
        ("6598-7", 0.014, "ng/mL", 14.0),
        ("6598-7", 0.014, "ug/L", 14.0),
        ("1988-5", 1.2, "mg/dL", 12.0),
        ("1742-6", 0.6, "ukat/L", 36.0),
        ("1742-6", 36, "IU/L", 36.0),
        ("777-3", 250, "10*3/uL", 250.0),
        ("777-3", 250, "x10^9/L", 250.0),
        ("777-3", 250_000, "/uL", 250.0),
        ("10535-3", 1.28, "nmol/L", 1.0),
        ("20578-1", 15, "ug/mL", 15.0),
        ("29463-7", 154.32, "[lb_av]", 70.0),
        ("29463-7", 70_000, "g", 70.0),
        ("8302-2", 1.8, "m", 180.0),
        ("8302-2", 70.87, "in", 180.0),
        ("33914-3", 60, "mL/min/1.73m2", 60.0),
        ("33914-3", 60, "mL/min/1,73 m²", 60.0),
        ("33914-3", 60, "ml/min/{1.73_m2}", 60.0),
        ("6301-6", 2.4, "", 2.4),
        ("6301-6", 2.4, "{INR}", 2.4),
    ],
)
def test_a_value_becomes_the_one_unit_of_its_code(loinc, value, unit, expected):
    kept = canonical(loinc, value, unit)
    assert kept.unit == BY_LOINC[loinc].unit
    assert kept.value == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("analyte", ANALYTES, ids=lambda one: one.title)
def test_the_own_unit_is_kept_to_the_last_digit(analyte):
    for value in (analyte.low, analyte.high, (analyte.low + analyte.high) / 3):
        assert canonical(analyte.loincs[0], value, analyte.unit).value == value


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "field", "reason"),
    [
        ("2160-0", 1.0, "", "unit", "missing"),
        ("2160-0", 1.0, "mmol", "unit", "is not a unit of creatinine"),
        ("2160-0", 1.0, "furlong", "unit", "is not a unit known here"),
        ("2160-0", 88.4, "mg/dL", "value", "no believable creatinine"),
        ("2345-7", 5.5, "mg/dL", "value", "no believable glucose"),
        ("718-7", 140, "g/dL", "value", "no believable haemoglobin"),
        ("4548-4", 7.0, "mmol/mol", "value", "no believable HbA1c"),
        ("4548-4", 0.07, "1", "unit", "is not a unit of HbA1c"),
        ("4548-4", 7.0, "mmol/L", "unit", "is not a unit of HbA1c"),
        ("33914-3", 60, "mL/min", "unit", "is not a unit of eGFR"),
        ("1742-6", 30, "g/L", "unit", "is not a unit of ALT"),
        ("6301-6", 200, "%", "unit", "is not a unit of INR"),
        ("99999-7", 1.0, "", "unit", "missing"),
    ],
)
def test_a_value_that_can_not_be_meant_is_refused(loinc, value, unit, field, reason):
    with pytest.raises(NotAResult, match=reason) as caught:
        canonical(loinc, value, unit)
    assert caught.value.field == field
    assert caught.value.expected


def test_a_code_not_known_here_keeps_the_unit_it_came_with():
    assert canonical("2132-9", 400, "pmol/L").unit == "pmol/L"
    assert canonical("2132-9", 400, "arb. units").unit == "arb. units"
    assert canonical("2132-9", 400, "µg/l").unit == "ug/l"


@pytest.mark.parametrize("code", ["2160-0", "14682-9", "84413-4", "4548-4", "8480-6"])
def test_a_loinc_code_has_a_check_digit(code):
    assert is_loinc(code)
    wrong = f"{code[:-1]}{(int(code[-1]) + 1) % 10}"
    assert not is_loinc(wrong)


@pytest.mark.parametrize("code", ["", "2160", "LA9657-3", "2160-00", "٢160-0", "-0", "2160 -0"])
def test_what_is_no_loinc_code_is_told(code):
    assert not is_loinc(code)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("mg/dL", "mg/dl"), ("mcg", "ug"), ("μmol/L", "umol/L"), ("10^9/L", "10*9/L"),
        ("mmHg", "mm[Hg]"), ("IU/mL", "[IU]/mL"), ("mg/kg", "ug/g"), ("10E9/L", "10*3/uL"),
        ("{beats}/min", "/min"), ("g.m/s2", "m.g/s2"), (" mg/dL ", "mg/dL"), ("mIU/L", "uIU/mL"),
    ],
)  # fmt: skip
def test_spellings_of_one_unit(text, same):
    one, other = parse_unit(text), parse_unit(same)
    assert one is not None
    assert other is not None
    assert one.dimension == other.dimension
    assert one.size == pytest.approx(other.size)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "MG/DL", "mg/", "mg//dL", "m g/", "foo", "10*", "mg/(dL)", "x" * 50, "{", "m["],
)
def test_units_that_are_not_understood_are_not_guessed(text):
    assert parse_unit(text) is None


@given(st.text(max_size=60))
def test_any_text_is_a_unit_or_none(text):
    unit = parse_unit(text)
    assert unit is None or (unit.size > 0 and math.isfinite(unit.size))


@given(
    st.sampled_from(ANALYTES),
    st.floats(min_value=1e-3, max_value=1e6),
    st.sampled_from(["mg/dL", "g/L", "mmol/L", "umol/L", "pmol/L", "ng/mL", "meq/L", "U/L", "kg"]),
)
def test_there_and_back_is_the_same(analyte, value, text):
    given_unit, wanted = parse_unit(text), parse_unit(analyte.unit)
    ways = {"molar_mass_g_per_mol": analyte.molar_mass_g_per_mol}
    there = convert(value, given_unit, wanted, **ways)
    if there is not None:
        assert convert(there, wanted, given_unit, **ways) == pytest.approx(value)
