"""Whose record it is: records of one person say less than as many people, and stay together.

By name, as the data sets say it themselves: the MIT-BIH directory calls 201 and 202 one person; a
record of CPSC2021 is ``data_PERSON_PART``; those of the noise stress test are named after the
record of mitdb that noise was added to. Of other sets (the strips of CPSC2019 and CinC 2017) nobody
says whose they are: each counts as a person of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

_SAME: Mapping[str, str] = MappingProxyType({"202": "201"})
_PART = re.compile(r"(data_\d+)_\d+")
_STRESSED = re.compile(r"(\d{3})e_?\d+")


def person_of(record: str) -> str:
    """Return who a record, given by its name, was taken from: the same string for one person."""
    for named in (_PART, _STRESSED):
        match = named.fullmatch(record)
        if match:
            record = match[1]
    return _SAME.get(record, record)


def places(records: Iterable[str]) -> list[int]:
    """Return for each record the number of its person, from 0 on as they first appear."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(person_of(one), len(numbers)) for one in records]
