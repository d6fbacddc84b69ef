"""A month of one bed: how many alarms it gives, with and without what keeps them few."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_agent import codes
from edge_agent.alarms.fatigue import Figures
from edge_agent.alarms.rules import LimitRule, Rule
from edge_agent.alarms.shipped import limit_rules, stale_rules
from edge_agent.model import Code, Observation, Phase, State
from edge_agent.validate.alarms.bed import GLUCOSE_STEP_S, STEP_S, Bed, KnownEvent
from edge_agent.validate.alarms.bench import AlarmBench
from edge_agent.validate.alarms.ward import Ward
from edge_agent.validate.section import Outcome, Section, Table, Verdict

DAYS, QUICK_DAYS = 30, 3
_SOMEBODY_COMES_S = 90.0
"""After so long on average somebody has come to an alarm and acknowledges it."""
_AFTER_S = 30.0
LARGEST_SHARE = 0.4

Change = Callable[[LimitRule], LimitRule]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to judge the same month: what is changed in the rules, and whether quality counts."""

    name: str
    change: Change
    is_gated: bool


def _without(*, delay: bool, hysteresis: bool) -> Change:
    changes: dict[str, float | None] = {}
    if delay:
        changes |= {"delay_s": 0.0, "at_once": None}
    if hysteresis:
        changes |= {"hysteresis": 0.0}
    return lambda rule: dataclasses.replace(rule, **changes)  # type: ignore[arg-type]


