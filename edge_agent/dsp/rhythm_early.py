"""Beats seen before they are settled: which of them hold an alarm back, and for how long.

The detector shows places where beats may be within 0.06 s, and settles a beat within half a second,
in doubt within two seconds and more. A place holds back what would begin for want of a beat while
it is too young to be compared with the person's beats (0.1 s), and then only if it is one by size
and shape (:mod:`~edge_agent.dsp.rhythm_sure`): P waves and bumps in a silence are not.
It does so until the detector has settled it or a later beat, and not longer than a doubt may last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edge_agent.dsp.rhythm_beats import SHAPE_S

LONGEST_S = 2.7
"""From a beat to its settling, as a rule at most."""

_SAME_S = 0.15
_SHOWN_S = SHAPE_S + 0.01


class EarlyBeats:
    """Keeps the places that may yet turn out to be beats; ``resembles`` tells which look so."""

    def __init__(self, resembles: Callable[[float], bool]) -> None:
        self._resembles = resembles
        self._likely: list[float] = []

    def push(
        self, now_s: float, places_s: Iterable[float], settled_s: Iterable[float] = ()
    ) -> list[float]:
        """Take in the places seen and the beats settled by ``now_s``; return those that hold."""
        for at_s in settled_s:
            self._likely = [one for one in self._likely if one > at_s + _SAME_S]
        self._likely = [one for one in self._likely if now_s - one <= LONGEST_S]
        young: list[float] = []
        for at_s in places_s:
            if any(abs(one - at_s) <= _SAME_S for one in self._likely):
                continue
            if now_s - at_s < _SHOWN_S:
                young.append(at_s)
            elif self._resembles(at_s):
                self._likely.append(at_s)
        return self._likely + young
