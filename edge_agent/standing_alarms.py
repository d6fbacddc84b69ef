"""Keeps alarms over a restart: what stands, a pause, the figures; sealed as all that is kept."""

from __future__ import annotations

import asyncio
from typing import Any

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.clock import Clock
from edge_agent.kept_state import KeptState
from edge_agent.store.subject_files import SubjectFiles


class StandingAlarms:
    """Writes what stands whenever it changes.

    An alarm is raised and delivered whether or not it can be kept here.
    """

    def __init__(self, files: SubjectFiles, engine: AlarmEngine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._kept = KeptState(files, "alarms", "standing alarms")
        self._changed = asyncio.Event()

    def note_change(self) -> None:
        """Have what stands written soon."""
        self._changed.set()

    async def take_up(self) -> None:
        """Take up what stood before the restart."""
        await self._kept.take_up(self._restore)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._changed.wait()
            await self.write()

    async def write(self) -> None:
        """Write what stands now."""
        self._changed.clear()
        await self._kept.write(self._engine.state(self._clock.boottime()))

    def _restore(self, state: Any) -> None:  # noqa: ANN401 - as it was written
        self._engine.restore(state, self._clock.boottime())
