"""A glucose crisis that is coming: how likely, and in how many minutes.

The forecaster says how likely glucose crosses a limit within half an hour and when
(:meth:`~edge_agent.dsp.glucose.Forecaster.crossing`); a crisis is told from
:data:`BEGIN_CHANCE` on.
``edge-agent validate glucose --only crises`` measures this very rule on recordings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.dsp.glucose import Crossing, Forecaster
from edge_agent.model import Boottime, Event, Evidence, Unit
from edge_agent.warning.findings import begun, ended

WITHIN_MIN = 30.0
BEGIN_CHANCE, END_CHANCE = 0.4, 0.13
_FRESH_S = 600.0
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crisis:
    """A limit (mg/dL) that glucose must not cross, and the finding that it soon will.

    ``is_told_when_there`` where no other alarm says that it has been crossed.
    """

    finding: str
    limit: float
    below: bool
    words: str
    is_told_when_there: bool = False

    def has_come(self, mgdl: float) -> bool:
        """Whether a glucose of ``mgdl`` lies beyond the limit."""
        return mgdl < self.limit if self.below else mgdl > self.limit


LOW = Crisis(finding="glucose-crisis-low", limit=54.0, below=True, words="below 54 mg/dL")
"""Level 2 of the consensus (Battelino et al. 2019, doi 10.2337/dci19-0028)."""
HIGH = Crisis(
    finding="glucose-crisis-high", limit=300.0, below=False, words="above 300 mg/dL",
    is_told_when_there=True,
)  # fmt: skip
CRISES = (LOW, HIGH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What is foreseen after a reading of ``mgdl`` at ``at``.

    ``crossings`` are those of :data:`CRISES`, in their order; ``reasons`` the forecasts beside.
    """

    mgdl: float
    at: Boottime
    sensor: str
    crossings: tuple[Crossing | None, ...]
    reasons: tuple[Evidence, ...] = ()


def foresee(
    forecaster: Forecaster, mgdl: float, at: Boottime, sensor: str, reasons: Sequence[Evidence] = ()
) -> Foreseen:
    """Ask ``forecaster`` about every crisis after its last reading, of ``mgdl`` at ``at``."""
    crossings = tuple(forecaster.crossing(one.limit, WITHIN_MIN) for one in CRISES)
    return Foreseen(mgdl=mgdl, at=at, sensor=sensor, crossings=crossings, reasons=tuple(reasons))


class CrisisWatch:
    """Tells when a crisis gets likely, and when it no longer is.

    An old forecast tells nothing: what stands goes on standing until a new one says otherwise.
    """

    def __init__(self) -> None:
        self.standing: set[str] = set()
        """The findings that stand."""
        self._judged_at: Boottime | None = None

    def look(self, foreseen: Foreseen | None, now: Boottime) -> Iterator[Event]:
        """Judge what is foreseen, once."""
        if foreseen is None or foreseen.at == self._judged_at:
            return
        if now - foreseen.at > _FRESH_S * _NS_PER_S:
            return
        self._judged_at = foreseen.at
        for crisis, crossing in zip(CRISES, foreseen.crossings, strict=True):
            yield from self._judge(crisis, crossing, foreseen, now)

    def adopt(self, findings: Collection[str]) -> None:
        """Take it that those of ``findings`` that are told here stand, and no others."""
        self.standing = {one.finding for one in CRISES if one.finding in findings}

    def _judge(
        self, crisis: Crisis, crossing: Crossing | None, foreseen: Foreseen, now: Boottime
    ) -> Iterator[Event]:
        has_come, stands = crisis.has_come(foreseen.mgdl), crisis.finding in self.standing
        if crossing is None and not has_come:
            return
        chance = 1.0 if has_come or crossing is None else crossing.probability
        in_min = 0.0 if has_come or crossing is None else crossing.in_min
        if not stands and chance >= BEGIN_CHANCE and (crisis.is_told_when_there or not has_come):
            self.standing.add(crisis.finding)
            yield begun(
                crisis.finding,
                now,
                value=in_min,
                unit="min",
                sentence=sentence(crisis, chance, in_min),
                reasons=(_measured(crisis, foreseen), *foreseen.reasons),
            )
        elif stands and chance < END_CHANCE:
            self.standing.remove(crisis.finding)
            yield ended(crisis.finding, now, "the forecast no longer says so")


def sentence(crisis: Crisis, chance: float, in_min: float | None) -> str:
    """Return what is coming in a sentence: how likely, and when to the next five minutes."""
    if in_min == 0.0:
        return f"Glucose is {crisis.words}."
    about_min = max(5.0, 5.0 * round((in_min or WITHIN_MIN) / 5.0))
    likely = f"{100.0 * chance:.0f} % likely"
    return f"Glucose may be {crisis.words} in about {about_min:.0f} min, {likely}."


def _measured(crisis: Crisis, foreseen: Foreseen) -> Evidence:
    return Evidence(
        quantity="MDC_CONC_GLU_ISF",
        value=foreseen.mgdl,
        unit=Unit.MILLIGRAM_PER_DECILITRE,
        sensor=foreseen.sensor,
        at=foreseen.at,
        limit=crisis.limit,
        note="measured",
    )
