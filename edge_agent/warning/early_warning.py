"""The early warning of one hub: gives each watch what it needs, and keeps what a restart needs.

No I/O and no clock of its own: readings, the twin and both clocks come in, observations and
findings come out. Findings become alarms by :mod:`~edge_agent.warning.rules`; the alarm engine
keeps which of them stand, and after a restart these watches take that over (:meth:`adopt`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from edge_agent.alarms.news2 import Consciousness
from edge_agent.model import Boottime, Event, EventKind, Observation, Waveform
from edge_agent.twin.state import Twin
from edge_agent.warning.activity import Activity
from edge_agent.warning.clock_time import ClockTime, LocalTime
from edge_agent.warning.combined import Combined
from edge_agent.warning.crisis import CrisisWatch, Foreseen
from edge_agent.warning.findings import SOURCE
from edge_agent.warning.hours import Hours
from edge_agent.warning.nights import Nights
from edge_agent.warning.score_watch import ScoreWatch
from edge_agent.warning.told import HELD_FOR_S, Observed
from edge_agent.warning.trend import Trend

_NS_PER_S = 1_000_000_000
_LOOK_EVERY_NS = 5 * _NS_PER_S
_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningSettings:
    """What the configuration says of the person.

    ``news2`` is off for persons under 16 and in pregnancy. ``consciousness`` and ``oxygen`` are
    what holds for good where nobody tells otherwise; ``None`` is not known.
    """

    news2: bool = True
    spo2_scale: int = 1
    consciousness: Consciousness | None = None
    oxygen: bool | None = None
    zone: tzinfo = UTC


class EarlyWarning:
    """Watches one person's values together and over days."""

    def __init__(self, settings: WarningSettings | None = None) -> None:
        self._told: list[Event] = []
        self._begin(settings or WarningSettings())

    def _begin(self, settings: WarningSettings) -> None:
        self._settings = settings
        self.observed = Observed(consciousness=settings.consciousness, oxygen=settings.oxygen)
        self.score = ScoreWatch(self.observed, settings.spo2_scale) if settings.news2 else None
        self.trend = Trend()
        self._nights, self._hours, self._activity = Nights(), Hours(), Activity()
        self._combined, self._crisis = Combined(), CrisisWatch()
        self._time = ClockTime(settings.zone)
        self._due: Boottime | None = None

    def change(
        self, settings: WarningSettings, standing: Iterable[str], now: Boottime, utc_ns: int
    ) -> None:
        """Go by other ``settings`` from now on, with all that is known; ``standing`` as adopted."""
        if settings != self._settings:
            known = self.state(now, utc_ns)
            self._begin(settings)
            self.restore(known, now, utc_ns)
            self.adopt(standing)

    def note(self, reading: Observation | Waveform) -> None:
        """Take in a reading that the twin has taken in, or a block of a waveform."""
        if isinstance(reading, Waveform):
            self._activity.note(reading)
            return
        self._nights.note(reading)
        self._hours.note(reading)
        self._combined.note(reading)

    def tell(self, told: Mapping[str, str], now: Boottime, holds_s: float = HELD_FOR_S) -> None:
        """Take in what a person tells: "consciousness" (A C V P U), "oxygen" (yes, no).

        :raises ValueError: something else; then nothing of it is taken in.
        """
        self.check(told)
        for what, value in told.items():
            self.observed.tell(what, value, now, holds_s)
        detail: dict[str, str | float] = {**told, "holds_s": holds_s}
        self._told.append(Event(kind=EventKind.TOLD, at=now, sensor=SOURCE, detail=detail))
        self._due = None

    def check(self, told: Mapping[str, str]) -> None:
        """See whether ``told`` can be taken in.

        :raises ValueError: it can't.
        """
        trial = Observed()
        for what, value in told.items():
            trial.tell(what, value, Boottime(0))

    def look(
        self, twin: Twin, foreseen: Foreseen | None, now: Boottime, utc_ns: int
    ) -> list[Observation | Event]:
        """Let time pass; return what is to be told. To be called about once a second."""
        if self._due is not None and now < self._due:
            return []
        self._due = Boottime((now // _LOOK_EVERY_NS + 1) * _LOOK_EVERY_NS)
        found: list[Observation | Event] = [*self._told]
        self._told.clear()
        if self.score is not None:
            found += self.score.look(twin, now)
        found += self._combined.look(twin, now)
        found += self._crisis.look(foreseen, now)
        local = self._time.look(now, utc_ns)
        found += self._hours.look(local, now)
        return found + self._morning(local, now)

    def adopt(self, findings: Iterable[str]) -> None:
        """Take it that of the findings told here ``findings`` stand, and no others."""
        known = frozenset(findings)
        watches: list[ScoreWatch | Trend | Combined | CrisisWatch] = [
            self.trend, self._combined, self._crisis,
        ]  # fmt: skip
        if self.score is not None:
            watches.append(self.score)
        for watch in watches:
            watch.adopt(known)

    def state(self, now: Boottime, utc_ns: int) -> dict[str, Any]:
        """Return what a restart has to know, as plain values for :meth:`restore`."""
        return {
            "version": _VERSION,
            "utc_ns": utc_ns,
            "told": self.observed.state(now),
            "score": None if self.score is None else self.score.state(),
            "time": self._time.state(),
            "nights": self._nights.state(now),
            "activity": self._activity.state(),
            "hours": self._hours.state(),
            "trend": self.trend.state(),
        }

    def restore(self, state: Mapping[str, Any], now: Boottime, utc_ns: int) -> None:
        """Take up what :meth:`state` returned before a restart.

        :raises (KeyError, TypeError, ValueError): it is of another version, or none of these.
        """
        if state["version"] != _VERSION:
            raise ValueError(f"early warning: state of version {state['version']!r}")
        away_s = (utc_ns - int(state["utc_ns"])) / _NS_PER_S
        known_away_s = away_s if away_s >= 0.0 else None
        self.trend.restore(state["trend"])
        self._hours.restore(state["hours"])
        self._activity.restore(state["activity"])
        self._nights.restore(state["nights"], now, known_away_s)
        self._time.restore(state["time"])
        if self.score is not None and state["score"] is not None:
            self.score.restore(state["score"])
        self.observed.restore(state["told"], now, known_away_s)

    def _morning(self, local: LocalTime, now: Boottime) -> list[Observation | Event]:
        night = self._nights.look(local, now)
        if night is None:
            return []
        return self.trend.push(night.with_values(self._activity.take()), now)
