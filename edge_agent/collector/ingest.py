"""The collector's door: takes sealed records, needs no key that opens them.

A record is answered for only when it is durably stored; the answer to a record that is there
already is the same receipt with the status ``duplicate``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator

from aiohttp import web

from edge_agent.clock import Clock
from edge_agent.collector.enrolment import Enrolment
from edge_agent.collector.sink import RecordSink
from edge_agent.errors import SealError, StoreError
from edge_agent.store.keys import HubCard
from edge_agent.store.seal import RECORD_LIMIT_OCTETS, SealedRecord, parse, verify
from edge_agent.sync.protocol import (
    IDEMPOTENCY_HEADER,
    MEDIA_TYPE,
    RECORDS_PATH,
    Receipt,
    Refusal,
)

log = logging.getLogger(__name__)

_BODY_DEADLINE_S = 30.0
_STORE_RETRY_S = 30


class Ingest:
    """The HTTP side. ``on_stored`` is called after each record that was new."""

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
        """Return the application that serves the one path there is."""
        app = web.Application(client_max_size=RECORD_LIMIT_OCTETS)
        app.router.add_post(RECORDS_PATH, self._receive)
        return app

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            record = await self._accept(request)
        except web.HTTPException as refusal:
            self.refused += 1
            return _json(refusal.status, Refusal(refusal.text or refusal.reason).to_json())
        try:
            (kept,) = await self._sink.keep([record], self._clock.utc_ns())
        except StoreError:
            log.exception("a record could not be stored")
            answer = _json(503, Refusal("the collector can't store it now").to_json())
            answer.headers["Retry-After"] = str(_STORE_RETRY_S)
            return answer
        self.received += 1
        self.duplicates += not kept.is_new
        if kept.is_new:
            self._on_stored()
        receipt = Receipt(
            hub=record.header.hub_id.hex(),
            seq=record.header.seq,
            id=record.id.hex(),
            status="stored" if kept.is_new else "duplicate",
        )
        return _json(web.HTTPOk.status_code, receipt.to_json())

    async def _accept(self, request: web.Request) -> SealedRecord:
        """Return the record of a request.

        :raises web.HTTPException: it is none, it is not by an enrolled hub, or it was changed.
        """
        if request.content_type != MEDIA_TYPE:
            raise web.HTTPUnsupportedMediaType(text=f"expected {MEDIA_TYPE}")
        try:
            async with asyncio.timeout(_BODY_DEADLINE_S):
                octets = await request.read()
        except TimeoutError as error:
            raise web.HTTPRequestTimeout from error
        with _refusing(web.HTTPBadRequest):
            record = parse(octets)
        if request.headers.get(IDEMPOTENCY_HEADER) != record.id.hex():
            raise web.HTTPBadRequest(text=f"{IDEMPOTENCY_HEADER} is not the record's hash")
        hub = self._hub(record)
        with _refusing(web.HTTPBadRequest):
            verify(record, hub)
        return record

    def _hub(self, record: SealedRecord) -> HubCard:
        """Return the card of the hub that a record names; trouble with it is no verdict."""
        with _refusing(web.HTTPForbidden):
            hub = self._enrolment.find(record.header.hub_id)
        if hub is None:
            raise web.HTTPForbidden(text="this hub is not enrolled")
        if hub.key_id != record.header.signer_key_id:
            raise web.HTTPForbidden(text="this hub is enrolled with another key")
        return hub


@contextlib.contextmanager
def _refusing(refusal: type[web.HTTPException]) -> Iterator[None]:
    """Answer with ``refusal`` what the envelope finds wrong."""
    try:
        yield
    except SealError as error:
        raise refusal(text=f"{error.thing}: {error.reason}") from error


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")
