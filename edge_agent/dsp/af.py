"""Atrial fibrillation from RR intervals alone: beat by beat, and its burden.

A logistic model (:mod:`~edge_agent.dsp.af_weights`) judges windows of intervals
(:mod:`~edge_agent.dsp.af_features`). A stream has two answers:

* *settled*, for each beat: the probability is that of the window centred on the beat, known
  :data:`CENTRE_BEATS` beats later, so that it lags neither at an onset nor at an end. Beats belong
  to fibrillation while it stays above 0.45, provided that four of these beats reach 0.9.
  That may take another :data:`CONFIRM_BEATS` beats; a beat is settled after :data:`DELAY_BEATS`
  at most, and at once when a gap or the end of the stream comes.
* *now*: the probability of the window that ends with the latest beat. It needs no future and
  lags by half a window.

Which beats are ventricular, where an ECG tells it, does not matter here. That was tried: the
intervals around beats that :mod:`~edge_agent.dsp.ventricular` calls so were evened out. With the
shipped weights, on detected beats, 1583 instead of 1995 of 48,071 beats of mitdb were called
fibrillation wrongly, but on cpsc2021 31 instead of 24 of 803 beats in fibrillation were missed
(with weights of mitdb 44 instead of 33, a sensitivity of 94.5 %): an aberrant beat of a
fibrillating heart looks ventricular. And so an ECG's intervals are judged as a strap's are.

A gap ends the window: nothing is joined across it. A beat with too few neighbours between two
gaps has no answer (``None``), which is not the answer "no fibrillation". RR intervals alone can't
tell fibrillation from atrial flutter with irregular conduction; both are found, with one name.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.af_features import features
from edge_agent.dsp.af_weights import RHYTHM
from edge_agent.dsp.logistic import Logistic
from edge_agent.dsp.rr import LONGEST_MS, SHORTEST_MS

CENTRE_BEATS = 20
"""The window reaches from so many intervals before a beat to as many after it."""
CONFIRM_BEATS = 20
DELAY_BEATS = CENTRE_BEATS + CONFIRM_BEATS
"""A beat is settled when so many have come after it, often earlier."""
LEAST_INTERVALS = 16

_STAY = 0.45
_SURE = 0.9
_SURE_BEATS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AfBeat:
    """A settled beat: its time, the interval that ended with it, and what it belongs to.

    ``probability`` (0 to 1) and ``af`` are ``None`` where too few intervals surround the beat.
    """

    at_s: float
    rr_ms: float | None
    probability: float | None
    af: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AfBurden:
    """How long fibrillation lasted, and how much of the time could be judged at all (s).

    Counted are the intervals that end with a settled beat. Gaps have no length here: whoever
    knows how long the sensor was silent adds it to ``unjudged_s``.
    """

    af_s: float
    judged_s: float
    unjudged_s: float

    @property
    def share(self) -> float | None:
        """Share (0 to 1) of the judged time, or ``None`` when none could be judged."""
        return self.af_s / self.judged_s if self.judged_s > 0.0 else None


class AfDetector:
    """Judges a stream of beats with bounded memory; the same answers as :func:`detect_af`."""

    def __init__(self, *, model: Logistic = RHYTHM) -> None:
        self._windows = _CentredWindows(model)
        self._decision = _Decision()

    @property
    def now(self) -> float | None:
        """Probability by the intervals up to the latest beat; ``None`` while too few."""
        return self._windows.now()

    def push(self, at_s: float, rr_ms: float | None) -> list[AfBeat]:
        """Take in a beat and the interval (ms) since the one before; return settled beats.

        ``None``, NaN and intervals that can't be (under 200 ms or over 4 s) are gaps: beats that
        wait are settled by what was known before.
        """
        if rr_ms is None or not SHORTEST_MS <= rr_ms <= LONGEST_MS:
            return self.flush() + self._judge(_Beat(at_s, None))
        return self._judge(_Beat(at_s, rr_ms))

    def flush(self) -> list[AfBeat]:
        """Return the beats that wait for later ones; what comes next follows a gap."""
        settled: list[AfBeat] = []
        for beat in self._windows.flush():
            settled += self._decision.push(beat)
        return settled + self._decision.flush()

    def _judge(self, beat: _Beat) -> list[AfBeat]:
        settled: list[AfBeat] = []
        for judged in self._windows.push(beat):
            settled += self._decision.push(judged)
        return settled


def detect_af(at_s: ArrayLike, rr_ms: ArrayLike, *, model: Logistic = RHYTHM) -> list[AfBeat]:
    """Judge beats at ``at_s``, shape (n,), whose intervals are ``rr_ms`` (NaN: a gap).

    :raises ValueError: shapes that differ.
    """
    detector = AfDetector(model=model)
    times = np.asarray(at_s, dtype=np.float64)
    intervals = np.asarray(rr_ms, dtype=np.float64)
    beats: list[AfBeat] = []
    for at, rr in zip(times.tolist(), intervals.tolist(), strict=True):
        beats += detector.push(at, None if math.isnan(rr) else rr)
    return beats + detector.flush()


def burden(beats: Iterable[AfBeat]) -> AfBurden:
    """Add up the intervals of settled beats."""
    af_s = judged_s = unjudged_s = 0.0
    for beat in beats:
        length_s = 0.0 if beat.rr_ms is None else beat.rr_ms / 1000.0
        if beat.af is None:
            unjudged_s += length_s
        else:
            judged_s += length_s
            af_s += length_s if beat.af else 0.0
    return AfBurden(af_s=af_s, judged_s=judged_s, unjudged_s=unjudged_s)


@dataclass(frozen=True, slots=True)
class _Beat:
    at_s: float
    rr_ms: float | None


@dataclass(frozen=True, slots=True)
class _Judged:
    at_s: float
    rr_ms: float | None
    probability: float | None


class _CentredWindows:
    """Gives each beat the probability of the window around it."""

    def __init__(self, model: Logistic) -> None:
        self._model = model
        self._intervals: deque[float] = deque(maxlen=2 * CENTRE_BEATS)
        self._waiting: deque[_Beat] = deque()

    def now(self) -> float | None:
        return self._judge(list(self._intervals))

    def push(self, beat: _Beat) -> list[_Judged]:
        if beat.rr_ms is not None:
            self._intervals.append(beat.rr_ms)
        self._waiting.append(beat)
        if len(self._waiting) <= CENTRE_BEATS:
            return []
        return [self._next(list(self._intervals))]

    def flush(self) -> list[_Judged]:
        intervals, judged = list(self._intervals), []
        while self._waiting:
            reach = CENTRE_BEATS + len(self._waiting) - 1
            judged.append(self._next(intervals[-reach:]))
        self._intervals.clear()
        return judged

    def _next(self, intervals: list[float]) -> _Judged:
        beat = self._waiting.popleft()
        return _Judged(beat.at_s, beat.rr_ms, self._judge(intervals))

    def _judge(self, intervals: list[float]) -> float | None:
        if len(intervals) < LEAST_INTERVALS:
            return None
        return float(self._model.probability(features(intervals)))


class _Decision:
    """Hysteresis: probable beats wait until enough of them have been sure."""

    def __init__(self) -> None:
        self._waiting: deque[_Judged] = deque()
        self._sure = 0

    def push(self, beat: _Judged) -> list[AfBeat]:
        if beat.probability is None or beat.probability < _STAY:
            af = None if beat.probability is None else False
            return [*self.flush(), _settled(beat, af=af)]
        self._waiting.append(beat)
        self._sure += beat.probability >= _SURE
        if self._sure >= _SURE_BEATS:
            return self._release(len(self._waiting), af=True)
        return self._release(len(self._waiting) - CONFIRM_BEATS, af=False)

    def flush(self) -> list[AfBeat]:
        self._sure = 0
        return self._release(len(self._waiting), af=False)

    def _release(self, count: int, *, af: bool) -> list[AfBeat]:
        return [_settled(self._waiting.popleft(), af=af) for _ in range(count)]


def _settled(beat: _Judged, *, af: bool | None) -> AfBeat:
    return AfBeat(at_s=beat.at_s, rr_ms=beat.rr_ms, probability=beat.probability, af=af)
