"""What a record says, as octets: columnar JSON, compressed, padded.

Tables of plain values become columns of equal length, a constant column becomes its one value:
a batch of twenty summary rows takes a third less than as rows. One payload is one independent
zlib stream with no shared dictionary, and its length is rounded up, so that the size of a sealed
record tells little: routine records grow in steps of 512 octets, alarms have one size (2,048
octets) that doubles for an alarm which does not fit.

Layout of a padded payload: length of the zlib stream (u32, big-endian), the stream, zeros.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from edge_agent.errors import SealError

Scalar = str | int | float | bool | None
Row = Mapping[str, Scalar]
Tables = Mapping[str, Sequence[Row]]

BLOCK_OCTETS = 512
ALARM_OCTETS = 2048

JSON_LIMIT_OCTETS = 4 << 20
PADDED_LIMIT_OCTETS = 512 << 10
CELL_LIMIT = 1_000_000
"""Bounds of one payload. A folded column or a zlib stream is small and can unfold to anything:
what is opened is bounded in octets and in cells (rows times columns) before it is unfolded."""

_LENGTH = struct.Struct(">I")
_NEXT_STEP_OPEN = "Keep the record sealed and ask where it came from"


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    """One table: its length, and each column as a list or, where constant, as the one value."""

    rows: Annotated[int, msgspec.Meta(ge=0)]
    columns: dict[str, Scalar | list[Scalar]]


def encode(tables: Tables) -> bytes:
    """Return ``tables`` as a compressed payload.

    :raises SealError: rows of one table with different columns, a number that is not finite, or
        more than one payload may hold.
    """
    document = {name: _fold(name, rows) for name, rows in tables.items()}
    try:
        text = json.dumps(document, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
        octets = text.encode()
    except ValueError as error:
        raise SealError("payload", str(error), "Mend the value in its table") from error
    cells = sum(len(row) or 1 for rows in tables.values() for row in rows)
    if len(octets) > JSON_LIMIT_OCTETS or cells > CELL_LIMIT:
        reason = f"{len(octets)} octets and {cells} cells in one payload"
        raise SealError("payload", reason, "Split it into several records")
    return zlib.compress(octets, 9)


def decode(octets: bytes) -> dict[str, list[dict[str, Scalar]]]:
    """Return the tables of a compressed payload.

    :raises SealError: no zlib stream, no such JSON, or more than one payload may hold.
    """
    try:
        document = msgspec.json.decode(_inflate(octets), type=dict[str, _Table])
    except (msgspec.DecodeError, RecursionError) as error:
        raise SealError("payload", f"not a payload: {error}", _NEXT_STEP_OPEN) from error
    if sum(table.rows * max(1, len(table.columns)) for table in document.values()) > CELL_LIMIT:
        raise SealError("payload", "more cells than a payload may hold", _NEXT_STEP_OPEN)
    return {name: _unfold(name, table) for name, table in document.items()}


def pad(octets: bytes, *, alarm: bool = False) -> bytes:
    """Return ``octets`` with their length in front and zeros behind, rounded up.

    :raises SealError: when they are more than a record may hold.
    """
    needed = _LENGTH.size + len(octets)
    if alarm:
        size = ALARM_OCTETS
        while size < needed:
            size *= 2
    else:
        size = -(-needed // BLOCK_OCTETS) * BLOCK_OCTETS
    if size > PADDED_LIMIT_OCTETS:
        raise SealError("payload", f"{needed} octets compressed", "Split it into several records")
    return (_LENGTH.pack(len(octets)) + octets).ljust(size, b"\0")


def unpad(padded: bytes) -> bytes:
    """Undo :func:`pad`.

    :raises SealError: when the length does not fit or the padding is not zeros.
    """
    if len(padded) < _LENGTH.size:
        raise SealError("payload", "too short for its length", _NEXT_STEP_OPEN)
    (length,) = _LENGTH.unpack_from(padded)
    end = _LENGTH.size + length
    if end > len(padded) or padded.count(0, end) != len(padded) - end:
        raise SealError("payload", "not padded as it should be", _NEXT_STEP_OPEN)
    return padded[_LENGTH.size : end]


def _inflate(octets: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(octets, JSON_LIMIT_OCTETS + 1)
    except zlib.error as error:
        raise SealError("payload", f"not a zlib stream: {error}", _NEXT_STEP_OPEN) from error
    if len(text) > JSON_LIMIT_OCTETS:
        raise SealError("payload", "unpacks to more than a payload may hold", _NEXT_STEP_OPEN)
    if not stream.eof or stream.unused_data:
        raise SealError("payload", "not exactly one zlib stream", _NEXT_STEP_OPEN)
    return text


def _fold(name: str, rows: Sequence[Row]) -> dict[str, object]:
    names = rows[0].keys() if rows else ()
    if any(row.keys() != names for row in rows[1:]):
        raise SealError(f"table {name!r}", "rows with different columns", "Give each row them all")
    columns = {column: _folded([row[column] for row in rows]) for column in names}
    return {"rows": len(rows), "columns": columns}


def _folded(column: list[Scalar]) -> Scalar | list[Scalar]:
    """Return the one value of a constant column; 1, 1.0 and True are three values."""
    first = column[0]
    if all(type(value) is type(first) and repr(value) == repr(first) for value in column):
        return first
    return column


def _unfold(name: str, table: _Table) -> list[dict[str, Scalar]]:
    columns: dict[str, list[Scalar]] = {}
    for column, values in table.columns.items():
        columns[column] = values if isinstance(values, list) else [values] * table.rows
        if len(columns[column]) != table.rows:
            reason = f"column {column!r} has {len(columns[column])} of {table.rows} values"
            raise SealError(f"table {name!r}", reason, _NEXT_STEP_OPEN)
    return [{column: columns[column][row] for column in columns} for row in range(table.rows)]
