"""Where in a stream of samples a time lies."""

from __future__ import annotations

from collections import deque

from edge_agent.dsp.rpeaks import LATENCY_S

_KEPT_S = LATENCY_S + 1.0


class Places:
    """Turns times (s) of recent beats into positions, counted from the first sample pushed."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._blocks: deque[tuple[int, float]] = deque()
        self._count = 0

    def push(self, size: int, start_s: float) -> None:
        """Note a block of ``size`` samples, the first taken at ``start_s``."""
        self._blocks.append((self._count, start_s))
        self._count += size
        oldest = self._count - _KEPT_S * self._rate_hz
        while len(self._blocks) > 1 and self._blocks[1][0] < oldest:
            self._blocks.popleft()

    def position(self, at_s: float) -> float:
        """Return the position of ``at_s``, within the samples pushed."""
        first, start_s = next(
            (one for one in reversed(self._blocks) if one[1] <= at_s), self._blocks[0]
        )
        place = first + (at_s - start_s) * self._rate_hz
        return min(max(0.0, place), max(0.0, self._count - 1.0))
