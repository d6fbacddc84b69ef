"""Whatever a file holds: it is read, or refused in words; nothing else leaves the reader."""

import json

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_agent.errors import EdgeError
from edge_agent.imports.merge import merge
from edge_agent.imports.reading import read_file
from edge_agent.imports.record import PersonRecord
from tests.imports.conftest import NOW
from tests.imports.fhir_examples import (
    administration,
    bundle,
    genotype,
    implication,
    patient,
    request,
    result,
    statement,
)

WHOLE = bundle(
    patient("p", birthDate="1950-02-03", gender="female"),
    result(id="o", subject={"reference": "Patient/p"}, referenceRange=[{"low": {"value": 1}}]),
    {"resourceType": "DiagnosticReport", "status": "final", "contained": [result(id="c")]},
    genotype(id="g"),
    implication("LA9657-3", derivedFrom=[{"reference": "Observation/g"}]),
    statement(),
    request(),
    administration(),
    type="collection",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["Observation", "http://loinc.org", "2160-0", "2026-03-01", "mg", "#c"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["resourceType", "entry", "resource", "code", "coding", "value", "id"]),
        inner, max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip
QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_and_merge(tmp_path, octets):
    path = tmp_path / "file"
    path.write_bytes(octets)
    try:
        findings, source = read_file(path, NOW)
    except EdgeError:
        return
    record = merge(PersonRecord(), findings, source).record
    assert merge(record, findings, source).record == record
    assert msgspec.json.decode(msgspec.json.encode(record), type=PersonRecord) == record


def paths(value, here=()):
    yield here
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inside:
        if isinstance(one, dict | list):
            yield from paths(one, (*here, key))
        else:
            yield (*here, key)


PATHS = [one for one in paths(WHOLE) if one]


def changed(path, value):
    document = json.loads(json.dumps(WHOLE))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return json.dumps(document).encode()


@QUIET
@given(st.sampled_from(PATHS), JSON)
def test_a_bundle_with_one_wrong_place(tmp_path, path, value):
    read_and_merge(tmp_path, changed(path, value))


def test_a_bundle_with_any_place_of_another_kind(tmp_path):
    for path in PATHS:
        for value in (None, {}, 1e308, [[]], "\ud800"):
            read_and_merge(tmp_path, changed(path, value))


@QUIET
@given(JSON)
def test_any_json(tmp_path, value):
    read_and_merge(tmp_path, json.dumps(value).encode())


@QUIET
@given(st.binary(max_size=200))
def test_any_octets(tmp_path, octets):
    read_and_merge(tmp_path, octets)


HEADERS = [
    "loinc,value,unit,time,low,high", "drug;dose;unit;times_per_day;route;start;end;atc",
    "gene,diplotype,phenotype",
]  # fmt: skip
CELLS = st.text(max_size=8) | st.sampled_from(
    ["2160-0", "1,1", "1.1", "<3", "mg/dL", "2026-03-01", "CYP2D6", "*1/*4", "poor metabolizer"]
)


@QUIET
@given(
    st.sampled_from(HEADERS),
    st.lists(st.lists(CELLS, max_size=9), max_size=4),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-16", "cp1252"]),
)
def test_any_table(tmp_path, header, rows, delimiter, encoding):
    text = "\n".join([header, *(delimiter.join(row) for row in rows)])
    read_and_merge(tmp_path, text.encode(encoding, "replace"))
