"""The uploader: takes records to the collector in batches, and out of the outbox on receipt.

At least once on the wire, once in effect: a record leaves the outbox only on a receipt that names
its own hash, and the collector knows a hash it has seen. One batch is in flight at a time: what is
new first, and the backlog fills the rest. A verdict on one record sets that record aside for a
while and the others go on; any other failure is waited out with full jitter, or until the way to
the collector is back. On a metered link only alarms are sent.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.errors import SyncError
from edge_agent.model import Boottime
from edge_agent.store.outbox import Outbox, Stored
from edge_agent.supervision import end, spawn
from edge_agent.sync.exchange import Exchange
from edge_agent.sync.pace import Backoff, BatchSize
from edge_agent.sync.protocol import (
    MEDIA_TYPE,
    RECORDS_PATH,
    Receipt,
    check,
    frame,
    parse_receipts,
    printable,
)
from edge_agent.sync.routes import is_metered, routes
from edge_agent.sync.selection import select
from edge_agent.sync.way_back import WayBack

SET_ASIDE_S = 600.0
"""For how long a record that was refused waits for its next try."""

_SET_ASIDE_AT_MOST = 64
_IDLE_S = 5.0
_LATE_S = 2.0
"""An answer that takes longer has the way to the collector looked at."""

Metered = bool | Sequence[str]
"""Whether the link is paid by volume, or by which network devices it is (``wwan*``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """What the uploader has done since it was made.

    ``connected`` tells that the last try brought receipts or a verdict. Times are boot times;
    ``next_try`` is set while a failure is waited out; ``is_metered`` while only alarms are sent.
    """

    connected: bool = False
    batches: int = 0
    sent: int = 0
    duplicates: int = 0
    refused: int = 0
    set_aside: int = 0
    last_error: str = ""
    first_success: Boottime | None = None
    last_success: Boottime | None = None
    next_try: Boottime | None = None
    is_metered: bool = False


class Uploader:
    """Takes what is in ``outbox`` to the collector at ``url``, for as long as it runs.

    ``own_trouble`` may be set to what says in words why the fault might be this hub's.
    """

    def __init__(
        self,
        outbox: Outbox,
        url: str,
        clock: Clock,
        rng: random.Random,
        *,
        ssl_context: ssl.SSLContext | None = None,
        timeout_s: float = 10.0,
        backoff_s: tuple[float, float] = (0.5, 60.0),
        metered: Metered = False,
    ) -> None:
        self.state = UploadState()
        self.own_trouble: Callable[[], str] = str
        self._outbox, self._clock, self._metered = outbox, clock, metered
        self._exchange = Exchange(url, clock, ssl_context, timeout_s)
        self._way = WayBack(*_address(url), clock, rng, self._network_is_back)
        self._backoff, self._size = Backoff(*backoff_s, rng), BatchSize()
        self._aside: dict[bytes, Boottime] = {}
        self._woken, self._back = asyncio.Event(), asyncio.Event()

    def wake(self) -> None:
        """Try at once: there is a new record.

        A wait that the collector asked for is not cut short.
        """
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled.

        :raises StoreError: the outbox can't be read any more.
        """
        watch = spawn("way back", self._way.run, self._clock)
        try:
            async with self._exchange:
                while True:
                    self._woken.clear()
                    batch = await self._next_batch()
                    if batch:
                        await self._try(batch)
                    else:
                        await self._sleep(_IDLE_S)
        finally:
            await end([watch])

    async def _next_batch(self) -> list[Stored]:
        is_metered = self._is_metered()
        self._way.may_probe = not is_metered
        aside = self._still_aside()
        self.state = replace(self.state, is_metered=is_metered, set_aside=len(aside))
        # So many verdicts are about more than those records: wait until some are over.
        if len(aside) >= _SET_ASIDE_AT_MOST:
            return []
        return await select(self._outbox, self._size.records, aside, alarms_only=is_metered)

    def _is_metered(self) -> bool:
        if isinstance(self._metered, bool):
            return self._metered
        return is_metered(self._metered, routes())

    def _network_is_back(self) -> None:
        """Cut short a pause, and an exchange over a connection that may be dead."""
        self._back.set()
        self._woken.set()

    async def _try(self, batch: Sequence[Stored]) -> None:
        """Send one batch; take the consequences."""
        began = self._clock.boottime()
        try:
            receipts = await self._send(batch)
        except SyncError as error:
            self._size.halve()
            if not error.refused:
                self._look_out(error)
                await self._wait_out(error)
            elif len(batch) == 1:
                self._backoff.reset()
                self._set_aside(batch[0], str(error))
            return  # a batch refused whole is sent again in halves: one record may be the cause
        self._size.took((self._clock.boottime() - began) / NS_PER_S)
        self._backoff.reset()
        self._way.found(self._exchange.peer)
        await self._take(batch, receipts)

    async def _send(self, batch: Sequence[Stored]) -> tuple[Receipt, ...]:
        answer = await self._post(frame(one.octets for one in batch))
        receipts = parse_receipts(answer, self._exchange.url)
        check(receipts, [(one.epoch, one.seq, one.id) for one in batch], self._exchange.url)
        return receipts

    async def _post(self, body: bytes) -> bytes:
        """Post a batch; give up when the network is new: the connection may be of the old one.

        :raises SyncError: there is no answer to go by.
        """
        self._back.clear()
        posting = asyncio.ensure_future(self._exchange.post(RECORDS_PATH, body, MEDIA_TYPE))
        back = asyncio.ensure_future(self._back.wait())
        waits = {posting, back}
        try:
            done, _ = await asyncio.wait(waits, timeout=_LATE_S, return_when="FIRST_COMPLETED")
            if not done:
                self._way.trouble.set()
                await asyncio.wait(waits, return_when="FIRST_COMPLETED")
            if posting.done():
                return posting.result()
            raise SyncError(self._exchange.url, "no answer until the network was another")
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _look_out(self, error: SyncError) -> None:
        """Have the way watched where no answer came; any answer says that it is there."""
        if error.unreachable:
            self._way.lost()
        elif error.status:
            self._way.found(self._exchange.peer)
        else:
            self._way.trouble.set()

    async def _take(self, batch: Sequence[Stored], receipts: Sequence[Receipt]) -> None:
        """Delete what the collector has, and set aside what it will not have."""
        taken = [receipt for receipt in receipts if receipt.status != "refused"]
        for receipt in taken:
            await self._outbox.acknowledge(bytes.fromhex(receipt.hash))
        now, state = self._clock.boottime(), self.state
        self.state = replace(
            state,
            connected=True,
            batches=state.batches + 1,
            sent=state.sent + len(taken),
            duplicates=state.duplicates + sum(one.status == "known" for one in taken),
            last_error="" if taken else state.last_error,
        )
        if taken:
            first = now if state.first_success is None else state.first_success
            self.state = replace(self.state, first_success=first, last_success=now)
        for one, receipt in zip(batch, receipts, strict=True):
            if receipt.status == "refused":
                self._set_aside(one, f"{self._exchange.url} refused: {printable(receipt.reason)}")

    def _set_aside(self, record: Stored, reason: str) -> None:
        due = self._clock.boottime() + round(SET_ASIDE_S * NS_PER_S)
        self._aside[record.id] = Boottime(due)
        self.state = replace(
            self.state,
            connected=True,
            refused=self.state.refused + 1,
            set_aside=len(self._aside),
            last_error=f"record {record.seq}: {reason}",
        )

    def _still_aside(self) -> frozenset[bytes]:
        now = self._clock.boottime()
        self._aside = {one: due for one, due in self._aside.items() if due > now}
        return frozenset(self._aside)

    async def _wait_out(self, error: SyncError) -> None:
        """Wait with full jitter, or for as long as the collector asked for."""
        pause_s, asked_s = self._backoff.next_s(), error.retry_after_s or 0.0
        now = self._clock.boottime()
        own = "" if error.status else self.own_trouble()
        self.state = replace(
            self.state,
            connected=False,
            last_error=". ".join(filter(None, (str(error), own))),
            next_try=Boottime(now + round(max(pause_s, asked_s) * NS_PER_S)),
        )
        if asked_s:
            await self._clock.sleep(max(pause_s, asked_s))
        else:
            await self._sleep(pause_s)
        self.state = replace(self.state, next_try=None)

    async def _sleep(self, seconds: float) -> None:
        """Wait ``seconds``, or less when woken."""
        waits = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(self._woken.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
