"""The composition root: makes the rooms, connects them, keeps them running, shuts them down.

    links -> ReadingQueue -> Pipeline -> Outgoing -> Outbox -> Uploader -> collector

Each arrow is a task; each queue is bounded.
"""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from edge_agent.bed import Bed
from edge_agent.capture import TappedSensor
from edge_agent.clock import Clock, ClockRecord
from edge_agent.control import ControlServer, Orders
from edge_agent.errors import ControlError
from edge_agent.model import Alarm, Boottime, Event, Phase, Reading
from edge_agent.notify import notify, reloading, watchdog_interval_s
from edge_agent.plan import Plan
from edge_agent.plan import plan as read_plan
from edge_agent.reading_queue import ReadingQueue
from edge_agent.records import Records
from edge_agent.reloading import Reloading, link_name
from edge_agent.reporting import Hub, report
from edge_agent.status import Status
from edge_agent.store.seal import RecordClass
from edge_agent.summary import alarm_tables
from edge_agent.supervision import Job, end, spawn
from edge_agent.tapping import Tap, tapped_sensor
from edge_agent.turning import Turning
from edge_agent.watchdog import Watchdog
from edge_agent.wiring import Links

if TYPE_CHECKING:
    from edge_agent.dashboard.server import Page

log = logging.getLogger(__name__)

_TICK_S = 1.0

_SAID = frozenset({Phase.RAISED, Phase.REPEATED, Phase.ESCALATED})
"""Steps that call somebody."""


