"""Brady- and tachycardia from the beats themselves: told within a few beats.

The rate over ``beats`` beats in a row is 60 over the mean of the intervals between them. It counts
as beyond the limit only if at least half of these intervals are beyond it too: one missed beat
doubles an interval and must not make a slow heart. Beats under a signal that is not to be trusted
begin anew: they neither raise nor end anything.

Extreme bradycardia is under 40/min over 5 beats, extreme tachycardia over 140/min over 17, as in
the PhysioNet/CinC Challenge 2015 (G. D. Clifford et al., Physiol Meas 37 (2016) E5-E23,
doi 10.1088/0967-3334/37/8/E5).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

from edge_agent.dsp.rhythm_finding import Finding, Kind, Standing

_BACK_SHARE = 0.05
"""The rate ends a finding when it is this far back inside the limit."""
_S_PER_MIN = 60.0
_MS_PER_S = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A rate (1/min) under ``below`` or over ``above``, seen over ``beats`` beats in a row.

    One of the two limits is infinite, so that it is never met. The finding ends when that has not
    been seen for ``until`` beats.
    """

    kind: Kind
    beats: int
    until: int
    below: float = -math.inf
    above: float = math.inf

    def is_met(self, rate: float) -> bool:
        """Whether ``rate`` is beyond the limit."""
        return rate < self.below or rate > self.above

    def is_left(self, rate: float) -> bool:
        """Whether ``rate`` is well inside the limit."""
        return self.below * (1 + _BACK_SHARE) <= rate <= self.above * (1 - _BACK_SHARE)


class RateWatch:
    """Finds the stretches in which the heart is beyond one limit."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._beats_s: deque[float] = deque(maxlen=limit.beats)
        self._inside = 0
        self._open: Finding | None = None

    def push(self, at_s: float, rr_ms: float | None, *, trusted: bool = True) -> list[Finding]:
        """Take in a beat and the interval before it (``None`` after a gap); return what changes."""
        if not trusted or rr_ms is None or math.isnan(rr_ms) or not self._beats_s:
            self._beats_s.clear()
            if trusted:
                self._beats_s.append(at_s)
            return []
        self._beats_s.append(self._beats_s[-1] + rr_ms / _MS_PER_S)
        if len(self._beats_s) < self._limit.beats:
            return []
        return self._begin(at_s) if self._open is None else self._go_on(self._open, at_s)

    def _begin(self, at_s: float) -> list[Finding]:
        if not self._is_beyond():
            return []
        self._inside = 0
        self._open = Finding(
            kind=self._limit.kind,
            standing=Standing.BEGUN,
            onset_s=at_s - (self._beats_s[-1] - self._beats_s[0]),
            known_s=at_s,
            beats=self._limit.beats,
            value=self._rate(),
        )
        return [self._open]

    def _go_on(self, begun: Finding, at_s: float) -> list[Finding]:
        """Follow a finding that stands; its value is the most extreme rate it has come to."""
        limit, rate = self._limit, self._rate()
        extreme = min if limit.is_met(-math.inf) else max
        value = rate if begun.value is None else extreme(rate, begun.value)
        self._open = replace(begun, beats=begun.beats + 1, value=value)
        self._inside = 0 if self._is_beyond() else self._inside + 1
        if self._inside < limit.until or not limit.is_left(rate):
            return []
        ended, self._open = self._open, None
        return [replace(ended, standing=Standing.ENDED, known_s=at_s, offset_s=at_s)]

    def _is_beyond(self) -> bool:
        rates = [_S_PER_MIN / (later - earlier) for earlier, later in pairwise(self._beats_s)]
        beyond = sum(self._limit.is_met(one) for one in rates)
        return self._limit.is_met(self._rate()) and 2 * beyond >= len(rates)

    def _rate(self) -> float:
        lasted_s = self._beats_s[-1] - self._beats_s[0]
        return _S_PER_MIN * (len(self._beats_s) - 1) / lasted_s
