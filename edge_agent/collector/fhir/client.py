"""Speaks to a FHIR server: one request in flight, patient with it, and clear about refusals."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from edge_agent.clock import Clock
from edge_agent.collector.fhir.terms import Json
from edge_agent.errors import FhirError

log = logging.getLogger(__name__)

_TYPE = "application/fhir+json"
_TIMEOUT_S = 60.0
_PASSING = frozenset({408, 425, 429, 502, 503, 504})
_FIRST_WAIT_S, _LONGEST_WAIT_S, _ASKED_AT_MOST_S = 0.5, 60.0, 600.0
_NO_WAY_IN = {
    401: "Give a token that is valid (--token-file)",
    403: "Give a token that may write there (--token-file)",
    404: "Check the server's address: it ends where [base] ends",
    405: "Check the server's address: it ends where [base] ends",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said: HTTP status and the resource in its body, empty when there is none."""

    status: int
    body: Json

    @property
    def is_success(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300

    @property
    def words(self) -> str:
        """The reason it gave, in words."""
        return outcome_words(self.body) or f"status {self.status}"


class FhirClient:
    """A connection to the server at ``base``. ``token_file`` is read before every request."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        base: str,
        clock: Clock,
        rng: random.Random,
        token_file: Path | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self.retries = 0
        self._session, self._clock, self._rng = session, clock, rng
        self._token_file = token_file

    async def post(self, bundle: Json) -> Answer:
        """Send a bundle; wait and try again for as long as the fault may pass.

        A reply that is lost is no verdict: the same bundle is sent again, and what it creates it
        creates under a condition. Waits are drawn from nought to a ceiling that doubles, and are
        never shorter than the server asked for (``Retry-After``).

        :raises FhirError: the server does not let us in, or there is no FHIR server there.
        """
        return await self._patiently("POST", self.base, msgspec.json.encode(bundle))

    async def find(self, kind: str, query: str) -> str | None:
        """Return the reference of the resource that a search finds, ``None`` without one."""
        answer = await self._patiently("GET", f"{self.base}/{kind}?{query}", None)
        for entry in answer.body.get("entry") or ():
            resource = entry.get("resource") or {}
            if resource.get("resourceType") == kind and resource.get("id"):
                return f"{kind}/{resource['id']}"
        return None

    async def wait(self, tries: int, asked_s: float = 0.0) -> None:
        """Wait before another try."""
        ceiling_s = min(_FIRST_WAIT_S * 2**tries, _LONGEST_WAIT_S)
        self.retries += 1
        await self._clock.sleep(
            max(min(asked_s, _ASKED_AT_MOST_S), self._rng.uniform(0, ceiling_s))
        )

    async def _patiently(self, method: str, url: str, body: bytes | None) -> Answer:
        tries = 0
        while True:
            asked_s = 0.0
            try:
                answer, asked_s = await self._once(method, url, body)
            except (aiohttp.ClientError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
            else:
                if answer.status in _NO_WAY_IN and method == "POST":
                    step = _NO_WAY_IN[answer.status]
                    raise FhirError(self.base, answer.words, step, status=answer.status)
                if 300 <= answer.status < 400:
                    step = "Give the address it has moved to"
                    raise FhirError(self.base, "moved", step, status=answer.status)
                if answer.status not in _PASSING:
                    return answer
                reason = answer.words
            if tries == 0:
                log.warning("FHIR server %s: %s; trying again", self.base, reason)
            await self.wait(min(tries, 10), asked_s)
            tries += 1

    async def _once(self, method: str, url: str, body: bytes | None) -> tuple[Answer, float]:
        headers = {"Accept": _TYPE} | await asyncio.to_thread(self._token)
        if body is not None:
            headers["Content-Type"] = _TYPE
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        async with self._session.request(
            method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False
        ) as response:
            octets = await response.read()
            asked_s = self._asked_s(response.headers.get("Retry-After", ""))
            return Answer(response.status, _resource(octets)), asked_s

    def _token(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            step = "Give a file that holds the token alone"
            raise FhirError(f"token file {self._token_file}", str(error), step) from error
        return {"Authorization": f"Bearer {token}"}

    def _asked_s(self, value: str) -> float:
        """Read ``Retry-After``, in seconds or as a date (RFC 9110, section 10.2.3)."""
        if value.isascii() and value.isdecimal():
            return float(value)
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - self._clock.utc_ns() / 1e9)
        except (ValueError, TypeError):
            return 0.0


def outcome_words(resource: Json) -> str:
    """Return the first reasons of an OperationOutcome in words; "" when it is none."""
    issues = resource.get("issue")
    if resource.get("resourceType") != "OperationOutcome" or not isinstance(issues, list):
        return ""
    return "; ".join(_issue_words(one) for one in issues[:3] if isinstance(one, dict))


def _issue_words(issue: dict[str, Any]) -> str:
    words = (
        (issue.get("details") or {}).get("text") or issue.get("diagnostics") or issue.get("code")
    )
    places = issue.get("expression") or ()
    return f"{words} ({', '.join(map(str, places))})" if places else str(words)


def _resource(octets: bytes) -> Json:
    try:
        body = msgspec.json.decode(octets) if octets else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
