"""What browsers are sent as it happens: to each its own bounded buffer, so a slow one loses waves.

Nobody waits for a browser. What does not fit is dropped, the oldest wave first; of pictures of the
whole hub only the newest is kept, so an alarm is never behind a queue.
"""

from __future__ import annotations

import asyncio
from collections import deque

WAVES_AT_MOST = 128
"""Half a minute of ECG in blocks of a quarter of a second."""


class Listener:
    """One browser's buffer of messages, each octets of a server-sent event."""

    def __init__(self) -> None:
        self.dropped = 0
        self._picture: bytes | None = None
        self._waves: deque[bytes] = deque()
        self._ready = asyncio.Event()

    def picture(self, message: bytes) -> None:
        """Put in a picture of the hub, in place of one that has not been sent."""
        self._picture = message
        self._ready.set()

    def wave(self, message: bytes) -> None:
        """Put in a piece of a wave or a beat; the oldest goes when there are too many."""
        if len(self._waves) >= WAVES_AT_MOST:
            self._waves.popleft()
            self.dropped += 1
        self._waves.append(message)
        self._ready.set()

    async def next(self) -> bytes:
        """Wait for the next messages, and take them all."""
        await self._ready.wait()
        self._ready.clear()
        picture, self._picture = self._picture, None
        waves = b"".join(self._waves)
        self._waves.clear()
        return (picture or b"") + waves


class Audience:
    """Every browser that listens."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._listeners)

    def join(self) -> Listener:
        """Add a browser."""
        listener = Listener()
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Take off a browser that has gone."""
        self._listeners.discard(listener)
        self.dropped += listener.dropped

    def picture(self, message: bytes) -> None:
        """Send everybody a picture of the hub."""
        for listener in self._listeners:
            listener.picture(message)

    def wave(self, message: bytes) -> None:
        """Send everybody a piece of a wave."""
        for listener in self._listeners:
            listener.wave(message)


def event(kind: str, octets: bytes) -> bytes:
    """Return a server-sent event (WHATWG HTML, section 9.2) of JSON without line breaks."""
    return b"event: " + kind.encode() + b"\ndata: " + octets + b"\n\n"
