"""Gets an outbox that can be used out of whatever is on the disk, unattended.

A database that SQLite can't vouch for is not repaired in place. Every record that can still be
read, and whose signature shows that it is whole, is copied into a fresh database; the damaged
files are kept beside it as ``NAME.damaged-N``. The fresh order begins a million places further
on, counted from a small file of its own (``NAME.high-water``), so that no place is used twice.
Until the fresh database is complete the damaged one stays where it is: a power cut in between
only means that the work starts again.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from edge_agent.errors import StoreError
from edge_agent.store.files import sync_directory
from edge_agent.store.keys import HubCard
from edge_agent.store.salvage import SCHEMAS, HighWater, Salvage, reading

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
    """What was wrong with an outbox and what came of it; the agent shows it."""

    reason: str
    quarantined: Path | None
    salvaged: int
    next_seq: int

    def __str__(self) -> str:
        kept = f"; the damaged file is kept as {self.quarantined}" if self.quarantined else ""
        return f"{self.reason}: {self.salvaged} record(s) salvaged{kept}"


def recover(path: Path, hub: HubCard) -> Recovery | None:
    """Make sure that ``path`` is a sound outbox of ``hub`` or absent; run before opening it.

    Blocks for as long as SQLite checks the file (a second for a hundred MiB).

    :raises StoreError: the file is sound and belongs to another hub, is in use, or can't be
        reached; damage is never a reason to raise.
    """
    try:
        return _recover(path, hub)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise StoreError(f"outbox {path}", reason, "Check the folder and its owner") from error
    except sqlite3.Error as error:
        step = "The damaged outbox is still in place: give the disk room and restart"
        raise StoreError(f"outbox {path}", f"can't be rebuilt: {error}", step) from error


def _recover(path: Path, hub: HubCard) -> Recovery | None:
    fresh = path.with_name(f"{path.name}.fresh")
    if not path.exists():
        _quarantine(path)  # a WAL without its database must never meet another database
        if fresh.exists():
            _take_place(fresh, path)  # the power went before the last step of a recovery
    marked = HighWater.path_for(path).exists()
    reason = _inspect(path, hub, marked=marked)
    if not reason:
        return None
    for suffix in ("-journal", ""):  # a journal must never outlive its database
        _beside(fresh, suffix).unlink(missing_ok=True)
    salvage = Salvage(fresh, hub, HighWater.load(path))
    try:
        if path.exists():
            salvage.read(path)
        next_seq = salvage.finish()
    finally:
        salvage.close()
    quarantined = _quarantine(path)
    _take_place(fresh, path)
    return Recovery(
        reason=reason, quarantined=quarantined, salvaged=salvage.salvaged, next_seq=next_seq
    )


def _inspect(path: Path, hub: HubCard, *, marked: bool) -> str:
    """Tell in words what is wrong, or return "" for an outbox that is sound, or new."""
    if not path.exists():
        return "outbox missing" if marked else ""
    try:
        complaint, owner = _check(path, marked=marked)
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


def _check(path: Path, *, marked: bool) -> tuple[str, bytes | None]:
    """Return SQLite's complaint ("" for none) and the id of the hub that the outbox belongs to.

    ``marked`` tells that the outbox has been in use, so that it can't be new.
    """
    with reading(path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            return ("empty" if marked else "", None)
        ((verdict,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
        if verdict != b"ok":
            return (verdict.decode(errors="replace").splitlines()[-1], None)
        if version > len(SCHEMAS):
            return ("", None)  # opening it will refuse, in words of its own
        owner = connection.execute("SELECT hub_id FROM chain").fetchone()
        if owner is None:
            return ("its chain is missing" if marked else "", None)
        return ("", owner[0])


def _quarantine(path: Path) -> Path | None:
    """Move the database and its companions aside; keep the last three such sets."""
    companions = [suffix for suffix in ("", "-wal", "-shm") if _beside(path, suffix).exists()]
    if not companions:
        return None
    prefix = f"{path.name}.damaged-"
    numbers = sorted(
        int(found.name.removeprefix(prefix))
        for found in path.parent.glob(f"{prefix}*")
        if found.name.removeprefix(prefix).isdecimal()
    )
    target = path.with_name(f"{prefix}{numbers[-1] + 1 if numbers else 1}")
    for suffix in companions:
        _beside(path, suffix).replace(_beside(target, suffix))
    sync_directory(path.parent)
    for number in numbers[: 1 - _QUARANTINES]:
        for suffix in ("", "-wal", "-shm"):
            _beside(path.with_name(f"{prefix}{number}"), suffix).unlink(missing_ok=True)
    return target


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _take_place(fresh: Path, path: Path) -> None:
    fresh.replace(path)
    sync_directory(path.parent)
