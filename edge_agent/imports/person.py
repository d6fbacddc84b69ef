"""Where the record of a person is kept: one sealed file in the hub's state folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.errors import StoreError
from edge_agent.imports.record import PersonRecord
from edge_agent.store.local_state import LocalState
from edge_agent.store.subject_files import SubjectFiles

_NAME = "person"


def person_file(files: SubjectFiles) -> Path:
    """Return the file that changes when the record does; a hub may watch its time."""
    return LocalState.open(files.state_dir).path(files.name(_NAME))


def load_person(files: SubjectFiles) -> PersonRecord | None:
    """Return what was imported about the person; ``None`` when nothing was.

    :raises SealError: the file does not open; when it is damaged it was set aside.
    :raises StoreError: it can't be read, or another version wrote it.
    """
    octets = LocalState.open(files.state_dir).read(files.name(_NAME))
    return None if octets is None else _decoded(octets)


Change = Callable[[PersonRecord], PersonRecord | None]


def update_person(files: SubjectFiles, change: Change) -> None:
    """Change the record while nobody else does.

    Nothing is written when ``change`` returns ``None``. Raises what :func:`load_person` does.
    """

    def changed(octets: bytes | None) -> bytes | None:
        record = change(_decoded(octets) if octets else PersonRecord())
        return None if record is None else msgspec.json.encode(record)

    LocalState.open(files.state_dir).update(files.name(_NAME), changed)


def stored_in(files: SubjectFiles) -> dict[str, str]:
    """Return the file of the record, and what guards its key, as a person is told."""
    protection = LocalState.open(files.state_dir).protection
    return {"file": str(person_file(files)), "protection": protection.value}


def forget_person(files: SubjectFiles) -> bool:
    """Delete the record; return whether there was one."""
    return LocalState.open(files.state_dir).remove(files.name(_NAME))


def _decoded(octets: bytes) -> PersonRecord:
    try:
        return msgspec.json.decode(octets, type=PersonRecord)
    except msgspec.DecodeError as error:
        step = "Install that version again, or forget the record and import the files anew"
        raise StoreError("record of the person", f"of another version: {error}", step) from error
