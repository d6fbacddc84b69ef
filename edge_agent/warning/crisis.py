"""A glucose crisis that is coming: from the forecasts and how sure they are to a lead time.

For each horizon of the forecast there is a chance that glucose lies beyond the limit then. The lead
time is where that chance, taken to change evenly between horizons, reaches :data:`BEGIN_CHANCE`:
not where the mean crosses, since the mean of a forecast shrinks towards the usual and crosses late.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.model import Boottime, Code, Event, Evidence
from edge_agent.warning.findings import begun, ended

BEGIN_CHANCE, END_CHANCE = 0.3, 0.1
_Z90 = 1.6448536269514722
"""Of a normal distribution: 90 % lie within so many standard deviations of the mean."""
_FRESH_S = 600.0
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A forecast for ``horizon_min`` minutes after ``at``, with its 90 % interval.

    Values are in ``code.unit``.

    ``chance_below`` and ``chance_above`` are the forecaster's own chances of the limits asked for;
    where it gives none, they are taken from the interval as of a normal distribution.
    """

    code: Code
    horizon_min: float
    mean: float
    low90: float
    high90: float
    at: Boottime
    sensor: str
    chance_below: float | None = None
    chance_above: float | None = None

    def chance(self, limit: float, *, below: bool) -> float:
        """Return the chance that the value lies beyond ``limit`` then."""
        known = self.chance_below if below else self.chance_above
        if known is not None:
            return known
        deviation = max((self.high90 - self.low90) / (2.0 * _Z90), 1e-6)
        z = (limit - self.mean) / deviation if below else (self.mean - limit) / deviation
        return 0.5 * math.erfc(-z / math.sqrt(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Crisis:
    """A limit (mg/dL) that glucose must not cross, and the finding that it soon will."""

    finding: str
    limit: float
    below: bool
    words: str


LOW = Crisis(finding="glucose-crisis-low", limit=54.0, below=True, words="below 54 mg/dL")
"""Level 2 of the consensus (Battelino et al. 2019, doi 10.2337/dci19-0028)."""
HIGH = Crisis(finding="glucose-crisis-high", limit=300.0, below=False, words="above 300 mg/dL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How likely a crisis is: the largest ``chance``, and in how many minutes it gets likely."""

    chance: float
    lead_min: float | None


def outlook(crisis: Crisis, present: float, aheads: Sequence[Ahead]) -> Outlook:
    """Judge the forecasts made at a ``present`` value (mg/dL), the nearest horizon first."""
    if (present < crisis.limit) if crisis.below else (present > crisis.limit):
        return Outlook(chance=1.0, lead_min=0.0)
    before_min, before = 0.0, 0.0
    largest, lead_min = 0.0, None
    for one in sorted(aheads, key=lambda ahead: ahead.horizon_min):
        chance = one.chance(crisis.limit, below=crisis.below)
        if lead_min is None and chance >= BEGIN_CHANCE:
            share = (BEGIN_CHANCE - before) / (chance - before)
            lead_min = before_min + share * (one.horizon_min - before_min)
        before_min, before = one.horizon_min, chance
        largest = max(largest, chance)
    return Outlook(chance=largest, lead_min=lead_min)


class CrisisWatch:
    """Tells when a crisis gets likely, and when it no longer is.

    An old forecast tells nothing: what stands goes on standing until a new one says otherwise.
    """

    def __init__(self, crises: Sequence[Crisis] = (LOW, HIGH)) -> None:
        self._crises = tuple(crises)
        self._standing: set[str] = set()
        self._judged_at: Boottime | None = None

    def look(self, present: float, aheads: Sequence[Ahead], now: Boottime) -> Iterator[Event]:
        """Judge forecasts once; ``present`` is the value (mg/dL) that they were made at."""
        if not aheads or aheads[0].at == self._judged_at:
            return
        if now - aheads[0].at > _FRESH_S * _NS_PER_S:
            return
        self._judged_at = aheads[0].at
        for crisis in self._crises:
            yield from self._judge(crisis, present, aheads, now)

    def adopt(self, findings: Collection[str]) -> None:
        """Take it that those of ``findings`` that are told here stand, and no others."""
        self._standing = {one.finding for one in self._crises if one.finding in findings}

    def _judge(
        self, crisis: Crisis, present: float, aheads: Sequence[Ahead], now: Boottime
    ) -> Iterator[Event]:
        found = outlook(crisis, present, aheads)
        stands = crisis.finding in self._standing
        if not stands and found.lead_min is not None and found.lead_min > 0.0:
            self._standing.add(crisis.finding)
            yield begun(
                crisis.finding,
                now,
                value=found.lead_min,
                unit="min",
                sentence=sentence(crisis, found),
                reasons=(_reason(crisis, one) for one in aheads),
            )
        elif stands and found.chance < END_CHANCE:
            self._standing.remove(crisis.finding)
            yield ended(crisis.finding, now, "the forecast no longer says so")


def sentence(crisis: Crisis, found: Outlook) -> str:
    """Return what is coming, in a sentence with its lead time to the next five minutes."""
    about_min = max(5.0, 5.0 * round((found.lead_min or 0.0) / 5.0))
    return f"Glucose may be {crisis.words} in about {about_min:.0f} min."


def _reason(crisis: Crisis, one: Ahead) -> Evidence:
    percent = 100.0 * one.chance(crisis.limit, below=crisis.below)
    return Evidence(
        quantity=one.code.refid,
        value=one.mean,
        unit=one.code.unit.value,
        sensor=one.sensor,
        at=one.at,
        limit=crisis.limit,
        note=f"90 % interval {one.low90:.0f} to {one.high90:.0f}; "
        f"chance of {crisis.words}: {percent:.0f} %",
    )
