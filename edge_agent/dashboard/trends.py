"""The last day of a bed for the page: vital signs by the minute, glucose by the reading."""

from __future__ import annotations

from collections import deque

from edge_agent import codes
from edge_agent.bed import Bed
from edge_agent.model import Boottime, Code

EVERY_S = 60.0
HOURS = 24.0
SHOWN: tuple[Code, ...] = (codes.HEART_RATE, codes.SPO2, codes.RESPIRATION_RATE)

_NS_PER_S = 1_000_000_000

Points = list[tuple[float, float | None]]
"""(seconds ago, value), oldest first; ``None`` where there was no value to rely on."""


class Trends:
    """Looks at a bed once a minute. Memory: 1,440 numbers for each vital sign."""

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        length = round(HOURS * 3600.0 / EVERY_S)
        self._points: deque[tuple[Boottime, tuple[float | None, ...]]] = deque(maxlen=length)

    def look(self, now: Boottime) -> None:
        """Note what is known of each vital sign now; to be called once a minute."""
        twin = self._bed.pipeline.twin
        values: list[float | None] = []
        for code in SHOWN:
            one = twin.variable(code, now)
            known = one is not None and one.is_usable and not one.is_stale
            values.append(round(one.value, 1) if known and one and one.value is not None else None)
        self._points.append((now, tuple(values)))

    def points(self, now: Boottime) -> dict[str, Points]:
        """Return each trend by its reference id; times are seconds before ``now``."""
        found: dict[str, Points] = {
            code.refid: [
                (round((now - at) / _NS_PER_S, 1), values[index]) for at, values in self._points
            ]
            for index, code in enumerate(SHOWN)
        }
        glucose = self._bed.pipeline.glycaemia.readings_of_last(HOURS, now)
        found[codes.GLUCOSE.refid] = [(round(ago_s, 1), value) for ago_s, value in glucose]
        return found
