"""Keeps what the hub has to say: seals it, stores it, has it delivered.

Nothing here may hold up the pipeline: what is to be sealed waits in :class:`Outgoing`, and a store
that can't be opened or written is told once and tried again while the hub watches on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from functools import partial
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.config import CollectorSettings
from edge_agent.errors import SealError, StoreError
from edge_agent.outgoing import Draft, Outgoing
from edge_agent.plan import Plan
from edge_agent.store.keys import HubIdentity
from edge_agent.store.outbox import Counts, Outbox
from edge_agent.store.seal import RecordClass
from edge_agent.summary import Tables
from edge_agent.supervision import end, spawn
from edge_agent.sync.client import Uploader
from edge_agent.sync.credentials import Credentials, trust
from edge_agent.sync.renewal import Renewal
from edge_agent.turning import Turning

log = logging.getLogger(__name__)

_RETRY_S = 1.0
_LAST_DELIVERY_S = 0.7
_OPEN_S, _SEAL_S = 300.0, 30.0
"""How long opening (it reads the whole file) and writing a record may take on a bad card."""


class Records:
    """The outbox and the way to the collector, and what waits before them."""

    def __init__(self, plan: Plan, clock: Clock, rng: random.Random) -> None:
        self.outgoing = Outgoing()
        self.outbox: Outbox | None = None
        self.uploader: Uploader | None = None
        self.hub_id = ""
        self.error = ""
        self.unsealable = 0
        self.sealing = asyncio.Lock()
        """Held while a record is being committed: who ends :meth:`run` takes it first, so that
        no record is committed and then sealed again by :meth:`finish`."""
        self.turning = Turning(clock)
        self._plan, self._clock, self._rng = plan, clock, rng
        self._opening = asyncio.Lock()
        self._uplink: list[asyncio.Task[None]] = []

    @property
    def are_kept(self) -> bool:
        """Whether there is a collector to seal to; else the hub only watches and warns."""
        return self._plan.recipients is not None

    async def counts(self) -> Counts | None:
        """Count what the outbox holds; ``None`` while there is none or it can't be read."""
        try:
            return None if self.outbox is None else await self.outbox.counts()
        except StoreError as error:
            self.error = str(error)
            return None

    def add(self, record_class: RecordClass, tables: Tables, pseudonym: str) -> None:
        """Have ``tables`` about one person sealed as a record of their own."""
        if self.are_kept:
            self.outgoing.put(Draft(record_class, tables, bytes.fromhex(pseudonym)))

    async def run(self) -> None:
        """Open the store, then seal what comes; a store in trouble is told once and tried again."""
        while True:
            try:
                if self.outbox is None:
                    self.turning.within(_OPEN_S)
                    async with self._opening:
                        await self._open()
                self.turning.waits()
                draft = await self.outgoing.first()
                self.turning.within(_SEAL_S)
                async with self.sealing:
                    if self.outbox is not None:  # it may have been closed to be opened anew
                        await self._seal(self.outbox, draft)
            except (StoreError, SealError) as error:
                if str(error) != self.error:
                    log.error("%s", error)  # noqa: TRY400 - the message says it all
                self.error = str(error)
                self.turning.within(_RETRY_S)
                await self._clock.sleep(_RETRY_S)

    async def change(self, plan: Plan) -> None:
        """Go by another plan: what the collector's keys say takes an outbox opened anew."""
        old = self._plan
        is_same = (old.settings.collector, old.recipients) == (
            plan.settings.collector,
            plan.recipients,
        )
        self._plan = plan
        if is_same:
            return
        async with self._opening, self.sealing:
            if self.outbox is None:
                return
            await self._close()
            try:
                await self._open()
            except (StoreError, SealError) as error:
                log.error("%s", error)  # noqa: TRY400 - the message says it all
                self.error = str(error)

    async def _close(self) -> None:
        outbox, self.outbox = self.outbox, None
        tasks, self._uplink = self._uplink, []
        await end(tasks)
        if outbox is not None:
            await outbox.close()

    async def finish(self) -> None:
        """Seal what still waits, give it a moment to be delivered, and close the store."""
        try:
            if self.outbox is not None:
                while len(self.outgoing):
                    await self._seal(self.outbox, await self.outgoing.first())
                await self._last_delivery(self.outbox)
        except StoreError as error:
            self.error = str(error)
        if len(self.outgoing):
            log.error("%d record(s) not stored: %s", len(self.outgoing), self.error)
        await self._close()

    async def _open(self) -> None:
        """Open the outbox and start the uplink."""
        plan, collector = self._plan, self._plan.settings.collector
        if plan.recipients is None or collector is None:
            raise StoreError("outbox", "there is no [collector] to seal to")
        identity = HubIdentity.load_or_create(plan.state_dir)
        self.hub_id = identity.hub_id.hex()
        credentials = Credentials.of(plan.state_dir)
        context = tls(collector, credentials)
        outbox = await open_outbox(plan, identity)
        self.uploader = Uploader(
            outbox,
            collector.url,
            self._clock,
            self._rng,
            ssl_context=context,
            timeout_s=collector.timeout_s,
            metered=collector.metered,
        )
        self._uplink = [spawn("uplink", self.uploader.run, self._clock)]
        if credentials is not None and context is not None:
            self.uploader.own_trouble = partial(credentials.trouble, self._clock)
            renewal = Renewal(
                collector.url, credentials, identity, context, self._clock, self._rng, collector.ca
            )
            self._uplink.append(spawn("certificate", renewal.run, self._clock))
        self.outbox = outbox  # last: what failed before is tried again whole

    async def _seal(self, outbox: Outbox, draft: Draft) -> None:
        """Seal a draft and commit it; only then is it taken off the queue."""
        try:
            at = self._clock.boottime()
            await outbox.append(draft.record_class, draft.tables, at=at, subject=draft.subject)
        except SealError:  # trying again can't help, and those behind must not wait for it
            self.unsealable += 1
            log.exception("a %s can't be sealed and is dropped", draft.record_class.label)
        self.outgoing.stored(draft)
        self.error = ""
        if self.uploader is not None:
            self.uploader.wake()

    async def _last_delivery(self, outbox: Outbox) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_DELIVERY_S):
                while (await outbox.counts()).buffered:  # noqa: ASYNC110 - a few looks at the disk
                    await asyncio.sleep(_LAST_DELIVERY_S / 20)


def _boot_id() -> str:
    """Return the kernel's random name of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


async def open_outbox(plan: Plan, identity: HubIdentity) -> Outbox:
    """Open the outbox of a hub that keeps what it has to say.

    :raises StoreError: see :meth:`Outbox.open`.
    """
    if plan.recipients is None:
        raise StoreError("outbox", "there is no [collector] to seal to")
    return await Outbox.open(
        plan.state_dir / "outbox.db",
        identity=identity,
        recipient=plan.recipients.clinic,
        recovery=plan.recipients.recovery,
        subject=bytes.fromhex(plan.settings.subject[0].pseudonym),
        boot_id=_boot_id(),
        quota_bytes=plan.settings.hub.store_quota_mib << 20,
    )


def tls(collector: CollectorSettings, credentials: Credentials | None) -> ssl.SSLContext | None:
    """Return the trust for the collector, and how the hub shows who it is if it is enrolled.

    ``None`` for a collector that is spoken to in the clear, on loopback.

    :raises SealError: a file can't be used (any more).
    """
    if collector.url.startswith("http:"):
        return None
    return trust(collector.ca) if credentials is None else credentials.context(collector.ca)
