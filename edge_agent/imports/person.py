"""Where the record of the person is kept: one sealed file in the hub's state folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from edge_agent.errors import StoreError
from edge_agent.imports.record import PersonRecord
from edge_agent.store.local_state import LocalState

_NAME = "person"


def person_file(state_dir: Path) -> Path:
    """Return the file that changes when the record does; a hub may watch its time."""
    return LocalState.open(state_dir).path(_NAME)


def load_person(state_dir: Path) -> PersonRecord | None:
    """Return what was imported about the person; ``None`` when nothing was.

    :raises SealError: the file does not open; when it is damaged it was set aside.
    :raises StoreError: it can't be read, or another version wrote it.
    """
    octets = LocalState.open(state_dir).read(_NAME)
    return None if octets is None else _decoded(octets)


Change = Callable[[PersonRecord], PersonRecord | None]


def update_person(state_dir: Path, change: Change) -> LocalState:
    """Change the record while nobody else does; return where it is kept.

    Nothing is written when ``change`` returns ``None``. Raises what :func:`load_person` does.
    """
    state = LocalState.open(state_dir)

    def changed(octets: bytes | None) -> bytes | None:
        record = change(_decoded(octets) if octets else PersonRecord())
        return None if record is None else msgspec.json.encode(record)

    state.update(_NAME, changed)
    return state


def stored_in(state: LocalState) -> dict[str, str]:
    """Return the file of the record, and what guards its key, as a person is told."""
    return {"file": str(state.path(_NAME)), "protection": state.protection.value}


def forget_person(state_dir: Path) -> bool:
    """Delete the record; return whether there was one."""
    return LocalState.open(state_dir).remove(_NAME)


def _decoded(octets: bytes) -> PersonRecord:
    try:
        return msgspec.json.decode(octets, type=PersonRecord)
    except msgspec.DecodeError as error:
        step = "Install that version again, or forget the record and import the files anew"
        raise StoreError("record of the person", f"of another version: {error}", step) from error
