"""Doses and routes in one spelling."""

from __future__ import annotations

import math

from edge_agent.imports.units import convert, parse_unit, spelled

MOST_TIMES_PER_DAY = 96
"""Once in a quarter of an hour: what is said to be taken more often has a wrong unit of time."""

# SNOMED CT concepts and HL7 v3 RouteOfAdministration codes beside what people write.
_ROUTES = {
    "oral": ("26643006", "po", "p.o.", "peroral", "per os", "by mouth", "oral route"),
    "intravenous": ("47625008", "iv", "i.v.", "ivinj", "ivpush", "intravenous route"),
    "subcutaneous": ("34206005", "sc", "s.c.", "sq", "sqinj", "subcutaneous route"),
    "intramuscular": ("78421000", "im", "i.m.", "intramuscular route"),
    "sublingual": ("37839007", "sl", "s.l.", "sublingual route"),
    "inhaled": ("447694001", "inh", "inhal", "inhalation", "ihla", "respiratory tract route"),
    "transdermal": ("45890007", "td", "transderm", "transdermal route"),
    "rectal": ("37161004", "pr", "p.r.", "per rectum", "rectal route"),
    "topical": ("6064005", "top", "topical route"),
}
_SPELLINGS = {theirs: ours for ours, names in _ROUTES.items() for theirs in (ours, *names)}
_MASS = (("M", 1),)
_DOSES = {
    (),
    _MASS,
    (("L", 3),),
    (("N", 1),),
    (("E", 1),),
    (("I", 1),),
    (("L", -2), ("M", 1)),
}  # of tablets or for each kilogram; mass, volume, amount, charge, units; for a body surface


def route(text: str) -> str:
    """Return a route of administration in one spelling; one not known here as it came."""
    return _SPELLINGS.get(text.lower(), text)


def dose(value: float, unit: str) -> tuple[float, str]:
    """Return a dose, a mass in mg; of other units only the spelling changes.

    :raises ValueError: not positive, without a unit, or in a unit that no dose has.
    """
    if value <= 0:
        raise ValueError(f"{value:g} is no dose")
    if not unit:
        raise ValueError("a dose without a unit can't be used")
    known = parse_unit(unit)
    if known is None:
        return value, unit
    if known.dimension not in _DOSES:
        raise ValueError(f"{unit!r} is no unit of a dose")
    milligram = parse_unit("mg")
    if known.dimension != _MASS or milligram is None:
        return value, spelled(unit)
    in_mg = convert(value, known, milligram)
    if in_mg is None or not math.isfinite(in_mg):
        raise ValueError(f"{value:g} {unit} is no dose")
    return float(f"{in_mg:.10g}"), "mg"


def is_believable(times_per_day: float) -> bool:
    """Tell whether anybody takes a drug that often."""
    return 0 < times_per_day <= MOST_TIMES_PER_DAY
