"""Where hubs come to be known: enrolment by token, renewal of certificates, farewell.

Every refusal says what was wrong and what to do next; none says anything of other hubs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from edge_agent.collector.authority import Authority
from edge_agent.collector.enrolment import Enrolment
from edge_agent.collector.tokens import Tokens
from edge_agent.errors import EdgeError, SealError, StoreError, SyncError
from edge_agent.store.keys import HubCard, Recipient
from edge_agent.sync import messages
from edge_agent.sync.messages import (
    AUTHORITY_PATH,
    DECOMMISSION_PATH,
    ENROL_PATH,
    JSON,
    MESSAGE_LIMIT_OCTETS,
    RENEW_PATH,
)
from edge_agent.sync.protocol import Refusal
from edge_agent.sync.token import TokenError

log = logging.getLogger(__name__)

_DEADLINE_S = 10.0
_ENROL_FIRST = "Enrol it: edge-agent collector enroll, edge-agent enroll"


class Reception:
    """The HTTP side of enrolment; :meth:`routes` go into the collector's application."""

    def __init__(
        self, authority: Authority, tokens: Tokens, enrolment: Enrolment, recipient: Recipient
    ) -> None:
        self._authority, self._tokens = authority, tokens
        self._enrolment, self._recipient = enrolment, recipient

    def routes(self) -> list[web.RouteDef]:
        """Return the paths and what answers there."""
        return [
            web.get(AUTHORITY_PATH, self._show_authority),
            web.post(ENROL_PATH, _answering(self._enrol)),
            web.post(RENEW_PATH, _answering(self._renew)),
            web.post(DECOMMISSION_PATH, _answering(self._say_farewell)),
        ]

    async def _show_authority(self, _request: web.Request) -> web.Response:
        shown = messages.Authority(certificate=self._authority.pem)
        return web.Response(body=shown.to_json(), content_type=JSON)

    def _enrol(self, body: bytes) -> bytes:
        asked = messages.read(body, messages.Enrol, "hub")
        card = HubCard(asked.hub_id, asked.public_key)
        _check(card, asked.signature, asked.signed())
        certificate = self._authority.sign_hub(card.hub_id, asked.request)
        self._tokens.claim(asked.secret, card.hub_id)
        self._enrolment.trust(card)
        log.info("hub %s is enrolled", card.hub_id.hex())
        enrolled = messages.Enrolled(
            certificate=certificate,
            suite=self._recipient.suite.label,
            recipient=self._recipient.octets,
        )
        return enrolled.to_json()

    def _renew(self, body: bytes) -> bytes:
        asked = messages.read(body, messages.Renew, "hub")
        _check(self._known(asked.hub_id), asked.signature, asked.signed())
        certificate = self._authority.sign_hub(asked.hub_id, asked.request)
        log.info("hub %s has another certificate", asked.hub_id.hex())
        return messages.Renewed(certificate=certificate).to_json()

    def _say_farewell(self, body: bytes) -> bytes:
        said = messages.read(body, messages.Farewell, "hub")
        card = self._enrolment.find(said.hub_id)
        if card is None:
            raise SealError(f"hub {said.hub_id.hex()}", "not enrolled here")
        _check(card, said.signature, said.signed())
        if self._enrolment.why_revoked(said.hub_id) is None:
            self._enrolment.revoke(said.hub_id, "decommissioned")
            log.info("hub %s is decommissioned", said.hub_id.hex())
        return b"{}"

    def _known(self, hub_id: bytes) -> HubCard:
        card = self._enrolment.find(hub_id)
        if card is None:
            raise SealError(f"hub {hub_id.hex()}", "not enrolled here", _ENROL_FIRST)
        if self._enrolment.why_revoked(hub_id) is not None:
            raise SealError(f"hub {hub_id.hex()}", "revoked")
        return card


def _check(card: HubCard, signature: bytes, message: bytes) -> None:
    try:
        is_theirs = card.check(signature, message)
    except ValueError as error:  # octets that are no point of the curve
        raise SyncError("hub", f"no key: {error}", status=400) from error
    if not is_theirs:
        raise SealError(f"hub {card.hub_id.hex()}", "the signature is not by this hub's key")


def _answering(
    answer: Callable[[bytes], bytes],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return what reads a request, has it answered beside the event loop, and words a refusal."""

    async def respond(request: web.Request) -> web.Response:
        try:
            body = await _body(request)
            reply = await asyncio.to_thread(answer, body)
        except SyncError as error:
            return _refuse(400, error)
        except (TokenError, SealError) as error:
            log.warning("refused at %s: %s", request.path, error)
            return _refuse(403, error)
        except StoreError as error:
            log.exception("can't enrol now")
            return _refuse(503, error)
        return web.Response(body=reply, content_type=JSON)

    return respond


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > MESSAGE_LIMIT_OCTETS:
        raise SyncError("hub", "the message is too long", status=400)
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await request.content.readexactly(request.content_length or 0)
    except (TimeoutError, asyncio.IncompleteReadError) as error:
        raise SyncError("hub", "the message is cut short", status=400) from error


def _refuse(status: int, error: EdgeError) -> web.Response:
    body = Refusal(str(error)).to_json()
    return web.Response(status=status, body=body, content_type=JSON)
