"""What the sections of the glucose report share: traces, and one pass over each, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from edge_agent.validate.glucose import learning
from edge_agent.validate.glucose.passes import Pass, run
from edge_agent.validate.glucose.recordings import Trace, read_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A patient and what was forecast by weights learnt from the others."""

    trace: Trace
    made: Pass


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucoseBench:
    """Traces under ``data``; a ``quick`` run takes the first of each set and pace."""

    data: Path
    quick: bool = False
    tell: Callable[[str], None] = lambda _: None

    def runs(self) -> list[Run]:
        """Every patient, left out in turn; made once for all sections."""
        return _runs(self.data, self.quick, _Quiet(self.tell))

    def groups(self) -> Mapping[str, list[Run]]:
        """Every patient by data set and pace."""
        found: dict[str, list[Run]] = {}
        for one in self.runs():
            found.setdefault(one.trace.group, []).append(one)
        return dict(sorted(found.items()))


class _Quiet:
    """A listener that does not tell one call from another in the cache."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Quiet)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=1)
def _runs(data: Path, quick: bool, listener: _Quiet) -> list[Run]:
    traces = read_all(data)
    if quick:
        first = {one.group: one for one in reversed(traces)}
        second = {one.group: one for one in traces}
        chosen = {id(one) for one in (*first.values(), *second.values())}
        traces = [one for one in traces if id(one) in chosen]
    rehearsed = learning.rehearse(learning.lessons(traces, listener.tell), listener.tell)
    runs = []
    for one in rehearsed:
        listener.tell(f"{one.trace.name}: left out")
        others = [other for other in rehearsed if other is not one]
        taught = learning.population(others, one.pace)
        # A person's sensor keeps its pace: the other expert is not asked.
        runs.append(Run(trace=one.trace, made=run(one.trace, (taught, taught))))
    return runs