SHIPPED = Variant(name="as shipped", change=lambda rule: rule, is_gated=True)
PLAIN = Variant(
    name="plain limits", change=_without(delay=True, hysteresis=True), is_gated=False
)  # fmt: skip
VARIANTS = (
    PLAIN,
    Variant(name="shipped, no delay", change=_without(delay=True, hysteresis=False), is_gated=True),
    Variant(
        name="shipped, no hysteresis", change=_without(delay=False, hysteresis=True), is_gated=True
    ),
    Variant(name="shipped, no quality gate", change=SHIPPED.change, is_gated=False),
    SHIPPED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one variant came to; rates are of one bed-day."""

    figures: Figures
    about_person: float
    without_event: float
    missed: int
    median_wait_s: float


def measure(bench: AlarmBench) -> Outcome:
    """Judge the same month in every way, and compare."""
    days = QUICK_DAYS if bench.quick else DAYS
    bed = Bed.make(days, bench.random())
    counts: dict[str, Count] = {}
    for variant in VARIANTS:
        bench.tell(variant.name)
        counts[variant.name] = judge(bed, variant, bench.seed)
    shipped, plain = counts[SHIPPED.name], counts[PLAIN.name]
    share = shipped.about_person / plain.about_person
    return Outcome(
        summary=f"{days} days of one made-up bed with {len(bed.events)} known events among shallow"
        " dips, movement, doubled rates and a sensor that is taken off. Somebody comes to an alarm"
        f" after {_SOMEBODY_COMES_S:.0f} s on average; an alarm that ended before, or never had a"
        " reason, was not actionable. A month made up shows what the rules do, not what a ward"
        " is like.",
        tables=[_table(counts)],
        verdicts=[
            Verdict(
                what="known events that no alarm told, as shipped", measured=shipped.missed,
                at_most=0, digits=0,
            ),
            Verdict(
                what="alarms about the person, as shipped, of those by plain limits",
                measured=share, at_most=LARGEST_SHARE, digits=3,
            ),
        ],
        figures={name: dataclasses.asdict(one) for name, one in counts.items()},
    )  # fmt: skip


def judge(bed: Bed, variant: Variant, seed: int) -> Count:
    """Play a bed through the engine under the rules of a variant."""
    rules: tuple[Rule, ...] = tuple(variant.change(rule) for rule in limit_rules())
    ward = Ward(rules=(*rules, *stale_rules([("oximeter", (codes.SPO2,), 10.0)])))
    random = np.random.default_rng(seed)
    comes_at: dict[str, float] = {}
    every = round(GLUCOSE_STEP_S / STEP_S)
    for index in range(bed.spo2.size):
        ward.second = index * STEP_S
        before = len(ward.told)
        _values(ward, bed, index, is_gated=variant.is_gated)
        if index % every == 0:
            ward.judge(_value(ward, "cgm", codes.GLUCOSE, bed.glucose[index // every], 1.0))
        ward.keep(ward.engine.tick(ward.now))
        for _, step in ward.told[before:]:
            if step.phase is Phase.RAISED:
                comes_at[step.episode] = ward.second + random.exponential(_SOMEBODY_COMES_S)
        for alarm in ward.engine.active:
            if comes_at.get(alarm.episode, math.inf) <= ward.second:
                del comes_at[alarm.episode]
                ward.keep(ward.engine.acknowledge(alarm.episode, ward.now))
    return _count(ward, bed)


def _values(ward: Ward, bed: Bed, index: int, *, is_gated: bool) -> None:
    spo2, quality = bed.spo2[index], bed.spo2_quality[index] if is_gated else 1.0
    ward.judge(_value(ward, "oximeter", codes.SPO2, spo2, quality))
    quality = bed.rate_quality[index] if is_gated else 1.0
    ward.judge(_value(ward, "patch", codes.HEART_RATE, bed.rate[index], quality))


def _value(ward: Ward, sensor: str, code: Code, value: float, quality: float) -> Observation:
    is_off = math.isnan(value)
    return Observation(
        code=code, value=None if is_off else float(value), at=ward.now, sensor=sensor,
        state=State.NOT_ATTACHED if is_off else State.MEASURED, quality=float(quality),
    )  # fmt: skip


def _count(ward: Ward, bed: Bed) -> Count:
    raised = [
        (second, step)
        for second, step in ward.told
        if step.phase is Phase.RAISED and not step.technical
    ]
    by_chance = [
        second
        for second, step in raised
        if not any(_tells(one, step.rule, second) for one in bed.events)
    ]
    waits = [_wait_s(one, [(second, step.rule) for second, step in raised]) for one in bed.events]
    told = [one for one in waits if one is not None]
    return Count(
        figures=ward.engine.figures,
        about_person=len(raised) / bed.days,
        without_event=len(by_chance) / bed.days,
        missed=len(waits) - len(told),
        median_wait_s=statistics.median(told) if told else math.nan,
    )


def _tells(event: KnownEvent, rule: str, second: float) -> bool:
    return rule == event.rule and event.begin_s <= second <= event.end_s + _AFTER_S


def _wait_s(event: KnownEvent, raised: list[tuple[float, str]]) -> float | None:
    """Return how long after its begin an event was told; at once if an alarm stood already."""
    waits = [second - event.begin_s for second, rule in raised if _tells(event, rule, second)]
    early = [
        second
        for second, rule in raised
        if rule == event.rule and event.begin_s - _AFTER_S <= second < event.begin_s
    ]
    return 0.0 if early else min(waits, default=None)


def _table(counts: dict[str, Count]) -> Table:
    return Table(
        title="Alarms of one bed-day",
        columns=(
            "rules", "about the person", "of them without an event", "technical", "high", "medium",
            "low", "actionable", "events missed", "wait (s)", "most often",
        ),
        rows=[_row(name, one) for name, one in counts.items()],
        digits={"actionable": 2, "wait (s)": 0} | dict.fromkeys(
            ("about the person", "of them without an event", "technical", "high", "medium", "low"),
            1,
        ),
        note="Actionable: the share that somebody acknowledged or that escalated. Wait: from the"
        " begin of an event to its alarm, the median.",
    )  # fmt: skip


def _row(name: str, one: Count) -> list[str | float | int | None]:
    figures = one.figures
    per_day = [figures.per_day[name] for name in ("high", "medium", "low")]
    return [
        name, one.about_person, one.without_event, figures.technical_per_day, *per_day,
        figures.actionable_share, one.missed, one.median_wait_s,
        f"{figures.top_rule} ({figures.top_rule_share:.0%})",
    ]  # fmt: skip


SECTION = Section(name="month", title="A month of one bed", measure=measure)
