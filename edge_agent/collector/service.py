"""The collector: the clinic's end, in one folder.

keys/KEY_ID.json    private keys, old ones too: a hub may hold records sealed to an old key
recipient.json      the public key that hubs are given
hubs/HUB_ID.json    the hubs that are trusted
authority/          the collector's certificate authority, and its own certificate
tokens/             enrolment tokens, hashed
collector.db        what came, sealed and opened
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from edge_agent.clock import Clock, SystemClock
from edge_agent.collector.accounting import HubAccount, account
from edge_agent.collector.authority import Authority
from edge_agent.collector.enrolment import Enrolment
from edge_agent.collector.ingest import Ingest
from edge_agent.collector.keyring import RECIPIENT_FILE, key_for, load_keys
from edge_agent.collector.quarantine import release
from edge_agent.collector.queries import Queries
from edge_agent.collector.reception import Reception
from edge_agent.collector.sink import RecordSink
from edge_agent.collector.store import CollectorStore, Tally
from edge_agent.collector.tokens import Tokens
from edge_agent.errors import EdgeError, SealError, StoreError
from edge_agent.store.files import private_directory
from edge_agent.store.keys import HubCard, Recipient, RecipientKey
from edge_agent.store.payload import decode, unpad
from edge_agent.store.seal import SealedRecord, open_, parse
from edge_agent.store.suites import Suite
from edge_agent.supervision import end
from edge_agent.sync.token import Token

AUTHORITY_FOLDER, HUBS_FOLDER, TOKENS_FOLDER = "authority", "hubs", "tokens"

log = logging.getLogger(__name__)

_BATCH = 100
_RETRY_S = 5.0
_SHUTDOWN_S = 5.0
_LOOK_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What the collector did since it was opened, what it keeps, and what it misses.

    ``received``, ``duplicates`` and ``refused`` count records since it was opened.
    """

    received: int
    duplicates: int
    refused: int
    kept: Tally
    hubs: tuple[HubAccount, ...]


