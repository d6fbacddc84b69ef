import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.imports import drugs, genes


@pytest.mark.parametrize(
    ("text", "gene", "expected"),
    [
        ("*1/*4", "CYP2D6", "*1/*4"),
        ("*17/*2", "CYP2C19", "*2/*17"),
        ("*10/*2", "CYP2D6", "*2/*10"),
        ("CYP2C19*2/*2", "CYP2C19", "*2/*2"),
        ("CYP2C9 *2/*5", "CYP2C9", "*2/*5"),
        ("CYP2D6*7.001 / CYP2D6*1.001", "CYP2D6", "*1.001/*7.001"),
        ("*4x2/*1", "CYP2D6", "*1/*4x2"),
        ("*1/*2x≥3", "CYP2D6", "*1/*2x≥3"),
        ("*36+*10/*1xN", "CYP2D6", "*1xN/*36+*10"),
        ("*3A/*1", "TPMT", "*1/*3A"),
        ("*57:01/*15:02", "HLA-B", "*15:02/*57:01"),
        ("Reference/c.1905+1G>A", "DPYD", "Reference/c.1905+1G>A"),
        ("rs9923231 C/T", "VKORC1", "rs9923231 C/T"),
    ],
)
def test_a_diplotype_has_one_spelling(text, gene, expected):
    assert genes.diplotype(text, gene) == expected


@pytest.mark.parametrize(
    "text", ["", "*1", "*1/", "/*1", "*1/*2/*3", "*1/4", "*1/*", "1/4", "*x/*1", "*1/*2;DROP"]
)
def test_what_is_not_two_alleles_is_refused(text):
    with pytest.raises(ValueError, match="is not two alleles"):
        genes.diplotype(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Poor Metabolizer", "poor metabolizer"),
        ("extensive metaboliser", "normal metabolizer"),
        ("Ultra-rapid  metabolizer", "ultrarapid metabolizer"),
        ("UM", "ultrarapid metabolizer"),
        ("Likely Intermediate Metabolizer", "likely intermediate metabolizer"),
        ("Decreased function", "decreased function"),
        ("indeterminate", "indeterminate"),
    ],
)
def test_a_phenotype_has_one_spelling(text, expected):
    assert genes.phenotype(text) == expected


@pytest.mark.parametrize("text", ["", "normal", "responsive", "metabolizer", "likely"])
def test_a_phenotype_not_known_is_never_taken_for_normal(text):
    with pytest.raises(ValueError, match="no phenotype known here"):
        genes.phenotype(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text):
    for read in (genes.diplotype, genes.phenotype, genes.gene_symbol):
        try:
            once = read(text)
        except ValueError:
            continue
        assert read(once) == once


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.05, "g", (50, "mg")),
        (125, "µg", (0.125, "mg")),
        (5, "mL", (5, "mL")),
        (10, "IU", (10, "[IU]")),
        (1, "tablet", (1, "{tbl}")),
        (2, "Hub", (2, "Hub")),
        (0.5, "mg/kg", (0.5, "mg/kg")),
        (100, "mg/m2", (100, "mg/m2")),
        (20, "mmol", (20, "mmol")),
    ],
)
def test_a_dose_of_a_mass_is_in_milligrams(value, unit, expected):
    assert drugs.dose(value, unit) == expected


@pytest.mark.parametrize(
    ("value", "unit", "reason"),
    [(0, "mg", "is no dose"), (-1, "mg", "is no dose"), (1, "", "without a unit"),
     (1, "mg/dL", "no unit of a dose"), (1, "h", "no unit of a dose")],
)  # fmt: skip
def test_what_is_no_dose_is_refused(value, unit, reason):
    with pytest.raises(ValueError, match=reason):
        drugs.dose(value, unit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("PO", "oral"), ("26643006", "oral"), ("i.v.", "intravenous"), ("nasal", "nasal"), ("", "")],
)
def test_a_route_has_one_spelling(text, expected):
    assert drugs.route(text) == expected
