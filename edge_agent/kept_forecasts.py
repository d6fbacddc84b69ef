"""Keeps what the glucose forecasts have learnt over a restart, sealed like the standing alarms."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.dsp.glucose import Forecaster
from edge_agent.errors import EdgeError
from edge_agent.store.local_state import LocalState

log = logging.getLogger(__name__)

_NAME = "glucose-forecasts"
_EVERY_S = 15 * 60.0
_SAME_BOOT_S = 60.0  # the wall clock may have been corrected meanwhile


class KeptForecasts:
    """Writes every forecaster's state now and then; what can't be kept is told, and no more.

    The state of ``forecasters``, by sensor, holds times since boot: after a reboot the last hour is
    forgotten, and what was learnt stays.
    """

    def __init__(self, state_dir: Path, forecasters: dict[str, Forecaster], clock: Clock) -> None:
        self._state_dir, self._forecasters, self._clock = state_dir, forecasters, clock
        self._told = ""

    async def take_up(self) -> None:
        """Take up what had been learnt before the restart."""
        try:
            octets = await asyncio.to_thread(self._read)
            if octets is not None:
                self._restore(json.loads(octets))
        except EdgeError as error:
            log.warning("glucose forecasts from before the restart: %s", error)
        except (ValueError, KeyError, TypeError) as error:
            log.warning("glucose forecasts from before the restart: of another version: %r", error)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._clock.sleep(_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write what is known now; nothing, where no glucose is measured."""
        if not self._forecasters:
            return
        kept = {
            "boot_utc_s": self._boot_utc_s(),
            "sensors": {name: one.state() for name, one in self._forecasters.items()},
        }
        octets = json.dumps(kept).encode()
        try:
            await asyncio.to_thread(self._write, octets)
        except EdgeError as error:
            if str(error) != self._told:
                log.warning("glucose forecasts: %s", error)
            self._told = str(error)

    def _restore(self, kept: Mapping[str, object]) -> None:
        sensors, boot_utc_s = kept["sensors"], kept["boot_utc_s"]
        if not isinstance(sensors, dict) or not isinstance(boot_utc_s, float):
            raise TypeError("no table of sensors, or no time of boot")
        same_boot = abs(boot_utc_s - self._boot_utc_s()) < _SAME_BOOT_S
        for name, state in sensors.items():
            forecaster = Forecaster()
            forecaster.restore(state)
            if not same_boot:
                forecaster.forget_recent()
            self._forecasters[name] = forecaster

    def _boot_utc_s(self) -> float:
        return (self._clock.utc_ns() - self._clock.boottime()) / 1e9

    def _read(self) -> bytes | None:
        return LocalState.open(self._state_dir).read(_NAME)

    def _write(self, octets: bytes) -> None:
        LocalState.open(self._state_dir).write(_NAME, octets)
