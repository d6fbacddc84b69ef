"""Puts a damaged outbox aside and a fresh one in its place, unattended and at once.

A database that SQLite can't vouch for is not repaired in place. The damaged files are kept beside
it as ``NAME.damaged-N``, and a fresh database takes the place; what can still be read of the
damaged one is copied into it later (:mod:`edge_agent.store.settling`). The fresh order begins
a million places further on, counted from a small file of its own (``NAME.high-water``), so that no
place is used twice. The fresh file is complete before the damaged one is moved: a power cut in
between only means that the next start takes the steps that are left.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import StoreError
from edge_agent.store.files import sync_directory
from edge_agent.store.keys import HubCard
from edge_agent.store.salvage import SCHEMAS, UNREADABLE, ChainState, HighWater, Wreck, reading
from edge_agent.store.seal import NO_RECORD

SEQ_LEAP = 1_000_000
CHECKED_AT_ONCE_OCTETS = 16 << 20
"""A file up to this size is checked whole before it is used (0.4 s); a larger one is opened at
once and read through beside its work."""

_QUARANTINES = 3

_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_ERROR,  # a table or column is not there
        sqlite3.SQLITE_IOERR,  # the storage can't read it back
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What was wrong with an outbox and what came of it; the agent shows it.

    ``next_seq`` is the first place of the fresh order. ``salvaged`` grows until ``is_complete``.
    """

    reason: str
    quarantined: Path | None
    next_seq: int
    salvaged: int = 0
    is_complete: bool = False

    def __str__(self) -> str:
        kept = f"; the damaged file is kept as {self.quarantined}" if self.quarantined else ""
        so_far = "" if self.is_complete else " so far"
        return f"{self.reason}: {self.salvaged} record(s) salvaged{so_far}{kept}"


def recover(path: Path, hub: HubCard) -> Recovery | None:
    """Make sure that there is nothing but an outbox of ``hub`` at ``path``; run before opening it.

    :raises StoreError: the file is sound and belongs to another hub, is in use, or can't be
        reached; damage is never a reason to raise.
    """
    with _translated(path):
        fresh = _beside(path, ".fresh")
        if not path.exists():
            if fresh.exists():  # the power went before the last steps of a recovery
                _follow(path)
                _take_place(fresh, path)
            else:
                _quarantine(path)  # a WAL without its database must never meet another database
        reason = _inspect(path, hub, marked=HighWater.path_for(path).exists())
        return _replace(path, hub, reason) if reason else None


def replace(path: Path, hub: HubCard, reason: str) -> Recovery:
    """Put the closed database at ``path`` aside for ``reason``, and a fresh one in its place.

    :raises StoreError: the disk does not let it.
    """
    with _translated(path):
        return _replace(path, hub, reason)


def _replace(path: Path, hub: HubCard, reason: str) -> Recovery:
    fresh, mark = _beside(path, ".fresh"), HighWater.load(path) or HighWater()
    for suffix in ("-journal", ""):  # a journal must never outlive its database
        _beside(fresh, suffix).unlink(missing_ok=True)
    chain = _last_chain(path, hub, mark)
    next_seq = max(mark.seq + 1, chain.next_seq) + SEQ_LEAP
    target = _next_quarantine(path) if path.exists() else None
    fresh.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        for schema in SCHEMAS:
            connection.executescript(schema)
        _write_chain(connection, hub, chain, next_seq, target.name if target else "")
    _quarantine(path)
    _take_place(fresh, path)
    return Recovery(reason=reason, quarantined=target, next_seq=next_seq)


def _last_chain(path: Path, hub: HubCard, mark: HighWater) -> ChainState:
    """Return where the damaged chain was, as far as can be told without reading all of it."""
    newest = None
    if path.exists():
        with contextlib.suppress(*UNREADABLE), Wreck.open(path, hub, mark) as wreck:
            newest = wreck.newest()
            sound = wreck.chain(newest)
            if sound is not None:
                return sound
    return ChainState(
        epoch=max(mark.epoch, newest.header.epoch if newest else 0),
        next_seq=max(mark.seq, newest.header.seq if newest else 0) + 1,
        previous=newest.id if newest else NO_RECORD,
    )


