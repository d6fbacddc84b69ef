"""NEWS2 as it runs: scored from what is known now, told as observations, events and findings.

A finding stands for the risk band that the score has reached (Royal College of Physicians, 2017).
It begins when the band has been reached for a minute, and ends when the score has been lower for
five, by values that are known: an input that has gone missing takes its points with it, and that
is no sign that the person is better.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from edge_agent import codes
from edge_agent.alarms.news2 import PARAMETERS, Risk, Score, score
from edge_agent.model import Boottime, Event, EventKind, Observation
from edge_agent.twin.state import Twin
from edge_agent.warning.findings import SOURCE, begun, ended
from edge_agent.warning.lasting import Standing
from edge_agent.warning.score_words import reasons, sentence
from edge_agent.warning.told import Observed
from edge_agent.warning.vitals import Vital, Vitals

FINDINGS: Mapping[Risk, str] = MappingProxyType({
    Risk.LOW_MEDIUM: "news2-single-3",
    Risk.MEDIUM: "news2-urgent",
    Risk.HIGH: "news2-emergency",
})  # fmt: skip
"""Risk band -> the finding that stands for it."""

_RANKS = (Risk.LOW, Risk.LOW_MEDIUM, Risk.MEDIUM, Risk.HIGH)
_BEGIN_S, _END_S = 60.0, 300.0
_NS_PER_S = 1_000_000_000
_TELL_EVERY_NS = 60 * _NS_PER_S
_EVENT_EVERY_NS = 300 * _NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A score, and the measured values that it rests on."""

    score: Score
    vitals: Mapping[str, Vital]
    at: Boottime


class ScoreWatch:
    """Scores one person on SpO2 scale ``spo2_scale`` (1 or 2); ``observed`` is what was told."""

    def __init__(self, observed: Observed, spo2_scale: int = 1) -> None:
        self._observed, self._scale = observed, spo2_scale
        self._vitals = Vitals()
        self._standing = {
            risk: Standing(begin_s=_BEGIN_S, end_s=_END_S) for risk in _RANKS if risk in FINDINGS
        }
        self._told: Risk = Risk.LOW
        self._held: frozenset[str] = frozenset()
        self._observation_due: Boottime | None = None
        self._event_due: Boottime | None = None
        self._shown: tuple[Any, ...] | None = None
        self.latest: Scored | None = None

    def look(self, twin: Twin, now: Boottime) -> list[Observation | Event]:
        """Score what is known now; return what is to be told. Nothing without any measured value.

        To be called every few seconds.
        """
        self._vitals.look(twin, now)
        vitals = self._vitals.known(now)
        if not vitals:
            self.latest = None
            return []
        scored = self._score(vitals, now)
        self.latest = scored
        return [*self._observation(scored), *self._event(scored), *self._findings(scored)]

    def adopt(self, findings: Collection[str]) -> None:
        """Take it that the band of the gravest of ``findings`` stands, or none.

        Unless :meth:`restore` has told what it rests on, only a complete score may end it.
        """
        stands = [risk for risk, finding in FINDINGS.items() if finding in findings]
        self._told = max(stands, key=_RANKS.index, default=Risk.LOW)
        for risk, one in self._standing.items():
            one.stands = _RANKS.index(risk) <= _RANKS.index(self._told)
        if self._told is not Risk.LOW and not self._held:
            self._held = frozenset(PARAMETERS)

    def state(self) -> dict[str, Any]:
        """Return what a restart has to know, as plain values."""
        return {"held": sorted(self._held)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._held = frozenset(str(one) for one in state["held"])

    def _score(self, vitals: Mapping[str, Vital], now: Boottime) -> Scored:
        values = {parameter: one.value for parameter, one in vitals.items()}
        found = score(
            respiration_per_min=values.get("respiration_per_min"),
            spo2_percent=values.get("spo2_percent"),
            spo2_scale=self._scale,
            oxygen=self._observed.oxygen(now),
            systolic_mmhg=values.get("systolic_mmhg"),
            pulse_per_min=values.get("pulse_per_min"),
            consciousness=self._observed.consciousness(now),
            temperature_c=values.get("temperature_c"),
        )
        return Scored(score=found, vitals=vitals, at=now)

    def _observation(self, scored: Scored) -> Iterator[Observation]:
        if self._observation_due is not None and scored.at < self._observation_due:
            return
        self._observation_due = Boottime(scored.at + _TELL_EVERY_NS)
        code = codes.NEWS2 if scored.score.total is not None else codes.NEWS2_AT_LEAST
        yield Observation(
            code=code, value=float(scored.score.at_least), at=scored.at, sensor=SOURCE
        )

    def _event(self, scored: Scored) -> Iterator[Event]:
        """Tell a score whose points have changed, at most every five minutes unless its risk has.

        The particulars name every sub-score, the age of its value in seconds, and what is missing.
        """
        shown = (scored.score.risk_at_least, dict(scored.score.points), scored.score.missing)
        if shown == self._shown:
            return
        is_due = self._event_due is None or scored.at >= self._event_due
        if not is_due and self._shown is not None and self._shown[0] == shown[0]:
            return
        self._shown, self._event_due = shown, Boottime(scored.at + _EVENT_EVERY_NS)
        ages = {name: round(one.age_s(scored.at)) for name, one in scored.vitals.items()}
        detail: dict[str, str | float] = {
            "finding": "news2",
            "standing": "scored",
            "spo2_scale": self._scale,
            "points": json.dumps(dict(scored.score.points)),
            "age_s": json.dumps(ages),
            "missing": " ".join(scored.score.missing),
            "at_least": scored.score.at_least,
            "risk_at_least": scored.score.risk_at_least.value,
        }
        if scored.score.total is not None:
            detail["total"] = scored.score.total
        yield Event(kind=EventKind.FINDING, at=scored.at, sensor=SOURCE, detail=detail)

    def _findings(self, scored: Scored) -> Iterator[Event]:
        found, now = scored.score, scored.at
        rank = _RANKS.index(found.risk_at_least)
        if self._told is not Risk.LOW and rank >= _RANKS.index(self._told):
            self._hold(found)
        may_fall = self._held.isdisjoint(found.missing)
        for risk, one in self._standing.items():
            is_met = rank >= _RANKS.index(risk)
            if one.look(now, is_met=is_met, is_gone=may_fall) and one.stands:
                self._hold(found)
        stands = max((r for r, one in self._standing.items() if one.stands), key=_RANKS.index,
                     default=Risk.LOW)  # fmt: skip
        if stands is not self._told:
            yield from self._changed(scored, stands)

    def _hold(self, found: Score) -> None:
        """Note which parameters the standing band rests on: only with them known may it end."""
        self._held = frozenset(name for name, points in found.points.items() if points)

    def _changed(self, scored: Scored, stands: Risk) -> Iterator[Event]:
        before, self._told = self._told, stands
        if stands in FINDINGS:
            yield begun(
                FINDINGS[stands],
                scored.at,
                value=float(scored.score.at_least),
                unit="1",
                sentence=sentence(scored.score),
                reasons=reasons(scored.score, scored.vitals, self._observed, scored.at),
            )
        if before in FINDINGS:
            yield ended(FINDINGS[before], scored.at, sentence(scored.score))
