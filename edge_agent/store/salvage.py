"""Copies what can still be read of a damaged outbox into a fresh one.

SQLite finds damage where it reads; damage inside a record it can't see, the record's signature
does. So a damaged table is read forward until SQLite fails, then backward, then place by place
between the two, and only what verifies is copied. Records go straight from file to file: the
backlog may be larger than the memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.errors import SealError
from edge_agent.store.database import numbered_schemas
from edge_agent.store.files import write_whole
from edge_agent.store.keys import HubCard
from edge_agent.store.seal import NO_RECORD, SealedRecord, parse, verify

SCHEMAS = numbered_schemas(Path(__file__).parent)
INSERT_RECORD = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
SEQ_LEAP = 1_000_000

_PROBES = 100_000
"""Places tried one by one in the middle of a damaged table (a second or two)."""
_UNREADABLE_AT_MOST = 1000

UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises on damage; the second when its own message quotes a mangled name."""

_RECORDS = "SELECT seq, sealed_at_ns, octets FROM record "


class HighWater(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No record has been sealed at a later place or in a later epoch than these."""

    seq: int = 0
    epoch: int = 0

    @staticmethod
    def path_for(database: Path) -> Path:
        """Return where the mark of ``database`` is kept."""
        return database.with_name(f"{database.name}.high-water")

    @classmethod
    def load(cls, database: Path) -> HighWater | None:
        """Read the mark; ``None`` when there is none or it can't be read."""
        try:
            return msgspec.json.decode(cls.path_for(database).read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None

    def save(self, database: Path) -> None:
        """Make the mark durable."""
        write_whole(self.path_for(database), msgspec.json.encode(self) + b"\n")


@dataclass(frozen=True, slots=True)
class _Chain:
    """The state of the chain as the database keeps it."""

    epoch: int
    next_seq: int
    previous: bytes
    sealed_total: int = 0
    delivered_total: int = 0
    evicted_total: int = 0


class Salvage:
    """A fresh outbox that is being filled; :meth:`finish` makes it whole."""

    def __init__(self, fresh: Path, hub: HubCard, mark: HighWater | None) -> None:
        self._hub, self._mark = hub, mark
        self._chain: _Chain | None = None
        self._newest: SealedRecord | None = None
        self._known: set[int] = set()
        self._epoch = mark.epoch if mark else 0
        fresh.touch(mode=0o600)
        self._fresh = sqlite3.connect(fresh, isolation_level=None)
        self._fresh.execute("PRAGMA synchronous = FULL")
        for schema in SCHEMAS:
            self._fresh.executescript(schema)
        self._fresh.execute("BEGIN")

    @property
    def salvaged(self) -> int:
        """How many records were copied."""
        return len(self._known)

    def read(self, damaged: Path) -> None:
        """Copy every record of ``damaged`` that can be read and verifies."""
        with reading(damaged) as connection:
            # Otherwise SQLite would not read a single page of a file that was cut short.
            connection.execute("PRAGMA writable_schema = ON")
            if not self._scan(connection, _RECORDS + "ORDER BY seq"):
                last = max(self._known, default=0)
                self._scan(connection, _RECORDS + "ORDER BY seq DESC")
                self._probe(connection, self._between(last))
            self._chain = self._sound_chain(connection)

    def finish(self) -> int:
        """Write chain and gaps, commit, close; return the first place of the fresh order."""
        mark = self._mark or HighWater()
        newest = self._newest
        chain = self._chain or _Chain(
            epoch=self._epoch,
            next_seq=max(mark.seq, newest.header.seq if newest else 0) + 1,
            previous=newest.id if newest else NO_RECORD,
        )
        next_seq = max(mark.seq + 1, chain.next_seq) + SEQ_LEAP
        # No boot has the id '': opening the fresh outbox begins an epoch.
        self._fresh.execute(
            "INSERT INTO chain VALUES (1, ?, '', ?, ?, ?, ?, ?, ?)",
            (
                self._hub.hub_id, chain.epoch, next_seq, chain.previous, chain.sealed_total,
                chain.delivered_total, chain.evicted_total,
            ),
        )  # fmt: skip
        # Which of the places before the damage were delivered only the collector knows.
        gaps = [(1, chain.next_seq - 1, "damaged"), (chain.next_seq, next_seq - 1, "unused")]
        self._fresh.executemany(
            "INSERT INTO gap VALUES (?, ?, ?, NULL, NULL)",
            [gap for gap in gaps if gap[0] <= gap[1]],
        )
        self._fresh.execute("COMMIT")
        return next_seq

    def close(self) -> None:
        """Close the fresh file; without :meth:`finish` it is of no use."""
        self._fresh.close()

    def _scan(self, connection: sqlite3.Connection, sql: str, *values: int) -> bool:
        """Copy what a query gives until it ends (true), fails, or gives what is known (false)."""
        cursor = connection.cursor()
        while True:
            try:
                row = cursor.execute(sql, values).fetchone() if sql else cursor.fetchone()
            except UNREADABLE:
                return False
            sql = ""
            if row is None:
                return True
            if row[0] in self._known:
                return False
            self._copy(*row)

    def _probe(self, connection: sqlite3.Connection, places: range) -> None:
        """Copy what there is at ``places``, until a long row of them can't be read."""
        unreadable = 0
        for seq in places:
            if self._scan(connection, _RECORDS + "WHERE seq = ?", seq):
                unreadable = 0
            else:
                unreadable += 1
            if unreadable >= _UNREADABLE_AT_MOST:
                return

    def _copy(self, seq: int, sealed_at_ns: object, octets: object) -> None:
        if not isinstance(sealed_at_ns, int) or not isinstance(octets, bytes):
            return
        try:
            record = parse(octets)
            verify(record, self._hub)
        except SealError:
            return  # what does not verify is no record; the collector will miss its place
        if record.header.seq != seq:
            return
        self._fresh.execute(INSERT_RECORD, record_row(record, sealed_at_ns))
        self._known.add(seq)
        self._epoch = max(self._epoch, record.header.epoch)
        if self._newest is None or seq > self._newest.header.seq:
            self._newest = record

    def _between(self, last: int) -> range:
        """Return the places between ``last``, read forward, and what was read backward."""
        stop = min((seq for seq in self._known if seq > last), default=0)
        if not stop:
            stop = last + _PROBES if last else (self._mark.seq + 1 if self._mark else 0)
        return range(max(stop - _PROBES, last + 1), stop)

    def _sound_chain(self, connection: sqlite3.Connection) -> _Chain | None:
        """Read the state of the chain; ``None`` unless everything else agrees with it."""
        try:
            row = connection.execute(
                "SELECT hub_id, epoch, next_seq, previous, sealed_total, delivered_total, "
                "evicted_total FROM chain"
            ).fetchone()
        except UNREADABLE:
            return None
        if row is None or row[0] != self._hub.hub_id or len(row[3]) != len(NO_RECORD):
            return None
        chain = _Chain(*row[1:])
        if chain.next_seq <= max(self._known, default=0):
            return None
        mark = self._mark
        if mark and (chain.next_seq > mark.seq + 1 or chain.epoch > mark.epoch):
            return None
        return chain


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that may be damaged: read only, text as octets, WAL left as it is."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)
    connection.text_factory = bytes
    try:
        yield connection
    finally:
        connection.close()


def record_row(record: SealedRecord, sealed_at_ns: int) -> tuple[int | bytes, ...]:
    """Return a record as a row of the table ``record``."""
    header = record.header
    return (
        header.seq,
        record.id,
        int(header.record_class),
        header.epoch,
        sealed_at_ns,
        header.count,
        len(record.octets),
        record.octets,
    )
