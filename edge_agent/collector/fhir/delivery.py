"""Has planned resources created, each once, and finds the one that a server refuses.

A bundle that is refused is halved until the entry that is at fault stands alone: it is put aside
with the server's words, and the rest goes on. Bundles are sent one after another: conditional
creates that run at the same time make duplicates on servers that are widely used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from edge_agent.collector.fhir.client import Answer, FhirClient, outcome_words
from edge_agent.collector.fhir.planned import Planned, bundle
from edge_agent.collector.fhir.terms import Json

BundleKind = Literal["transaction", "batch"]

_UNDECIDED = frozenset({409, 412, 500})
"""What servers answer to a create whose condition they could not judge: look before deciding."""
_PASSING_STATUS = frozenset({408, 425, 429, 502, 503, 504})
_TRIES_ALONE = 4


@dataclass(slots=True)
class Delivered:
    """What became of some resources: the server's references by name, and the refusals."""

    references: dict[str, str] = field(default_factory=dict)
    refused: list[tuple[Planned, str]] = field(default_factory=list)
    created: int = 0


class Delivery:
    """Sends bundles of at most ``entries`` resources of one ``kind`` through ``client``."""

    def __init__(
        self, client: FhirClient, kind: BundleKind = "transaction", entries: int = 8
    ) -> None:
        self._client, self._kind, self._entries = client, kind, entries
        self.bundles = 0

    async def send(self, planned: Sequence[Planned]) -> Delivered:
        """Have ``planned`` created, each identifier once, and none twice in a bundle.

        :raises FhirError: the server does not let us in.
        """
        delivered = Delivered()
        distinct = list({one.urn: one for one in planned}.values())
        for start in range(0, len(distinct), self._entries):
            await self._send(distinct[start : start + self._entries], delivered)
        return delivered

    async def _send(self, part: list[Planned], delivered: Delivered) -> None:
        self.bundles += 1
        answer = await self._client.post(bundle(part, self._kind))
        entries = answer.body.get("entry") or []
        if answer.is_success and len(entries) == len(part):
            for one, entry in zip(part, entries, strict=True):
                await self._take(one, entry.get("response") or {}, entry, delivered)
        elif len(part) > 1:
            half = len(part) // 2
            await self._send(part[:half], delivered)
            await self._send(part[half:], delivered)
        else:
            await self._decide(part[0], answer, delivered)

    async def _take(self, one: Planned, response: Json, entry: Json, delivered: Delivered) -> None:
        """Take in what a bundle's answer says of one entry."""
        status = int(str(response.get("status", "0"))[:3] or 0)
        if not 200 <= status < 300:
            outcome = response.get("outcome") or entry.get("resource") or {}
            await self._decide(one, Answer(status, outcome), delivered)
            return
        delivered.created += status == 201
        reference = _reference(one.kind, response, entry)
        if reference is None:  # a server need not say how it calls what was there already
            reference = await self._client.find(one.kind, one.query)
        if reference is not None:
            delivered.references[one.urn] = reference

    async def _decide(self, one: Planned, answer: Answer, delivered: Delivered) -> None:
        """Decide on a resource that stands alone and was not taken: it is there, or refused."""
        tries = 0
        while answer.status in _UNDECIDED or answer.status in _PASSING_STATUS:
            reference = await self._client.find(one.kind, one.query)
            if reference is not None:
                delivered.references[one.urn] = reference
                return
            tries += 1
            if tries == _TRIES_ALONE and answer.status in _UNDECIDED:
                break
            await self._client.wait(tries)
            answer = await self._client.post(bundle([one], self._kind))
            entries = answer.body.get("entry") or []
            if answer.is_success and len(entries) == 1:
                response = entries[0].get("response") or {}
                status = int(str(response.get("status", "0"))[:3] or 0)
                if 200 <= status < 300:
                    await self._take(one, response, entries[0], delivered)
                    return
                answer = Answer(status, response.get("outcome") or {})
        words = outcome_words(answer.body)
        delivered.refused.append((one, f"{answer.status}: {words or 'no reason given'}"))


def _reference(kind: str, response: Json, entry: Json) -> str | None:
    """Return ``Kind/id`` from an entry's answer: its location, or the resource itself."""
    parts = str(response.get("location") or "").split("/")
    if kind in parts and len(parts) > parts.index(kind) + 1:
        return f"{kind}/{parts[parts.index(kind) + 1]}"
    resource = entry.get("resource") or {}
    if resource.get("resourceType") == kind and resource.get("id"):
        return f"{kind}/{resource['id']}"
    return None
