"""The outbox's database, kept usable: put aside when damaged, given room when the disk is full.

One connection, on which one transaction runs after another. Opening takes as long as a small file
needs to be checked; a large one is read through beside the work, and damage that shows only later
has the file put aside all the same. What was asked for is then done in the fresh one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Self

from edge_agent.errors import StoreDamaged, StoreError, StoreFull
from edge_agent.store import recovery
from edge_agent.store.database import Database, Result, Transaction
from edge_agent.store.eviction import Eviction
from edge_agent.store.files import private_directory
from edge_agent.store.keys import HubCard
from edge_agent.store.recovery import Recovery
from edge_agent.store.reserve import Reserve
from edge_agent.store.salvage import SCHEMAS
from edge_agent.store.settling import read_through, salvage

log = logging.getLogger(__name__)

Work = Callable[[Transaction], Awaitable[Result]]


class SoundDatabase:
    """An open outbox database. :meth:`close` it.

    ``recovery`` tells what happened when it was found damaged, else it is ``None``. ``begin`` is
    the first thing that is done in every file that is opened.
    """

    def __init__(
        self,
        path: Path,
        hub: HubCard,
        quota_pages: int,
        begin: Work[None],
    ) -> None:
        self.path = path
        self.recovery: Recovery | None = None
        self.eviction = Eviction(quota_pages)
        self.reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self._hub, self._quota_pages, self._begin = hub, quota_pages, begin
        self._database: Database | None = None
        self._settling: asyncio.Task[None] | None = None
        self._replacing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, hub: HubCard, quota_pages: int, begin: Work[None]) -> Self:
        """Open the outbox of ``hub`` at ``path``, or a fresh one where that is damaged.

        :raises StoreError: in use, of another hub, of a newer version, or on a disk that can't be
            used.
        """
        sound = cls(path, hub, quota_pages, begin)
        sound.recovery = await asyncio.to_thread(_prepare, path, hub)
        await asyncio.to_thread(sound.reserve.take_up)
        try:
            await sound._open()
        except StoreDamaged as damage:
            await sound._replace(None, damage)
        return sound

    async def transaction(
        self,
        work: Work[Result],
        then: Callable[[Result], Awaitable[None]] | None = None,
        *,
        is_routine: bool = False,
    ) -> Result:
        """Run ``work`` in a transaction of its own; it is committed when this returns.

        It is run again from the start when the file had to be replaced, or the reserve given up:
        what is routine never gets the reserve. ``then`` follows the commit.

        :raises StoreFull: the quota or the disk is full; nothing was changed.
        :raises StoreError: the storage refused; nothing was changed.
        """
        return await asyncio.shield(self._run(work, then, is_routine=is_routine))

    async def settled(self) -> None:
        """Wait until what there is to read or salvage after opening has been."""
        while (task := self._settling) is not None:
            await asyncio.wait({task})
            if task is self._settling:
                return

    async def close(self) -> None:
        """Wait for what is being written and close the file."""
        async with self._replacing:
            await self._stop_settling()
            if self._database is not None:
                await self._database.close()

    async def _run(
        self,
        work: Work[Result],
        then: Callable[[Result], Awaitable[None]] | None,
        *,
        is_routine: bool,
    ) -> Result:
        if is_routine and not await asyncio.to_thread(self.reserve.take_up):
            step = "Free some of it: until then only alarms are stored"
            raise StoreFull(f"disk of {self.path}", "full", step)
        database = self._now()
        try:
            return await database.transaction(work, then)
        except StoreDamaged as damage:
            await self._replace(database, damage)
        except StoreFull:
            if is_routine or not await asyncio.to_thread(self.reserve.give_up):
                raise
            log.warning("%s: the disk or the quota is full, the reserve is given up", self.path)
        return await self._now().transaction(work, then)

    def _now(self) -> Database:
        if self._database is None:
            raise StoreError(f"outbox {self.path}", "not open", "Open it again")
        return self._database

    async def _open(self) -> None:
        database = await Database.open(
            self.path, SCHEMAS, quota_pages=self._quota_pages, exclusive=True
        )
        try:
            await database.transaction(self._begin)
        except BaseException:
            await database.close()
            raise
        self._database = database
        self._settling = asyncio.create_task(self._settle(database), name="outbox settling")

    async def _replace(self, database: Database | None, damage: StoreDamaged) -> None:
        """Put a damaged file aside, unless another task has done it already."""
        async with self._replacing:
            if database is not self._database:
                return
            log.error("%s", damage)
            await self._stop_settling()
            if database is not None:
                with contextlib.suppress(StoreError):  # it is damaged: closing may say so again
                    await database.close()
                self._database = None
            self.eviction = Eviction(self._quota_pages)
            self.recovery = await asyncio.to_thread(
                recovery.replace, self.path, self._hub, f"outbox damaged ({damage.reason})"
            )
            await self._open()

    async def _settle(self, database: Database) -> None:
        """Read a large file through, or salvage what was put aside."""
        try:
            if await asyncio.to_thread(recovery.needs_reading, self.path):
                await read_through(database)
            await salvage(database, self._hub, self.eviction, self._found)
            if self.recovery is not None:
                self.recovery = replace(self.recovery, is_complete=True)
        except StoreDamaged as damage:
            await self._replace(database, damage)
        except StoreError as error:
            log.error("%s: what is left is salvaged at the next start: %s", self.path, error)  # noqa: TRY400

    def _found(self, source: Path, records: int) -> None:
        if self.recovery is None:  # the salvage of an earlier start goes on
            self.recovery = Recovery(reason="outbox damaged", quarantined=source, next_seq=0)
        self.recovery = replace(self.recovery, salvaged=self.recovery.salvaged + records)

    async def _stop_settling(self) -> None:
        task, self._settling = self._settling, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait({task})


def _prepare(path: Path, hub: HubCard) -> Recovery | None:
    private_directory(path.parent)
    return recovery.recover(path, hub)
