"""The collector's door: takes batches of sealed records, needs no key that opens them.

A record is answered for only when it is durably stored; a record that is there already is answered
for again. What is wrong with one record is told in its receipt and costs the others nothing; what
is wrong with the request or its sender is told with the status.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web

from edge_agent.clock import Clock
from edge_agent.collector.enrolment import Enrolment
from edge_agent.collector.sink import RecordSink
from edge_agent.errors import SealError, StoreError, SyncError
from edge_agent.store.keys import HubCard
from edge_agent.store.seal import SealedRecord, parse_any, verify
from edge_agent.sync.certificates import hub_of
from edge_agent.sync.protocol import (
    BATCH_OCTETS,
    MEDIA_TYPE,
    NO_HASH,
    RECORDS_PATH,
    Receipt,
    Receipts,
    Refusal,
    Status,
    split,
)

log = logging.getLogger(__name__)

_BODY_DEADLINE_S = 30.0
_STORE_RETRY_S = 30


class Ingest:
    """The HTTP side. ``on_stored`` is called after each batch that brought something new.

    ``received``, ``duplicates`` and ``refused`` count records, and a request that was refused
    whole as one.
    """

    def __init__(
        self,
        sink: RecordSink,
        enrolment: Enrolment,
        clock: Clock,
        on_stored: Callable[[], None],
    ) -> None:
        self._sink, self._enrolment, self._clock = sink, enrolment, clock
        self._on_stored = on_stored
        self.received = 0
        self.duplicates = 0
        self.refused = 0

    def app(self) -> web.Application:
        """Return the application that takes records, and nothing else."""
        app = web.Application(client_max_size=BATCH_OCTETS)
        app.router.add_post(RECORDS_PATH, self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            sender = _sender(request)
            if sender is not None:
                self._card(sender)  # before a body is read
            judged = self._judge(await _batch(request), sender)
            receipts = await self._keep(judged)
        except web.HTTPException as refusal:
            self.refused += 1
            return _json(refusal.status, Refusal(refusal.text or refusal.reason).to_json())
        except StoreError:
            log.exception("a batch could not be stored")
            answer = _json(503, Refusal("the collector can't store it now").to_json())
            answer.headers["Retry-After"] = str(_STORE_RETRY_S)
            return answer
        return _json(web.HTTPOk.status_code, Receipts(receipts).to_json())

    async def _keep(self, judged: list[SealedRecord | Receipt]) -> tuple[Receipt, ...]:
        """Keep the records among ``judged`` durably; return a receipt for each, in order."""
        records = [one for one in judged if isinstance(one, SealedRecord)]
        kept = iter(await self._sink.keep(records, self._clock.utc_ns()) if records else ())
        receipts: list[Receipt] = []
        new = 0
        for one in judged:
            if isinstance(one, Receipt):
                receipts.append(one)
                continue
            is_new = next(kept).is_new
            new += is_new
            receipts.append(_receipt(one, "stored" if is_new else "known"))
        self.received += len(records)
        self.duplicates += len(records) - new
        self.refused += len(judged) - len(records)
        if new:
            self._on_stored()
        return tuple(receipts)

    def _judge(self, batch: list[bytes], sender: bytes | None) -> list[SealedRecord | Receipt]:
        """Return each record of a batch, or the receipt that says why it is refused.

        ``sender`` is the hub that the client's certificate names; without one (over loopback) it is
        the hub of the first record. Records of another hub are refused.

        :raises web.HTTPForbidden: the hub may not bring any.
        """
        read = [_read(octets) for octets in batch]
        first = next((one.header.hub_id for one in read if isinstance(one, SealedRecord)), None)
        hub = first if sender is None else sender
        card = None if hub is None else self._card(hub)
        return [
            _verified(one, card) if card is not None and isinstance(one, SealedRecord) else one
            for one in read
        ]

    def _card(self, hub_id: bytes) -> HubCard:
        """Return the card of a hub; trouble with it is no verdict on its records."""
        try:
            card = self._enrolment.find(hub_id)
        except SealError as error:
            raise web.HTTPForbidden(text=f"{error.thing}: {error.reason}") from error
        if card is None:
            raise web.HTTPForbidden(text="this hub is not enrolled")
        if (why := self._enrolment.why_revoked(hub_id)) is not None:
            raise web.HTTPForbidden(text=f"this hub is revoked: {why}")
        return card


def _read(octets: bytes) -> SealedRecord | Receipt:
    """Read a record; one of a format that is not known yet is kept if its signature fits."""
    try:
        return parse_any(octets)
    except SealError as error:
        reason = f"{error.thing}: {error.reason}"
        return Receipt(epoch=0, seq=0, hash=NO_HASH, status="refused", reason=reason)


def _verified(record: SealedRecord, card: HubCard) -> SealedRecord | Receipt:
    """Return the record if ``card`` vouches for it.

    :raises web.HTTPForbidden: it is signed with another key than the one the hub is enrolled with.
    """
    if record.header.hub_id == card.hub_id and record.header.signer_key_id != card.key_id:
        raise web.HTTPForbidden(text="this hub is enrolled with another key")
    try:
        verify(record, card)
    except SealError as error:
        return _receipt(record, "refused", f"{error.thing}: {error.reason}")
    return record


def _receipt(record: SealedRecord, status: Status, reason: str = "") -> Receipt:
    header = record.header
    return Receipt(
        epoch=header.epoch, seq=header.seq, hash=record.id.hex(), status=status, reason=reason
    )


def _sender(request: web.Request) -> bytes | None:
    """Return the hub that the client's certificate names; ``None`` where there is no TLS.

    TLS has verified the certificate; whether the hub is trusted still, the enrolment says.

    :raises web.HTTPUnauthorized: over TLS, without a certificate of a hub.
    """
    transport = request.transport
    if transport is None:  # hung up: nobody to answer, and nobody to say who it was
        raise web.HTTPUnauthorized(text="the connection is gone")
    if transport.get_extra_info("ssl_object") is None:
        return None
    shown = transport.get_extra_info("peercert") or {}
    alternatives = [value for kind, value in shown.get("subjectAltName", ()) if kind == "URI"]
    hub_id = hub_of(alternatives)
    if hub_id is None:
        raise web.HTTPUnauthorized(text="no certificate of a hub: enrol it (edge-agent enroll)")
    return hub_id


async def _batch(request: web.Request) -> list[bytes]:
    """Return the records of a request.

    :raises web.HTTPException: there are none.
    """
    if request.content_type != MEDIA_TYPE:
        raise web.HTTPUnsupportedMediaType(text=f"expected {MEDIA_TYPE}")
    try:
        async with asyncio.timeout(_BODY_DEADLINE_S):
            return split(await request.read())
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except SyncError as error:
        raise web.HTTPBadRequest(text=error.reason) from error


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
