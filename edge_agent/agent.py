"""The composition root: makes the rooms, connects them, keeps them running, shuts them down.

    links -> ReadingQueue -> Pipeline -> Outgoing -> Outbox -> Uploader -> collector

Each arrow is a task; each queue is bounded.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Mapping

from edge_agent.alarms.rules import Rule
from edge_agent.alarms.sentence import sentence
from edge_agent.capture import TappedSensor
from edge_agent.clock import NS_PER_S, Clock, ClockRecord
from edge_agent.control import ControlServer, Orders
from edge_agent.errors import ControlError
from edge_agent.kept_forecasts import KeptForecasts
from edge_agent.kept_nights import KeptNights
from edge_agent.model import Alarm, Boottime, Event, Phase, Reading
from edge_agent.notify import notify, watchdog_interval_s
from edge_agent.person_watch import PersonWatch
from edge_agent.pipeline import Pipeline
from edge_agent.plan import Plan
from edge_agent.reading_queue import ReadingQueue
from edge_agent.records import Records
from edge_agent.reporting import Hub, report
from edge_agent.standing_alarms import StandingAlarms
from edge_agent.status import Status
from edge_agent.store.seal import RecordClass
from edge_agent.subject_limits import rhythm_limits, warning_settings
from edge_agent.summary import alarm_tables
from edge_agent.supervision import Job, end, spawn
from edge_agent.tapping import Tap, tapped_sensor
from edge_agent.warning.early_warning import EarlyWarning
from edge_agent.warning.rules import warning_rules
from edge_agent.warning.score_words import value_words
from edge_agent.warning_state import WarningState
from edge_agent.wiring import Links

log = logging.getLogger(__name__)

_TICK_S = 1.0
_KEEP_EVERY_S = 3600.0
"""So often what a restart has to know is written though no alarm comes: days watched, silences."""

_SAID = frozenset({Phase.RAISED, Phase.REPEATED, Phase.ESCALATED})
"""Steps that call somebody."""
_TOLD_HOLDS_AT_MOST_H = 24.0


class Agent:
    """One hub: one subject, one outbox, any number of sensors."""

    def __init__(self, plan: Plan, clock: Clock, rng: random.Random | None = None) -> None:
        rng = rng or random.Random()  # noqa: S311 - jitter of retries, no secret
        self.plan, self.clock = plan, clock
        self.started_at = clock.boottime()
        self.first_reading_at: Boottime | None = None
        self.readings = ReadingQueue()
        limits = rhythm_limits(plan.settings.alarms, plan.settings.rhythm)
        self._pause_at_most_min = plan.settings.alarms.pause_at_most_min
        self.warning = EarlyWarning(warning_settings(plan.settings.warning))
        self.pipeline = Pipeline(
            _rules(plan),
            self.started_at,
            limits,
            self.warning,
            pause_at_most_s=60.0 * self._pause_at_most_min,
        )
        self.records = Records(plan, clock, rng)
        self.links = Links(plan.sensors, self.receive, clock, rng)
        self.person = PersonWatch(plan.state_dir, clock)
        self.standing = StandingAlarms(plan.state_dir, self.pipeline.alarms, clock)
        self.warning_state = WarningState(plan.state_dir, self.warning, clock)
        self.nights = KeptNights(plan.state_dir, self.pipeline.oximeters, clock)
        self.kept = KeptForecasts(plan.state_dir, self.pipeline.forecasters, clock)
        self._progress_at = self._kept_at = self.started_at

    async def run_until_signal(self) -> None:
        """Run until SIGTERM or SIGINT."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await self.run(stop)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; then let the sensors rest and store what is in memory.

        Sensors and alarms start at once; a store that can't be opened is reported and tried again.

        :raises ControlError: the control socket can't be used.
        """
        orders = Orders(self.acknowledge, self.pause_audio, self.resume_audio, self.observe)
        control = ControlServer(self.plan.control_socket, self.status, self.tap, orders)
        await control.start()
        await self.standing.take_up()
        await self.warning_state.take_up(self.pipeline.alarms)
        await self.nights.take_up()
        await self.kept.take_up()
        if not self.records.are_kept:
            log.warning("no [collector] configured: summaries are not kept")
        tasks = [spawn(name, job, self.clock) for name, job in self._jobs().items()]
        try:
            notify("READY=1")
            log.info("hub started with %d sensor(s)", len(self.plan.sensors))
            await stop.wait()
        finally:
            notify("STOPPING=1")
            await control.stop()
            async with self.records.sealing:
                await end(tasks)
            await self._finish()

    def receive(self, reading: Reading) -> None:
        """Take a reading from a link; called in the event loop, so it only notes it."""
        if self.first_reading_at is None and not isinstance(reading, Event):
            self.first_reading_at = self.clock.boottime()
        self.readings.put(reading)

    async def status(self) -> Status:
        """Return what the hub sees, holds and sends now."""
        records = self.records
        counts = await records.counts()
        hub = Hub(
            plan=self.plan,
            now=self.clock.boottime(),
            started_at=self.started_at,
            first_reading_at=self.first_reading_at,
            readings=self.readings,
            pipeline=self.pipeline,
            feeds=self.links.feeds,
            person=self.person,
            warning=self.warning,
            records=records,
            counts=counts,
        )
        return report(hub)

    def tap(self, sensor: str) -> tuple[TappedSensor, Tap]:
        """Open a tap on what passes between the hub and ``sensor``.

        :raises CaptureError: the hub has no sensor of this name.
        """
        return tapped_sensor(self.plan, sensor), Tap(self.links.feeds[sensor])

    def acknowledge(self, episode: str) -> list[str]:
        """Note that somebody has seen the alarm ``episode`` (empty: every one that stands).

        Returns the titles of those for which that changed something.
        """
        now, engine = self.clock.boottime(), self.pipeline.alarms
        episodes = [episode] if episode else [alarm.episode for alarm in engine.active]
        steps = [step for one in episodes for step in engine.acknowledge(one, now)]
        self._send(steps)
        return [step.title for step in steps]

    def pause_audio(self, minutes: float, by: str) -> None:
        """Pause the alarms' audio, as ``by`` wants.

        :raises ControlError: longer than this hub may be told to.
        """
        try:
            self.pipeline.pause_audio(60.0 * minutes, by, self.clock.boottime())
        except ValueError as error:
            step = f"Ask for at most {self._pause_at_most_min:g} min (alarms.pause_at_most_min)"
            raise ControlError("pause of the alarms", str(error), step) from error
        log.warning("alarms: %s has paused the audio for %g min", by, minutes)
        self.standing.note_change()

    def resume_audio(self, by: str) -> bool:
        """End a pause, as ``by`` wants; tell whether there was one."""
        if self.pipeline.alarms.paused is None:
            return False
        log.warning("alarms: %s has ended the pause of the audio", by)
        self._send(self.pipeline.resume_audio(by, self.clock.boottime()))
        self.standing.note_change()
        return True

    def observe(self, told: Mapping[str, str], hours: float) -> list[str]:
        """Take in what only a person sees ("consciousness", "oxygen"); it holds for ``hours``.

        Returns what is known of it now, in words.

        :raises ValueError: something else was told, or for longer than a day.
        """
        if not 0.0 < hours <= _TOLD_HOLDS_AT_MOST_H:
            raise ValueError(f"{hours:g} hours: what is told holds for at most a day")
        now = self.clock.boottime()
        self.warning.tell(told, now, hours * 3600.0)
        self.warning_state.note_change()
        observed = self.warning.observed
        return [f"{what}: {value_words(what, observed, now)}, for {hours:g} h" for what in told]

    def _jobs(self) -> dict[str, Job]:
        jobs: dict[str, Job] = {f"link {name}": run for name, run in self.links.tasks.items()}
        jobs |= {"pipeline": self._assess, "tick": self._tick, "summary": self._summarise}
        jobs |= {"person": self.person.run, "standing alarms": self.standing.run}
        kept = self.warning_state
        jobs |= {"early warning": kept.run, "early warning due": kept.remind}
        jobs["nights"] = self.nights.run
        jobs |= {"glucose forecasts": self.kept.run}
        if self.records.are_kept:
            jobs["records"] = self.records.run
        if watchdog_interval_s() is not None:
            jobs["watchdog"] = self._watchdog
        return jobs

    async def _assess(self) -> None:
        while True:
            self._assess_one(await self.readings.get())
            self._progress_at = self.clock.boottime()
            await asyncio.sleep(0)  # let links and uplink breathe when a burst is worked off

    def _assess_one(self, reading: Reading) -> None:
        self._send(self.pipeline.take(reading, self.clock.boottime()))

    async def _tick(self) -> None:
        while True:
            await self.clock.sleep(_TICK_S)
            now = self.clock.boottime()
            self._send(self.pipeline.tick(now, self.clock.utc_ns()))
            if now - self._kept_at >= _KEEP_EVERY_S * NS_PER_S:
                self._kept_at = now
                self.standing.note_change()

    async def _summarise(self) -> None:
        while True:
            await self.clock.sleep(self.plan.settings.hub.summary_interval_s)
            self._take_summary()

    def _take_summary(self) -> None:
        """Hand the interval over; without a collector it is let go, or it would grow for ever."""
        self.pipeline.sum_up_alarms(self.clock.boottime())
        if self.pipeline.summary.rows:
            tables = self.pipeline.summary.take(ClockRecord.take(self.clock))
            self.records.add(RecordClass.SUMMARY, tables)

    def _send(self, alarms: list[Alarm]) -> None:
        for alarm in alarms:
            is_said = alarm.phase in _SAID and not alarm.silent
            words = sentence(alarm) if alarm.phase in _SAID else alarm.title
            log.log(
                logging.WARNING if is_said else logging.INFO, "alarm %s: %s", alarm.phase, words
            )
            tables = alarm_tables(alarm, ClockRecord.take(self.clock))
            self.records.add(RecordClass.ALARM, tables)
        if alarms:
            self.standing.note_change()

    async def _watchdog(self) -> None:
        """Report liveness while the pipeline keeps up; a hang stops the reports."""
        interval_s = watchdog_interval_s() or _TICK_S
        while True:
            waiting_s = (self.clock.boottime() - self._progress_at) / NS_PER_S
            if len(self.readings) == 0 or waiting_s < interval_s:
                notify("WATCHDOG=1")
            await self.clock.sleep(interval_s)

    async def _finish(self) -> None:
        """Work off what the links brought last, and have all of it kept."""
        while len(self.readings):
            try:
                self._assess_one(await self.readings.get())
            except Exception:  # a reading that can't be assessed must not cost the summary
                log.exception("a last reading could not be assessed")
        self._take_summary()
        await self.standing.write()
        await self.warning_state.write()
        await self.nights.write()
        await self.kept.write()
        await self.records.finish()


def _rules(plan: Plan) -> tuple[Rule, ...]:
    watched = (
        (one.settings.name, one.driver.measures, after_s)
        for one in plan.sensors
        if (after_s := one.stale_after_s) is not None
    )
    return (
        *plan.rules.rules,
        *warning_rules(news2=plan.settings.warning.news2),
        *plan.rules.stale_rules(watched),
    )
