"""Which QRS candidates are beats: adaptive levels, blanking, T-wave rule, search-back.

A state machine over candidates in time order. What happens when *no* candidate comes (a beat is
overdue, a start has been learnt) is bound to sample indices too, never to the arrival of blocks.
The rules are of the family of J. Pan and W. J. Tompkins, IEEE Trans Biomed Eng 32 (1985) 230-236,
doi 10.1109/TBME.1985.325532. What differs:

* levels work on amplitudes, not on energies;
* a larger peak within the blanking replaces the beat it follows;
* in a regular rhythm an early candidate must be the larger, the noisier the signal is;
* levels that proved too high are learnt again, downward, so that a transient at the start can't
  blind the detector. Noise and P waves in a standstill must not be learnt as beats: a candidate has
  to stand out from the quiet before it, and at first from a fifth of the beats known so far.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import fmean, median, median_low

from edge_agent.dsp.qrs_energy import Candidate

_BLANKING_S = 0.24
_T_WAVE_S = 0.36
_T_WAVE_SHARE = 0.5  # of the beat before
_THRESHOLD_SHARE = 0.35  # of the way from noise to signal
_FORGET = 0.125
_LARGEST_STEP = 3.0  # an artefact raises the signal level as if it were at most this many signals
_START_NOISE = 0.25  # of the signal level

_INTERVALS = 8
_EARLY_SHARE = 0.7  # of the usual interval
_EARLY_NOISE_GAIN = 4.0
_REGULAR_SPREAD = 0.15  # of the usual interval, without the shortest and the longest

_OVERDUE_INTERVALS = 1.5
_FIRST_INTERVAL_S = 1.0
_LONGEST_INTERVAL_S = 1.6
_SEARCH_BACK_SHARE = 0.6  # of the threshold

_LEARN_S = 1.5
_RELEARN_S = 3.0
_CONTRAST = 5.0  # white noise stays below 3.5, nine tenths of ECG stretches lie above 8
_ESTABLISHED_INTERVALS = 4
_LEAST_SHARE = 0.2
_DISTRUST_S = 10.0
_KEPT_CANDIDATES = 64  # more than _RELEARN_S can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class _Levels:
    """What is known after a beat: levels in the unit of sizes, recent intervals in indices."""

    signal: float
    noise: float
    intervals: tuple[int, ...] = ()
    last: Candidate | None = None

    def is_early(self, since: int) -> bool:
        """Whether a beat ``since`` indices after the last would break a regular rhythm."""
        if len(self.intervals) < _INTERVALS:
            return False
        ordered = sorted(self.intervals)
        usual = median(ordered)
        return since < _EARLY_SHARE * usual and ordered[-2] - ordered[1] < _REGULAR_SPREAD * usual


class BeatDecision:
    """Turns candidates, whose indices count at ``rate_hz``, into beats."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._blanking = round(_BLANKING_S * rate_hz)
        self._t_wave = round(_T_WAVE_S * rate_hz)
        self._levels: _Levels | None = None
        self._before: _Levels | None = None
        self._pending: Candidate | None = None
        self._rejected: deque[Candidate] = deque(maxlen=_KEPT_CANDIDATES)
        self._queue: deque[Candidate] = deque()
        self._overdue = round(_LEARN_S * rate_hz)
        self._searched = True

    def push(self, candidates: Iterable[Candidate], horizon: int) -> list[Candidate]:
        """Take in candidates and the index below which no more will come; return settled beats.

        Candidates, deadlines and settled beats are dealt with in the order of their indices,
        which is why the arrival of blocks does not matter.
        """
        self._queue.extend(candidates)
        beats: list[Candidate] = []
        while True:
            until = self._queue[0].at if self._queue else horizon
            if self._pending and self._pending.at + self._blanking < until:
                beats.append(self._pending)
                self._pending = None
            elif self._overdue < until:
                self._look_back(self._overdue)
            elif self._queue:
                self._take(self._queue.popleft())
            else:
                return beats

    def flush(self, horizon: int) -> list[Candidate]:
        """Return the beats that still waited; the stream ends at index ``horizon``."""
        if self._levels is None:
            self._learn(horizon)
        beats = self.push((), horizon)
        if self._pending:
            beats.append(self._pending)
            self._pending = None
        return beats

    def _take(self, one: Candidate) -> None:
        levels = self._levels
        if levels is None:
            self._rejected.append(one)
        elif levels.last is not None and one.at - levels.last.at <= self._blanking:
            if self._pending and self._before and one.size > self._pending.size:
                self._accept(one, self._before)
        elif one.size > self._threshold(levels, one):
            self._accept(one, levels)
        else:
            noise = levels.noise + _FORGET * (min(one.size, levels.signal) - levels.noise)
            self._levels = replace(levels, noise=noise)
            self._rejected.append(one)

    def _threshold(self, levels: _Levels, one: Candidate) -> float:
        threshold = levels.noise + _THRESHOLD_SHARE * (levels.signal - levels.noise)
        if levels.last is None:
            return threshold
        since = one.at - levels.last.at
        if since <= self._t_wave:
            threshold = max(threshold, _T_WAVE_SHARE * levels.last.size)
        if levels.is_early(since):
            threshold *= 1.0 + _EARLY_NOISE_GAIN * levels.noise / levels.signal
        return threshold

    def _accept(self, one: Candidate, levels: _Levels) -> None:
        """Make ``one`` the latest beat; ``levels`` are those from before it."""
        intervals = levels.intervals
        if levels.last is not None:
            intervals = (*intervals, one.at - levels.last.at)[-_INTERVALS:]
        size = min(one.size, _LARGEST_STEP * levels.signal)
        signal = levels.signal + _FORGET * (size - levels.signal)
        self._before = levels
        self._levels = replace(levels, signal=signal, intervals=intervals, last=one)
        self._pending = one
        self._rejected.clear()
        usual = fmean(intervals) if intervals else _FIRST_INTERVAL_S * self._rate_hz
        usual = min(usual, _LONGEST_INTERVAL_S * self._rate_hz)
        self._overdue = one.at + round(_OVERDUE_INTERVALS * usual)
        self._searched = False

    def _look_back(self, now: int) -> None:
        """A beat is overdue at index ``now``: search the rejected once, then learn anew."""
        levels = self._levels
        if levels is None or levels.last is None or self._searched:
            self._learn(now)
            return
        self._searched = True
        self._overdue = max(now + 1, levels.last.at + round(_RELEARN_S * self._rate_hz))
        best = max(self._rejected, key=lambda one: one.size, default=None)
        if best is not None and best.size > _SEARCH_BACK_SHARE * self._threshold(levels, best):
            later = [one for one in self._rejected if one.at > best.at]
            self._accept(best, levels)
            self._queue.extendleft(reversed(later))

    def _learn(self, now: int) -> None:
        """Set the levels from the recently rejected, and judge these again."""
        self._overdue = now + round(_LEARN_S * self._rate_hz)
        oldest = now - round(_RELEARN_S * self._rate_hz)
        recent = [one for one in self._rejected if one.at >= oldest]
        if not recent or not self._may_be_beats(recent, now):
            return
        last = self._levels.last if self._levels else None
        signal = max(one.size for one in recent)
        self._levels = _Levels(signal=signal, noise=_START_NOISE * signal, last=last)
        self._rejected.clear()
        self._queue.extendleft(reversed(recent))

    def _may_be_beats(self, recent: list[Candidate], now: int) -> bool:
        levels = self._levels
        if levels is None or levels.last is None:
            return True
        largest = max(one.size for one in recent)
        established = len(levels.intervals) >= _ESTABLISHED_INTERVALS
        distrusted = established and now - levels.last.at < _DISTRUST_S * self._rate_hz
        if distrusted and largest < _LEAST_SHARE * levels.signal:
            return False
        return largest > _CONTRAST * median_low(one.floor for one in recent)
