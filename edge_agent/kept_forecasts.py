"""Keeps what the glucose forecasts have learnt over a restart, sealed like the standing alarms."""

from __future__ import annotations

from collections.abc import Mapping

from edge_agent.clock import Clock
from edge_agent.dsp.glucose import Forecaster
from edge_agent.kept_state import KeptState
from edge_agent.store.subject_files import SubjectFiles

_EVERY_S = 15 * 60.0
_SAME_BOOT_S = 60.0  # the wall clock may have been corrected meanwhile


class KeptForecasts:
    """Writes every forecaster's state now and then.

    The state of ``forecasters``, by sensor, holds times since boot: after a reboot the last hour is
    forgotten, and what was learnt stays.
    """

    def __init__(
        self, files: SubjectFiles, forecasters: dict[str, Forecaster], clock: Clock
    ) -> None:
        self._forecasters, self._clock = forecasters, clock
        self._kept = KeptState(files, "glucose-forecasts", "glucose forecasts")

    async def take_up(self) -> None:
        """Take up what had been learnt before the restart."""
        await self._kept.take_up(self._restore)

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._clock.sleep(_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write what is known now; nothing, where no glucose is measured."""
        if not self._forecasters:
            return
        sensors = {name: one.state() for name, one in self._forecasters.items()}
        await self._kept.write({"boot_utc_s": self._boot_utc_s(), "sensors": sensors})

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
