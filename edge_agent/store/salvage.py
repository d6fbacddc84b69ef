"""Reads what can still be read of a damaged outbox.

SQLite finds damage where it reads; damage inside a record it can't see, the record's signature
does. So a damaged table is read forward until SQLite fails, then backward, then place by place
between the two, and only what verifies is given. Records are given one by one: the backlog may be
larger than the memory.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Iterator
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
class ChainState:
    """The state of the chain as the database keeps it."""

    epoch: int
    next_seq: int
    previous: bytes
    sealed_total: int = 0
    delivered_total: int = 0
    evicted_total: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A record that was read and verifies."""

    record: SealedRecord
    sealed_at_ns: int


class Wreck:
    """A damaged outbox of ``hub``, open for reading; one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, hub: HubCard, mark: HighWater) -> None:
        self._connection, self._hub, self._mark = connection, hub, mark
        self._known: set[int] = set()

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path, hub: HubCard, mark: HighWater) -> Iterator[Wreck]:
        """Open the file at ``path``. ``mark`` bounds the places that were ever used."""
        with reading(path) as connection:
            with contextlib.suppress(*UNREADABLE):
                # Otherwise SQLite would not read a single page of a file that was cut short.
                connection.execute("PRAGMA writable_schema = ON")
            yield cls(connection, hub, mark)

    def newest(self) -> SealedRecord | None:
        """Return the record at the last place that can be read."""
        for one in self._scan(_RECORDS + "ORDER BY seq DESC LIMIT 1"):
            if one is not None:
                return one.record
        return None

    def records(self) -> Iterator[Found]:
        """Give every record that can be read and verifies, once."""
        self._known.clear()
        if (yield from self._given(_RECORDS + "ORDER BY seq")):
            return
        last = max(self._known, default=0)
        yield from self._given(_RECORDS + "ORDER BY seq DESC")
        unreadable = 0
        for seq in self._between(last):
            is_readable = yield from self._given(_RECORDS + "WHERE seq = ?", seq)
            unreadable = 0 if is_readable else unreadable + 1
            if unreadable >= _UNREADABLE_AT_MOST:
                return

    def chain(self, newest: SealedRecord | None) -> ChainState | None:
        """Read the state of the chain; ``None`` unless everything else agrees with it."""
        try:
            row = self._connection.execute(
                "SELECT hub_id, epoch, next_seq, previous, sealed_total, delivered_total, "
                "evicted_total FROM chain"
            ).fetchone()
        except UNREADABLE:
            return None
        if row is None or row[0] != self._hub.hub_id or len(row[3]) != len(NO_RECORD):
            return None
        chain = ChainState(*row[1:])
        if newest and chain.next_seq <= newest.header.seq:
            return None
        mark = self._mark
        if mark != HighWater() and (chain.next_seq > mark.seq + 1 or chain.epoch > mark.epoch):
            return None
        return chain

    def _given(self, sql: str, *values: int) -> Generator[Found, None, bool]:
        """Give what :meth:`_scan` finds; return whether it came to the end of the query."""
        for found in self._scan(sql, *values):
            if found is None:
                return False
            yield found
        return True

    def _scan(self, sql: str, *values: int) -> Iterator[Found | None]:
        """Give what a query finds, and ``None`` where it fails or comes to what is known."""
        cursor = self._connection.cursor()
        while True:
            try:
                row = cursor.execute(sql, values).fetchone() if sql else cursor.fetchone()
            except UNREADABLE:
                yield None
                return
            sql = ""
            if row is None:
                return
            if row[0] in self._known:
                yield None
                return
            found = self._verified(*row)
            if found is not None:
                self._known.add(row[0])
                yield found

    def _verified(self, seq: int, sealed_at_ns: object, octets: object) -> Found | None:
        if not isinstance(sealed_at_ns, int) or not isinstance(octets, bytes):
            return None
        try:
            record = parse(octets)
            verify(record, self._hub)
        except SealError:
            return None  # what does not verify is no record; the collector will miss its place
        return Found(record, sealed_at_ns) if record.header.seq == seq else None

    def _between(self, last: int) -> range:
        """Return the places between ``last``, read forward, and what was read backward."""
        stop = min((seq for seq in self._known if seq > last), default=0)
        if not stop:
            stop = last + _PROBES if last else self._mark.seq + 1
        return range(max(stop - _PROBES, last + 1), stop)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that may be damaged: read only, text as octets, WAL left as it is.

    Any thread may use the connection, one at a time.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0, check_same_thread=False
    )
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
