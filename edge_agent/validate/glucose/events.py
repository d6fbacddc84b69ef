"""Episodes beyond a limit, and how an alarm did on them.

An episode of low glucose is under 70 mg/dL for at least 15 min (T. Danne et al., Diabetes Care 40
(2017) 1631-1640, doi 10.2337/dc17-1600), after 15 min above and an hour without a hole. It is
caught by an alarm that begins 5 to 60 min before, or is on then. An alarm is false when no reading
under 70 mg/dL follows within an hour; one that begins while glucose is low is not counted. The
same goes for any other limit, from below or from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from edge_agent.validate.glucose.recordings import Trace, Vector
from edge_agent.validate.glucose.scoring import WARM_UP_MIN, Flags, eligible

LOW_MGDL = 70.0
EARLY_MIN = 15.0

_LONGEST_LEAD_MIN, _LEAST_LEAD_MIN = 60.0, 5.0
_REFRACTORY_MIN = 30.0
_EPISODE_MIN = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmScore:
    """Episodes, those caught with their leads (min), alarms, false ones, and days watched."""

    episodes: int = 0
    leads: tuple[float, ...] = field(default=())
    alarms: int = 0
    false: int = 0
    days: float = 0.0

    @property
    def sensitivity(self) -> float:
        """Percent of the episodes that were caught."""
        return 100.0 * len(self.leads) / self.episodes if self.episodes else float("nan")

    @property
    def precision(self) -> float:
        """Percent of the alarms that were not false."""
        return 100.0 * (self.alarms - self.false) / self.alarms if self.alarms else float("nan")

    @property
    def early(self) -> float:
        """Percent of the episodes that were caught 15 min ahead or more."""
        count = sum(one >= EARLY_MIN for one in self.leads)
        return 100.0 * count / self.episodes if self.episodes else float("nan")

    @property
    def false_per_day(self) -> float:
        """False alarms a day."""
        return self.false / self.days if self.days else float("nan")


def total(scores: Sequence[AlarmScore]) -> AlarmScore:
    """Add up the scores of several patients."""
    return AlarmScore(
        episodes=sum(one.episodes for one in scores),
        leads=tuple(lead for one in scores for lead in one.leads),
        alarms=sum(one.alarms for one in scores),
        false=sum(one.false for one in scores),
        days=sum(one.days for one in scores),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Glucose (mg/dL) on whose far side an episode lies."""

    mgdl: float
    below: bool

    def beyond(self, mgdl: Vector) -> Flags:
        """Return which readings (n,) lie beyond it."""
        return np.asarray(mgdl < self.mgdl if self.below else mgdl > self.mgdl)


LOW = Limit(mgdl=LOW_MGDL, below=True)


def onsets(trace: Trace, limit: Limit = LOW) -> list[float]:
    """Return when episodes begin (min)."""
    t, beyond = trace.at_min, limit.beyond(trace.mgdl)
    longest = 26.0 if trace.step_min == 5.0 else 51.0
    found: list[float] = []
    place, last_low = 0, -np.inf
    while place < t.size:
        if not beyond[place]:
            place += 1
            continue
        end = place
        while end + 1 < t.size and beyond[end + 1] and t[end + 1] - t[end] <= longest:
            end += 1
        hour = int(np.searchsorted(t, t[place] - 60.0))
        whole = place > hour and bool(np.all(np.diff(t[max(hour - 1, 0) : place + 1]) <= longest))
        lasts = t[end] - t[place] + trace.step_min
        if whole and lasts >= _EPISODE_MIN and t[place] - last_low >= _EPISODE_MIN:
            found.append(float(t[place]))
        last_low = t[end]
        place = end + 1
    return found


def alarm_score(trace: Trace, on: Flags | Vector, limit: Limit = LOW) -> AlarmScore:
    """Score an alarm's state after each reading (n,), at the scored origins only."""
    here = eligible(trace)
    at, flags = trace.at_min[here], np.asarray(on, dtype=bool)[here]
    if not at.size:
        return AlarmScore()
    edges = _edges(at, flags)
    leads = []
    episodes = [one for one in onsets(trace, limit) if one >= trace.at_min[0] + WARM_UP_MIN]
    for onset in episodes:
        first, last = onset - _LONGEST_LEAD_MIN, onset - _LEAST_LEAD_MIN
        begun = edges[(edges >= first) & (edges <= last)]
        stood = at[(at >= first) & (at <= last) & flags]
        if begun.size:
            leads.append(float(onset - begun[0]))
        elif stood.size:
            leads.append(float(onset - stood[0]))
    beyond = limit.beyond(trace.mgdl)
    lows = trace.at_min[beyond]
    before = np.searchsorted(trace.at_min, edges, side="right") - 1
    counted = edges[~beyond[before]]
    after = np.searchsorted(lows, counted)
    came = np.append(lows, np.inf)[after] <= counted + _LONGEST_LEAD_MIN
    return AlarmScore(
        episodes=len(episodes), leads=tuple(leads), alarms=counted.size,
        false=int((~came).sum()), days=at.size * trace.step_min / 1440.0,
    )  # fmt: skip


def _edges(at: Vector, flags: Flags) -> Vector:
    """Return when alarms begin: on after at least half an hour off."""
    on = at[flags]
    if not on.size:
        return on
    return np.asarray(on[np.diff(on, prepend=-np.inf) > _REFRACTORY_MIN])
