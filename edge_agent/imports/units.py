"""Units of measure as laboratories write them: a subset of UCUM, and conversion between them.

UCUM (https://ucum.org/ucum) spells every unit with prefixes, atoms, ``.``, ``/``, exponents and
annotations in braces. Here are the atoms of clinical chemistry, doses and body measures; a unit
beyond them is not understood, and nothing is guessed. Clinics also write what UCUM does not allow
(``mcg``, ``µmol/l``, ``mmHg``): the common ones are translated first.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

_PREFIXES = {
    "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "c": 1e-2, "d": 1e-1,
    "": 1.0, "h": 1e2, "k": 1e3, "M": 1e6,
}  # fmt: skip

# Base dimensions: M mass (gram), N amount (mole), E charge (equivalent), L length (metre),
# T time (second), I international units, A per 1.73 square metres of body, K temperature.
# An atom is its size and its dimension; metric ones take prefixes.
_METRIC: dict[str, tuple[float, dict[str, int]]] = {
    "g": (1.0, {"M": 1}),
    "mol": (1.0, {"N": 1}),
    "eq": (1.0, {"E": 1}),
    "m": (1.0, {"L": 1}),
    "L": (1e-3, {"L": 3}),
    "l": (1e-3, {"L": 3}),
    "s": (1.0, {"T": 1}),
    "U": (1e-6 / 60, {"N": 1, "T": -1}),  # one micromole a minute
    "kat": (1.0, {"N": 1, "T": -1}),
    "[IU]": (1.0, {"I": 1}),
    "[iU]": (1.0, {"I": 1}),
    "m[Hg]": (133_322_387.415, {"M": 1, "L": -1, "T": -2}),
    "Pa": (1000.0, {"M": 1, "L": -1, "T": -2}),
}
_OTHERS: dict[str, tuple[float, dict[str, int]]] = {
    "%": (1e-2, {}),
    "[ppm]": (1e-6, {}),
    "min": (60.0, {"T": 1}),
    "h": (3600.0, {"T": 1}),
    "d": (86_400.0, {"T": 1}),
    "wk": (604_800.0, {"T": 1}),
    "[lb_av]": (453.59237, {"M": 1}),
    "[oz_av]": (28.349523125, {"M": 1}),
    "[in_i]": (0.0254, {"L": 1}),
    "[ft_i]": (0.3048, {"L": 1}),
    "Cel": (1.0, {"K": 1}),
    "[pH]": (1.0, {"pH": 1}),
    "[drp]": (0.05e-6, {"L": 3}),
    "{1.73_m2}": (1.0, {"A": 1}),
}
_SPELLINGS = {
    "mmHg": "mm[Hg]", "°C": "Cel", "lb": "[lb_av]", "lbs": "[lb_av]", "oz": "[oz_av]",
    "in": "[in_i]", "INR": "{INR}", "ratio": "1", "sec": "s", "tablet": "{tbl}", "tbl": "{tbl}",
    "tab": "{tbl}", "capsule": "{cap}", "cap": "{cap}", "puff": "{puff}", "IU": "[IU]",
    "units": "[IU]", "unit": "[IU]",
}  # fmt: skip
_REPLACED = (
    ("\u00b5", "u"), ("\u03bc", "u"), ("²", "2"), ("³", "3"), ("⁹", "9"), ("×", "x"),
)  # fmt: skip
_PER_BODY_AREA = re.compile(r"/\s*\(?\{?1[.,]73[\s_]*m(\^|\*\*)?2\}?\)?$")
_COUNT = re.compile(r"^x?10\s*(?:\^|E|e|\*)\s*(\d{1,2})(?=/)")
_ATOM = re.compile(r"(\D.*?)([+-]?\d)?")
_POWER_OF_TEN = re.compile(r"10[*^]([+-]?\d{1,2})")
_ANNOTATION = re.compile(r"\{[^{}]*\}$")
_SEPARATOR = re.compile(r"([./])(?![^{]*\})")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its size in base units, and its dimension as sorted pairs of base and exponent."""

    size: float
    dimension: tuple[tuple[str, int], ...]


