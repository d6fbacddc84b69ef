"""How much of the last hour something took up: burden and load, with what they rest on."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_S = 3600.0

_CELL_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """``percent`` of what was judged; ``judged`` in the unit that was counted (s or beats)."""

    percent: float
    judged: float


class RollingShare:
    """Counts, in cells of a minute, how much was judged and how much of it was met."""

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._cells: deque[tuple[int, float, float]] = deque()
        self._longest = max(1, round(window_s / _CELL_S))

    def push(self, at_s: float, amount: float, *, met: bool) -> None:
        """Count ``amount`` that was judged at ``at_s``; times come in rising order."""
        cell = int(at_s // _CELL_S)
        if not self._cells or self._cells[-1][0] < cell:
            self._cells.append((cell, 0.0, 0.0))
        number, judged, of_it = self._cells.pop()
        self._cells.append((number, judged + amount, of_it + (amount if met else 0.0)))
        while self._cells[0][0] <= self._cells[-1][0] - self._longest:
            self._cells.popleft()

    def value(self, now_s: float) -> Share | None:
        """Return the share of the window that ends at ``now_s``, ``None`` without any."""
        oldest = int(now_s // _CELL_S) - self._longest
        cells = [one for one in self._cells if one[0] > oldest]
        judged = sum(one[1] for one in cells)
        if judged <= 0.0:
            return None
        return Share(percent=100.0 * sum(one[2] for one in cells) / judged, judged=judged)
