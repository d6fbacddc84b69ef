"""The tables inside a record, as schema version 1 defines them. All times are boot time in ns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from edge_agent.errors import SealError
from edge_agent.store.payload import Row, Scalar

SCHEMA_VERSION = 1

Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What SQLite can keep."""


class _Row(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One row: exactly these columns, of exactly these types."""


class ClockRow(_Row):
    """Both clocks of the hub, read together."""

    boottime_ns: Integer
    utc_ns: Integer
    uncertainty_ns: Integer
    source: str


class ObservationRow(_Row):
    """One quantity of one sensor over an interval; numbers are in ``unit`` (UCUM).

    ``device_ns`` is the sensor's own time of the last value, where it has a clock: by it a value
    is known again that a hub fetched twice from a sensor's memory.
    """

    code: str
    unit: str
    sensor: str
    first_ns: Integer
    last_ns: Integer
    n: Integer
    min: float | None
    mean: float | None
    max: float | None
    last: float | None
    quality: float | None
    state: str
    backfilled: bool = False
    device_ns: Integer | None = None


class EventRow(_Row):
    """Something that happened to a sensor; ``detail`` is JSON."""

    kind: str
    sensor: str
    at_ns: Integer
    detail: str


class AlarmRow(_Row):
    """One step of an alarm episode; ``evidence`` is JSON, ``by`` who acknowledged it."""

    rule: str
    episode: str
    title: str
    priority: str
    technical: bool
    phase: str
    at_ns: Integer
    evidence: str
    advice: str = ""
    by: str = ""


class ForecastRow(_Row):
    """A forecast made at ``at_ns``: expected value and 90 % interval, in the unit of ``code``."""

    code: str
    at_ns: Integer
    horizon_min: float
    mean: float
    low90: float
    high90: float


class GapRow(_Row):
    """Places in the order whose records the hub no longer holds, and why."""

    first_seq: Integer
    last_seq: Integer
    reason: str
    rows: Integer | None


class SensorRow(_Row):
    """A sensor the hub has: its driver, and its address where it has one of its own."""

    sensor: str
    driver: str
    title: str
    address: str
    software: str


TABLES: Mapping[str, type[_Row]] = {
    "clock": ClockRow,
    "observation": ObservationRow,
    "event": EventRow,
    "alarm": AlarmRow,
    "forecast": ForecastRow,
    "gap": GapRow,
    "sensor": SensorRow,
}


def checked(name: str, rows: Sequence[Row]) -> list[tuple[Scalar, ...]]:
    """Return the rows of the known table ``name`` as tuples in the order of its columns.

    :raises SealError: a column that is missing, unknown or of another type.
    """
    kind = TABLES[name]
    try:
        return [msgspec.structs.astuple(msgspec.convert(row, kind)) for row in rows]
    except msgspec.ValidationError as error:
        step = "The record is kept sealed; look for a newer collector"
        raise SealError(f"table {name!r}", str(error), step) from error
