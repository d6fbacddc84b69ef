"""The uploader: takes records to the collector one by one, and out of the outbox on receipt.

At least once on the wire, once in effect: a record leaves the outbox only on a receipt that names
its own hash, and the collector knows a hash it has seen. One record is in flight at a time, alarms
first. A verdict on one record sets that record aside for a while and the others go on; any other
failure is waited out with full jitter.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from dataclasses import dataclass, replace
from http import HTTPStatus

import aiohttp

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.errors import SyncError
from edge_agent.model import Boottime
from edge_agent.store.outbox import Outbox, Stored
from edge_agent.sync.protocol import (
    ANSWER_LIMIT_OCTETS,
    IDEMPOTENCY_HEADER,
    MEDIA_TYPE,
    RECORDS_PATH,
    VERDICTS,
    Receipt,
    parse_receipt,
    refusal_words,
)

SET_ASIDE_S = 600.0
"""For how long a record that was refused waits for its next try."""

_SET_ASIDE_AT_MOST = 64
_IDLE_S = 5.0
_RETRY_AFTER_AT_MOST_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """What the uploader has done since it was made.

    ``connected`` tells that the last try brought a receipt or a verdict. Times are boot times;
    ``next_try`` is set while a failure is waited out.
    """

    connected: bool = False
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
        self._outbox, self._clock, self._rng = outbox, clock, rng
        self._url = url.rstrip("/") + RECORDS_PATH
        self._ssl_context, self._timeout_s = ssl_context, timeout_s
        self._first_backoff_s, self._longest_backoff_s = backoff_s
        self._failures = 0
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
        async with self._session() as session:
            while True:
                self._woken.clear()
                aside = self._still_aside()
                # So many verdicts are about more than those records: wait until some are over.
                full = len(aside) >= _SET_ASIDE_AT_MOST
                record = None if full else await self._outbox.next(exclude=aside)
                if record is None:
                    await self._sleep(_IDLE_S)
                else:
                    await self._try(session, record)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._ssl_context or True, limit=1),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        )

    async def _try(self, session: aiohttp.ClientSession, record: Stored) -> None:
        """Send one record; take the consequences."""
        try:
            receipt = await self._send(session, record)
        except SyncError as error:
            if error.refused:
                self._set_aside(record, error)
            else:
                await self._wait_out(error)
            return
        await self._outbox.acknowledge(record.id)
        now = self._clock.boottime()
        self._failures = 0
        self.state = replace(
            self.state,
            connected=True,
            sent=self.state.sent + 1,
            duplicates=self.state.duplicates + (receipt.status == "duplicate"),
            last_error="",
            first_success=now if self.state.first_success is None else self.state.first_success,
            last_success=now,
        )

    async def _send(self, session: aiohttp.ClientSession, record: Stored) -> Receipt:
        try:
            async with session.post(
                self._url,
                data=record.octets,
                headers={"Content-Type": MEDIA_TYPE, IDEMPOTENCY_HEADER: record.id.hex()},
                allow_redirects=False,
            ) as response:
                answer = await _bounded(response, self._url)
        except (aiohttp.ClientError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise SyncError(self._url, f"no answer: {reason}") from error
        if response.status != HTTPStatus.OK:
            words = refusal_words(answer) or response.reason or "no reason given"
            raise SyncError(
                self._url,
                f"{response.status}: {words}",
                status=response.status,
                retry_after_s=_retry_after_s(response),
                refused=response.status in VERDICTS,
            )
        receipt = parse_receipt(answer, self._url)
        if (receipt.id, receipt.seq) != (record.id.hex(), record.seq):
            raise SyncError(self._url, "the receipt names another record", status=200)
        return receipt

    def _set_aside(self, record: Stored, error: SyncError) -> None:
        due = self._clock.boottime() + round(SET_ASIDE_S * NS_PER_S)
        self._aside[record.id] = Boottime(due)
        self._failures = 0
        self.state = replace(
            self.state,
            connected=True,
            refused=self.state.refused + 1,
            set_aside=len(self._aside),
            last_error=f"record {record.seq}: {error}",
        )

    def _still_aside(self) -> frozenset[bytes]:
        now = self._clock.boottime()
        self._aside = {one: due for one, due in self._aside.items() if due > now}
        self.state = replace(self.state, set_aside=len(self._aside))
        return frozenset(self._aside)

    async def _wait_out(self, error: SyncError) -> None:
        """Wait with full jitter, or for as long as the collector asked for."""
        longest = min(self._longest_backoff_s, self._first_backoff_s * 2**self._failures)
        self._failures = min(self._failures + 1, 32)
        pause_s = self._rng.uniform(0, longest)
        asked_s = min(error.retry_after_s or 0.0, _RETRY_AFTER_AT_MOST_S)
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


async def _bounded(response: aiohttp.ClientResponse, url: str) -> bytes:
    """Read a short answer; a longer one is not the collector's."""
    answer = b""
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > ANSWER_LIMIT_OCTETS:
            raise SyncError(url, "the answer is too long", status=response.status)
    return answer


def _retry_after_s(response: aiohttp.ClientResponse) -> float | None:
    """Read ``Retry-After`` in seconds; the form with a date needs a clock that is right."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdecimal() else None
