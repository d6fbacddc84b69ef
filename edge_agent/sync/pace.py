"""How much at a time, and how long to wait: what a hub owes a narrow link and a busy collector."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from edge_agent.sync.protocol import BATCH_RECORDS

RETRY_AFTER_AT_MOST_S = 600.0
"""A collector that asks for more patience is asked again nevertheless."""

_FIRST_RECORDS = 16
_BRISK_S, _SLOW_S = 0.5, 1.0
"""A batch quicker than the one may grow; one slower than the other holds up what is new."""


class BatchSize:
    """How many records go into a batch: as many as the way carries in about a second.

    One batch is in flight at a time, so whatever is sealed meanwhile waits for its receipts.
    """

    def __init__(self) -> None:
        self.records = _FIRST_RECORDS

    def took(self, seconds: float) -> None:
        """Learn from a batch that was answered after ``seconds``."""
        if seconds > _SLOW_S:
            self.halve()
        elif seconds < _BRISK_S:
            self.records = min(BATCH_RECORDS, 2 * self.records)

    def halve(self) -> None:
        """Send half as much next time: the batch was slow, or refused as a whole."""
        self.records = max(1, self.records // 2)


class Backoff:
    """Pauses between tries in vain: full jitter up to a bound that doubles with each failure.

    Hubs that lost the collector at the same moment come back spread over the whole span
    (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    """

    def __init__(self, first_s: float, longest_s: float, rng: random.Random) -> None:
        self._first_s, self._longest_s, self._rng = first_s, longest_s, rng
        self._failures = 0

    def next_s(self) -> float:
        """Return how long to wait after one more failure."""
        bound_s = min(self._longest_s, self._first_s * 2**self._failures)
        self._failures = min(self._failures + 1, 32)
        return self._rng.uniform(0, bound_s)

    def reset(self) -> None:
        """Begin anew: a try has succeeded."""
        self._failures = 0


def retry_after_s(value: str, date: str, utc_ns: int) -> float | None:
    """Return the seconds that ``Retry-After`` asks for (RFC 9110, 10.2.3); ``None``: it does not.

    Its form with a date is read against the collector's own ``Date``, so that a hub whose clock is
    wrong waits no shorter and no longer; ``utc_ns`` is the hub's, for an answer without one. The
    result is within 0 and :data:`RETRY_AFTER_AT_MOST_S`.
    """
    value = value.strip()
    if value.isascii() and value.isdecimal():
        digits = value.lstrip("0")
        asked_s = float(digits or 0) if len(digits) < 10 else RETRY_AFTER_AT_MOST_S
    else:
        until, now = http_date(value), http_date(date)
        if until is None:
            return None
        asked_s = until.timestamp() - (now.timestamp() if now else utc_ns / 1e9)
    return min(max(0.0, asked_s), RETRY_AFTER_AT_MOST_S)


def http_date(text: str) -> datetime | None:
    """Read an HTTP date (RFC 9110, 5.6.7); ``None`` when it is none."""
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
