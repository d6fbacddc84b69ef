"""What a restart has to know, sealed in the state folder: one blob for each room that has any.

What can't be written or read is told, and no more: the hub watches on with what it has.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from edge_agent.errors import EdgeError
from edge_agent.store.local_state import LocalState
from edge_agent.store.subject_files import SubjectFiles

log = logging.getLogger(__name__)


class KeptState:
    """One blob of plain values about one person; ``title`` is what the log calls it."""

    def __init__(self, files: SubjectFiles, what: str, title: str) -> None:
        self._state_dir, self._name, self._title = files.state_dir, files.name(what), title
        self._files = files
        self._told = ""

    async def take_up(self, restore: Callable[[Any], None]) -> None:
        """Give ``restore`` what was kept before the restart, if there is any.

        What it can't use (ValueError, KeyError, TypeError, AttributeError) is of another version.
        """
        try:
            octets = await asyncio.to_thread(self._read)
            if octets is not None:
                restore(json.loads(octets))
        except EdgeError as error:
            log.warning("%s from before the restart: %s", self._title, self._words(error))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning(
                "%s from before the restart: of another version: %s",
                self._title,
                type(error).__name__,
            )

    async def write(self, state: object) -> bool:
        """Write ``state``; tell whether that worked. A trouble that lasts is told once."""
        octets = json.dumps(state).encode()
        try:
            await asyncio.to_thread(self._write, octets)
        except EdgeError as error:
            if str(error) != self._told:
                log.warning("%s: %s", self._title, self._words(error))
            self._told = str(error)
            return False
        self._told = ""
        return True

    def _words(self, error: EdgeError) -> str:
        return self._files.unnamed(str(error))

    def _read(self) -> bytes | None:
        return LocalState.open(self._state_dir).read(self._name)

    def _write(self, octets: bytes) -> None:
        LocalState.open(self._state_dir).write(self._name, octets)
