"""Judges the combinations on the twin, and tells when one begins, ends, or can't be judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from edge_agent.model import Boottime, Event, Observation
from edge_agent.twin.state import Twin
from edge_agent.warning.combinations import COMBINATIONS, Combination
from edge_agent.warning.conditions import Judged, Outcome, Past, judge, windows
from edge_agent.warning.findings import begun, ended
from edge_agent.warning.lasting import Standing

_END_S = 300.0
_BLIND_AFTER_S = 300.0


def blind_name(combination: Combination) -> str:
    """Return the finding that a combination stands and can't be judged any more."""
    return f"{combination.name}-blind"


@dataclass(slots=True, kw_only=True)
class _Watched:
    """Where one combination stands, and what has been told of it."""

    combination: Combination
    standing: Standing
    blind: Standing = field(default_factory=lambda: Standing(begin_s=_BLIND_AFTER_S, end_s=0.0))
    is_told: bool = False
    is_blind_told: bool = False
    judged: tuple[Judged, ...] = ()

    def look(self, twin: Twin, past: Past, now: Boottime) -> None:
        """Judge once more."""
        self.judged = tuple(judge(one, twin, past, now) for one in self.combination.conditions)
        met = sum(one.points for one in self.judged)
        open_points = sum(
            one.condition.points for one in self.judged if one.outcome is Outcome.CANNOT_TELL
        )
        is_met = met >= self.combination.needs
        is_gone = met + open_points < self.combination.needs
        self.standing.look(now, is_met=is_met, is_gone=is_gone)
        is_blind = self.standing.stands and not is_met and not is_gone
        self.blind.look(now, is_met=is_blind, is_gone=not is_blind)


class Combined:
    """All combinations of one person."""

    def __init__(self, combinations: Sequence[Combination] = COMBINATIONS) -> None:
        conditions = [one for each in combinations for one in each.conditions]
        self._past = Past(windows(conditions))
        self._watched = [
            _Watched(combination=one, standing=Standing(begin_s=one.lasts_s, end_s=_END_S))
            for one in combinations
        ]

    def note(self, one: Observation) -> None:
        """Take in a reading, for the trends."""
        self._past.note(one)

    def look(self, twin: Twin, now: Boottime) -> list[Event]:
        """Judge what the twin knows now; return what is to be told.

        To be called every few seconds.
        """
        for one in self._watched:
            one.look(twin, self._past, now)
        covered = {
            name for one in self._watched if one.standing.stands for name in one.combination.covers
        }
        return [event for one in self._watched for event in _told(one, covered, now)]

    def adopt(self, findings: Collection[str]) -> None:
        """Take it that those of ``findings`` that are told here stand, and no others."""
        for one in self._watched:
            one.is_told = one.standing.stands = one.combination.name in findings
            one.is_blind_told = one.blind.stands = blind_name(one.combination) in findings


def _told(one: _Watched, covered: Collection[str], now: Boottime) -> Iterator[Event]:
    combination = one.combination
    tells = one.standing.stands and combination.name not in covered
    if tells and not one.is_told:
        yield begun(
            combination.name,
            now,
            value=float(sum(judged.points for judged in one.judged)),
            unit="1",
            sentence=sentence(one.judged),
            reasons=(judged.evidence(now) for judged in one.judged),
        )
    elif one.is_told and not tells:
        why = "part of a graver finding now" if one.standing.stands else "it is over"
        yield ended(combination.name, now, why)
    one.is_told = tells
    is_blind = tells and one.blind.stands
    if is_blind and not one.is_blind_told:
        unknown = [judged for judged in one.judged if judged.outcome is Outcome.CANNOT_TELL]
        names = " and ".join(dict.fromkeys(judged.condition.code.title for judged in unknown))
        yield begun(
            blind_name(combination),
            now,
            value=None,
            unit="1",
            sentence=f"Whether it goes on ({combination.title}) can't be told: {names} "
            "can't be relied on.",
            reasons=(judged.evidence(now) for judged in unknown),
        )
    elif one.is_blind_told and not is_blind:
        yield ended(blind_name(combination), now, "it can be judged again")
    one.is_blind_told = is_blind


def sentence(judged: Sequence[Judged]) -> str:
    """Return what is met in a sentence: "the oxygen saturation falls, and breathing quickens"."""
    words = [one.condition.words for one in judged if one.outcome is Outcome.MET]
    text = ", and ".join((", ".join(words[:-1]), words[-1]) if len(words) > 1 else words)
    return f"{text[:1].upper()}{text[1:]}."
