"""Keeps a night under an oximeter over a restart: without it a hub that restarts at four o'clock
would tell of half a night.

A power cut costs what was gathered since the last writing, five minutes at most. How long the hub
was down isn't known (its clock may be wrong): nothing is found across it, and it isn't counted.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.errors import EdgeError
from edge_agent.oximeter_watch import OximeterWatch
from edge_agent.store.local_state import LocalState

log = logging.getLogger(__name__)

WRITE_EVERY_S = 300.0
_NAME = "oximetry"


class KeptNights:
    """Writes the nights under way now and then; what can't be written or read is told once."""

    def __init__(self, state_dir: Path, oximeters: OximeterWatch, clock: Clock) -> None:
        self._state_dir, self._oximeters, self._clock = state_dir, oximeters, clock
        self._written = b""
        self._told = ""

    async def take_up(self) -> None:
        """Take up the nights that were under way before the restart."""
        try:
            octets = await asyncio.to_thread(self._read)
            if octets is not None:
                self._oximeters.restore(json.loads(octets), self._clock.boottime())
                self._written = octets
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
        """Write what is under way now, unless nothing is, as before."""
        octets = json.dumps(self._oximeters.state(self._clock.boottime())).encode()
        if octets == (self._written or b"{}"):
            return
        try:
            await asyncio.to_thread(self._write, octets)
        except EdgeError as error:
            if str(error) != self._told:
                log.warning("night of oximetry: %s", error)
            self._told = str(error)
        else:
            self._written = octets

    def _read(self) -> bytes | None:
        return LocalState.open(self._state_dir).read(_NAME)

    def _write(self, octets: bytes) -> None:
        LocalState.open(self._state_dir).write(_NAME, octets)
