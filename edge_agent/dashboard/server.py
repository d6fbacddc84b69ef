"""Serves the bedside page: on loopback, or over TLS to browsers that were admitted.

Everything comes from here, nothing from the internet. A page of another site can't read or order:
requests must name this host, and orders come with a header that only a page of ours can send.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from edge_agent import codes
from edge_agent.bed import Bed
from edge_agent.clock import NS_PER_S, Clock
from edge_agent.config import PageSettings
from edge_agent.contradictions import is_loopback
from edge_agent.control import Orders
from edge_agent.dashboard.access import COOKIE, Access
from edge_agent.dashboard.live import Audience, event
from edge_agent.dashboard.picture import Picture, picture_of
from edge_agent.dashboard.trends import EVERY_S, Points, Trends
from edge_agent.dashboard.waves import beat_of, piece_of
from edge_agent.errors import ControlError, EdgeError
from edge_agent.model import Event, Observation, Waveform
from edge_agent.status import Status

log = logging.getLogger(__name__)

_PAGE = Path(__file__).with_name("page")
_BY = "the bedside page"
_PICTURE_EVERY_S = 1.0
_ORDER_LIMIT = 2048
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_ORDER_HEADER = "X-Edge-Page"


class Page:
    """The page's server. ``hear_*`` are told what happens; :meth:`run` serves for ever."""

    def __init__(
        self,
        settings: PageSettings,
        beds: Sequence[Bed],
        status: Callable[[], Awaitable[Status]],
        orders: Orders,
        clock: Clock,
    ) -> None:
        self.port = settings.port
        self.audience = Audience()
        self.access = Access()
        self._settings, self._status, self._orders, self._clock = settings, status, orders, clock
        self._trends = {bed.subject.bed: Trends(bed) for bed in beds}
        self._due = asyncio.Event()
        self._encoder = msgspec.json.Encoder()
        self._is_open = is_loopback(settings.host)

    def hear(self, bed: Bed, one: Observation | Waveform | Event) -> None:
        """Pass on what a screen shows as it comes: ECG and beats."""
        if not len(self.audience):
            return
        name = bed.subject.bed
        if isinstance(one, Waveform) and one.code == codes.ECG:
            self.audience.wave(event("wave", self._encoder.encode(piece_of(one, name))))
        elif isinstance(one, Observation) and one.code == codes.RR_INTERVAL:
            self.audience.wave(event("beat", self._encoder.encode(beat_of(one, name))))

    def hear_alarm(self) -> None:
        """Have a new picture sent at once."""
        self._due.set()

    def trends_of(self, bed: str) -> Trends:
        """Return the trends of a bed, by its name."""
        return self._trends[bed]

    def new_code(self) -> str:
        """Return a one-time code for a browser on the network.

        :raises ControlError: the page is on loopback only, where nobody needs one.
        """
        if self._is_open:
            step = "Set page.host, page.certificate and page.key to serve it on the network"
            raise ControlError("page code", "the page is served on this machine only", step)
        return self.access.new_code(self._clock.boottime())

    def app(self) -> web.Application:
        """Return the web application."""
        app = web.Application(client_max_size=_ORDER_LIMIT, middlewares=[self._guarded])
        app.router.add_get("/", self._index)
        app.router.add_get("/live", self._live)
        app.router.add_get("/trends", self._trend)
        app.router.add_post("/order", self._order)
        app.router.add_post("/admit", self._admit)
        app.router.add_static("/page", _PAGE)
        return app

    async def run(self) -> None:
        """Serve, and send pictures, until cancelled."""
        runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        tasks: list[asyncio.Task[None]] = []
        try:
            site = web.TCPSite(
                runner, self._settings.host, self._settings.port, ssl_context=self._tls()
            )
            await site.start()
            self.port = runner.addresses[0][1]
            scheme = "http" if self._is_open else "https"
            log.info("bedside page on %s://%s:%d", scheme, self._settings.host, self.port)
            tasks = [asyncio.create_task(one()) for one in (self._wake, self._look)]
            await self._publish()
        except OSError as error:
            reason = error.strerror or str(error)
            step = "Set page.port to another one"
            raise ControlError(f"page {self._settings.host}:{self.port}", reason, step) from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()

    async def picture(self) -> Picture:
        """Return the hub as the page shows it now."""
        now_s = self._clock.boottime() / NS_PER_S
        return picture_of(await self._status(), now_s, self._clock.utc_ns() // 1_000_000)

    async def _publish(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            if len(self.audience):
                self.audience.picture(event("state", self._encoder.encode(await self.picture())))

    async def _wake(self) -> None:
        while True:
            await self._clock.sleep(_PICTURE_EVERY_S)
            self._due.set()

    async def _look(self) -> None:
        while True:
            for one in self._trends.values():
                one.look(self._clock.boottime())
            await self._clock.sleep(EVERY_S)

    def _tls(self) -> ssl.SSLContext | None:
        settings = self._settings
        if settings.certificate is None or settings.key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(settings.certificate, settings.key)
        return context

    @web.middleware
    async def _guarded(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        if self._is_open and _host_of(request) not in _LOOPBACK_NAMES:
            raise web.HTTPForbidden(
                text="This page answers under localhost only.", headers=_HEADERS
            )
        is_public = request.path.startswith("/page/") or request.path in {"/", "/admit"}
        if not (self._is_admitted(request) or is_public):
            raise web.HTTPUnauthorized(
                text="Ask for a code: edge-agent page code", headers=_HEADERS
            )
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _is_admitted(self, request: web.Request) -> bool:
        return self._is_open or self.access.knows(request.cookies.get(COOKIE, ""))

    async def _index(self, request: web.Request) -> web.FileResponse:
        name = "index.html" if self._is_admitted(request) else "admit.html"
        return web.FileResponse(_PAGE / name)

    async def _live(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS | {"Content-Type": "text/event-stream"})
        await response.prepare(request)
        listener = self.audience.join()
        self._due.set()
        try:
            with contextlib.suppress(ConnectionError):
                while True:
                    await response.write(await listener.next())
        finally:
            self.audience.leave(listener)
        return response

    async def _trend(self, _: web.Request) -> web.Response:
        now = self._clock.boottime()
        points: dict[str, dict[str, Points]] = {
            bed: one.points(now) for bed, one in self._trends.items()
        }
        return web.Response(body=self._encoder.encode(points), content_type="application/json")

    async def _order(self, request: web.Request) -> web.Response:
        if _ORDER_HEADER not in request.headers:
            raise web.HTTPForbidden(text="Orders come from the page itself.")
        try:
            said = self._carried_out(msgspec.json.decode(await request.read(), type=dict[str, Any]))
        except (EdgeError, ValueError, msgspec.DecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        self._due.set()
        return web.json_response(said)

    def _carried_out(self, order: Mapping[str, Any]) -> dict[str, object]:
        match order:
            case {"order": "acknowledge", "episode": str(episode)} if episode:
                return {"acknowledged": self._orders.acknowledge(episode, _BY)}
            case {"order": "pause", "bed": str(bed), "minutes": int(minutes) | float(minutes)}:
                self._orders.pause(float(minutes), _BY, bed)
                return {"paused_min": minutes}
            case {"order": "resume", "bed": str(bed)}:
                return {"resumed": self._orders.resume(_BY, bed)}
        raise ValueError("acknowledge needs an episode; pause a bed and minutes; resume a bed")

    async def _admit(self, request: web.Request) -> web.Response:
        form = await request.post()
        cookie = self.access.admit(str(form.get("code", "")).strip(), self._clock.boottime())
        if cookie is None:
            log.warning("a browser showed a code for the page that does not hold")
            raise web.HTTPSeeOther("/?refused")
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(
            COOKIE, cookie, httponly=True, secure=True, samesite="Strict", path="/",
            max_age=30 * 24 * 3600,
        )  # fmt: skip
        log.info("a browser was admitted to the page")
        return response


def _host_of(request: web.Request) -> str:
    host = request.headers.get("Host", "")
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host
