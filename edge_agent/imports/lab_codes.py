"""Laboratory results the hub knows: LOINC codes, the one unit of each, and what is believable.

Codes that differ only in the property (mass or moles per volume) or the method are one analyte with
one unit, so that the twin never meets creatinine in two units. A LOINC code that is not listed
keeps the unit it came with.

Sources: LOINC (https://loinc.org) for codes and properties; molar masses from the compounds'
formulas and the IUPAC standard atomic weights (Prohaska et al. 2022, doi:10.1515/pac-2019-0603),
of proteins from their mature chains (UniProt P02768 albumin, P16860 BNP and NT-proBNP) and, for
haemoglobin, of one monomer (Zander et al. 1984, the basis of 1 mmol/L = 1.61 g/dL); HbA1c by the
NGSP's master equation (https://ngsp.org/ifcc.asp): NGSP % = 0.09148 x IFCC mmol/mol + 2.152.

``low`` and ``high`` bound what a laboratory can report of a person who lives. They are no
reference ranges; they are there to catch a value in the wrong unit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Special:
    """A unit that takes more than a factor: ``value * slope + offset`` is in the analyte's unit."""

    unit: str
    slope: float
    offset: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyte:
    """Something a laboratory measures; ``unit`` (UCUM) is the only one it has in the hub.

    ``molar_mass_g_per_mol`` and ``valence`` say how amounts and charges become masses and
    amounts. Where ``special`` is given, units that only share a dimension are refused.
    """

    title: str
    unit: str
    low: float
    high: float
    loincs: tuple[str, ...]
    molar_mass_g_per_mol: float | None = None
    valence: int | None = None
    special: tuple[Special, ...] = ()


_ENZYME = (Special("[IU]/L", 1.0),)  # laboratories write IU/L and mean U/L

