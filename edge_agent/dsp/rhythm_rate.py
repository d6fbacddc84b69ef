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

    One of the two limits is infinite, so that it is never met. The finding ends with the rate over
    the last ``until`` beats.
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
        self._beats_s: deque[float] = deque(maxlen=max(limit.beats, limit.until))
        self._open: Finding | None = None

    def push(self, at_s: float, rr_ms: float | None, *, trusted: bool = True) -> list[Finding]:
        """Take in a beat and the interval before it (``None`` after a gap); return what changes."""
        if not trusted or rr_ms is None or math.isnan(rr_ms) or not self._beats_s:
            self._beats_s.clear()
            if trusted:
                self._beats_s.append(at_s)
            return []
        self._beats_s.append(self._beats_s[-1] + rr_ms / _MS_PER_S)
        return self._begin(at_s) if self._open is None else self._go_on(self._open, at_s)

    def _begin(self, at_s: float) -> list[Finding]:
        limit = self._limit
        beats = list(self._beats_s)[-limit.beats :]
        if len(beats) < limit.beats:
            return []
        rates = [_S_PER_MIN / (later - earlier) for earlier, later in pairwise(beats)]
        rate = _rate(beats)
        if not limit.is_met(rate) or 2 * sum(limit.is_met(one) for one in rates) < len(rates):
            return []
        self._open = Finding(
            kind=limit.kind, standing=Standing.BEGUN, onset_s=at_s - (beats[-1] - beats[0]),
            known_s=at_s, beats=limit.beats, value=rate,
        )  # fmt: skip
        return [self._open]

    def _go_on(self, begun: Finding, at_s: float) -> list[Finding]:
        """Follow a finding that stands; its value is the most extreme rate it has come to."""
        limit, beats = self._limit, list(self._beats_s)
        if len(beats) >= limit.beats:
            extreme = min if limit.is_met(-math.inf) else max
            rate = _rate(beats[-limit.beats :])
            value = rate if begun.value is None else extreme(rate, begun.value)
            begun = replace(begun, value=value)
        self._open = replace(begun, beats=begun.beats + 1)
        if len(beats) < limit.until or not limit.is_left(_rate(beats[-limit.until :])):
            return []
        ended, self._open = self._open, None
        return [replace(ended, standing=Standing.ENDED, known_s=at_s, offset_s=at_s)]


def _rate(beats_s: list[float]) -> float:
    return _S_PER_MIN * (len(beats_s) - 1) / (beats_s[-1] - beats_s[0])
