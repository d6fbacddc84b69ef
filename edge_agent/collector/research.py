"""Everything a collector has opened, as one SQLite file for research.

One table per kind of thing, each with units, codes and wall-clock times; the tables are described
in ``research_v1.sql``, whose text is in the file itself (``SELECT sql FROM sqlite_master``).
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from edge_agent import __version__, codes
from edge_agent.collector.store import DATABASE_FILE
from edge_agent.errors import StoreError

_SCHEMA = Path(__file__).with_name("research_v1.sql")
_STEP = 5000

Values = tuple[object, ...]


class Names:
    """How persons, hubs and sensors are called: as the hubs do, or by names nobody can trace.

    The key that makes the names is drawn anew for each export and thrown away: two exports can't
    be joined, and a pseudonym can't be found again.
    """

    def __init__(self, *, pseudonymise: bool) -> None:
        self._key = secrets.token_bytes(32) if pseudonymise else None

    def __call__(self, kind: str, name: str) -> str:
        """Return the name of one ``kind`` of thing."""
        if self._key is None or not name:
            return name
        digest = hmac.digest(self._key, f"{kind} {name}".encode(), "sha256")
        return f"{kind}-{digest[:8].hex()}"


class Clocks:
    """The clock readings of every boot, and the wall-clock times that follow from them."""

    def __init__(self, source: sqlite3.Connection) -> None:
        self._read: dict[tuple[bytes, int], tuple[int, list[int], list[int]]] = {}
        best: dict[tuple[bytes, int], list[tuple[int, int, int]]] = defaultdict(list)
        for hub, epoch, boottime_ns, utc_ns, uncertainty_ns in source.execute(
            "SELECT hub, epoch, boottime_ns, utc_ns, uncertainty_ns FROM clock "
            "ORDER BY hub, epoch, uncertainty_ns, boottime_ns"
        ):
            found = best[hub, epoch]
            if not found or found[0][0] == uncertainty_ns:
                found.append((uncertainty_ns, boottime_ns, utc_ns))
        for boot, readings in best.items():
            uncertainties, boottimes, utcs = zip(*readings, strict=True)
            self._read[boot] = (uncertainties[0], list(boottimes), list(utcs))

    def utc(self, hub: bytes, epoch: int, at_ns: int) -> tuple[int | None, int | None]:
        """Return UTC (ns since 1970) of a boot time, by the nearest of the best readings."""
        if (hub, epoch) not in self._read:
            return None, None
        uncertainty_ns, boottimes, utcs = self._read[hub, epoch]
        after = bisect_left(boottimes, at_ns)
        around = range(max(0, after - 1), min(len(boottimes), after + 1))
        nearest = min(around, key=lambda one: abs(boottimes[one] - at_ns))
        return utcs[nearest] - boottimes[nearest] + at_ns, uncertainty_ns


def export(
    directory: Path, target: Path, *, pseudonymise: bool, progress: Callable[[int, int], None]
) -> dict[str, int]:
    """Write what the collector in ``directory`` has opened to ``target``; count rows by table.

    ``progress`` is called with rows done and rows in all. The file appears when it is whole.

    :raises StoreError: there is no collector, the file is there already, or can't be written.
    """
    if target.exists():
        step = "Choose another name, or remove it first"
        raise StoreError(str(target), "is there already", step)
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        source_name = f"{(directory / DATABASE_FILE).absolute().as_uri()}?mode=ro"
        with (
            contextlib.closing(sqlite3.connect(source_name, uri=True)) as source,
            contextlib.closing(sqlite3.connect(part)) as made,
        ):
            counts = _fill(source, made, Names(pseudonymise=pseudonymise), progress)
        part.rename(target)
    except (sqlite3.Error, OSError) as error:
        part.unlink(missing_ok=True)
        step = "Check the collector's folder, and that there is room where the file goes"
        raise StoreError(f"export to {target}", str(error), step) from error
    return counts


def _fill(
    source: sqlite3.Connection,
    made: sqlite3.Connection,
    names: Names,
    progress: Callable[[int, int], None],
) -> dict[str, int]:
    source.row_factory = sqlite3.Row
    source.execute("BEGIN")  # one state of the file, while it is being written
    made.executescript(_SCHEMA.read_text(encoding="utf-8"))
    _describe(made)
    clocks, counts, done = Clocks(source), dict.fromkeys(_KINDS, 0), 0
    total = sum(source.execute(f"SELECT count(*) FROM {kind}").fetchone()[0] for kind in _KINDS)  # noqa: S608 - names of ours
    for kind, rewrite in _KINDS.items():
        rows = source.execute(
            f"SELECT {kind}.*, record.subject FROM {kind} "  # noqa: S608 - names of ours
            f"JOIN record ON record.id = {kind}.record ORDER BY {kind}.rowid"
        )
        while some := rows.fetchmany(_STEP):
            for row in some:
                for table, values in rewrite(dict(row), names, clocks):
                    places = ", ".join("?" * len(values))
                    made.execute(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608
                    counts[table] = counts.get(table, 0) + 1
            done += len(some)
            progress(done, total)
    made.commit()
    return counts


def _describe(made: sqlite3.Connection) -> None:
    made.executemany(
        "INSERT INTO quantity VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (one.refid, one.mdc, one.loinc, one.title, one.unit.value, one.low, one.high)
            for one in codes.ALL
        ],
    )
    made.execute("INSERT INTO about VALUES ('software', ?)", (f"bedside-edge-agent {__version__}",))
    made.execute("INSERT INTO about VALUES ('schema', '1')")


Rewritten = Iterable[tuple[str, Values]]
_Row = dict[str, Any]


def _who(row: _Row, names: Names) -> tuple[str, str]:
    return names("subject", row["subject"].hex()), names("hub", row["hub"].hex())


def _observation(row: _Row, names: Names, clocks: Clocks) -> Rewritten:
    first, _ = clocks.utc(row["hub"], row["epoch"], row["first_ns"])
    last, uncertainty = clocks.utc(row["hub"], row["epoch"], row["last_ns"])
    yield "observation", (
        *_who(row, names), names("sensor", row["sensor"]), row["code"], row["unit"], row["epoch"],
        row["first_ns"], row["last_ns"], first, last, uncertainty, row["n"], row["min"],
        row["mean"], row["max"], row["last"], row["quality"], row["state"], row["backfilled"],
        row["device_ns"],
    )  # fmt: skip


def _event(row: _Row, names: Names, clocks: Clocks) -> Rewritten:
    detail, sensor = json.loads(row["detail"]), names("sensor", row["sensor"])
    strip = detail.pop("strip_uV", "")
    if strip:
        start_ns = detail["strip_start_ns"]
        samples = json.dumps([int(one) for one in strip.split()])
        yield "ecg_strip", (
            *_who(row, names), sensor, detail.get("finding", ""), row["epoch"], start_ns,
            *clocks.utc(row["hub"], row["epoch"], start_ns), detail["strip_hz"],
            codes.ECG.unit.value, samples,
        )  # fmt: skip
    yield "event", (
        *_who(row, names), sensor, row["kind"], row["epoch"], row["at_ns"],
        *clocks.utc(row["hub"], row["epoch"], row["at_ns"]), json.dumps(detail),
    )  # fmt: skip


def _alarm(row: _Row, names: Names, clocks: Clocks) -> Rewritten:
    evidence = [
        one | {"sensor": names("sensor", one["sensor"])} for one in json.loads(row["evidence"])
    ]
    yield "alarm", (
        *_who(row, names), row["rule"], row["episode"], row["title"], row["priority"],
        row["technical"], row["phase"], row["epoch"], row["at_ns"],
        *clocks.utc(row["hub"], row["epoch"], row["at_ns"]), json.dumps(evidence),
    )  # fmt: skip


def _forecast(row: _Row, names: Names, clocks: Clocks) -> Rewritten:
    code = codes.BY_REFID.get(row["code"])
    yield "forecast", (
        *_who(row, names), row["code"], None if code is None else code.unit.value, row["epoch"],
        row["at_ns"], *clocks.utc(row["hub"], row["epoch"], row["at_ns"]), row["horizon_min"],
        row["mean"], row["low90"], row["high90"],
    )  # fmt: skip


def _gap(row: _Row, names: Names, _: Clocks) -> Rewritten:
    hub = names("hub", row["hub"].hex())
    yield "gap", (hub, row["first_seq"], row["last_seq"], row["reason"])


def _sensor(row: _Row, names: Names, _: Clocks) -> Iterator[tuple[str, Values]]:
    hub = names("hub", row["hub"].hex())
    name = names("sensor", row["sensor"])
    yield "sensor", (hub, row["epoch"], name, row["driver"], row["title"], row["software"])


_KINDS: dict[str, Callable[[_Row, Names, Clocks], Rewritten]] = {
    "sensor": _sensor,
    "observation": _observation,
    "event": _event,
    "alarm": _alarm,
    "forecast": _forecast,
    "gap": _gap,
}
