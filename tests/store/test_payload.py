import json
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.errors import SealError
from edge_agent.store.payload import (
    ALARM_OCTETS,
    BLOCK_OCTETS,
    CELL_LIMIT,
    JSON_LIMIT_OCTETS,
    PADDED_LIMIT_OCTETS,
    decode,
    encode,
    pad,
    unpad,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@st.composite
def tables(draw):
    table = st.lists(names, unique=True, max_size=4).flatmap(
        lambda columns: st.lists(st.fixed_dictionaries(dict.fromkeys(columns, scalars)), max_size=5)
    )
    return draw(st.dictionaries(names, table, max_size=3))


def kinds(some_tables):
    """What equality does not see: 1, 1.0 and True; 0.0 and -0.0."""
    return {
        name: [{column: repr(value) for column, value in row.items()} for row in rows]
        for name, rows in some_tables.items()
    }


@settings(derandomize=True, max_examples=150, deadline=None)
@given(tables())
def test_tables_come_back_with_values_and_types(given_tables):
    came_back = decode(unpad(pad(encode(given_tables))))
    assert came_back == given_tables
    assert kinds(came_back) == kinds(given_tables)


def test_a_constant_column_is_folded_and_one_is_not_true_or_one_point_zero():
    rows = [{"unit": "mg/dL", "mixed": value} for value in (1, True, 1.0)]
    document = json.loads(zlib.decompress(encode({"t": rows})))
    assert document["t"]["columns"] == {"unit": "mg/dL", "mixed": [1, True, 1.0]}
    assert [type(row["mixed"]) for row in decode(encode({"t": rows}))["t"]] == [int, bool, float]


@pytest.mark.parametrize("length", [0, 1, 507, 508, 509, 1020, 1021, 5000])
def test_routine_payloads_grow_in_steps_of_512_octets(length):
    padded = pad(b"x" * length)
    assert len(padded) % BLOCK_OCTETS == 0
    assert 0 <= len(padded) - length - 4 < BLOCK_OCTETS
    assert unpad(padded) == b"x" * length


@pytest.mark.parametrize(
    ("length", "size"), [(0, 2048), (2044, 2048), (2045, 4096), (4092, 4096), (4093, 8192)]
)
def test_alarms_have_one_size_that_doubles_for_one_that_does_not_fit(length, size):
    assert len(pad(b"x" * length, alarm=True)) == size
    assert size % ALARM_OCTETS == 0


def test_every_kind_of_ordinary_alarm_has_the_same_size():
    sizes = {
        len(pad(encode({"alarm": [{"rule": "r" * n, "evidence": "e" * n * 9}]}), alarm=True))
        for n in range(1, 60)
    }
    assert sizes == {ALARM_OCTETS}


def test_more_than_a_record_may_hold_is_refused_before_sealing():
    with pytest.raises(SealError, match="Split it"):
        pad(b"x" * PADDED_LIMIT_OCTETS)
    with pytest.raises(SealError, match="Split it"):
        encode({"t": [{"text": "x" * JSON_LIMIT_OCTETS}]})


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_refused(number):
    with pytest.raises(SealError):
        encode({"t": [{"value": number}]})


def test_rows_with_different_columns_are_refused():
    with pytest.raises(SealError, match="different columns"):
        encode({"t": [{"a": 1}, {"b": 1}]})


def test_a_zlib_bomb_is_not_unfolded():
    with pytest.raises(SealError, match="unpacks to more"):
        decode(zlib.compress(b" " * (JSON_LIMIT_OCTETS * 4)))


@pytest.mark.parametrize(
    "document",
    [
        {"t": {"rows": CELL_LIMIT + 1, "columns": {"a": 0}}},
        {"t": {"rows": CELL_LIMIT + 1, "columns": {}}},
        {name: {"rows": CELL_LIMIT // 2, "columns": {"a": 0}} for name in "abc"},
    ],
)
def test_a_bomb_of_folded_columns_is_not_unfolded(document):
    with pytest.raises(SealError, match="more cells"):
        decode(zlib.compress(json.dumps(document).encode()))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"not zlib",
        zlib.compress(b"[]"),
        zlib.compress(b"[" * 100_000),
        zlib.compress(b'{"t":{"rows":2,"columns":{"a":[1]}}}'),
        zlib.compress(b'{"t":{"rows":-1,"columns":{}}}'),
        zlib.compress(b'{"t":{"rows":1,"columns":{"a":{"b":1}}}}'),
        zlib.compress(b'{"t":{"rows":1,"columns":{"a":"\\ud800"}}}'),
        zlib.compress(b"{}")[:-2],
        zlib.compress(b"{}") + b"more",
    ],
)
def test_what_is_no_payload_is_a_seal_error(octets):
    with pytest.raises(SealError):
        decode(octets)


@pytest.mark.parametrize(
    "padded",
    [b"", b"\0\0\0", struct.pack(">I", 600).ljust(512, b"\0"), pad(b"x")[:-1] + b"\1"],
)
def test_wrong_padding_is_a_seal_error(padded):
    with pytest.raises(SealError):
        unpad(padded)
