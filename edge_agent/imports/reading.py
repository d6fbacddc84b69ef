"""Reads a file of a clinic: finds out what it is, and gives what is in it."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from edge_agent.errors import Problem
from edge_agent.imports.csv_tables import read_csv
from edge_agent.imports.fhir import read_fhir
from edge_agent.imports.findings import FileRefused, Findings
from edge_agent.imports.record import LabResult, Medication, Source

LARGEST_OCTETS = 20 * 1024 * 1024
DEEPEST = 64
STANDARD_INPUT = Path("-")
_SOURCE_DIGITS = 12
_OTHER_KINDS = {
    b"PK\x03\x04": ("is a ZIP archive or a workbook", "save the sheet as CSV, or unpack it"),
    b"\x1f\x8b": ("is compressed", "unpack it first"),
    b"<": ("is XML or HTML", "export FHIR as JSON"),
    b"%PDF": ("is a PDF", "ask for the results as FHIR or as a table"),
}


def read_file(path: Path, now: datetime) -> tuple[Findings, Source]:
    """Read a FHIR R4 file (JSON) or a table (CSV); the path ``-`` is standard input.

    What lies in the future of ``now`` is a problem. The name of the file is kept nowhere: it may
    be the person's.

    :raises FileRefused: nothing of the file can be used. A problem of single entries is no such
        reason; it is in the findings.
    """
    name = "standard input" if path == STANDARD_INPUT else path.name
    octets = _octets(path, name)
    text, note = _text(name, octets)
    findings = Findings(source=sha256(octets).hexdigest()[:_SOURCE_DIGITS])
    is_json = text.lstrip().startswith(("{", "["))
    if is_json:
        read_fhir(_json(name, text), findings)
    else:
        read_csv(text, name, findings)
        findings.notes += [note] if note else []
    _check_times(findings, now)
    if findings.refusals:
        raise FileRefused(name, (*findings.refusals, *findings.problems))
    source = Source(id=findings.source, kind="FHIR" if is_json else "CSV", imported_at=now)
    return findings, source


def _octets(path: Path, name: str) -> bytes:
    try:
        if path == STANDARD_INPUT:
            octets = sys.stdin.buffer.read(LARGEST_OCTETS + 1)
        else:
            with path.open("rb") as file:
                octets = file.read(LARGEST_OCTETS + 1)
    except OSError as error:
        raise _refused(name, error.strerror or type(error).__name__) from error
    if len(octets) > LARGEST_OCTETS:
        largest = f"{LARGEST_OCTETS // 1024**2} MiB"
        raise _refused(name, f"is larger than {largest}", "export a shorter time")
    if not octets.strip():
        raise _refused(name, "is empty")
    for start, (reason, expected) in _OTHER_KINDS.items():
        if octets.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(start):
            raise _refused(name, reason, expected)
    return octets


def _text(file: str, octets: bytes) -> tuple[str, Problem | None]:
    """Decode UTF-8 (with or without a mark), marked UTF-16, or Windows-1252 as a last resort."""
    encoding = "utf-16" if octets[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return octets.decode(encoding), None
    except UnicodeDecodeError as error:
        reason = f"octet {error.start} is not {encoding.removesuffix('-sig').upper()}"
        if octets.lstrip()[:1] in {b"{", b"["} or encoding == "utf-16":
            raise _refused(file, reason, "save it as UTF-8") from error
        try:
            text = octets.decode("cp1252")
        except UnicodeDecodeError:
            raise _refused(file, reason, "save it as UTF-8") from error
    return text, Problem(file, f"{reason}: read as Windows-1252", "better save it as UTF-8")


def _json(file: str, text: str) -> object:
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _refused(f"{file}, {place}", f"is not valid JSON: {error.msg}") from error
    except RecursionError as error:
        raise _refused(file, f"is nested deeper than {DEEPEST} levels") from error
    except ValueError as error:
        raise _refused(file, f"is not valid JSON: {error}") from error
    if isinstance(document, list):
        raise _refused(file, "is a JSON list", "give one FHIR Bundle")
    _check_depth(file, document)
    return document


def _check_depth(file: str, document: object) -> None:
    level = [document]
    for _ in range(DEEPEST):
        level = [
            one
            for outer in level
            if isinstance(outer, dict | list)
            for one in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise _refused(file, f"is nested deeper than {DEEPEST} levels")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a key that stands twice in an object: nobody can tell which value counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON number")


def _check_times(findings: Findings, now: datetime) -> None:
    """Move results and given doses that lie in the future to the problems."""
    latest = now + timedelta(days=1)  # clocks differ, and a day has no hour

    def in_future(one: LabResult | Medication) -> bool:
        at = one.at if isinstance(one, LabResult) else one.start
        if at is None or at.at <= latest or (isinstance(one, Medication) and one.kind != "given"):
            return False
        name = one.title if isinstance(one, LabResult) else one.name
        findings.problems.append(
            Problem(f"{name}, {at}", "lies in the future", "check the date and this clock")
        )
        return True

    findings.results = [one for one in findings.results if not in_future(one)]
    findings.medications = [one for one in findings.medications if not in_future(one)]


def _refused(place: str, reason: str, expected: str = "") -> FileRefused:
    problem = Problem(place, reason, expected)
    return FileRefused(place, (problem,))
