"""A laboratory's number in a laboratory's unit becomes the one number the hub keeps."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from edge_agent.imports.lab_codes import BY_LOINC, Analyte
from edge_agent.imports.moments import Moment
from edge_agent.imports.record import LabResult
from edge_agent.imports.units import Unit, convert, parse_unit, spelled

_LOINC = re.compile(r"(\d{1,7})-(\d)", re.ASCII)


class NotAResult(ValueError):
    """A result that can't be kept; ``field`` (loinc, value, unit) is what is wrong with it."""

    def __init__(self, field: str, reason: str, expected: str = "") -> None:
        self.field, self.reason, self.expected = field, reason, expected
        super().__init__(f"{field}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number in its unit (UCUM)."""

    value: float
    unit: str


def is_loinc(code: str) -> bool:
    """Tell whether ``code`` has the form of a LOINC code and its check digit (mod 10, Luhn)."""
    found = _LOINC.fullmatch(code)
    if not found:
        return False
    doubled = [int(d) * (2 - index % 2) for index, d in enumerate(reversed(found[1]))]
    return (sum(d // 10 + d % 10 for d in doubled) + int(found[2])) % 10 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A laboratory's number, understood: :attr:`kept` is what the hub keeps of it."""

    loinc: str
    title: str
    kept: Quantity
    as_given: str
    comparator: str = ""

    @classmethod
    def of(
        cls, loinc: str, value: float, unit: str, *, comparator: str = "", name: str = ""
    ) -> Reported:
        """Understand ``value``; ``name`` is what the laboratory calls a code not known here.

        :raises NotAResult: no LOINC code, or as :func:`canonical`.
        """
        if not is_loinc(loinc):
            expected = "its form or its check digit is wrong"
            raise NotAResult("loinc", f"{loinc!r} is no LOINC code", expected)
        kept = canonical(loinc, value, unit, bound_only=bool(comparator))
        known = BY_LOINC.get(loinc)
        is_as_given = kept.value == value and unit in {"", kept.unit}
        return cls(
            loinc=loinc, title=known.title if known else name or loinc, kept=kept,
            comparator=comparator,
            as_given="" if is_as_given else f"{comparator}{value:g} {unit}",
        )  # fmt: skip

    def result(
        self,
        at: Moment,
        *,
        source: str,
        limits: tuple[float | None, float | None] = (None, None),
        status: str = "final",
    ) -> LabResult:
        """Return the result; ``limits`` are its reference range, in the unit that is kept."""
        return LabResult(
            loinc=self.loinc, title=self.title, value=self.kept.value, unit=self.kept.unit, at=at,
            comparator=self.comparator, low=limits[0], high=limits[1], status=status,
            as_given=self.as_given, source=source,
        )  # fmt: skip


def canonical(loinc: str, value: float, unit: str, *, bound_only: bool = False) -> Quantity:
    """Return ``value`` in the one unit of ``loinc``; of a code not known here, as it came.

    ``bound_only`` is for reference ranges and for "less than": 0 is then as good as any bound.

    :raises NotAResult: no unit, a unit of another kind, or a value that nobody can have.
    """
    analyte = BY_LOINC.get(loinc)
    if analyte is None:
        if not unit:
            raise NotAResult("unit", "missing", "a value without a unit can't be used")
        return Quantity(value=value, unit=spelled(unit) if parse_unit(unit) else unit)
    if not unit and analyte.unit != "1":
        raise NotAResult("unit", "missing", f"{analyte.title} needs one, such as {analyte.unit}")
    converted = _converted(analyte, value, unit or "1")
    low, high = (0.0, sys.float_info.max) if bound_only else (analyte.low, analyte.high)
    if not low <= converted <= high:
        reason = f"{value:g} {unit} is no believable {analyte.title}"
        expected = f"expected {analyte.low:g} to {analyte.high:g} {analyte.unit}; is the unit right"
        raise NotAResult("value", reason, f"{expected}?")
    return Quantity(value=converted, unit=analyte.unit)


def contradict(unit: str, code: str) -> bool:
    """Tell whether a unit's text and its UCUM code are two different units."""
    one, other = parse_unit(unit), parse_unit(code)
    return one is not None and other is not None and not _same(one, other)


def _converted(analyte: Analyte, value: float, text: str) -> float:
    given, wanted = parse_unit(text), parse_unit(analyte.unit)
    if given is None or wanted is None:
        expected = f"expected {analyte.unit}, or another unit of {analyte.title} in UCUM"
        raise NotAResult("unit", f"{text!r} is not a unit known here", expected)
    for special in analyte.special:
        known = parse_unit(special.unit)
        if known is not None and _same(given, known):
            return _without_noise(value * special.slope + special.offset)
    if _same(given, wanted):
        return value
    mass, valence = analyte.molar_mass_g_per_mol, analyte.valence
    converted = convert(value, given, wanted, molar_mass_g_per_mol=mass, valence=valence)
    if converted is None or not wanted.dimension:
        reason = f"{text!r} is not a unit of {analyte.title}"
        raise NotAResult("unit", reason, f"expected {analyte.unit}, or a unit of the same kind")
    return _without_noise(converted)


def _same(one: Unit, other: Unit) -> bool:
    return one.dimension == other.dimension and abs(one.size / other.size - 1) < 1e-9


def _without_noise(value: float) -> float:
    """Drop the binary dust of a conversion: ten digits are more than any laboratory has."""
    return float(f"{value:.10g}")