def _write_chain(
    connection: sqlite3.Connection, hub: HubCard, chain: ChainState, next_seq: int, source: str
) -> None:
    connection.execute("BEGIN")
    # No boot has the id '': opening the fresh outbox begins an epoch.
    connection.execute(
        "INSERT INTO chain VALUES (1, ?, '', ?, ?, ?, ?, ?, ?)",
        (
            hub.hub_id, chain.epoch, next_seq, chain.previous, chain.sealed_total,
            chain.delivered_total, chain.evicted_total,
        ),
    )  # fmt: skip
    # Which of the places before the damage were delivered only the collector knows.
    gaps = [(1, chain.next_seq - 1, "damaged"), (chain.next_seq, next_seq - 1, "unused")]
    connection.executemany(
        "INSERT INTO gap VALUES (?, ?, ?, NULL, NULL)", [gap for gap in gaps if gap[0] <= gap[1]]
    )
    connection.execute("INSERT INTO salvage (source) VALUES (?)", (source,))
    connection.execute("COMMIT")


def _inspect(path: Path, hub: HubCard, *, marked: bool) -> str:
    """Tell in words what is wrong, or return "" for an outbox that is sound, or new."""
    if not path.exists():
        return "outbox missing" if marked else ""
    try:
        complaint, owner = _check(path, hub, marked=marked)
    except UnicodeDecodeError as error:  # of a mangled name in SQLite's message
        return f"outbox damaged ({error})"
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGE:
            step = "Stop what else uses it, or check the disk and the file's owner"
            raise StoreError(f"outbox {path}", str(error), step) from error
        return f"outbox damaged ({error})"
    if owner is not None and owner != hub.hub_id:
        reason = "belongs to another hub"
        raise StoreError(f"outbox {path}", reason, "Restore that hub's identity, or move it aside")
    return f"outbox damaged ({complaint})" if complaint else ""


def _check(path: Path, hub: HubCard, *, marked: bool) -> tuple[str, bytes | None]:
    """Return SQLite's complaint ("" for none) and the id of the hub that the outbox belongs to.

    ``marked`` tells that the outbox has been in use, so that it can't be new.
    """
    with reading(path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            return ("empty" if marked else "", None)
        if not needs_reading(path):
            ((verdict,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
            if verdict != b"ok":
                return (verdict.decode(errors="replace").splitlines()[-1], None)
        if version > len(SCHEMAS):
            return ("", None)  # opening it will refuse, in words of its own
        chain = connection.execute("SELECT hub_id, previous FROM chain").fetchone()
    if chain is None:
        return ("its chain is missing" if marked else "", None)
    if len(chain[1]) != len(NO_RECORD) or (chain[0] != hub.hub_id and _has_records_of(path, hub)):
        return ("its chain is not the one of its records", None)
    return ("", chain[0])


def _has_records_of(path: Path, hub: HubCard) -> bool:
    with Wreck.open(path, hub, HighWater()) as wreck:
        return wreck.newest() is not None


def needs_reading(path: Path) -> bool:
    """Tell whether the file is too large to have been checked before it is used."""
    return path.stat().st_size > CHECKED_AT_ONCE_OCTETS


def _next_quarantine(path: Path) -> Path:
    numbers = _quarantines(path)
    return _beside(path, f".damaged-{numbers[-1] + 1 if numbers else 1}")


def _quarantines(path: Path) -> list[int]:
    prefix = f"{path.name}.damaged-"
    names = {found.name.removesuffix("-wal") for found in path.parent.glob(f"{prefix}*")}
    numbers = (name.removeprefix(prefix) for name in names)
    return sorted(int(number) for number in numbers if number.isdecimal())


def _quarantine(path: Path) -> None:
    """Move the database and its companions aside; keep the last three such sets."""
    companions = [suffix for suffix in ("", "-wal", "-shm") if _beside(path, suffix).exists()]
    if not companions:
        return
    target, numbers = _next_quarantine(path), _quarantines(path)
    for suffix in companions:
        _beside(path, suffix).replace(_beside(target, suffix))
    sync_directory(path.parent)
    for number in numbers[: 1 - _QUARANTINES]:
        for suffix in ("", "-wal", "-shm"):
            _beside(path, f".damaged-{number}{suffix}").unlink(missing_ok=True)


def _follow(path: Path) -> None:
    """Move what is left of a set that was being moved after its database."""
    numbers = _quarantines(path)
    for suffix in ("-wal", "-shm"):
        if numbers and _beside(path, suffix).exists():
            _beside(path, suffix).replace(_beside(path, f".damaged-{numbers[-1]}{suffix}"))
    sync_directory(path.parent)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"outbox {path}", reason, "Check the folder and its owner") from error
    except sqlite3.Error as error:
        step = "The damaged outbox is still in place: give the disk room and restart"
        raise StoreError(f"outbox {path}", f"can't be rebuilt: {error}", step) from error


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _take_place(fresh: Path, path: Path) -> None:
    fresh.replace(path)
    sync_directory(path.parent)
