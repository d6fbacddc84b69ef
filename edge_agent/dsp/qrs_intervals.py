"""The last intervals between beats: which is usual, and how regular they are."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

_COUNT = 8
_ENOUGH = 4
_FIRST_S = 0.8
_LONGEST_S = 2.5
_IRREGULAR = 0.3  # spread of the intervals, as a share of the usual one


class Intervals:
    """The last eight intervals, in samples at ``rate_hz``; those over 2.5 s don't count.

    ``usual`` is their median, 0.8 s before there are two.
    """

    def __init__(self, rate_hz: float) -> None:
        self._longest = _LONGEST_S * rate_hz
        self._latest: deque[int] = deque(maxlen=_COUNT)
        self._ordered: list[int] = []
        self.usual = _FIRST_S * rate_hz

    @property
    def are_known(self) -> bool:
        """Whether there are enough to speak of a rhythm."""
        return len(self._ordered) >= _ENOUGH

    @property
    def regularity(self) -> float:
        """From 0 (like fibrillation) to 1, by all but the shortest and the longest; 0.5 if few."""
        if not self.are_known:
            return 0.5
        spread = (self._ordered[-2] - self._ordered[1]) / self.usual
        return 1.0 - min(spread / _IRREGULAR, 1.0)

    def note(self, interval: int) -> None:
        """Take in the next interval."""
        if interval >= self._longest:
            return
        ordered = self._ordered
        if len(ordered) == _COUNT:
            del ordered[bisect_left(ordered, self._latest[0])]
        self._latest.append(interval)
        insort(ordered, interval)
        count = len(ordered)
        if count > 1:
            self.usual = 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])
