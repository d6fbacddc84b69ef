"""One sensor's RR intervals, without an ECG: the same chain of figures as from an ECG.

A strap or watch with the Bluetooth Heart Rate service works out the intervals itself and sends no
waveform. What it sends is the length of an interval and when it ended; whether the interval before
is known must be seen from the times.
"""

from __future__ import annotations

from collections.abc import Iterable

from edge_agent import codes
from edge_agent.beat_chain import BeatChain, Follower
from edge_agent.model import Boottime, Event, Observation

_NS_PER_S = 1_000_000_000
_GAP_SHARE = 0.5
"""Time without a beat before an interval, in shares of it, from which a beat must be missing."""
_FURTHEST_BACK_S = 1.5
"""So far drivers move their beats back when a notification shows that the ones before came late."""
_NEXT_S = 1e-3
_ECG_STANDS_FOR_S = 5.0
"""What an ECG has told comes later than the beat, and the next block later still."""


class RrChannel:
    """Turns the RR intervals of ``sensor`` into observations of HRV and whatever follows.

    An interval that doesn't join the last one follows a gap: the beat that it began with is given
    to the chain as one whose predecessor isn't known. Intervals that the sensor doubts, or that
    aren't plausible, are beats with an unknown interval. Backfilled ones are left out: their time
    is past.

    A sensor that sends its intervals one by one as they arrive (no time of its own) may seem to
    have a gap when the radio was slow: a difference fewer, never a false one. A single lost
    notification of a sensor that is timed by its intervals can't be seen; Bluetooth doesn't lose
    one without the link.
    """

    def __init__(self, sensor: str, followers: Iterable[Follower] = ()) -> None:
        self._chain = BeatChain(sensor, followers)
        self._last_s: float | None = None
        self._ecg_until_s: float | None = None

    def yield_to_ecg(self, at: Boottime) -> None:
        """Note that beats up to ``at`` are known from an ECG: they must not be counted twice."""
        self._ecg_until_s = at / _NS_PER_S

    def push(self, one: Observation) -> list[Observation | Event]:
        """Take in a reading; return what follows from it: nothing if it's no live RR interval."""
        if one.code != codes.RR_INTERVAL or one.backfilled or one.value is None:
            return []
        at_s, length_s = one.at / _NS_PER_S, one.value / 1000.0
        if self._is_known_from_ecg(at_s) or self._is_past(at_s):
            return []
        found: list[Observation | Event] = []
        if not self._joins(at_s - length_s, length_s):
            found += self._beat(at_s - length_s, None)
        reliable = one.is_reliable and codes.RR_INTERVAL.is_plausible(one.value)
        found += self._beat(at_s, one.value if reliable else None)
        return found + self._chain.figures(at_s) if reliable else found

    def _joins(self, begin_s: float, length_s: float) -> bool:
        if self._last_s is None:
            return False
        return -_FURTHEST_BACK_S <= begin_s - self._last_s <= _GAP_SHARE * length_s

    def _beat(self, at_s: float, rr_ms: float | None) -> list[Observation | Event]:
        """Give the chain a beat; one that was moved back comes right after the last instead."""
        if self._last_s is not None:
            at_s = max(at_s, self._last_s + _NEXT_S)
        self._last_s = at_s
        return self._chain.push(at_s, rr_ms)

    def _is_past(self, at_s: float) -> bool:
        return self._last_s is not None and at_s < self._last_s - _FURTHEST_BACK_S

    def _is_known_from_ecg(self, at_s: float) -> bool:
        return self._ecg_until_s is not None and at_s < self._ecg_until_s + _ECG_STANDS_FOR_S
