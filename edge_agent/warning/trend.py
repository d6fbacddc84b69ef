"""Slow deterioration in the running hub: each morning the night is judged, and an alert told.

The judgement itself is :class:`~edge_agent.alarms.deterioration.DeteriorationIndex`. A night that
is missing, or says too little, changes nothing: an alert that stands goes on standing.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from edge_agent import codes
from edge_agent.alarms.deterioration import Assessment, Contribution, DeteriorationIndex
from edge_agent.model import Boottime, Event, Evidence, Observation
from edge_agent.warning.findings import SOURCE, begun, ended
from edge_agent.warning.nights import Night

FINDING = "slow-deterioration"

_CODE = {
    "heart rate": codes.HEART_RATE,
    "respiration rate": codes.RESPIRATION_RATE,
    "SpO2": codes.SPO2,
    "RMSSD": codes.RMSSD,
    "weight": codes.BODY_WEIGHT,
}
_WORSE = {
    "heart rate": "the heart beats faster at night",
    "respiration rate": "breathing is faster at night",
    "SpO2": "the oxygen saturation is lower at night",
    "RMSSD": "the heartbeat varies less at night",
    "activity": "there is less movement",
    "weight": "the weight has gone up",
}
_TELLING = 0.5
"""Parts of the index that are worth a word in the sentence, in spreads."""


class Trend:
    """Judges one person's nights and tells when an alert begins and ends."""

    def __init__(self) -> None:
        self._index = DeteriorationIndex()
        self._stands = False
        self.latest: Assessment | None = None

    def push(self, night: Night, now: Boottime) -> list[Observation | Event]:
        """Judge a night that is over; return what is to be told."""
        judged = self._index.push(night.day, night.values)
        if judged is None:
            return []
        self.latest = judged
        return [*_observations(judged, now), *self._finding(judged, now)]

    def state(self) -> dict[str, Any]:
        """Return what a restart has to know, as plain values."""
        return {"index": self._index.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._index.restore(state["index"])

    def adopt(self, findings: Collection[str]) -> None:
        """Take it that the alert is told exactly if it is one of ``findings``."""
        self._stands = FINDING in findings

    def _finding(self, judged: Assessment, now: Boottime) -> Iterator[Event]:
        if judged.alert and not self._stands:
            yield begun(
                FINDING,
                now,
                value=judged.running_sum,
                unit="1",
                sentence=sentence(judged),
                reasons=(_reason(one, now) for one in judged.contributions),
            )
        elif self._stands and not judged.alert:
            yield ended(FINDING, now, "the last nights were as usual for this person")
        self._stands = judged.alert


def sentence(judged: Assessment) -> str:
    """Return an alert in a sentence that names what has changed, the most telling first."""
    telling = [_WORSE[one.sign.name] for one in judged.contributions if one.part >= _TELLING]
    what = f": {', '.join(telling)}" if telling else ""
    return f"Over the last days this person has been less well than usual{what}."


def _observations(judged: Assessment, now: Boottime) -> Iterator[Observation]:
    figures = (
        (codes.DETERIORATION_INDEX, judged.index),
        (codes.DETERIORATION_SUM, judged.running_sum),
    )
    for code, value in figures:
        yield Observation(code=code, value=value, at=now, sensor=SOURCE)


def _reason(one: Contribution, now: Boottime) -> Evidence:
    """Return what a sign said, in the unit that people know."""
    value, usual = one.value, one.usual.centre
    unit = _CODE[one.sign.name].unit.value if one.sign.name in _CODE else "h"
    if one.sign.unit.startswith("ln"):
        value, usual = math.exp(value), math.exp(usual)
    return Evidence(
        quantity=f"{one.sign.name} of the night",
        value=value,
        unit=unit,
        sensor=SOURCE,
        at=now,
        note=f"usual {usual:.4g}, from {one.usual.n} nights; adds {one.part:+.2f} to the index",
    )
