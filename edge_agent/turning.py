"""Whether a task goes round: by when it has promised to come by again.

Data need not arrive for a task to be well: a sensor may be away for weeks. So a task says for how
long what it does next takes at the most, or that it waits for something outside the hub, which may
take for ever. One that has not come by when it said it would has stopped turning.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from edge_agent.clock import NS_PER_S, Clock
from edge_agent.model import Boottime

SLACK_S = 30.0
"""What is added to every promise: a busy machine is no hang, and a restart costs more."""


class Turning:
    """The promises of one task."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: Boottime | None = None
        self._calls: set[tuple[Boottime, object]] = set()

    def within(self, seconds: float) -> None:
        """Promise to come by again within ``seconds``; this takes the place of the last promise."""
        self._due = self._in(seconds)

    def waits(self) -> None:
        """Say that from now on the task waits for something that may take for ever."""
        self._due = None

    @contextlib.contextmanager
    def promised(self, seconds: float) -> Iterator[None]:
        """Promise that the body takes at most ``seconds``, beside whatever else is promised."""
        call = (self._in(seconds), object())
        self._calls.add(call)
        try:
            yield
        finally:
            self._calls.discard(call)

    def late_s(self, now: Boottime) -> float:
        """Return for how many seconds a promise has been broken; 0 while all are kept."""
        dues = [due for due, _ in self._calls]
        if self._due is not None:
            dues.append(self._due)
        return max((now - min(dues)) / NS_PER_S, 0.0) if dues else 0.0

    def _in(self, seconds: float) -> Boottime:
        return Boottime(self._clock.boottime() + round((seconds + SLACK_S) * NS_PER_S))
