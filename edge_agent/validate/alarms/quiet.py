"""Combined findings: how often they alarm on quiet days, and whether they do on others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np

from edge_agent.alarms.rules import FindingRule
from edge_agent.model import Boottime, Observation, State
from edge_agent.twin.state import Twin
from edge_agent.validate.alarms.bench import AlarmBench
from edge_agent.validate.alarms.quiet_day import ILLNESSES, STEP_S, STEPS, Day, Person
from edge_agent.validate.section import Outcome, Section, Table, Verdict
from edge_agent.warning.combinations import COMBINATIONS
from edge_agent.warning.combined import Combined, blind_name
from edge_agent.warning.rules import warning_rules

PEOPLE, QUICK_PEOPLE = 20, 1
ILL_PEOPLE = 3
"""Of the first so many a day is played once more for each illness."""
_ILL_FROM, _ILL_FOR = 5400, 720
"""Steps: from three in the afternoon to five. Pressure and temperature are taken at four."""
MOST_PER_DAY = 0.5
_DOUBTED = 0.2
_NS_PER_S = 1_000_000_000


def measure(bench: AlarmBench) -> Outcome:
    """Judge quiet days of made-up people on a twin, as the hub does, and count."""
    people = QUICK_PEOPLE if bench.quick else PEOPLE
    random = bench.random()
    raised: Counter[str] = Counter()
    found: Counter[str] = Counter()
    ill_people = min(ILL_PEOPLE, people)
    for place in range(people):
        bench.tell(f"person {place + 1} of {people}")
        day = Day.make(Person.draw(random), random)
        raised += play(day)
        for name in ILLNESSES if place < ill_people else ():
            told = play(day.ill(name, _ILL_FROM), _ILL_FROM - _ILL_FOR, _ILL_FROM + _ILL_FOR)
            found[name] += told[name] > 0
    technical = {rule.name for rule in combined_rules() if rule.technical}
    about_person = sum(count for name, count in raised.items() if name not in technical)
    return Outcome(
        summary=f"A day each of {people} made-up people with whom nothing is wrong: sleep in stale"
        " air, walks, meals, movement that the oximeter knows of or not, sensors that are off."
        " Every combined finding that is told is one too many. Then what each is there for is laid"
        f" onto the day of {ill_people} of them, and it must be told. Made-up days show what the"
        " limits do with daily life as it was imagined here, not with real people.",
        tables=[_table(raised, found, people, ill_people, technical)],
        verdicts=[
            Verdict(
                what="combined findings about the person on quiet days, per bed-day",
                measured=about_person / people, at_most=MOST_PER_DAY, digits=3,
            ),
            Verdict(
                what="combined findings about a sensor on quiet days, per bed-day",
                measured=(raised.total() - about_person) / people, at_most=MOST_PER_DAY, digits=3,
            ),
            Verdict(
                what="made-up illnesses that a combined finding told",
                measured=100.0 * found.total() / (ill_people * len(ILLNESSES)), unit="%",
                at_least=100.0, digits=0,
            ),
        ],
        figures={"bed_days": people, "raised": dict(raised), "found": dict(found)},
    )  # fmt: skip


def combined_rules() -> tuple[FindingRule, ...]:
    """Return the rules about combined findings, and about those that can't be judged any more."""
    names = {name for one in COMBINATIONS for name in (one.name, blind_name(one))}
    return tuple(rule for rule in warning_rules(news2=False) if rule.name in names)


def play(day: Day, begin: int = 0, end: int = STEPS) -> Counter[str]:
    """Play some steps of a day; return how often each combined finding began."""
    twin, combined = Twin(), Combined()
    raised: Counter[str] = Counter()
    for step in range(begin, end):
        now = Boottime(round(step * STEP_S * _NS_PER_S))
        for one in _readings(day, step, now):
            twin.assimilate(one)
            combined.note(one)
        told = combined.look(twin, now)
        raised.update(
            str(one.detail["finding"]) for one in told if one.detail["standing"] == "begun"
        )
    return raised


def _readings(day: Day, step: int, now: Boottime) -> Iterable[Observation]:
    for code, sensor, value in day.measured(step):
        is_off = bool(np.isnan(value))
        is_doubted = sensor == "oximeter" and day.doubt[step] > 0.0
        yield Observation(
            code=code, value=None if is_off else float(value), at=now, sensor=sensor,
            state=State.NOT_ATTACHED if is_off else State.MEASURED,
            quality=_DOUBTED if is_doubted else 1.0,
        )  # fmt: skip


def _table(
    raised: Counter[str], found: Counter[str], people: int, ill_people: int, technical: set[str]
) -> Table:
    return Table(
        title=f"Combined findings on {people} quiet bed-days",
        columns=("finding", "about", "alarms", "per bed-day", "told when it is there"),
        rows=[
            [
                rule.name, "a sensor" if rule.name in technical else "the person",
                raised[rule.name], raised[rule.name] / people,
                f"{found[rule.name]} of {ill_people}" if rule.name in ILLNESSES else None,
            ]
            for rule in combined_rules()
        ],
    )  # fmt: skip


SECTION = Section(name="quiet", title="Combined findings on quiet days", measure=measure)
