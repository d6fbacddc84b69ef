"""A condition on one quantity: below, above, falling, rising, or two sensors that disagree.

Each is met, not met, or can't be told: from values that are unreliable, stale or too few nothing
follows, least of all that all is well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from edge_agent.model import Boottime, Code, Evidence, Observation
from edge_agent.twin.state import Twin, Variable

_NS_PER_S = 1_000_000_000
_KEEP_EVERY_S = 10.0
_NOW_SHARE, _THEN_SHARE = 0.1, 0.33
"""Of the window: the last tenth is "now", the first third "then"."""


class Is(StrEnum):
    """What a condition asks of its quantity."""

    BELOW = "below"
    ABOVE = "above"
    FALLING = "falling"
    RISING = "rising"
    UNLIKE = "unlike"
    """Two sensors that ought to agree don't."""


class Outcome(StrEnum):
    """What became of a condition."""

    MET = "met"
    NOT_MET = "not met"
    CANNOT_TELL = "can't be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """``code`` is below or above ``amount``, or has changed by it within ``window_s``.

    ``UNLIKE`` compares ``code`` of one sensor with ``other`` of another; they differ by at least
    ``amount``. ``points`` is what it counts, and ``words`` what it says in a sentence. A trend
    needs ``least`` values both now and at the beginning of its window.
    """

    code: Code
    asks: Is
    amount: float
    words: str
    points: int = 1
    window_s: float = 0.0
    other: Code | None = None
    least: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A condition with its outcome; ``found`` is the level, change or difference."""

    condition: Condition
    outcome: Outcome
    found: float | None = None
    sensor: str = ""
    at: Boottime | None = None

    @property
    def points(self) -> int:
        """What it adds now."""
        return self.condition.points if self.outcome is Outcome.MET else 0

    def evidence(self, now: Boottime) -> Evidence:
        """Return it as evidence: what was found, what was asked, and what it adds."""
        asked = self.condition
        by = f" in {asked.window_s / 60:.0f} min" if asked.window_s else ""
        note = f"{self.outcome.value}, adds {self.points} of {asked.points}"
        return Evidence(
            quantity=f"{asked.code.title} {asked.asks.value}{by}",
            value=self.found,
            unit=asked.code.unit.value,
            sensor=self.sensor or "early-warning",
            at=now if self.at is None else self.at,
            limit=asked.amount,
            note=note,
        )


class Past:
    """The reliable values of the last ``keep_s`` seconds of some quantities, by sensor."""

    def __init__(self, keep_s: dict[Code, float]) -> None:
        self._keep_s = keep_s
        self._values: dict[tuple[Code, str], deque[tuple[Boottime, float]]] = {}

    def note(self, one: Observation) -> None:
        """Take in a reading; one in ten seconds is kept."""
        keep_s = self._keep_s.get(one.code)
        if keep_s is None or one.value is None or not one.is_reliable or one.backfilled:
            return
        values = self._values.setdefault((one.code, one.sensor), deque())
        if values and one.at - values[-1][0] < _KEEP_EVERY_S * _NS_PER_S:
            return
        values.append((one.at, one.value))
        while one.at - values[0][0] > 1.1 * keep_s * _NS_PER_S:
            values.popleft()

    def change(self, asked: Condition, sensor: str, now: Boottime) -> float | None:
        """Return by how much the quantity has changed within the window; ``None``: unknown."""
        values = self._values.get((asked.code, sensor), ())
        window_ns = asked.window_s * _NS_PER_S
        then = [value for at, value in values
                if (1.0 - _THEN_SHARE) * window_ns <= now - at <= window_ns]  # fmt: skip
        recent = [value for at, value in values if 0 <= now - at <= _NOW_SHARE * window_ns]
        if len(then) < asked.least or len(recent) < asked.least:
            return None
        return median(recent) - median(then)


def windows(conditions: Iterable[Condition]) -> dict[Code, float]:
    """Return for how long which quantity must be kept."""
    longest: dict[Code, float] = {}
    for one in conditions:
        if one.asks in {Is.FALLING, Is.RISING}:
            longest[one.code] = max(longest.get(one.code, 0.0), one.window_s)
    return longest


def judge(asked: Condition, twin: Twin, past: Past, now: Boottime) -> Judged:
    """Judge a condition by what the twin knows now: met, if by any sensor."""
    looks = list(_unlike(asked, twin, now) if asked.asks is Is.UNLIKE
                 else _looks(asked, twin, past, now))  # fmt: skip
    order = (Outcome.MET, Outcome.NOT_MET, Outcome.CANNOT_TELL)
    unknown = Judged(condition=asked, outcome=Outcome.CANNOT_TELL)
    return min(looks, key=lambda one: order.index(one.outcome), default=unknown)


def _looks(asked: Condition, twin: Twin, past: Past, now: Boottime) -> Iterator[Judged]:
    for one in twin.every(asked.code, now):
        found: float | None = None
        if one.is_usable and not one.is_stale:
            found = one.value
            if asked.asks in {Is.FALLING, Is.RISING}:
                found = past.change(asked, one.sensor, now)
        yield _judged(asked, found, one)


def _judged(asked: Condition, found: float | None, one: Variable) -> Judged:
    if found is None:
        return Judged(condition=asked, outcome=Outcome.CANNOT_TELL, sensor=one.sensor, at=one.at)
    met = {
        Is.BELOW: found < asked.amount,
        Is.ABOVE: found > asked.amount,
        Is.FALLING: -found >= asked.amount,
        Is.RISING: found >= asked.amount,
        Is.UNLIKE: found >= asked.amount,
    }[asked.asks]
    outcome = Outcome.MET if met else Outcome.NOT_MET
    return Judged(condition=asked, outcome=outcome, found=found, sensor=one.sensor, at=one.at)


def _unlike(asked: Condition, twin: Twin, now: Boottime) -> Iterator[Judged]:
    """Compare each pair of sensors that both give a number to rely on."""
    firsts = [one for one in twin.every(asked.code, now) if _is_live(one)]
    others = [one for one in twin.every(asked.other or asked.code, now) if _is_live(one)]
    for one in firsts:
        for other in others:
            if one.sensor != other.sensor and one.value is not None and other.value is not None:
                yield _judged(asked, abs(one.value - other.value), one)


def _is_live(one: Variable) -> bool:
    return one.is_usable and not one.is_stale