@lru_cache(maxsize=512)
def parse_unit(text: str) -> Unit | None:
    """Return the unit that ``text`` stands for, or ``None`` when it is not understood."""
    ucum = spelled(text)
    if not ucum or len(ucum) > _LONGEST:
        return None
    size, dimension = 1.0, dict[str, int]()
    for sign, term in _terms(ucum):
        found = _term(term)
        if found is None:
            return None
        size *= found[0] ** sign
        for base, exponent in found[1].items():
            dimension[base] = dimension.get(base, 0) + sign * exponent
    if not 0 < size < math.inf:
        return None
    return Unit(size, tuple(sorted((base, n) for base, n in dimension.items() if n)))


@lru_cache(maxsize=512)
def spelled(text: str) -> str:
    """Return ``text`` as UCUM spells it, where clinics commonly spell it otherwise."""
    text = text.strip()
    for theirs, ours in _REPLACED:
        text = text.replace(theirs, ours)
    text = _PER_BODY_AREA.sub("/{1.73_m2}", text)
    text = _COUNT.sub(r"10*\1", text).replace(" ", "")
    terms = _SEPARATOR.split(text)
    return "".join(_spelled_term(term) for term in terms)


def convert(
    value: float,
    given: Unit,
    wanted: Unit,
    *,
    molar_mass_g_per_mol: float | None = None,
    valence: int | None = None,
) -> float | None:
    """Return ``value`` in the unit ``wanted``, or ``None`` when there is no way there.

    Amount becomes mass by the molar mass, charge becomes amount by the valence, when given.
    """
    bases = dict(given.dimension)
    value *= given.size
    goal = dict(wanted.dimension)
    if bases.get("E", 0) == 1 and not goal.get("E") and valence:
        bases["N"], value = bases.get("N", 0) + bases.pop("E"), value / valence
    if molar_mass_g_per_mol:
        moles = bases.get("N", 0) - goal.get("N", 0)
        if moles in {-1, 1}:
            bases["N"], bases["M"] = bases.get("N", 0) - moles, bases.get("M", 0) + moles
            value *= molar_mass_g_per_mol**moles
    reached = {base: n for base, n in bases.items() if n}
    return value / wanted.size if reached == goal else None


def _spelled_term(term: str) -> str:
    if term in _SPELLINGS:
        return _SPELLINGS[term]
    if term.startswith("mcg"):
        return f"ug{term[3:]}"
    if term in {"mIU", "uIU", "kIU", "mEq", "uEq", "mval"}:
        return {"E": f"{term[0]}eq", "v": "meq", "I": f"{term[0]}[IU]"}[term[1]]
    return term


def _terms(ucum: str) -> list[tuple[int, str]]:
    """Split at ``.`` and ``/`` outside braces: every term with +1, or -1 behind a ``/``."""
    pieces = _SEPARATOR.split(ucum)
    signs = [1, *(-1 if separator == "/" else 1 for separator in pieces[1::2])]
    terms = list(zip(signs, pieces[::2], strict=True))
    return terms[1:] if len(terms) > 1 and not terms[0][1] and signs[1] == -1 else terms


def _term(term: str) -> tuple[float, dict[str, int]] | None:
    if term in _OTHERS:
        return _OTHERS[term]
    unit = _ANNOTATION.sub("", term)
    if term == "1" or (term and not unit):
        return 1.0, {}
    if power := _POWER_OF_TEN.fullmatch(unit):
        return 10.0 ** int(power[1]), {}
    found = _ATOM.fullmatch(unit)
    atom = found and _atom(found[1])
    if not found or not atom:
        return None
    exponent = int(found[2] or 1)
    return atom[0] ** exponent, {base: n * exponent for base, n in atom[1].items()}


def _atom(name: str) -> tuple[float, dict[str, int]] | None:
    if name in _OTHERS:
        return _OTHERS[name]
    for symbol, (size, dimension) in _METRIC.items():
        prefix = name.removesuffix(symbol)
        if name.endswith(symbol) and prefix in _PREFIXES:
            return _PREFIXES[prefix] * size, dimension
    return None
