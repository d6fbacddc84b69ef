"""Keeps alarms over a restart: what stands, a pause, the figures; sealed as all that is kept."""

from __future__ import annotations

import asyncio
from typing import Any

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.clock import NS_PER_S, Clock
from edge_agent.kept_state import KeptState
from edge_agent.store.subject_files import SubjectFiles

_WAITS_EVERY_S = 60.0
"""While an alarm waits to be seen: a hub that is killed loses a minute until it escalates."""
_EVERY_S = 3600.0
"""Else: days watched, silences."""


class StandingAlarms:
    """Writes what stands whenever it changes, and now and then for how long it has.

    An alarm is raised and delivered whether or not it can be kept here.
    """

    def __init__(self, files: SubjectFiles, engine: AlarmEngine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._kept = KeptState(files, "alarms", "standing alarms")
        self._changed = asyncio.Event()
        self._written_at = clock.boottime()

    def note_change(self) -> None:
        """Have what stands written soon."""
        self._changed.set()

    def tick(self) -> None:
        """Let time pass; to be called about once a second."""
        every_s = _WAITS_EVERY_S if self._engine.is_waiting else _EVERY_S
        if self._clock.boottime() - self._written_at >= every_s * NS_PER_S:
            self.note_change()

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
        self._written_at = self._clock.boottime()
        await self._kept.write(self._engine.state(self._clock.boottime()))

    def _restore(self, state: Any) -> None:  # noqa: ANN401 - as it was written
        self._engine.restore(state, self._clock.boottime())