ANALYTES = (
    Analyte(
        title="creatinine", unit="mg/dL", low=0.05, high=40, molar_mass_g_per_mol=113.12,
        loincs=("2160-0", "14682-9"),
    ),
    Analyte(
        title="cystatin C", unit="mg/L", low=0.1, high=20, molar_mass_g_per_mol=13_343,
        loincs=("33863-2",),
    ),
    Analyte(
        title="eGFR", unit="mL/min/{1.73_m2}", low=1, high=250,
        loincs=("98979-8", "62238-1", "33914-3", "77147-7", "48642-3", "48643-1"),
    ),
    Analyte(
        title="urea nitrogen", unit="mg/dL", low=0.5, high=300, molar_mass_g_per_mol=28.014,
        loincs=("3094-0", "14937-7"),
    ),
    Analyte(
        title="urea", unit="mg/dL", low=1, high=640, molar_mass_g_per_mol=60.056,
        loincs=("22664-7", "3091-6"),
    ),
    Analyte(
        title="urate", unit="mg/dL", low=0.1, high=40, molar_mass_g_per_mol=168.11,
        loincs=("3084-1", "14933-6"),
    ),
    Analyte(
        title="potassium", unit="mmol/L", low=1, high=12, molar_mass_g_per_mol=39.098, valence=1,
        loincs=("2823-3", "6298-4"),
    ),
    Analyte(
        title="sodium", unit="mmol/L", low=85, high=210, molar_mass_g_per_mol=22.99, valence=1,
        loincs=("2951-2", "2947-0"),
    ),
    Analyte(
        title="chloride", unit="mmol/L", low=50, high=160, molar_mass_g_per_mol=35.45, valence=1,
        loincs=("2075-0",),
    ),
    Analyte(
        title="calcium", unit="mmol/L", low=0.5, high=6, molar_mass_g_per_mol=40.078, valence=2,
        loincs=("2000-8", "17861-6"),
    ),
    Analyte(
        title="magnesium", unit="mmol/L", low=0.1, high=6, molar_mass_g_per_mol=24.305, valence=2,
        loincs=("2601-3", "19123-9"),
    ),
    Analyte(
        title="haemoglobin", unit="g/dL", low=1.5, high=28, molar_mass_g_per_mol=16_114,
        loincs=("718-7", "59260-0"),
    ),
    Analyte(
        title="HbA1c", unit="%", low=3, high=22, loincs=("4548-4", "17856-6", "59261-8"),
        special=(Special("mmol/mol", 0.09148, 2.152),),
    ),
    Analyte(
        title="glucose", unit="mg/dL", low=8, high=2500, molar_mass_g_per_mol=180.156,
        loincs=("2345-7", "14749-6", "2339-0", "15074-8", "1558-6", "14771-0"),
    ),
    Analyte(
        title="lactate", unit="mmol/L", low=0.05, high=40, molar_mass_g_per_mol=90.078, valence=1,
        loincs=("2524-7", "32693-4"),
    ),
    Analyte(
        title="BNP", unit="pg/mL", low=0.1, high=50_000, molar_mass_g_per_mol=3464,
        loincs=("30934-4", "42637-9"),
    ),
    Analyte(
        title="NT-proBNP", unit="pg/mL", low=0.5, high=300_000, molar_mass_g_per_mol=8457,
        loincs=("33762-6", "83107-3", "83108-1"),
    ),
    Analyte(
        title="troponin T", unit="ng/L", low=0.1, high=200_000, loincs=("67151-1", "6598-7"),
    ),
    Analyte(
        title="troponin I", unit="ng/L", low=0.1, high=2_000_000, loincs=("89579-7", "10839-9"),
    ),
    Analyte(
        title="C-reactive protein", unit="mg/L", low=0.01, high=1000, loincs=("1988-5", "30522-7"),
    ),
    Analyte(
        title="albumin", unit="g/dL", low=0.4, high=8, molar_mass_g_per_mol=66_437,
        loincs=("1751-7", "54347-0"),
    ),
    Analyte(
        title="bilirubin", unit="mg/dL", low=0.01, high=70, molar_mass_g_per_mol=584.67,
        loincs=("1975-2", "14631-6"),
    ),
    Analyte(
        title="bilirubin, direct", unit="mg/dL", low=0.005, high=50, molar_mass_g_per_mol=584.67,
        loincs=("1968-7", "14629-0"),
    ),
    Analyte(title="ALT", unit="U/L", low=0.5, high=30_000, loincs=("1742-6",), special=_ENZYME),
    Analyte(title="AST", unit="U/L", low=0.5, high=30_000, loincs=("1920-8",), special=_ENZYME),
    Analyte(
        title="alkaline phosphatase", unit="U/L", low=1, high=10_000, loincs=("6768-6",),
        special=_ENZYME,
    ),
    Analyte(title="GGT", unit="U/L", low=1, high=10_000, loincs=("2324-2",), special=_ENZYME),
    Analyte(title="INR", unit="1", low=0.5, high=30, loincs=("6301-6", "34714-6")),
    Analyte(title="platelets", unit="10*9/L", low=0.5, high=5000, loincs=("777-3",)),
    Analyte(title="leukocytes", unit="10*9/L", low=0.01, high=1000, loincs=("6690-2",)),
    Analyte(
        title="digoxin", unit="ng/mL", low=0.01, high=60, molar_mass_g_per_mol=780.94,
        loincs=("10535-3", "14698-5"),
    ),
    Analyte(
        title="vancomycin", unit="mg/L", low=0.1, high=300, molar_mass_g_per_mol=1449.27,
        loincs=("20578-1", "4092-3"),
    ),
    Analyte(title="gentamicin", unit="mg/L", low=0.01, high=150, loincs=("35668-3",)),
    Analyte(
        title="theophylline", unit="mg/L", low=0.1, high=300, molar_mass_g_per_mol=180.167,
        loincs=("4049-3",),
    ),
    Analyte(title="body weight", unit="kg", low=0.3, high=500, loincs=("29463-7", "3141-9")),
    Analyte(title="body height", unit="cm", low=20, high=280, loincs=("8302-2",)),
    Analyte(title="body mass index", unit="kg/m2", low=5, high=150, loincs=("39156-5",)),
)  # fmt: skip

BY_LOINC = {loinc: analyte for analyte in ANALYTES for loinc in analyte.loincs}
