"""Keeps what the early warning has learnt over a restart, sealed like the alarms that stand."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from edge_agent.alarms.engine import AlarmEngine
from edge_agent.clock import Clock
from edge_agent.errors import EdgeError
from edge_agent.model import Phase
from edge_agent.store.local_state import LocalState
from edge_agent.warning.early_warning import EarlyWarning

log = logging.getLogger(__name__)

_NAME = "early-warning"
_WRITE_EVERY_S = 900.0
"""A night is made of hours: a crash may cost a quarter of one, and a card lasts."""


class WarningState:
    """Writes every quarter of an hour, and at once when a person has told something.

    What can't be written or read is told, and no more: the hub watches on with what it has.
    """

    def __init__(self, state_dir: Path, warning: EarlyWarning, clock: Clock) -> None:
        self._state_dir, self._warning, self._clock = state_dir, warning, clock
        self._told = ""
        self._changed = asyncio.Event()

    def note_change(self) -> None:
        """Have what is known written soon."""
        self._changed.set()

    async def take_up(self, engine: AlarmEngine) -> None:
        """Take up what was known before the restart, and which findings still stand."""
        try:
            octets = await asyncio.to_thread(self._read)
            if octets is not None:
                now, utc_ns = self._clock.boottime(), self._clock.utc_ns()
                self._warning.restore(json.loads(octets), now, utc_ns)
        except EdgeError as error:
            log.warning("early warning from before the restart: %s", error)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("early warning from before the restart: of another version: %r", error)
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
        state = self._warning.state(self._clock.boottime(), self._clock.utc_ns())
        octets = json.dumps(state).encode()
        try:
            await asyncio.to_thread(self._write, octets)
        except EdgeError as error:
            if str(error) != self._told:
                log.warning("early warning: %s", error)
            self._told = str(error)

    def _read(self) -> bytes | None:
        return LocalState.open(self._state_dir).read(_NAME)

    def _write(self, octets: bytes) -> None:
        LocalState.open(self._state_dir).write(_NAME, octets)
