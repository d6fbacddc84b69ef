"""Atrial fibrillation from RR intervals alone: beat by beat, in episodes, and its burden.

A logistic model (:mod:`~edge_agent.dsp.af_weights`) judges windows of intervals
(:mod:`~edge_agent.dsp.af_features`). One model gives two answers:

* *settled*: each beat is judged in the window centred on it, so its answer comes
  :data:`DELAY_BEATS` beats later, or when a gap or the end of the stream comes. The window lags
  neither at the onset of an episode nor at its end.
* *now*: the window that ends with the latest beat; needs no future, lags by half a window.

A gap ends the window: nothing is joined across it. A beat with too few neighbours between two
gaps has no answer (``None``), which is not the answer "no fibrillation".
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

DELAY_BEATS = 16
WINDOW = 2 * DELAY_BEATS
LEAST_INTERVALS = 12

_ENTER = 0.5
_LEAVE = 0.5


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
class AfEpisode:
    """Beats in fibrillation that follow each other: from the first to the last of them."""

    onset_s: float
    offset_s: float
    beats: int
    mean_probability: float


class AfDetector:
    """Judges a stream of beats. Bounded memory; the same answers as :func:`detect_af`."""

    def __init__(self, *, model: Logistic = RHYTHM) -> None:
        self._model = model
        self._intervals: deque[float] = deque(maxlen=WINDOW)
        self._waiting: deque[tuple[float, float | None]] = deque()
        self._af = False

    @property
    def now(self) -> float | None:
        """Probability by the intervals up to the latest beat; ``None`` while too few."""
        return self._judge(list(self._intervals))

    def push(self, at_s: float, rr_ms: float | None) -> list[AfBeat]:
        """Take in a beat and the interval (ms) since the one before; return settled beats.

        ``None``, NaN and intervals that can't be (under 200 ms or over 4 s) are gaps: beats that
        wait are settled by what was known before.
        """
        known = rr_ms is not None and SHORTEST_MS <= rr_ms <= LONGEST_MS
        settled = [] if known else self.flush()
        if rr_ms is not None and known:
            self._intervals.append(rr_ms)
        self._waiting.append((at_s, rr_ms if known else None))
        if len(self._waiting) > DELAY_BEATS:
            settled.append(self._settle(list(self._intervals)))
        return settled

    def flush(self) -> list[AfBeat]:
        """Return the beats that wait for later ones; what comes next follows a gap."""
        intervals = list(self._intervals)
        settled = []
        while self._waiting:
            behind = len(self._waiting) + DELAY_BEATS
            settled.append(self._settle(intervals[-behind:]))
        self._intervals.clear()
        self._af = False
        return settled

    def _settle(self, intervals: list[float]) -> AfBeat:
        at_s, rr_ms = self._waiting.popleft()
        probability = self._judge(intervals)
        if probability is not None:
            self._af = probability >= (_LEAVE if self._af else _ENTER)
        af = None if probability is None else self._af
        return AfBeat(at_s=at_s, rr_ms=rr_ms, probability=probability, af=af)

    def _judge(self, intervals: list[float]) -> float | None:
        if len(intervals) < LEAST_INTERVALS:
            return None
        return float(self._model.probability(features(intervals)))


def detect_af(at_s: ArrayLike, rr_ms: ArrayLike, *, model: Logistic = RHYTHM) -> list[AfBeat]:
    """Judge beats at ``at_s``, shape (n,), whose intervals are ``rr_ms`` (NaN: a gap)."""
    detector = AfDetector(model=model)
    beats: list[AfBeat] = []
    for at, rr in zip(np.asarray(at_s).tolist(), np.asarray(rr_ms).tolist(), strict=True):
        beats += detector.push(at, None if math.isnan(rr) else rr)
    return beats + detector.flush()


def episodes(beats: Iterable[AfBeat]) -> list[AfEpisode]:
    """Gather the beats in fibrillation, in rising order of time, into episodes."""
    found: list[AfEpisode] = []
    run: list[AfBeat] = []
    for beat in beats:
        if run and not (beat.af and beat.rr_ms is not None):
            found.append(_episode(run))
            run = []
        if beat.af:
            run.append(beat)
    return [*found, _episode(run)] if run else found


def _episode(run: list[AfBeat]) -> AfEpisode:
    known = [one.probability for one in run if one.probability is not None]
    return AfEpisode(
        onset_s=run[0].at_s,
        offset_s=run[-1].at_s,
        beats=len(run),
        mean_probability=sum(known) / len(known),
    )
