"""Who may see the page over the network: browsers that were given a one-time code.

On loopback whoever uses the machine may. Beyond it a browser types the code that ``edge-agent page
code`` shows at the hub, once, and is known by a cookie from then on, until the hub restarts.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from edge_agent.model import Boottime

CODE_DIGITS = 8
CODE_HOLDS_S = 600.0
TRIES = 5
COOKIE = "edge-page"

_NS_PER_S = 1_000_000_000


class Access:
    """One code at a time, and the browsers that have shown it."""

    def __init__(self) -> None:
        self._code: str | None = None
        self._until = Boottime(0)
        self._tries = 0
        self._sessions: set[bytes] = set()

    def new_code(self, now: Boottime) -> str:
        """Return a fresh code; one that was given before holds no longer."""
        self._code = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
        self._until = Boottime(now + round(CODE_HOLDS_S * _NS_PER_S))
        self._tries = TRIES
        return self._code

    def admit(self, code: str, now: Boottime) -> str | None:
        """Return the cookie of a browser that shows the code; ``None`` for any other.

        A code is good once, for ten minutes, and for five tries.
        """
        if self._code is None or now >= self._until or self._tries <= 0:
            return None
        self._tries -= 1
        typed = "".join(code.split())
        if not hmac.compare_digest(typed.encode(), self._code.encode()):
            return None
        self._code = None
        cookie = secrets.token_urlsafe(32)
        self._sessions.add(sha256(cookie.encode()).digest())
        return cookie

    def knows(self, cookie: str) -> bool:
        """Whether a browser with this cookie has been admitted."""
        return sha256(cookie.encode()).digest() in self._sessions
