"""Records on a NATS JetStream stream: several ingests share it, several consumers empty it.

A hub's record is a message on the subject of its hub, ``edge.records.HUB``, with the record's
hash as message id: what is published twice within the stream's window is stored once. Consumers
take messages off the stream only when the records are durably in the final store, which knows a
record by its hash as well. So either end can be killed at any moment: nothing is lost, and what
comes twice changes nothing. How the server has to be set up for power cuts: docs/collector.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from edge_agent.clock import Clock
from edge_agent.collector.sink import Kept
from edge_agent.errors import SealError, StoreError
from edge_agent.store.seal import SealedRecord, parse

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

log = logging.getLogger(__name__)

STREAM = "EDGE_RECORDS"
SUBJECT = "edge.records"
CONSUMER = "collector"
WINDOW_S = 600.0
"""For so long the stream knows a message id; the final store knows a record for ever."""

_RECEIVED = "Edge-Received-Utc-Ns"
_ANSWER_S = 10.0
_CONNECT_S = 5
_FETCH, _FETCH_S = 64, 1.0
_ACK_WAIT_S = 30.0
_RETRY_S = 2.0


class JetStream:
    """A connection to the stream, which is made where it is missing. Use it as a context."""

    def __init__(self, client: Client, stream: JetStreamContext) -> None:
        self._client, self.stream = client, stream

    @classmethod
    async def connect(
        cls,
        servers: str,
        *,
        credentials: str | None = None,
        max_octets: int = -1,
        replicas: int = 1,
    ) -> JetStream:
        """Connect to ``servers`` (URLs, separated by commas).

        ``max_octets`` and ``replicas`` are those of a stream that is made now. A full stream takes
        nothing more, and hubs keep what they have.

        :raises StoreError: nats-py is not installed, no server answers, or it has no JetStream.
        """
        try:
            import nats  # noqa: PLC0415 - an extra; a collector without a stream needs none
            from nats.errors import Error  # noqa: PLC0415
            from nats.js import api  # noqa: PLC0415
        except ImportError as error:
            step = "Install it: pip install 'bedside-edge-agent[nats]'"
            raise StoreError("nats-py", "is not installed", step) from error
        config = api.StreamConfig(
            name=STREAM,
            subjects=[f"{SUBJECT}.>"],
            retention=api.RetentionPolicy.WORK_QUEUE,
            storage=api.StorageType.FILE,
            discard=api.DiscardPolicy.NEW,
            duplicate_window=WINDOW_S,
            max_bytes=max_octets,
            num_replicas=replicas,
        )
        try:
            async with asyncio.timeout(_CONNECT_S):  # a connection once made is renewed for ever
                client = await nats.connect(
                    servers.split(","),
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=1,
                    user_credentials=credentials,
                    error_cb=_told,
                    connect_timeout=_CONNECT_S,
                )
            stream = client.jetstream(timeout=_ANSWER_S)
            await stream.add_stream(config)
        except (Error, OSError, TimeoutError) as error:
            step = "Start nats-server with JetStream, and check the address"
            raise StoreError(f"NATS {servers}", str(error) or "no answer", step) from error
        return cls(client, stream)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self._client.close()


class JetStreamSink:
    """A :class:`~edge_agent.collector.sink.RecordSink` that publishes to the stream."""

    def __init__(self, jetstream: JetStream) -> None:
        self._stream = jetstream.stream

    async def keep(self, records: Sequence[SealedRecord], received_utc_ns: int) -> tuple[Kept, ...]:
        """Publish ``records`` and wait until the stream has answered for each."""
        answers = await asyncio.gather(
            *(self._publish(one, received_utc_ns) for one in records), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, Exception):
                step = "Bring the stream up, or give it more room"
                reason = str(answer) or type(answer).__name__
                raise StoreError(f"stream {STREAM}", reason, step) from answer
            if isinstance(answer, BaseException):
                raise answer
        return tuple(
            Kept.of(record, is_new=answer is True)
            for record, answer in zip(records, answers, strict=True)
        )

    async def _publish(self, record: SealedRecord, received_utc_ns: int) -> bool:
        answer = await self._stream.publish(
            f"{SUBJECT}.{record.header.hub_id.hex()}",
            record.octets,
            stream=STREAM,
            headers={"Nats-Msg-Id": record.id.hex(), _RECEIVED: str(received_utc_ns)},
        )
        return not answer.duplicate


Take = Callable[[Sequence[SealedRecord], int], Awaitable[object]]
"""Keeps records in the final store, durably, and opens them; with when they were received."""


class StreamConsumer:
    """Takes records off the stream and hands them to ``take``; several processes share the work."""

    def __init__(self, jetstream: JetStream, take: Take, clock: Clock) -> None:
        self._stream, self._take, self._clock = jetstream.stream, take, clock
        self.taken = 0

    async def run(self) -> None:
        """Take what comes, for ever; a store or a stream in trouble is asked again."""
        from nats.errors import Error  # noqa: PLC0415
        from nats.js import api  # noqa: PLC0415

        config = api.ConsumerConfig(
            ack_policy=api.AckPolicy.EXPLICIT, ack_wait=_ACK_WAIT_S, max_ack_pending=4096
        )
        while True:
            try:
                async with AsyncExitStack() as closing:
                    waiting = await self._stream.pull_subscribe(
                        f"{SUBJECT}.>", durable=CONSUMER, stream=STREAM, config=config
                    )
                    closing.push_async_callback(waiting.unsubscribe)
                    while True:
                        try:
                            messages = await waiting.fetch(_FETCH, timeout=_FETCH_S)
                        except TimeoutError:
                            continue
                        await self._take_in(messages)
            except (Error, StoreError, OSError, TimeoutError) as error:
                log.warning("consumer: %s; trying again in %.0f s", error, _RETRY_S)
                await self._clock.sleep(_RETRY_S)

    async def _take_in(self, messages: list[Msg]) -> None:
        """Hand messages on, and only then take them off the stream."""
        records = []
        for message in messages:
            try:
                records.append(parse(message.data))
            except SealError as error:  # the door lets none in: somebody else has published
                log.error("a message on %s is no record: %s", message.subject, error)  # noqa: TRY400
        if records:
            received = (messages[0].headers or {}).get(_RECEIVED, "")
            utc_ns = int(received) if received.isdecimal() else self._clock.utc_ns()
            try:
                await self._take(records, utc_ns)
            except StoreError:
                for message in messages:
                    await message.nak(delay=_RETRY_S)
                raise
        for message in messages:
            await message.ack()
        self.taken += len(records)


async def _told(error: Exception) -> None:
    log.warning("NATS: %s", error or type(error).__name__)
