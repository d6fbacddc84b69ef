"""Tries alarm rules out on a capture: which alarms would have come, when, and for how long.

The way is the hub's own: decoder, feed, signal processing, alarm engine, by the capture's time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_agent.alarms.fatigue import Figures
from edge_agent.alarms.rule_file import RuleBook
from edge_agent.alarms.rules import Rule
from edge_agent.alarms.sentence import sentence
from edge_agent.capture import Capture
from edge_agent.clock import NS_PER_S
from edge_agent.config import SensorSettings
from edge_agent.driver import Driver
from edge_agent.dsp.rhythm import RhythmLimits
from edge_agent.model import Alarm, Boottime, Phase
from edge_agent.replay import SENSOR, Replay
from edge_agent.wiring import Sensor


@dataclass(slots=True, kw_only=True)
class DryAlarm:
    """One alarm that would have come: what is told of it, and its steps as (seconds, phase).

    ``stood_s`` is ``None`` when it still stood at the end.
    """

    rule: str
    title: str
    priority: str
    technical: bool
    message: str
    raised_s: float
    stood_s: float | None = None
    steps: list[tuple[float, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What came of one capture, ``seconds`` long."""

    seconds: float
    alarms: tuple[DryAlarm, ...]
    figures: Figures


async def dry_run(capture: Capture, driver: Driver, book: RuleBook, rhythm: RhythmLimits) -> DryRun:
    """Play ``capture`` as what ``driver`` reads, by the rules of ``book``."""
    replay = Replay(capture, driver, (*book.rules, *_stale_rules(book, driver)), rhythm)
    alarms: dict[str, DryAlarm] = {}
    async for moment in replay.run():
        for step in moment.alarms:
            _note(alarms, step, moment.at)
    return DryRun(
        seconds=_seconds(replay.clock.boottime()),
        alarms=tuple(alarms.values()),
        figures=replay.pipeline.alarms.figures,
    )


def _stale_rules(book: RuleBook, driver: Driver) -> tuple[Rule, ...]:
    """Return what is said of the one sensor when it falls silent, if anything is."""
    after_s = Sensor(SensorSettings(name=SENSOR, driver=driver.name), driver).stale_after_s
    return () if after_s is None else book.stale_rules([(SENSOR, driver.measures, after_s)])


def _note(alarms: dict[str, DryAlarm], step: Alarm, at: Boottime) -> None:
    at_s = _seconds(at)
    if step.phase is Phase.RAISED:
        alarms[step.episode] = DryAlarm(
            rule=step.rule, title=step.title, priority=step.priority.name.lower(),
            technical=step.technical, message=sentence(step), raised_s=at_s,
        )  # fmt: skip
    one = alarms[step.episode]
    one.steps.append((at_s, step.phase.value))
    if step.phase is Phase.CLEARED:
        one.stood_s = round(at_s - one.raised_s, 3)


def _seconds(at: Boottime) -> float:
    return round(at / NS_PER_S, 3)
