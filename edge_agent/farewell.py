"""The end of a hub's life: deliver what waits, tell the collector, wipe keys and state.

What makes the wipe hold is that the keys go: the backlog was sealed to the clinic all along, and
flash keeps copies of what is overwritten. So keys are removed first, and nothing is overwritten.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path

from edge_agent.clock import Clock
from edge_agent.errors import StoreError
from edge_agent.plan import Plan
from edge_agent.records import open_outbox, tls
from edge_agent.store.files import sync_directory
from edge_agent.store.keys import IDENTITY_FILE, HubIdentity
from edge_agent.store.outbox import Outbox
from edge_agent.supervision import end
from edge_agent.sync.client import Uploader
from edge_agent.sync.credentials import Credentials
from edge_agent.sync.enrolment import say_farewell

_LOOK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What could not be delivered, and why."""

    records: int
    alarms: int
    reason: str


class Farewell:
    """Takes leave of the hub of ``plan``, which must not be running.

    :raises StoreError: its state folder holds no hub.
    """

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._plan, self._clock = plan, clock
        if not (plan.state_dir / IDENTITY_FILE).exists():
            step = "Check hub.state_dir; a wiped hub has nothing left to wipe"
            raise StoreError(f"folder {plan.state_dir}", "holds no hub", step)
        self._identity = HubIdentity.load_or_create(plan.state_dir)

    @property
    def hub(self) -> str:
        """The hub's id, in hexadecimal."""
        return self._identity.hub_id.hex()

    async def deliver(self, at_most_s: float) -> Waiting | None:
        """Deliver for a while; return what is left, or ``None`` where nothing was ever kept.

        :raises StoreError: the hub is running, or its outbox can't be read.
        """
        if self._plan.recipients is None:
            return None
        async with await open_outbox(self._plan, self._identity) as outbox:
            reason = await self._drain(outbox, at_most_s)
            left = await outbox.counts()
        return Waiting(records=left.buffered, alarms=left.buffered_alarms, reason=reason)

    async def tell(self) -> bool:
        """Tell the collector; false where there is none to tell, or only one in the clear.

        :raises SyncError: it can't be told.
        :raises SealError: the hub's certificates can't be used.
        """
        collector = self._plan.settings.collector
        credentials = Credentials.of(self._plan.state_dir)
        if collector is None or credentials is None:
            return False
        context = tls(collector, credentials)
        await say_farewell(collector.url, self._identity, self._clock, context)
        return True

    def files(self) -> list[Path]:
        """Return everything that is wiped, keys first."""
        files = [one for one in self._plan.state_dir.rglob("*") if not one.is_dir()]
        return sorted(files, key=lambda one: (one.suffix not in {".pem", ".json"}, one))

    def wipe(self) -> None:
        """Remove all of it; when this returns, the names are gone from the disk."""
        for file in self.files():
            file.unlink(missing_ok=True)
        sync_directory(self._plan.state_dir)
        folders = [one for one in self._plan.state_dir.rglob("*") if one.is_dir()]
        for folder in sorted(folders, reverse=True):
            folder.rmdir()
        sync_directory(self._plan.state_dir)

    async def _drain(self, outbox: Outbox, at_most_s: float) -> str:
        collector = self._plan.settings.collector
        if collector is None:
            return "there is no [collector]"
        uploader = Uploader(
            outbox,
            collector.url,
            self._clock,
            random.Random(),  # noqa: S311 - jitter of retries, no secret
            ssl_context=tls(collector, Credentials.of(self._plan.state_dir)),
            timeout_s=collector.timeout_s,
        )
        running = asyncio.create_task(uploader.run())
        try:
            async with asyncio.timeout(at_most_s):
                while (await outbox.counts()).buffered:  # noqa: ASYNC110 - a few looks at the disk
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            pass  # what is left is counted
        finally:
            await end([running])
        return uploader.state.last_error or "no time was left"
