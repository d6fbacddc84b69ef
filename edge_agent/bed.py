"""One bed of a hub: the person's signal processing, alarms and warning, and what is kept of them.

A hub has one or several. They share sensors' links, the outbox and the way to the collector;
nothing that is known of one person is ever used for another.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from edge_agent import __version__
from edge_agent.alarms.rules import Rule
from edge_agent.clock import Clock, ClockRecord
from edge_agent.errors import ControlError
from edge_agent.glycaemia_watch import GlycaemiaWatch
from edge_agent.kept_forecasts import KeptForecasts
from edge_agent.kept_glycaemia import KeptGlycaemia
from edge_agent.kept_nights import KeptNights
from edge_agent.model import Alarm, Phase
from edge_agent.person_watch import PersonWatch
from edge_agent.pipeline import Pipeline
from edge_agent.plan import PlannedBed
from edge_agent.standing_alarms import StandingAlarms
from edge_agent.store.subject_files import SubjectFiles
from edge_agent.subject_limits import rhythm_limits, warning_settings
from edge_agent.summary import Row, Tables
from edge_agent.supervision import Job
from edge_agent.warning.clock_time import zone_of
from edge_agent.warning.early_warning import EarlyWarning
from edge_agent.warning.rules import warning_rules
from edge_agent.warning.score_words import value_words
from edge_agent.warning_state import WarningState
from edge_agent.wiring import Sensor

log = logging.getLogger(__name__)

_TOLD_HOLDS_AT_MOST_H = 24.0
_SENSORS_EVERY = 60
"""Summaries from one list of sensors to the next: an hour, since a record may be lost."""
_MEAL = "carbs_g"


class Bed:
    """Watches over one person."""

    def __init__(self, planned: PlannedBed, state_dir: Path, clock: Clock) -> None:
        subject = planned.subject
        self.subject = subject
        self.sensors = frozenset(one.settings.name for one in planned.sensors)
        self._sensor_rows = [_sensor_row(one) for one in planned.sensors]
        self._summaries = 0
        self._clock = clock
        self._pause_at_most_min = subject.alarms.pause_at_most_min
        self.warning = EarlyWarning(warning_settings(subject.warning))
        self.pipeline = Pipeline(
            _rules(planned),
            clock.boottime(),
            rhythm_limits(subject.alarms, subject.rhythm),
            self.warning,
            GlycaemiaWatch(zone_of(subject.warning.timezone)),
            pause_at_most_s=60.0 * self._pause_at_most_min,
        )
        files = SubjectFiles(state_dir, subject.pseudonym)
        self.person = PersonWatch(files, clock)
        self.standing = StandingAlarms(files, self.pipeline.alarms, clock)
        self.warning_state = WarningState(files, self.warning, clock)
        self.nights = KeptNights(files, self.pipeline.oximeters, clock)
        self.forecasts = KeptForecasts(files, self.pipeline.forecasters, clock)
        self.glycaemia = KeptGlycaemia(files, self.pipeline.glycaemia, clock)

    @property
    def name(self) -> str:
        """How the log calls the bed: nothing of the person, not even a part of the pseudonym."""
        return f"bed {self.subject.bed}" if self.subject.bed else "the bed"

    def fields(self, alarm: Alarm) -> dict[str, str]:
        """Return the fields of the log for a step of an alarm; no values."""
        return {
            "EDGE_BED": self.subject.bed,
            "EDGE_ALARM": alarm.rule,
            "EDGE_EPISODE": alarm.episode,
            "EDGE_ALARM_PHASE": alarm.phase.value,
            "EDGE_ALARM_PRIORITY": alarm.priority.name.lower(),
        }

    def change(self, planned: PlannedBed) -> list[Alarm]:
        """Go by other limits, rules and settings of the same person, with all that is known.

        Returns the steps of alarms whose rule there is no more.
        """
        subject, now = planned.subject, self._clock.boottime()
        engine = self.pipeline.alarms
        self.subject = subject
        self.sensors = frozenset(one.settings.name for one in planned.sensors)
        self._pause_at_most_min = subject.alarms.pause_at_most_min
        engine.pause_at_most_s = 60.0 * self._pause_at_most_min
        ended = engine.change(_rules(planned), now)
        self.pipeline.go_by(rhythm_limits(subject.alarms, subject.rhythm))
        standing = [one.rule for one in engine.active if one.phase is not Phase.LATCHED]
        settings = warning_settings(subject.warning)
        self.warning.change(settings, standing, now, self._clock.utc_ns())
        self.standing.note_change()
        return ended

    async def take_up(self) -> None:
        """Take up what was kept before a restart."""
        await self.standing.take_up()
        await self.warning_state.take_up(self.pipeline.alarms)
        await self.nights.take_up()
        await self.forecasts.take_up()
        await self.glycaemia.take_up()

    def jobs(self) -> dict[str, Job]:
        """Return what goes on beside the readings, by name."""
        named = {
            "person": self.person.run,
            "standing alarms": self.standing.run,
            "early warning": self.warning_state.run,
            "early warning due": self.warning_state.remind,
            "nights": self.nights.run,
            "glucose forecasts": self.forecasts.run,
            "glycaemia": self.glycaemia.run,
        }
        return {f"{self.name}: {name}": job for name, job in named.items()}

    async def write(self) -> None:
        """Write all that is kept, at the end of a run."""
        await self.standing.write()
        await self.warning_state.write()
        await self.nights.write()
        await self.forecasts.write()
        await self.glycaemia.write()

    def take_summary(self, clock: ClockRecord) -> Tables:
        """Return what was gathered and start anew; now and then tell which sensors there are."""
        tables = self.pipeline.summary.take(clock)
        if self._sensor_rows and self._summaries % _SENSORS_EVERY == 0:
            tables["sensor"] = self._sensor_rows
        self._summaries += 1
        return tables

    def pass_time(self) -> list[Alarm]:
        """Find what has gone stale; return the alarms that it raises."""
        self.standing.tick()
        return self.pipeline.pass_time(self._clock.boottime())

    def work_out(self) -> list[Alarm]:
        """Work out what follows from time alone; return the alarms that it raises or clears."""
        return self.pipeline.work_out(self._clock.boottime(), self._clock.utc_ns())

    def acknowledge(self, episode: str, by: str) -> list[Alarm]:
        """Note that ``by`` has seen the alarm ``episode`` (empty: every one that stands)."""
        now, pipeline = self._clock.boottime(), self.pipeline
        episodes = [episode] if episode else [alarm.episode for alarm in pipeline.alarms.active]
        return [step for one in episodes for step in pipeline.acknowledge(one, by, now)]

    def pause_audio(self, minutes: float, by: str) -> None:
        """Pause the alarms' audio, as ``by`` wants.

        :raises ControlError: longer than this hub may be told to.
        """
        try:
            self.pipeline.pause_audio(60.0 * minutes, by, self._clock.boottime())
        except ValueError as error:
            step = f"Ask for at most {self._pause_at_most_min:g} min (alarms.pause_at_most_min)"
            raise ControlError("pause of the alarms", str(error), step) from error
        log.warning("alarms: %s has paused the audio for %g min", by, minutes)
        self.standing.note_change()

    def resume_audio(self, by: str) -> list[Alarm] | None:
        """End a pause, as ``by`` wants; return what is said again, ``None`` without a pause."""
        if self.pipeline.alarms.paused is None:
            return None
        log.warning("alarms: %s has ended the pause of the audio", by)
        said = self.pipeline.resume_audio(by, self._clock.boottime())
        self.standing.note_change()
        return said

    def observe(self, told: Mapping[str, str], hours: float, by: str) -> list[str]:
        """Take in what only a person sees ("consciousness", "oxygen"); it holds for ``hours``.

        "carbs_g" is a meal that ``by`` tells of, just begun, in grams of carbohydrate.

        Returns what is known of it now, in words.

        :raises ValueError: something else was told, or for longer than a day.
        """
        if not 0.0 < hours <= _TOLD_HOLDS_AT_MOST_H:
            raise ValueError(f"{hours:g} hours: what is told holds for at most a day")
        now = self._clock.boottime()
        seen = {what: value for what, value in told.items() if what != _MEAL}
        self.warning.check(seen)
        said = []
        if _MEAL in told:
            self.pipeline.note_meal(_grams(told[_MEAL]), by, now)
            said.append(f"meal: {told[_MEAL]} g of carbohydrate")
        if seen:
            self.warning.tell(seen, now, hours * 3600.0)
            self.warning_state.note_change()
        observed = self.warning.observed
        said += [f"{what}: {value_words(what, observed, now)}, for {hours:g} h" for what in seen]
        return said


def _grams(told: str) -> float:
    try:
        return float(told)
    except ValueError:
        raise ValueError(f"{told!r} is no amount in grams") from None


def _sensor_row(sensor: Sensor) -> Row:
    """Tell the clinic what a sensor is: it knows a name only, and FHIR wants a device."""
    return {
        "sensor": sensor.settings.name,
        "driver": sensor.driver.name,
        "title": sensor.driver.title,
        "address": sensor.settings.address or "",
        "software": __version__,
    }


def _rules(planned: PlannedBed) -> tuple[Rule, ...]:
    watched = (
        (one.settings.name, one.driver.measures, after_s)
        for one in planned.sensors
        if (after_s := one.stale_after_s) is not None
    )
    return (
        *planned.rules.rules,
        *warning_rules(news2=planned.subject.warning.news2),
        *planned.rules.stale_rules(watched),
    )