class Collector:
    """An open collector. :meth:`close` it."""

    def __init__(
        self,
        directory: Path,
        store: CollectorStore,
        keys: dict[bytes, RecipientKey],
        clock: Clock,
        sink: RecordSink | None = None,
    ) -> None:
        self.recipient_file = directory / RECIPIENT_FILE
        self.queries = Queries(store.database)
        self._store, self._keys = store, keys
        self._directory, self._clock = directory, clock
        self._enrolment = Enrolment(directory / HUBS_FOLDER)
        self._tokens = Tokens(directory / TOKENS_FOLDER, clock)
        self._new = asyncio.Event()
        self._ingest = Ingest(sink or store, self._enrolment, clock, self._new.set)
        self._opening = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    @classmethod
    async def open(
        cls,
        directory: Path,
        *,
        suite: Suite | None = None,
        clock: Clock | None = None,
        sink: RecordSink | None = None,
    ) -> Collector:
        """Open the collector kept in ``directory``; on first use, draw its keys.

        ``suite`` is that of the keys (X-Wing unless told otherwise on first use). Records that
        did not open before are tried again. What comes goes into ``sink``, or into the collector's
        own file where there is none.

        :raises SealError: damaged keys, or keys of another suite than asked for.
        :raises StoreError: the folder or the database can't be used.
        """
        keys = await asyncio.to_thread(load_keys, private_directory(directory), suite)
        store = await CollectorStore.open(directory)
        try:
            await store.retry_unopened()
            return cls(directory, store, keys, clock or SystemClock(), sink)
        except BaseException:
            await store.close()
            raise

    def enrol(self, card_file: Path) -> HubCard:
        """Trust the hub whose ``hub.json`` is given.

        :raises SealError: no such card, or another key is pinned for this hub.
        """
        return self._enrolment.add(card_file)

    def revoke(self, hub_id: bytes, reason: str) -> None:
        """Take nothing from a hub any more."""
        self._enrolment.revoke(hub_id, reason)

    def draw_token(self) -> Token:
        """Make a token with which one hub can enrol.

        :raises SealError: the authority is damaged.
        """
        return self._tokens.draw(self.authority().der)

    def authority(self) -> Authority:
        """Return the collector's certificate authority; on first use it is made.

        :raises SealError: it is damaged.
        """
        return Authority(self._directory / AUTHORITY_FOLDER, self._clock)

    def app(self) -> web.Application:
        """Return the web application that takes the records."""
        return self._ingest.app()

    async def start(self, host: str, port: int, names: Sequence[str] = ()) -> int:
        """Serve on ``host`` and ``port`` (0: any free one), opening what comes; return the port.

        With ``names`` over TLS: hubs know the collector by these hosts and addresses, come with
        certificates of its own authority, and can enrol. Without, in the clear, for loopback only.

        :raises EdgeError: when the address can't be used.
        :raises SealError: the authority is damaged.
        """
        app, context = self.app(), None
        if names:
            authority = await asyncio.to_thread(self.authority)
            context = await asyncio.to_thread(authority.server_context, names)
            recipient = Recipient.load(self.recipient_file)
            reception = Reception(authority, self._tokens, self._enrolment, recipient)
            app.add_routes(reception.routes())
            self._tasks.append(
                asyncio.create_task(self._keep_certificate(authority, names, context))
            )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=context)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            reason = error.strerror or str(error)
            raise EdgeError(f"address {host}:{port}", reason, "Choose another one") from error
        self._tasks.append(asyncio.create_task(self._keep_opening()))
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop serving and opening."""
        tasks, self._tasks = self._tasks, []
        await end(tasks)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def close(self) -> None:
        """Stop, and close the database."""
        try:
            await self.stop()
        finally:
            await self._store.close()

    async def take(self, records: Sequence[SealedRecord], received_utc_ns: int) -> None:
        """Keep verified records in the collector's own file, and open them.

        :raises StoreError: they can't be kept now.
        """
        await self._store.keep(records, received_utc_ns)
        await self.open_records()

    async def open_records(self) -> int:
        """Open what has come and write its rows out; return how many records opened.

        A record that verifies but does not open is kept sealed, with the reason.
        """
        opened = 0
        async with self._opening:
            while waiting := await self._store.to_open(_BATCH):
                for record_id, octets in waiting:
                    try:
                        await self._open(octets)
                        opened += 1
                    except SealError as error:
                        log.warning("record %s: %s", record_id.hex(), error)
                        await self._store.set_unopened(record_id, str(error))
        return opened

    async def release(
        self, record_ids: Sequence[bytes] | None, *, trust: bool = False
    ) -> tuple[int, int]:
        """Judge records in quarantine once more (``None``: all); return how many go and stay.

        See :func:`edge_agent.collector.quarantine.release`. What goes is opened like what came.
        """
        counts = await release(self._store.database, record_ids, trust=trust)
        self._new.set()
        return counts

    async def stats(self) -> Stats:
        """Count what came and work out what is missing."""
        return Stats(
            received=self._ingest.received,
            duplicates=self._ingest.duplicates,
            refused=self._ingest.refused,
            kept=await self._store.tally(),
            hubs=await account(self._store.database),
        )

    async def _open(self, octets: bytes) -> None:
        record = parse(octets)
        key = key_for(record.header, self._keys)
        await self._store.write_out(record, decode(unpad(open_(record, key))))

    async def _keep_certificate(
        self, authority: Authority, names: Sequence[str], context: ssl.SSLContext
    ) -> None:
        """Renew the collector's own certificate in time."""
        while True:
            await self._clock.sleep(_LOOK_S)
            try:
                if await asyncio.to_thread(authority.renew_server, names):
                    authority.load_server(context)
                    log.info("the collector has another certificate")
            except (OSError, SealError) as error:
                log.warning("certificate not renewed: %s; trying again in an hour", error)

    async def _keep_opening(self) -> None:
        while True:
            self._new.clear()
            try:
                await self.open_records()
            except StoreError as error:
                log.warning("%s; trying again in %.0f s", error, _RETRY_S)
                await asyncio.sleep(_RETRY_S)
            else:
                await self._new.wait()
