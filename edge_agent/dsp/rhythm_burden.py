"""How much of the last hour something took up: burden and load, and how much could be judged."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

WINDOW_S = 3600.0

_CELL_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """``percent`` of what was judged, and ``judged_share`` (0 to 1) of what there was."""

    percent: float
    judged_share: float


class RollingShare:
    """Counts, in cells of a minute, what there was, what was judged, and what was met.

    Gaps have no amount here: what was never measured is in neither.
    """

    def __init__(self, window_s: float = WINDOW_S) -> None:
        self._cells: deque[tuple[int, float, float, float]] = deque()
        self._longest = max(1, round(window_s / _CELL_S))

    def push(self, at_s: float, amount: float, *, met: bool | None) -> None:
        """Count ``amount`` (s, or beats) at ``at_s``; times come in rising order.

        ``met`` is ``None`` for what could not be judged.
        """
        cell = int(at_s // _CELL_S)
        if not self._cells or self._cells[-1][0] < cell:
            self._cells.append((cell, 0.0, 0.0, 0.0))
        number, every, judged, of_it = self._cells.pop()
        judged += 0.0 if met is None else amount
        of_it += amount if met else 0.0
        self._cells.append((number, every + amount, judged, of_it))
        while self._cells[0][0] <= self._cells[-1][0] - self._longest:
            self._cells.popleft()

    def value(self, now_s: float) -> Share | None:
        """Return the share of the window that ends at ``now_s``; ``None`` if none was judged."""
        oldest = int(now_s // _CELL_S) - self._longest
        cells = [one for one in self._cells if one[0] > oldest]
        every, judged = sum(one[1] for one in cells), sum(one[2] for one in cells)
        if judged <= 0.0:
            return None
        percent = 100.0 * sum(one[3] for one in cells) / judged
        return Share(percent=percent, judged_share=judged / every)
