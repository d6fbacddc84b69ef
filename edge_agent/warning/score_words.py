"""A NEWS2 score in words: a sentence, and each sub-score as evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from edge_agent.alarms.news2 import PARAMETERS, Consciousness, Score
from edge_agent.model import Boottime, Evidence
from edge_agent.warning.findings import SOURCE
from edge_agent.warning.told import Observed
from edge_agent.warning.vitals import HOLDS_FOR_S, Vital

TITLES: Mapping[str, str] = MappingProxyType({
    "respiration_per_min": "respiration rate",
    "spo2_percent": "SpO2",
    "oxygen": "oxygen",
    "systolic_mmhg": "systolic pressure",
    "pulse_per_min": "pulse",
    "consciousness": "consciousness",
    "temperature_c": "temperature",
})  # fmt: skip

LEVELS: Mapping[Consciousness, str] = MappingProxyType({
    Consciousness.ALERT: "alert",
    Consciousness.CONFUSION: "newly confused",
    Consciousness.VOICE: "responds to voice only",
    Consciousness.PAIN: "responds to pain only",
    Consciousness.UNRESPONSIVE: "unresponsive",
})  # fmt: skip

_NS_PER_S = 1_000_000_000
_RED = 3


def sentence(score: Score) -> str:
    """Return the score in a sentence that names what stands out and what is missing."""
    number = f"{score.at_least}" if score.total is not None else f"at least {score.at_least}"
    red = [TITLES[name] for name, points in score.points.items() if points == _RED]
    parts = [f"The early warning score (NEWS2) is {number}"]
    if red:
        parts.append(f"3 points alone from {' and '.join(red)}")
    if score.missing:
        parts.append(f"not known: {', '.join(TITLES[name] for name in score.missing)}")
    return "; ".join(parts) + "."


def reasons(
    score: Score, vitals: Mapping[str, Vital], observed: Observed, now: Boottime
) -> Iterator[Evidence]:
    """Give every parameter with its points and age, the most points first, then what is missing."""
    for name in sorted(score.points, key=lambda one: (-score.points[one], PARAMETERS.index(one))):
        points = score.points[name]
        if name in vitals:
            yield _measured(name, vitals[name], points, now)
        else:
            yield _told(name, points, observed, now)
    for name in score.missing:
        yield Evidence(
            quantity=TITLES[name], value=None, unit="1", sensor=SOURCE, at=now, note=_why(name)
        )


def age_words(seconds: float) -> str:
    """Return an age as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s old"
    return f"{seconds / 60:.0f} min old" if seconds < 5400 else f"{seconds / 3600:.1f} h old"


def _measured(name: str, one: Vital, points: int, now: Boottime) -> Evidence:
    return Evidence(
        quantity=TITLES[name],
        value=one.value,
        unit=one.code.unit.value,
        sensor=one.sensor,
        at=one.at,
        note=f"{_points(points)}, {age_words(one.age_s(now))}",
    )


def _told(name: str, points: int, observed: Observed, now: Boottime) -> Evidence:
    told = observed.told(name, now)
    how = "set in the configuration"
    if told is not None:
        how = f"told by a person, {age_words((now - told.at) / _NS_PER_S)}"
    return Evidence(
        quantity=TITLES[name],
        value=None,
        unit="1",
        sensor=SOURCE,
        at=now if told is None else told.at,
        note=f"{value_words(name, observed, now)}: {_points(points)}, {how}",
    )


def value_words(name: str, observed: Observed, now: Boottime) -> str:
    """Return what is known of "oxygen" or "consciousness", in words."""
    if name == "oxygen":
        oxygen = observed.oxygen(now)
        return "not known" if oxygen is None else "given" if oxygen else "none, breathes air"
    level = observed.consciousness(now)
    return "not known" if level is None else LEVELS[Consciousness(level)]


def _points(points: int) -> str:
    return f"{points} point{'' if points == 1 else 's'}"


def _why(name: str) -> str:
    if name not in HOLDS_FOR_S:
        return "not known: tell it with edge-agent observe"
    return f"not known: no reliable value in the last {_span(HOLDS_FOR_S[name])}"


def _span(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.0f} h"
