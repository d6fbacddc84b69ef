"""Whether the pulse of an oximeter and the heart rate of an ECG belong to one heart.

Two rates that agree vouch for each other. A pulse well under the heart rate means that beats don't
reach the finger (ectopic beats, atrial fibrillation, weak perfusion) or that the oximeter has lost
the pulse; one well over it is an artefact of one of the two. Rates agree here within 5 per minute
or 10 %, whichever is more; both are averages of some ten seconds and lag by as much.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_WITHIN_PER_MIN, _WITHIN_SHARE = 5.0, 0.1
_TOGETHER_S = 5.0
_LEAST_PAIRS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of ``n`` pairs the share (0 to 1) that agreed, and pulse minus heart rate on average."""

    n: int
    share: float
    difference_per_min: float


class PulseAgreement:
    """Compares reliable rates that lie within five seconds, over the last ``window_s``."""

    def __init__(self, *, window_s: float = 60.0) -> None:
        self._window_s = window_s
        self._heart: tuple[float, float] | None = None
        self._pairs: deque[tuple[float, float, float]] = deque()

    def push_heart_rate(self, at_s: float, per_min: float) -> None:
        """Take in a reliable heart rate."""
        self._heart = (at_s, per_min)

    def push_pulse(self, at_s: float, per_min: float) -> Agreement | None:
        """Take in a reliable pulse rate; return the agreement, ``None`` with too few pairs."""
        if self._heart is not None and abs(at_s - self._heart[0]) <= _TOGETHER_S:
            self._pairs.append((at_s, per_min, self._heart[1]))
        while self._pairs and self._pairs[0][0] <= at_s - self._window_s:
            self._pairs.popleft()
        if len(self._pairs) < _LEAST_PAIRS:
            return None
        differences = [pulse - heart for _, pulse, heart in self._pairs]
        limits = [max(_WITHIN_PER_MIN, _WITHIN_SHARE * heart) for *_, heart in self._pairs]
        agreed = sum(abs(one) <= most for one, most in zip(differences, limits, strict=True))
        n = len(differences)
        return Agreement(n=n, share=agreed / n, difference_per_min=sum(differences) / n)
