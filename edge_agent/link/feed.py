"""One sensor's way into the hub: its decoder, its counters, its events.

Links of every kind push what arrives through a :class:`Feed`, so that a frame that does not
decode, a sensor that goes and one that comes back look the same whatever wire they use.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge_agent.capture import Action, Step
from edge_agent.clock import NS_PER_S, Clock
from edge_agent.device_clock import DeviceClock
from edge_agent.driver import Driver, FrameError, Output, Read, Request, Write
from edge_agent.model import Boottime, Code, Event, EventKind, Reading, Waveform
from edge_agent.turning import Turning

log = logging.getLogger(__name__)

_REJECTION_REPORT_NS = 10 * NS_PER_S


@dataclass(slots=True, kw_only=True)
class FeedStatus:
    """What a link has seen of its sensor since the hub started."""

    connected: bool = False
    connections: int = 0
    failures: int = 0
    frames: int = 0
    rejected: int = 0
    readings: int = 0
    gaps: int = 0
    overlaps: int = 0
    clock_resets: int = 0
    last_frame_at: Boottime | None = None
    last_error: str = ""


class Feed:
    """Decodes one sensor's frames, stamps them and hands the readings to ``emit``."""

    def __init__(
        self, sensor: str, driver: Driver, clock: Clock, emit: Callable[[Reading], None]
    ) -> None:
        self.sensor = sensor
        self.decoder = driver.decoder(sensor)
        self.status = FeedStatus()
        self.turning = Turning(clock)
        self.taps: set[Callable[[Step], None]] = set()
        self._clock = clock
        self._emit = emit
        self._heard_at: dict[Code, Boottime] = {}
        self._measures = driver.measures
        self._device_clock = DeviceClock()
        self._clock_reset_at: Boottime | None = None
        self._rejected_unreported = 0
        self._rejection_reported_at: Boottime | None = None

    def connected(self) -> None:
        """Tell the hub that the link is up."""
        self.status.connected = True
        self.status.connections += 1
        self.status.last_error = ""
        self.event(EventKind.CONNECTED)

    def disconnected(self, reason: str) -> None:
        """Tell the hub that a link that was up is down; harmless when it was not up."""
        if self.status.connected:
            self.status.connected = False
            self.event(EventKind.DISCONNECTED, reason=reason)

    def failed(self, reason: str) -> None:
        """Tell the hub that the link could not be made or broke; the same reason only once."""
        self.disconnected(reason)
        self.complained(reason)

    def complained(self, reason: str) -> None:
        """Tell the hub of a failure that leaves the link standing; the same reason only once."""
        self.status.failures += 1
        if reason != self.status.last_error:
            log.warning("%s", reason, extra={"EDGE_SENSOR": self.sensor})
            self.event(EventKind.LINK_FAILED, reason=reason)
        self.status.last_error = reason

    def open(self) -> list[Request]:
        """Return what the decoder wants read and written first."""
        self._tapped(Action.OPEN)
        return self._asked(self.decoder.open(self._clock.boottime()))

    def poll(self) -> list[Request]:
        """Return what the decoder wants written now and then."""
        return self._asked(self.decoder.poll(self._clock.boottime()))

    def close(self) -> list[Request]:
        """Return what the decoder wants written before the hub hangs up."""
        requests = self._asked(self.decoder.close())
        self._tapped(Action.CLOSED)
        return requests

    def ended(self) -> None:
        """Let the decoder give what it has kept back: the link has ended, and nothing follows."""
        at = self._clock.boottime()
        self._sort(self.decoder.ended(at), at)

    def receive(self, data: bytes, channel: str = "") -> list[Request]:
        """Decode ``data``, emit its readings, and return what the decoder wants done."""
        at = self._clock.boottime()
        self.status.frames += 1
        self.status.last_frame_at = at
        self._tapped(Action.RECEIVED, channel, data)
        try:
            return self._asked(self._sort(self.decoder.feed(data, at, channel), at))
        except FrameError as error:
            self._reject(error, at)
            return []

    def silence_s(self, since: Boottime) -> float:
        """Return for how many seconds a quantity the sensor is there for has been missing.

        Counted from ``since`` at the most. A battery report or garbage is no sign of life, and a
        heart rate none of an ECG that has stopped.
        """
        now, heard_at = self._clock.boottime(), self._heard_at
        # A sensor that may be anything is there for whatever it gives.
        codes = self._measures or tuple(heard_at)
        heard = [max(since, heard_at.get(code, since)) for code in codes] or [since]
        return (now - (min(heard) if self._measures else max(heard))) / NS_PER_S

    def _asked(self, requests: Iterable[Request]) -> list[Request]:
        listed = list(requests)
        for request in listed:
            if isinstance(request, Write):
                self._tapped(Action.SENT, request.channel, request.payload)
        return listed

    def _sort(self, outputs: Iterable[Output], at: Boottime) -> list[Request]:
        requests: list[Request] = []
        for output in outputs:
            if isinstance(output, Read | Write):
                requests.append(output)
            elif isinstance(output, Event):
                self._count(output)
                self._emit(output)
                if output.kind is EventKind.CLOCK_RESET:
                    self._device_clock.restart()
            else:
                self.status.readings += 1
                self._heard_at[output.code] = at
                self._emit(self._in_hub_time(output, at))
        return requests

    def _in_hub_time(self, reading: Reading, at: Boottime) -> Reading:
        """Place a waveform by its sensor's clock: frames arrive in bursts, samples do not."""
        if not isinstance(reading, Waveform) or reading.device_ns is None:
            return reading
        length_ns = round(len(reading.samples) * NS_PER_S / reading.rate_hz)
        resets = self._device_clock.resets
        end = self._device_clock.align(reading.device_ns + length_ns, at)
        if self._device_clock.resets > resets and self._clock_reset_at != at:
            self.event(EventKind.CLOCK_RESET, reason="its times no longer fit their arrival")
        return dataclasses.replace(reading, start=Boottime(end - length_ns))

    def _count(self, event: Event) -> None:
        """Count what must never be smoothed over."""
        match event.kind:
            case EventKind.GAP:
                self.status.gaps += 1
            case EventKind.OVERLAP:
                self.status.overlaps += 1
            case EventKind.CLOCK_RESET:
                self.status.clock_resets += 1
                self._clock_reset_at = event.at

    def _tapped(self, action: Action, channel: str = "", octets: bytes = b"") -> None:
        """Let a capture see what passes; it must not raise, and gets its own copy."""
        if self.taps:
            at_ns = self._clock.boottime()
            step = Step(at_ns=at_ns, action=action, channel=channel, octets=octets)
            for tap in tuple(self.taps):
                tap(step)

    def _reject(self, error: FrameError, at: Boottime) -> None:
        """Count every bad frame; report at most one event in ten seconds, with the count."""
        self.status.rejected += 1
        self._rejected_unreported += 1
        last = self._rejection_reported_at
        if last is None or at - last >= _REJECTION_REPORT_NS:
            self.event(
                EventKind.FRAME_REJECTED, reason=str(error), frames=self._rejected_unreported
            )
            self._rejection_reported_at, self._rejected_unreported = at, 0

    def event(self, kind: EventKind, **detail: str | float) -> None:
        """Tell the hub that something happened to the sensor or its link."""
        at = self._clock.boottime()
        event = Event(kind=kind, at=at, sensor=self.sensor, detail=detail)
        self._count(event)
        self._emit(event)
