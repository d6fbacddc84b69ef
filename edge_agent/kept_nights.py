"""Keeps a night under an oximeter over a restart, which else would cost half of it.

A power cut costs what was gathered since the last writing, five minutes at most. Nothing is found
across the time that the hub was down. How long that was is only known as well as the wall clock is
right; it decides whether the night still goes on, and isn't counted.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

from edge_agent.clock import Clock
from edge_agent.errors import EdgeError
from edge_agent.model import Boottime
from edge_agent.oximeter_watch import OximeterWatch
from edge_agent.store.local_state import LocalState

log = logging.getLogger(__name__)

WRITE_EVERY_S = 300.0
_NAME = "oximetry"


class KeptNights:
    """Writes the nights under way now and then; what can't be written or read is told once."""

    def __init__(self, state_dir: Path, oximeters: OximeterWatch, clock: Clock) -> None:
        self._state_dir, self._oximeters, self._clock = state_dir, oximeters, clock
        self._written: dict[str, Any] = {}
        self._told = ""

    async def take_up(self) -> None:
        """Take up the nights that were under way before the restart."""
        try:
            octets = await asyncio.to_thread(self._read)
            if octets is not None:
                self._restore(json.loads(octets))
        except EdgeError as error:
            log.warning("night of oximetry from before the restart: %s", error)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("night of oximetry from before the restart: of another version: %r", error)

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
        octets = json.dumps({"utc_ns": self._clock.utc_ns(), "nights": nights}).encode()
        try:
            await asyncio.to_thread(self._write, octets)
        except EdgeError as error:
            if str(error) != self._told:
                log.warning("night of oximetry: %s", error)
            self._told = str(error)
        else:
            self._written, self._told = nights, ""

    def _restore(self, kept: dict[str, Any]) -> None:
        away_ns = max(0, self._clock.utc_ns() - int(kept["utc_ns"]))
        written_at = Boottime(self._clock.boottime() - away_ns)
        self._oximeters.restore(kept["nights"], written_at)
        self._written = kept["nights"]

    def _read(self) -> bytes | None:
        return LocalState.open(self._state_dir).read(_NAME)

    def _write(self, octets: bytes) -> None:
        LocalState.open(self._state_dir).write(_NAME, octets)
