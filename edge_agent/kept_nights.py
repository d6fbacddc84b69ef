"""Keeps a night under an oximeter over a restart, which else would cost half of it.

A power cut costs what was gathered since the last writing, five minutes at most. Nothing is found
across the time that the hub was down. How long that was is only known as well as the wall clock is
right; it decides whether the night still goes on, and isn't counted.
"""

from __future__ import annotations

from typing import Any

from edge_agent.clock import Clock
from edge_agent.kept_state import KeptState
from edge_agent.model import Boottime
from edge_agent.oximeter_watch import OximeterWatch
from edge_agent.store.subject_files import SubjectFiles

WRITE_EVERY_S = 300.0


class KeptNights:
    """Writes the nights under way now and then."""

    def __init__(self, files: SubjectFiles, oximeters: OximeterWatch, clock: Clock) -> None:
        self._oximeters, self._clock = oximeters, clock
        self._kept = KeptState(files, "oximetry", "night of oximetry")
        self._written: dict[str, Any] = {}

    async def take_up(self) -> None:
        """Take up the nights that were under way before the restart."""
        await self._kept.take_up(self._restore)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._clock.sleep(WRITE_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write what is under way now, unless that is nothing, as before."""
        nights = self._oximeters.state(self._clock.boottime())
        if not nights and not self._written:
            return
        if await self._kept.write({"utc_ns": self._clock.utc_ns(), "nights": nights}):
            self._written = nights

    def _restore(self, kept: dict[str, Any]) -> None:
        away_ns = max(0, self._clock.utc_ns() - int(kept["utc_ns"]))
        written_at = Boottime(self._clock.boottime() - away_ns)
        self._oximeters.restore(kept["nights"], written_at)
        self._written = kept["nights"]
