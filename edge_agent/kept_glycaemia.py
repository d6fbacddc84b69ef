"""Keeps two weeks of glucose over a restart, sealed: figures rest on days, and a hub restarts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_agent.clock import Clock
from edge_agent.glycaemia_watch import GlycaemiaWatch
from edge_agent.kept_state import KeptState
from edge_agent.model import Boottime
from edge_agent.store.subject_files import SubjectFiles

WRITE_EVERY_S = 1800.0


class KeptGlycaemia:
    """Writes the readings every half hour, while any come.

    How long the hub was down is known only as well as the wall clock is right; one that went back
    is taken for no time at all.
    """

    def __init__(self, files: SubjectFiles, watch: GlycaemiaWatch, clock: Clock) -> None:
        self._watch, self._clock = watch, clock
        self._kept = KeptState(files, "glycaemia", "glycaemia")

    async def take_up(self) -> None:
        """Take up the readings from before the restart."""
        await self._kept.take_up(self._restore)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._clock.sleep(WRITE_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write the readings, if any has come since the last writing."""
        if self._watch.has_changed:
            state = self._watch.state(self._clock.boottime())
            await self._kept.write({"utc_ns": self._clock.utc_ns(), "watch": state})

    def _restore(self, kept: Mapping[str, Any]) -> None:
        away_ns = max(0, self._clock.utc_ns() - int(kept["utc_ns"]))
        self._watch.restore(kept["watch"], Boottime(self._clock.boottime() - away_ns))
