"""Which beats count where silences are looked for: on a line that lives, and like the person's own.

What the detector finds in hum, on a rail or on a flat line is no beat, and nothing to compare later
beats with. Where the line moves within a second by more than one and a half beats are high, or an
amplifier recovers, an electrode may have changed its hold, and beats their size: from there on they
are compared with nothing seen before. The price: if the heart stands still right then, its P waves
may pass for beats until eight have been seen.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np

from edge_agent.dsp.rhythm_beats import SHAPE_S, KnownBeats
from edge_agent.dsp.rhythm_contact import STEP_S, Contact, ContactStep
from edge_agent.dsp.rhythm_strip import StripRecorder
from edge_agent.dsp.rpeaks import LATENCY_S

_DEAD = (Contact.FLAT, Contact.HUM, Contact.SATURATED, Contact.OFF)
_KEPT_STEPS = round((LATENCY_S + 2.0) / STEP_S)
_APART_S = 1.0
_LEVEL_S = 0.2
_BACK_S = 0.05  # the last samples may not be there yet: how many are is up to the blocks
_MOVED = 1.5  # usual sizes of beats


class SureBeats:
    """Judges beats by the line of ``recorder`` and its contact; the order of pushes is theirs."""

    def __init__(self, known: KnownBeats, recorder: StripRecorder) -> None:
        self._known, self._recorder = known, recorder
        self._line: deque[ContactStep] = deque(maxlen=_KEPT_STEPS)
        self._moves: deque[tuple[float, float]] = deque()  # when (s), how far (mV)

    def push(self, steps: Iterable[ContactStep]) -> None:
        """Take in how the line is, before the beats that are settled with it."""
        for step in steps:
            self._line.append(step)
            recovering = step.contact is Contact.RECOVERING
            self._moves.append((step.at_s, math.inf if recovering else self._moved(step.at_s)))
            if len(self._moves) > _KEPT_STEPS:
                self._forget_if_moved()

    def is_sure(self, at_s: float) -> bool:
        """Whether a settled beat counts; learn from it if it does. Beats come in rising order."""
        while self._moves and self._moves[0][0] <= at_s:
            self._forget_if_moved()
        before = (step.contact for step in reversed(self._line) if step.at_s <= at_s)
        if next(before, Contact.ATTACHED) in _DEAD:
            return False
        return self._known.is_beat(self._recorder.around(at_s, SHAPE_S))

    def resembles(self, at_s: float) -> bool:
        """Whether a place would count as a beat, as far as is known now."""
        changed = any(when_s <= at_s and self._is_far(far) for when_s, far in self._moves)
        return changed or self._known.resembles(self._recorder.around(at_s, SHAPE_S))

    def _forget_if_moved(self) -> None:
        if self._is_far(self._moves.popleft()[1]):
            self._known.forget()

    def _is_far(self, moved_mV: float) -> bool:
        usual = self._known.usual_size_mV
        return usual is not None and moved_mV > _MOVED * usual

    def _moved(self, at_s: float) -> float:
        """How far (mV) the line lies from where it lay a second ago."""
        reach_s = _LEVEL_S / 2.0
        middle_s = at_s - reach_s - _BACK_S
        now = self._recorder.around(middle_s, reach_s)
        before = self._recorder.around(middle_s - _APART_S, reach_s)
        if now.size == 0 or before.size == 0:
            return 0.0
        return abs(float(np.median(now)) - float(np.median(before)))