class Agent:
    """One hub: one bed or several, any number of sensors, one outbox."""

    def __init__(self, plan: Plan, clock: Clock, rng: random.Random | None = None) -> None:
        rng = rng or random.Random()  # noqa: S311 - jitter of retries, no secret
        self.plan, self.clock = plan, clock
        self.started_at = clock.boottime()
        self.first_reading_at: Boottime | None = None
        self.readings = ReadingQueue()
        self.beds = tuple(Bed(one, plan.state_dir, clock) for one in plan.beds)
        self.records = Records(plan, clock, rng)
        self.links = Links(plan.sensors, self.receive, clock, rng)
        self.page: Page | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turning = {name: Turning(clock) for name in ("pipeline", "tick")}
        self.watchdog = Watchdog(clock, self._turnings, self._tasks)
        self._reload_asked = asyncio.Event()
        self.reloading = Reloading(self.links, self.records, clock, self._tasks, self._send)

    async def run_until_signal(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP has the configuration read anew."""
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload_asked.set)
        await self.run(stop)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set; then let the sensors rest and store what is in memory.

        Sensors and alarms start at once; a store that can't be opened is reported and tried again.

        :raises ControlError: the control socket can't be used.
        """
        orders = Orders(
            self.acknowledge, self.pause_audio, self.resume_audio, self.observe, self.page_code
        )
        self.page = self._page(orders)
        control = ControlServer(self.plan.control_socket, self.status, self.tap, orders)
        await control.start()
        for bed in self.beds:
            await bed.take_up()
        if not self.records.are_kept:
            log.warning("no [collector] configured: summaries are not kept")
        self._tasks |= {name: spawn(name, job, self.clock) for name, job in self._jobs().items()}
        try:
            notify("READY=1")
            log.info("hub started with %d sensor(s)", len(self.plan.sensors))
            await stop.wait()
        finally:
            notify("STOPPING=1")
            await control.stop()
            async with self.records.sealing:
                await end(self._tasks.values())
            await self._finish()

    async def reload(self) -> None:
        """Read the configuration anew and apply it, or say why not."""
        reloading()
        try:
            read = partial(read_plan, self.plan.file)
            self.plan = await self.reloading.reload(self.beds, self.plan, read)
        finally:
            notify("READY=1")

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
            beds=self.beds,
            feeds=self.links.feeds,
            records=records,
            counts=counts,
            stuck=self.watchdog.stuck(),
            reloaded=self.reloading.outcome,
        )
        return report(hub)

    def page_code(self) -> str:
        """Return a one-time code that admits a browser on the network to the bedside page.

        :raises ControlError: the page is not served, or not on the network.
        """
        if self.page is None:
            step = "Write a table [page] into the configuration and restart the hub"
            raise ControlError("page code", "the bedside page is not served", step)
        return self.page.new_code()

    def tap(self, sensor: str) -> tuple[TappedSensor, Tap]:
        """Open a tap on what passes between the hub and ``sensor``.

        :raises CaptureError: the hub has no sensor of this name.
        """
        return tapped_sensor(self.plan, sensor), Tap(self.links.feeds[sensor])

    def acknowledge(self, episode: str, by: str) -> list[str]:
        """Note that ``by`` has seen the alarm ``episode`` (empty: every one that stands).

        Returns the titles of those for which that changed something.
        """
        titles: list[str] = []
        for bed in self.beds:
            steps = bed.acknowledge(episode, by)
            self._send(bed, steps)
            titles += [step.title for step in steps]
        return titles

    def pause_audio(self, minutes: float, by: str, bed: str | None = None) -> None:
        """Pause the audio of a bed's alarms (of all, if none is named), as ``by`` wants.

        :raises ControlError: longer than the hub may be told to.
        :raises BedError: there is no such bed.
        """
        for one in self._meant(bed):
            one.pause_audio(minutes, by)

    def resume_audio(self, by: str, bed: str | None = None) -> bool:
        """End a pause, as ``by`` wants; tell whether there was one.

        :raises BedError: there is no such bed.
        """
        was_paused = False
        for one in self._meant(bed):
            said = one.resume_audio(by)
            if said is not None:
                was_paused = True
                self._send(one, said)
        return was_paused

    def observe(
        self, told: Mapping[str, str], hours: float, by: str, bed: str | None = None
    ) -> list[str]:
        """Take in what ``by`` sees of whom lies in ``bed``; it holds for ``hours``.

        Returns what is known of it now, in words.

        :raises ValueError: something else was told, or for longer than a day.
        :raises BedError: there is no such bed, or none was named and there are several.
        """
        subject = self.plan.settings.subject_at(bed)
        (one,) = (one for one in self.beds if one.subject is subject)
        return one.observe(told, hours, by)

    def _meant(self, bed: str | None) -> tuple[Bed, ...]:
        if bed is None:
            return self.beds
        subject = self.plan.settings.subject_at(bed)
        return tuple(one for one in self.beds if one.subject is subject)

    def _watched_by(self, sensor: str) -> tuple[Bed, ...]:
        """Return the beds a sensor is there for; a hub's only bed has them all."""
        if len(self.beds) == 1:
            return self.beds
        return tuple(bed for bed in self.beds if sensor in bed.sensors)

    def _jobs(self) -> dict[str, Job]:
        jobs: dict[str, Job] = {link_name(name): run for name, run in self.links.tasks.items()}
        jobs |= {"reload": self._reload_when_asked}
        jobs |= {"pipeline": self._assess, "tick": self._tick, "summary": self._summarise}
        for bed in self.beds:
            jobs |= bed.jobs()
        if self.page is not None:
            jobs["page"] = self.page.run
        if self.records.are_kept:
            jobs["records"] = self.records.run
        if (metrics := self.plan.settings.metrics) is not None:
            from edge_agent.metrics_server import MetricsServer  # noqa: PLC0415 - only when wanted

            jobs["metrics"] = MetricsServer(metrics.port, self.status).run
        if (interval_s := watchdog_interval_s()) is not None:
            jobs["watchdog"] = partial(self.watchdog.run, interval_s)
        return jobs

    def _page(self, orders: Orders) -> Page | None:
        """Return the bedside page, if it is wanted; its server is imported only then."""
        settings = self.plan.settings.page
        if settings is None:
            return None
        from edge_agent.dashboard.server import Page  # noqa: PLC0415 - only when needed

        page = Page(settings, self.beds, self.status, orders, self.clock)
        for bed in self.beds:
            bed.pipeline.listeners.append(partial(page.hear, bed))
        return page

    def _turnings(self) -> dict[str, Turning]:
        links = {link_name(name): feed.turning for name, feed in self.links.feeds.items()}
        return {**self._turning, "store": self.records.turning, **links}

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            await self.reload()

    async def _assess(self) -> None:
        while True:
            self._turning["pipeline"].waits()
            reading = await self.readings.get()
            self._turning["pipeline"].within(0.0)
            self._assess_one(reading)
            await asyncio.sleep(0)  # let links and uplink breathe when a burst is worked off

    def _assess_one(self, reading: Reading) -> None:
        def taken(bed: Bed) -> list[Alarm]:
            return bed.pipeline.take(reading, self.clock.boottime())

        self._each(self._watched_by(reading.sensor), (taken,))

    def _each(self, beds: tuple[Bed, ...], works: tuple[Callable[[Bed], list[Alarm]], ...]) -> None:
        """Do ``works`` for each bed; a fault in one costs neither the next nor the next bed."""
        fault: Exception | None = None
        for bed in beds:
            for work in works:
                try:
                    self._send(bed, work(bed))
                except Exception as error:  # noqa: BLE001 - raised below, when all have had a turn
                    fault = error
        if fault is not None:
            raise fault

    async def _tick(self) -> None:
        while True:
            self._turning["tick"].within(_TICK_S)
            await self.clock.sleep(_TICK_S)
            self._each(self.beds, (Bed.pass_time, Bed.work_out))

    async def _summarise(self) -> None:
        while True:
            await self.clock.sleep(self.plan.settings.hub.summary_interval_s)
            self._take_summaries()

    def _take_summaries(self) -> None:
        """Hand the interval over; without a collector it is let go, or it would grow for ever."""
        for bed in self.beds:
            bed.pipeline.sum_up_alarms(self.clock.boottime())
            if bed.pipeline.summary.rows:
                tables = bed.take_summary(ClockRecord.take(self.clock))
                self.records.add(RecordClass.SUMMARY, tables, bed.subject.pseudonym)

    def _send(self, bed: Bed, alarms: list[Alarm]) -> None:
        for alarm in alarms:
            is_said = alarm.phase in _SAID and not alarm.silent
            level = logging.WARNING if is_said else logging.INFO
            log.log(
                level,
                "%s: alarm %s: %s",
                bed.name,
                alarm.phase,
                alarm.title,
                extra=bed.fields(alarm),
            )
            tables = alarm_tables(alarm, ClockRecord.take(self.clock))
            self.records.add(RecordClass.ALARM, tables, bed.subject.pseudonym)
        if alarms:
            bed.standing.note_change()
            if self.page is not None:
                self.page.hear_alarm()

    async def _finish(self) -> None:
        """Work off what the links brought last, and have all of it kept."""
        while len(self.readings):
            try:
                self._assess_one(await self.readings.get())
            except Exception:  # a reading that can't be assessed must not cost the summary
                log.exception("a last reading could not be assessed")
        self._take_summaries()
        for bed in self.beds:
            await bed.write()
        await self.records.finish()
