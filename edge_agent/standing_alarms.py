"""Keeps alarms over a restart: what stands, a pause, the figures; sealed as all that is kept."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.clock import Clock
from edge_agent.errors import EdgeError
from edge_agent.store.local_state import LocalState

log = logging.getLogger(__name__)

_NAME = "alarms"


class StandingAlarms:
    """Writes what stands whenever it changes; what can't be written or read is told, and no more.

    An alarm is raised and delivered whether or not it can be kept here.
    """

    def __init__(self, state_dir: Path, engine: AlarmEngine, clock: Clock) -> None:
        self._state_dir, self._engine, self._clock = state_dir, engine, clock
        self._changed = asyncio.Event()
        self._told = ""

    def note_change(self) -> None:
        """Have what stands written soon."""
        self._changed.set()

    async def take_up(self) -> None:
        """Take up what stood before the restart."""
        try:
            octets = await asyncio.to_thread(self._read)
            if octets is not None:
                self._engine.restore(json.loads(octets), self._clock.boottime())
        except EdgeError as error:
            log.warning("alarms from before the restart: %s", error)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("alarms from before the restart: of another version: %r", error)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._changed.wait()
            await self.write()

    async def write(self) -> None:
        """Write what stands now."""
        self._changed.clear()
        octets = json.dumps(self._engine.state(self._clock.boottime())).encode()
        try:
            await asyncio.to_thread(self._write, octets)
        except EdgeError as error:
            if str(error) != self._told:
                log.warning("standing alarms: %s", error)
            self._told = str(error)

    def _read(self) -> bytes | None:
        return LocalState.open(self._state_dir).read(_NAME)

    def _write(self, octets: bytes) -> None:
        LocalState.open(self._state_dir).write(_NAME, octets)
