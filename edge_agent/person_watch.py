"""Keeps what was imported about the person at hand, and reads it again when it changes.

``edge-agent import`` is a process of its own; the running hub sees its work by the file's time.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.errors import EdgeError
from edge_agent.imports.person import load_person, person_file
from edge_agent.imports.record import PersonRecord
from edge_agent.store.subject_files import SubjectFiles

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0

_Seen = tuple[int, int, int] | None


class PersonWatch:
    """The imported record, ``None`` when there is none; ``error`` says why it can't be read."""

    def __init__(self, files: SubjectFiles, clock: Clock) -> None:
        self._files, self._clock = files, clock
        self._seen: _Seen = None
        self.record: PersonRecord | None = None
        self.error = ""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    async def look(self) -> None:
        """Read the record if its file is another than the last time.

        A record that can't be read any more is not used any more: half of it may be out of date.
        """
        seen = _identity(person_file(self._files))
        if seen == self._seen:
            return
        self._seen, self.record, self.error = seen, None, ""
        try:
            self.record = await asyncio.to_thread(load_person, self._files)
        except EdgeError as error:
            self.error = str(error)
            log.warning("%s", self._files.unnamed(self.error))


def _identity(file: Path) -> _Seen:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
