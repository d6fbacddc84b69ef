"""Lets somebody watch the octets of one sensor while the hub goes on as ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Self

from edge_agent.capture import CaptureError, Step, TappedSensor
from edge_agent.link.feed import Feed
from edge_agent.plan import Plan

_STEPS_AT_MOST = 4096


def tapped_sensor(plan: Plan, name: str) -> TappedSensor:
    """Describe the configured sensor ``name`` for a capture.

    :raises CaptureError: no sensor of this name is configured.
    """
    settings = {one.settings.name: one.settings for one in plan.sensors}
    if name not in settings:
        known = ", ".join(sorted(settings)) or "none"
        raise CaptureError(f"sensor {name!r}", "not in the configuration", f"Configured: {known}")
    addresses = [one.address for one in settings.values() if one.address]
    here = settings[name]
    return TappedSensor(driver=here.driver, profile=here.profile or "", addresses=addresses)


class Tap:
    """What passes between the hub and one sensor from entering to leaving, step by step.

    The feed never waits: a reader that falls behind by 4096 steps is cut off.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._steps: asyncio.Queue[Step] = asyncio.Queue(_STEPS_AT_MOST)
        self._overflowed = False

    def __enter__(self) -> Self:
        self._feed.taps.add(self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self._feed.taps.discard(self._take)

    def _take(self, step: Step) -> None:
        try:
            self._steps.put_nowait(step)
        except asyncio.QueueFull:
            self._overflowed = True
            self._feed.taps.discard(self._take)

    async def steps(self) -> AsyncIterator[Step]:
        """Give the steps as they come, without end.

        :raises CaptureError: the reader fell too far behind; what it has read is whole.
        """
        while True:
            if self._overflowed and self._steps.empty():
                raise CaptureError(
                    f"capture of {self._feed.sensor}", "the reader is too slow", "Write to a disk"
                )
            yield await self._steps.get()
