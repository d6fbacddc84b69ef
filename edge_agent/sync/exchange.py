"""One HTTP exchange with the collector: octets there, an answer of bounded size back."""

from __future__ import annotations

import datetime as dt
import ssl
from types import TracebackType
from typing import Self

import aiohttp

from edge_agent.clock import Clock
from edge_agent.errors import SyncError
from edge_agent.sync.no_answer import no_answer
from edge_agent.sync.pace import http_date, retry_after_s
from edge_agent.sync.protocol import ANSWER_LIMIT_OCTETS, VERDICTS, refusal_words


class Exchange:
    """A session with the collector at ``url`` that keeps one connection; use ``async with``.

    ``peer`` is the network address that answered last, ``date`` what it said the time was.

    :param ssl_context: whom to trust and how to show who this is; the system's trust without.
    :param timeout_s: an exchange takes no longer than this, whole.
    """

    def __init__(
        self, url: str, clock: Clock, ssl_context: ssl.SSLContext | None, timeout_s: float
    ) -> None:
        self.url = url.rstrip("/")
        self.peer: str | None = None
        self.date: dt.datetime | None = None
        self._clock, self._ssl_context, self._timeout_s = clock, ssl_context, timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._ssl_context or True, limit=1),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, path: str, body: bytes, media_type: str) -> bytes:
        """Return the body of the answer ``200``.

        :raises SyncError: no answer, another status, or an answer without an end.
        """
        return await self._request("POST", path, body, {"Content-Type": media_type})

    async def get(self, path: str) -> bytes:
        """Return the body of the answer ``200``.

        :raises SyncError: see :meth:`post`.
        """
        return await self._request("GET", path, None, {})

    async def _request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> bytes:
        if self._session is None:
            raise RuntimeError("use 'async with'")
        try:
            async with self._session.request(
                method, self.url + path, data=body, headers=headers, allow_redirects=False
            ) as response:
                self.peer = _peer(response)
                self.date = http_date(response.headers.get("Date", ""))
                answer = await self._bounded(response)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise no_answer(self.url, error, self._clock) from error
        if response.status != 200:
            raise self._refused(response, answer)
        return answer

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        """Read a short answer; a longer one is not the collector's."""
        answer = b""
        async for chunk in response.content.iter_any():
            answer += chunk
            if len(answer) > ANSWER_LIMIT_OCTETS:
                raise SyncError(self.url, "the answer is too long", status=response.status)
        return answer

    def _refused(self, response: aiohttp.ClientResponse, answer: bytes) -> SyncError:
        words = refusal_words(answer) or response.reason or "no reason given"
        headers = response.headers
        return SyncError(
            self.url,
            f"{response.status}: {words}",
            status=response.status,
            retry_after_s=retry_after_s(
                headers.get("Retry-After", ""), headers.get("Date", ""), self._clock.utc_ns()
            ),
            refused=response.status in VERDICTS,
        )


def _peer(response: aiohttp.ClientResponse) -> str | None:
    """Return the network address of the other end, while its connection is there."""
    if response.connection is None or response.connection.transport is None:
        return None
    name = response.connection.transport.get_extra_info("peername")
    return str(name[0]) if name else None
