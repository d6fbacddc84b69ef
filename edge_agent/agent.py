"""The composition root: makes the rooms, connects them, keeps them running, shuts them down.

    links -> ReadingQueue -> Pipeline -> Outgoing -> Outbox -> Uploader -> collector

Each arrow is a task; each queue is bounded. A task that fails unexpectedly is reported and
started again, and the others never notice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

from edge_agent.alarms.rules import Rule, limit_rules, stale_rules
from edge_agent.clock import Clock, ClockRecord
from edge_agent.config import CollectorSettings
from edge_agent.control import ControlServer
from edge_agent.errors import SealError, StoreError
from edge_agent.model import Alarm, Boottime, Event, Reading
from edge_agent.notify import notify, watchdog_interval_s
from edge_agent.outgoing import Draft, Outgoing
from edge_agent.pipeline import Pipeline
from edge_agent.plan import Plan
from edge_agent.reading_queue import ReadingQueue
from edge_agent.reporting import report
from edge_agent.status import Status
from edge_agent.store.keys import HubIdentity
from edge_agent.store.outbox import Outbox
from edge_agent.store.seal import RecordClass
from edge_agent.summary import alarm_tables
from edge_agent.sync.client import Uploader
from edge_agent.wiring import Links

log = logging.getLogger(__name__)

_TICK_S = 1.0
_RESTART_S = 1.0
_STORE_RETRY_S = 1.0
_LAST_DELIVERY_S = 0.7


class Agent:
    """One hub: one subject, one outbox, any number of sensors."""

    def __init__(self, plan: Plan, clock: Clock, rng: random.Random | None = None) -> None:
        self.plan, self.clock = plan, clock
        self.started_at = clock.boottime()
        self.first_reading_at: Boottime | None = None
        self.store_error = ""
        self._rng = rng or random.Random()  # noqa: S311 - jitter of retries, no secret
        self.readings = ReadingQueue()
        self.outgoing = Outgoing()
        self.pipeline = Pipeline(_rules(plan), self.started_at)
        self.links = Links(plan.sensors, self._receive, clock, self._rng)
        self.outbox: Outbox | None = None
        self.uploader: Uploader | None = None
        self.hub_id = ""
        self.unsealable = 0
        self._sealing = asyncio.Lock()
        self._uplink: asyncio.Task[None] | None = None
        self._progress_at = self.started_at

    @property
    def keeps_records(self) -> bool:
        """Whether there is a collector to seal to; else the hub only watches and warns."""
        return self.plan.recipient is not None

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
        control = ControlServer(self.plan.control_socket, self.status)
        await control.start()
        tasks = self._start()
        try:
            notify("READY=1")
            log.info("hub started with %d sensor(s)", len(self.plan.sensors))
            await stop.wait()
        finally:
            notify("STOPPING=1")
            await control.stop()
            await self._finish(tasks)

    async def status(self) -> Status:
        """Return what the hub sees, holds and sends now."""
        return report(self, None if self.outbox is None else await self.outbox.counts())

    def _start(self) -> list[asyncio.Task[None]]:
        """Start every task. Links end themselves never; the others are watched over."""
        jobs: dict[str, Callable[[], Awaitable[None]]] = {
            f"link {name}": run for name, run in self.links.tasks.items()
        }
        jobs |= {"pipeline": self._assess, "tick": self._tick, "summary": self._summarise}
        if self.keeps_records:
            jobs["store"] = self._store
        if watchdog_interval_s() is not None:
            jobs["watchdog"] = self._watchdog
        return [self._spawn(name, job) for name, job in jobs.items()]

    def _spawn(self, name: str, job: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(self._watch_over(name, job), name=name)

    async def _watch_over(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await job()
            except Exception:  # one task's fault must not end the hub; it is reported whole
                log.exception("%s failed and is started again", name)
            await self.clock.sleep(_RESTART_S)

    def _receive(self, reading: Reading) -> None:
        """Take a reading from a link; called in the event loop, so it must only note it."""
        if self.first_reading_at is None and not isinstance(reading, Event):
            self.first_reading_at = self.clock.boottime()
        self.readings.put(reading)

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
            self._send(self.pipeline.tick(self.clock.boottime()))

    async def _summarise(self) -> None:
        while True:
            await self.clock.sleep(self.plan.settings.hub.summary_interval_s)
            self._draft_summary()

    def _draft_summary(self) -> None:
        if self.keeps_records and self.pipeline.summary.rows:
            tables = self.pipeline.summary.take(ClockRecord.take(self.clock))
            self.outgoing.put(Draft(RecordClass.SUMMARY, tables))

    def _send(self, alarms: list[Alarm]) -> None:
        for alarm in alarms:
            log.warning("alarm %s: %s", alarm.phase, alarm.title)
            if self.keeps_records:
                tables = alarm_tables(alarm, ClockRecord.take(self.clock))
                self.outgoing.put(Draft(RecordClass.ALARM, tables))

    async def _store(self) -> None:
        """Open the store, then seal what comes; a store in trouble is told once and tried again."""
        while True:
            try:
                outbox = self.outbox or await self._open_store()
                draft = await self.outgoing.first()
                async with self._sealing:
                    await self._seal(outbox, draft)
            except (StoreError, SealError) as error:
                if str(error) != self.store_error:
                    log.error("%s", error)  # noqa: TRY400 - the message says it all
                self.store_error = str(error)
                await self.clock.sleep(_STORE_RETRY_S)

    async def _seal(self, outbox: Outbox, draft: Draft) -> None:
        """Seal a draft and commit it; only then is it taken off the queue."""
        try:
            await outbox.append(draft.record_class, draft.tables, at=self.clock.boottime())
        except SealError:  # trying again can't help, and those behind must not wait for it
            self.unsealable += 1
            log.exception("a %s can't be sealed and is dropped", draft.record_class.label)
        self.outgoing.stored(draft)
        self.store_error = ""
        if self.uploader is not None:
            self.uploader.wake()

    async def _watchdog(self) -> None:
        """Report liveness while the pipeline keeps up; a hang stops the reports."""
        interval_s = watchdog_interval_s() or _TICK_S
        while True:
            waiting_s = (self.clock.boottime() - self._progress_at) / 1e9
            if len(self.readings) == 0 or waiting_s < interval_s:
                notify("WATCHDOG=1")
            await self.clock.sleep(interval_s)

    async def _open_store(self) -> Outbox:
        """Open the outbox and start the uplink."""
        plan, collector = self.plan, self.plan.settings.collector
        if plan.recipient is None or collector is None:
            raise StoreError("outbox", "there is no [collector] to seal to")
        identity = HubIdentity.load_or_create(plan.state_dir)
        self.hub_id = identity.hub_id.hex()
        self.outbox = await Outbox.open(
            plan.state_dir / "outbox.db",
            identity=identity,
            recipient=plan.recipient,
            subject=bytes.fromhex(plan.settings.subject.pseudonym),
            boot_id=_boot_id(),
            quota_bytes=plan.settings.hub.store_quota_mib << 20,
        )
        self.uploader = Uploader(
            self.outbox,
            collector.url,
            self.clock,
            self._rng,
            ssl_context=_tls(collector),
            timeout_s=collector.timeout_s,
        )
        self._uplink = self._spawn("uplink", self.uploader.run)
        return self.outbox

    async def _finish(self, tasks: list[asyncio.Task[None]]) -> None:
        """End the tasks, seal what is in memory, and give it a moment to be delivered."""
        async with self._sealing:  # a record that is just being committed must not be sealed twice
            await _end(tasks)
        while len(self.readings):
            self._assess_one(await self.readings.get())
        self._draft_summary()
        try:
            if self.outbox is not None:
                while len(self.outgoing):
                    await self._seal(self.outbox, await self.outgoing.first())
                await self._last_delivery(self.outbox)
        except StoreError as error:
            self.store_error = str(error)
        if len(self.outgoing):
            log.error("%d record(s) not stored: %s", len(self.outgoing), self.store_error)
        await self._close_store()

    async def _last_delivery(self, outbox: Outbox) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_DELIVERY_S):
                while (await outbox.counts()).buffered:  # noqa: ASYNC110 - a few looks at the disk
                    await asyncio.sleep(_LAST_DELIVERY_S / 20)

    async def _close_store(self) -> None:
        if self._uplink is not None:
            await _end([self._uplink])
        if self.outbox is not None:
            await self.outbox.close()


def _boot_id() -> str:
    """Return the kernel's random name of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _tls(collector: CollectorSettings) -> ssl.SSLContext | None:
    """Return the trust for the collector: the system's, or a private authority's alone."""
    if collector.url.startswith("http:"):
        return None
    context = ssl.create_default_context(cafile=collector.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _rules(plan: Plan) -> tuple[Rule, ...]:
    limits = plan.settings.alarms
    return (
        *limit_rules(
            heart_rate_low_per_min=limits.heart_rate_low_per_min,
            heart_rate_high_per_min=limits.heart_rate_high_per_min,
            spo2_low_percent=limits.spo2_low_percent,
            glucose_low_mgdl=limits.glucose_low_mgdl,
            delay_s=limits.delay_s,
        ),
        *stale_rules(
            (one.settings.name, one.driver.measures, one.stale_after_s) for one in plan.sensors
        ),
    )


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel every task and wait for the last; links use the wait to let their sensors rest."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
