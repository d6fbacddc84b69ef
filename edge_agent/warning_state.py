"""Keeps what the early warning has learnt over a restart, sealed like the alarms that stand."""

from __future__ import annotations

import asyncio
from typing import Any

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.clock import Clock
from edge_agent.kept_state import KeptState
from edge_agent.model import Phase
from edge_agent.store.subject_files import SubjectFiles
from edge_agent.warning.early_warning import EarlyWarning

_WRITE_EVERY_S = 900.0
"""A night is made of hours: a crash may cost a quarter of one, and a card lasts."""


class WarningState:
    """Writes every quarter of an hour, and at once when a person has told something."""

    def __init__(self, files: SubjectFiles, warning: EarlyWarning, clock: Clock) -> None:
        self._warning, self._clock = warning, clock
        self._kept = KeptState(files, "early-warning", "early warning")
        self._changed = asyncio.Event()

    def note_change(self) -> None:
        """Have what is known written soon."""
        self._changed.set()

    async def take_up(self, engine: AlarmEngine) -> None:
        """Take up what was known before the restart, and which findings still stand."""
        await self._kept.take_up(self._restore)
        self._warning.adopt(one.rule for one in engine.active if one.phase is not Phase.LATCHED)

    async def run(self) -> None:
        """Write whenever something has changed, for ever."""
        while True:
            await self._changed.wait()
            await self.write()

    async def remind(self) -> None:
        """Have it written every quarter of an hour, for ever."""
        while True:
            await self._clock.sleep(_WRITE_EVERY_S)
            self.note_change()

    async def write(self) -> None:
        """Write what is known now."""
        self._changed.clear()
        await self._kept.write(self._warning.state(self._clock.boottime(), self._clock.utc_ns()))

    def _restore(self, state: Any) -> None:  # noqa: ANN401 - as it was written
        self._warning.restore(state, self._clock.boottime(), self._clock.utc_ns())
