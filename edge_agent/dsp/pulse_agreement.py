"""Whether the pulse of an oximeter and the heart rate of an ECG belong to one heart.

Two rates that agree vouch for each other. A pulse well under the heart rate means that beats don't
reach the finger (ectopic beats, atrial fibrillation, weak perfusion) or that the oximeter has lost
the pulse; one well over it is an artefact of one of the two. Rates agree here within 5 per minute
or 10 %, whichever is more; both are averages of some ten seconds and lag by as much.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from edge_agent.dsp.rhythm_finding import Standing

_WITHIN_PER_MIN, _WITHIN_SHARE = 5.0, 0.1
_TOGETHER_S = 5.0
_LEAST_PAIRS = 5
_MOST_PAIRS = 600
_AGREES_AT, _DISAGREES_AT = 0.8, 0.5
_JUDGED_S = 30.0
"""So much of the window must be covered before rates are said to disagree."""
_UNJUDGED_S = 600.0
"""After so long without a pair nobody knows any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Of ``n`` pairs the share (0 to 1) that agreed, and pulse minus heart rate on average."""

    n: int
    share: float
    difference_per_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two rates (/min) of one moment ``at_s`` (s)."""

    at_s: float
    pulse_per_min: float
    heart_per_min: float

    @property
    def difference_per_min(self) -> float:
        """Pulse minus heart rate."""
        return self.pulse_per_min - self.heart_per_min

    @property
    def agrees(self) -> bool:
        """Whether both may be of one heart."""
        most = max(_WITHIN_PER_MIN, _WITHIN_SHARE * self.heart_per_min)
        return abs(self.difference_per_min) <= most


def agreement(pairs: Iterable[Pair]) -> Agreement | None:
    """Return how far ``pairs`` agree, ``None`` with fewer than five."""
    every = list(pairs)
    if len(every) < _LEAST_PAIRS:
        return None
    return Agreement(
        n=len(every),
        share=sum(one.agrees for one in every) / len(every),
        difference_per_min=fmean(one.difference_per_min for one in every),
    )


class PulseAgreement:
    """Compares reliable rates that lie within five seconds, over the last ``window_s``.

    Memory: at most 600 pairs.
    """

    def __init__(self, *, window_s: float = 60.0) -> None:
        self._window_s = window_s
        self._heart: tuple[float, float] | None = None
        self.pairs: deque[Pair] = deque(maxlen=_MOST_PAIRS)

    def push_heart_rate(self, at_s: float, per_min: float) -> None:
        """Take in a reliable heart rate; what is no number is left out."""
        if math.isfinite(per_min):
            self._heart = (at_s, per_min)

    def push_pulse(self, at_s: float, per_min: float) -> Agreement | None:
        """Take in a reliable pulse rate; return the agreement, ``None`` with too few pairs.

        Time that jumps back makes the comparison begin anew.
        """
        if self.pairs and at_s < self.pairs[-1].at_s:
            self.pairs.clear()
        heart = self._heart
        if heart is not None and abs(at_s - heart[0]) <= _TOGETHER_S and math.isfinite(per_min):
            self.pairs.append(Pair(at_s=at_s, pulse_per_min=per_min, heart_per_min=heart[1]))
        while self.pairs and self.pairs[0].at_s <= at_s - self._window_s:
            self.pairs.popleft()
        return agreement(self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One step of a disagreement: since ``onset_s``, known at ``known_s`` (s).

    Rates (/min) are means of the pairs that were judged last.
    """

    standing: Standing
    onset_s: float
    known_s: float
    pulse_per_min: float
    heart_per_min: float
    note: str = ""


class PulseWatch:
    """Finds when one of two sensors lies: their rates disagree for half a minute and more.

    It begins when less than half of the pairs of a minute agree, and ends when four of five do, or
    when there was no pair for ten minutes. The first time that they do agree is told as an end
    too, so that an alarm from before a restart can end.
    """

    def __init__(self) -> None:
        self._rates = PulseAgreement()
        self._since_s: float | None = None
        self._is_known = False
        self._judged_s: float | None = None
        self._judged: tuple[Pair, ...] = ()

    @property
    def disagrees(self) -> bool:
        """Whether a disagreement stands."""
        return self._since_s is not None

    def push_heart_rate(self, at_s: float, per_min: float) -> None:
        """Take in a reliable heart rate."""
        self._rates.push_heart_rate(at_s, per_min)

    def push_pulse(self, at_s: float, per_min: float) -> Disagreement | None:
        """Take in a reliable pulse rate; return what begins or ends with it."""
        found = self._rates.push_pulse(at_s, per_min)
        pairs = self._rates.pairs
        if found is None or pairs[-1].at_s != at_s:
            return None
        self._judged_s, self._judged = at_s, tuple(pairs)
        covered_s = at_s - pairs[0].at_s
        if self._since_s is None and found.share < _DISAGREES_AT and covered_s >= _JUDGED_S:
            self._since_s = next(one.at_s for one in pairs if not one.agrees)
            return self._step(Standing.BEGUN, at_s)
        if found.share >= _AGREES_AT and (self.disagrees or not self._is_known):
            return self._end(at_s, "pulse and heart rate agree")
        return None

    def tick(self, now_s: float) -> Disagreement | None:
        """Let time pass; return the end of what can't be judged any more."""
        if self._since_s is None or self._judged_s is None:
            return None
        if now_s - self._judged_s < _UNJUDGED_S:
            return None
        return self._end(now_s, "one of the two rates has been missing for ten minutes")

    def _end(self, at_s: float, note: str) -> Disagreement:
        step = self._step(Standing.ENDED, at_s, note)
        self._since_s = None
        return step

    def _step(self, standing: Standing, at_s: float, note: str = "") -> Disagreement:
        self._is_known = True
        pulses = [one.pulse_per_min for one in self._judged]
        hearts = [one.heart_per_min for one in self._judged]
        return Disagreement(
            standing=standing,
            onset_s=at_s if self._since_s is None else self._since_s,
            known_s=at_s,
            pulse_per_min=fmean(pulses),
            heart_per_min=fmean(hearts),
            note=note,
        )


def disagreements(
    heart_rates: Iterable[tuple[float, float]], pulses: Iterable[tuple[float, float]]
) -> list[Disagreement]:
    """Return every step that reliable rates, as (s, /min) in rising order, give."""
    watch = PulseWatch()
    hearts = [(at_s, 0, rate) for at_s, rate in heart_rates]
    merged = sorted([*hearts, *((at_s, 1, rate) for at_s, rate in pulses)])
    found: list[Disagreement | None] = []
    for at_s, is_pulse, rate in merged:
        if is_pulse:
            found += [watch.tick(at_s), watch.push_pulse(at_s, rate)]
        else:
            watch.push_heart_rate(at_s, rate)
    return [one for one in found if one is not None]
