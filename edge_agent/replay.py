"""Plays a capture through the code that read the sensor: decoder, feed, signal processing, alarms.

Time is the capture's own, so a night passes in seconds and gives what it gave the hub.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_agent.alarms.rules import Rule
from edge_agent.capture import Action, Capture, CaptureError, parse
from edge_agent.clock import NS_PER_S, VirtualClock
from edge_agent.config import AlarmSettings, RhythmSettings
from edge_agent.driver import Driver
from edge_agent.dsp.rhythm import DEFAULT_LIMITS, RhythmLimits
from edge_agent.link.feed import Feed, FeedStatus
from edge_agent.model import Alarm, Boottime, Reading
from edge_agent.pipeline import Pipeline
from edge_agent.registry import resolve
from edge_agent.subject_limits import subject_rules
from edge_agent.wiring import profile_file

Sleep = Callable[[float], Awaitable[None]]
SENSOR = "capture"
"""The name of the one sensor that a replay has."""

_TICK_S = 1.0
_TICKS_AT_MOST = 86_400
"""Seconds of one silence that are gone through one by one: what could come of it has come then."""


def read(file: Path) -> Capture:
    """Read the capture ``file``.

    :raises CaptureError: it can't be read, or not as a capture.
    """
    try:
        capture = parse(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CaptureError(str(file), reason, "Give a file that capture has written") from error
    if not capture.steps:
        raise CaptureError(str(file), "holds no steps", "Give a file that capture has written")
    return capture


def driver_of(capture: Capture, name: str = "", profile: str = "") -> Driver:
    """Return the driver to replay ``capture`` with: the one given, or else the file's own.

    :raises EdgeError: neither says a driver, or it or its profile is not there.
    """
    if not (name or capture.driver):
        raise CaptureError("capture", "does not say its driver", "Give --driver NAME")
    return resolve(name or capture.driver, profile_file(profile or capture.profile or None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What one step of a capture gave: readings, and the alarms that they raised or cleared."""

    at: Boottime
    readings: tuple[Reading, ...]
    alarms: tuple[Alarm, ...]


class Replay:
    """One replay; :attr:`status` and :attr:`pipeline` tell afterwards how it went."""

    def __init__(
        self,
        capture: Capture,
        driver: Driver,
        rules: Iterable[Rule] | None = None,
        rhythm: RhythmLimits = DEFAULT_LIMITS,
    ) -> None:
        """Play ``capture`` by ``rules``; by default those of a hub told nothing of its subject."""
        self.capture = capture
        self.clock = VirtualClock()
        if rules is None:
            rules = subject_rules(AlarmSettings(), RhythmSettings())
        self.pipeline = Pipeline(rules, self.clock.boottime(), rhythm)
        self._fresh: list[Reading] = []
        self._feed = Feed(SENSOR, driver, self.clock, self._fresh.append)

    @property
    def status(self) -> FeedStatus:
        """What the feed counted."""
        return self._feed.status

    async def run(self, sleep: Sleep | None = None) -> AsyncIterator[Moment]:
        """Play; with ``sleep`` (``asyncio.sleep``) as slowly as it was, else as fast as it goes."""
        for step in self.capture.steps:
            async for quiet in self._wait(Boottime(step.at_ns), sleep):
                yield quiet
            match step.action:
                case Action.OPEN:
                    self._feed.open()
                case Action.RECEIVED:
                    self._feed.receive(step.octets, step.channel)
                case Action.CLOSED:
                    self._feed.close()
            if moment := self._moment():
                yield moment
            await asyncio.sleep(0)

    async def _wait(self, until: Boottime, sleep: Sleep | None) -> AsyncIterator[Moment]:
        """Let the time until the next step pass as on a hub, which looks around every second."""
        ticks = 0
        while (wait_s := (until - self.clock.boottime()) / NS_PER_S) > 0:
            pace_s = min(wait_s, _TICK_S) if ticks < _TICKS_AT_MOST else wait_s
            ticks += 1
            if sleep is not None:
                await sleep(pace_s)
            await self.clock.advance(pace_s)
            if self.clock.boottime() < until and (moment := self._moment()):
                yield moment

    def _moment(self) -> Moment | None:
        now = self.clock.boottime()
        readings = tuple(self._fresh)
        self._fresh.clear()
        alarms = [alarm for reading in readings for alarm in self.pipeline.take(reading, now)]
        alarms += self.pipeline.tick(now)
        if not readings and not alarms:
            return None
        return Moment(at=now, readings=readings, alarms=tuple(alarms))
