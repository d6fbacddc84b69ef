"""What a section of a report gives: tables, plots, verdicts, notes; and what it is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Cell = str | int | float | None
Bench = TypeVar("Bench")
"""What the sections of one report share: recordings, peers, switches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under ``columns``; a column's digits come from ``digits`` (by default 3)."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    digits: dict[str, int] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A figure to be drawn into the file ``name``.png; ``draw`` gets an empty matplotlib figure.

    ``size`` is in inches.
    """

    name: str
    caption: str
    draw: Callable[[Any], None]
    size: tuple[float, float] = (7.2, 3.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One figure beside its bar, and the best that a peer reached in the same run.

    ``at_least`` or ``at_most`` is the bar; ``measured`` is ``None`` when it could not be measured,
    and ``remark`` then says why.
    """

    what: str
    measured: float | None
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None
    digits: int = 2
    peer: str = ""
    peer_measured: float | None = None
    remark: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; ``None`` when that was not measured, or there is none."""
        if self.measured is None or math.isnan(self.measured):
            return None
        if self.at_least is None and self.at_most is None:
            return None
        if self.at_least is not None and self.measured < self.at_least:
            return False
        return self.at_most is None or self.measured <= self.at_most

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g} {self.unit}".rstrip()
        if self.at_most is None:
            return "none"
        return f"≤ {self.at_most:g} {self.unit}".rstrip()

    def figure(self, value: float | None) -> str:
        """Return a figure of this kind in words, empty for none."""
        if value is None or math.isnan(value):
            return ""
        tiny = value != 0.0 and abs(value) < 10.0**-self.digits
        return (
            f"{value:.1e} {self.unit}".rstrip()
            if tiny
            else (f"{value:.{self.digits}f} {self.unit}".rstrip())
        )


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one section found.

    ``figures`` holds everything that was measured, for the JSON file; ``missing`` names what was
    not there to measure on.
    """

    summary: str = ""
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section(Generic[Bench]):
    """One thing to measure: its ``name`` on the command line, its heading, and how."""

    name: str
    title: str
    measure: Callable[[Bench], Outcome]


def best_peer(
    figures: dict[str, float], *, ours: str, largest: bool = True
) -> tuple[str, float | None]:
    """Return name and figure of the best of ``figures`` other than ``ours``; NaN never wins."""
    peers = {
        name: value for name, value in figures.items() if name != ours and not math.isnan(value)
    }
    if not peers:
        return "", None
    best = (max if largest else min)(peers, key=lambda name: peers[name])
    return best, peers[best]
