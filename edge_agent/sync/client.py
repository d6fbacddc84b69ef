"""The uploader: takes records to the collector in batches, and out of the outbox on receipt.

At least once on the wire, once in effect: a record leaves the outbox only on a receipt that names
its own hash, and the collector knows a hash it has seen. One batch is in flight at a time: what is
new first, and the backlog fills the rest. A verdict on one record sets that record aside for a
while and the others go on; any other failure is waited out with full jitter.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.errors import SyncError
from edge_agent.model import Boottime
from edge_agent.store.outbox import Outbox, Stored
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
from edge_agent.sync.selection import select

SET_ASIDE_S = 600.0
"""For how long a record that was refused waits for its next try."""

_SET_ASIDE_AT_MOST = 64
_IDLE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """What the uploader has done since it was made.

    ``connected`` tells that the last try brought receipts or a verdict. Times are boot times;
    ``next_try`` is set while a failure is waited out.
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


class Uploader:
    """Takes what is in ``outbox`` to the collector at ``url``, for as long as it runs."""

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
    ) -> None:
        self.state = UploadState()
        self._outbox, self._clock = outbox, clock
        self._exchange = Exchange(url, clock, ssl_context, timeout_s)
        self._backoff, self._size = Backoff(*backoff_s, rng), BatchSize()
        self._aside: dict[bytes, Boottime] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Try at once: there is a new record, or the network is back.

        A wait that the collector asked for is not cut short.
        """
        self._woken.set()

    async def run(self) -> None:
        """Send until cancelled.

        :raises StoreError: the outbox can't be read any more.
        """
        async with self._exchange:
            while True:
                self._woken.clear()
                aside = self._still_aside()
                # So many verdicts are about more than those records: wait until some are over.
                full = len(aside) >= _SET_ASIDE_AT_MOST
                batch = [] if full else await select(self._outbox, self._size.records, aside)
                if batch:
                    await self._try(batch)
                else:
                    await self._sleep(_IDLE_S)

    async def _try(self, batch: Sequence[Stored]) -> None:
        """Send one batch; take the consequences."""
        began = self._clock.boottime()
        try:
            receipts = await self._send(batch)
        except SyncError as error:
            self._size.halve()
            if not error.refused:
                await self._wait_out(error)
            elif len(batch) == 1:
                self._backoff.reset()
                self._set_aside(batch[0], str(error))
            return  # a batch refused whole is sent again in halves: one record may be the cause
        self._size.took((self._clock.boottime() - began) / NS_PER_S)
        self._backoff.reset()
        await self._take(batch, receipts)

    async def _send(self, batch: Sequence[Stored]) -> tuple[Receipt, ...]:
        body = frame(one.octets for one in batch)
        answer = await self._exchange.post(RECORDS_PATH, body, MEDIA_TYPE)
        receipts = parse_receipts(answer, self._exchange.url)
        check(receipts, [(one.epoch, one.seq, one.id) for one in batch], self._exchange.url)
        return receipts

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
        self.state = replace(self.state, set_aside=len(self._aside))
        return frozenset(self._aside)

    async def _wait_out(self, error: SyncError) -> None:
        """Wait with full jitter, or for as long as the collector asked for."""
        pause_s, asked_s = self._backoff.next_s(), error.retry_after_s or 0.0
        now = self._clock.boottime()
        self.state = replace(
            self.state,
            connected=False,
            last_error=str(error),
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
