"""Times as clinics write them: to the second with a zone, or no closer than a day or a year."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum

from msgspec import Struct

_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_CLOCK = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
EXPECTED = "write it as 2026-03-01T08:15:00+01:00"


class Precision(StrEnum):
    """How closely a time is known."""

    YEAR = "year"
    MONTH = "month"
    DAY = "day"
    SECOND = "second"


class Moment(Struct, frozen=True, omit_defaults=True):
    """A point in time, as closely as it is known.

    ``at`` is in UTC and is the beginning of what is known: of a day without a time it is midnight,
    which may be half a day off the person's own midnight.
    """

    at: datetime
    precision: Precision = Precision.SECOND

    def __str__(self) -> str:
        if self.precision is Precision.SECOND:
            return self.at.isoformat(timespec="seconds").replace("+00:00", "Z")
        return self.at.date().isoformat()[: {"year": 4, "month": 7, "day": 10}[self.precision]]

    def is_before(self, other: Moment) -> bool:
        """Tell whether this is certainly earlier, as far as both are known."""
        return self._key(other) < other._key(self)

    def _key(self, other: Moment) -> tuple[int, ...]:
        closest = list(Precision)
        shared = min(closest.index(self.precision), closest.index(other.precision))
        at = self.at
        if shared == len(closest) - 1:
            return (int(at.timestamp() * 1e6),)
        return (at.year, at.month, at.day)[: shared + 1]


def parse_moment(text: str) -> Moment:
    """Read an ISO 8601 time (a FHIR ``dateTime``).

    :raises ValueError: with the reason in words.
    """
    if found := _DATE.fullmatch(text):
        year, month, day = found.groups()
        precision = Precision.DAY if day else Precision.MONTH if month else Precision.YEAR
        return Moment(_date(text, int(year), int(month or 1), int(day or 1)), precision)
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a time")
    if found[3] is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time: {error}") from error
    return Moment(_plausible(at, text))


def _date(text: str, year: int, month: int, day: int) -> datetime:
    try:
        at = datetime(year, month, day, tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{text!r} is no date: {error}") from error
    return _plausible(at, text)


def _plausible(at: datetime, text: str) -> datetime:
    if at.year < 1900:
        raise ValueError(f"{text!r} lies before 1900")
    return at
