"""The states of an alarm: a thousand seeded episodes with restarts, against a plain account."""

from __future__ import annotations

from dataclasses import asdict

from edge_agent.alarms.life import TRANSITIONS
from edge_agent.validate.alarms.bench import AlarmBench
from edge_agent.validate.alarms.fuzz import Result, play
from edge_agent.validate.section import Outcome, Section, Table, Verdict

EPISODES, QUICK_EPISODES = 1000, 200


def measure(bench: AlarmBench) -> Outcome:
    """Play the episodes, and count what the engine did that it must not."""
    result = play(QUICK_EPISODES if bench.quick else EPISODES, bench.seed)
    taken = len(TRANSITIONS) - len(result.never_taken)
    figures = asdict(result) | {"taken": sorted(f"{a}: {b}" for a, b in result.taken)}
    return Outcome(
        summary="Minutes of saturation that go below the limit and back, with restarts, pauses of"
        " the audio, missing values and people who acknowledge, all by chance. Beside the engine"
        " runs an account too plain to be wrong; every second both must agree on what stands.",
        tables=[_table(result, taken)],
        verdicts=_verdicts(result, taken),
        figures=figures,
    )


def _table(result: Result, taken: int) -> Table:
    return Table(
        title=f"{result.episodes} episodes",
        columns=("what", "count"),
        rows=[
            ["times the alarm had to come", result.onsets],
            ["times it latched", result.latched],
            ["restarts", result.restarts],
            ["pauses of the audio", result.pauses],
            ["transitions taken", f"{taken} of {len(TRANSITIONS)}"],
            ["alarms of high priority missed", result.missed_high],
            ["new alarms of high priority silenced by a pause", result.silenced_high],
            ["seconds in which an alarm was lost", result.lost_latched],
            ["seconds in which one stood without reason", result.false_standing],
            ["alarms raised twice", result.duplicates],
        ],
    )


def _verdicts(result: Result, taken: int) -> list[Verdict]:
    def none(what: str, measured: int) -> Verdict:
        return Verdict(what=what, measured=measured, at_most=0, digits=0)

    return [
        Verdict(
            what="transitions of the alarm states taken", measured=taken,
            at_least=len(TRANSITIONS), digits=0,
        ),
        none("alarms of high priority missed", result.missed_high),
        none("new alarms of high priority silenced by a pause", result.silenced_high),
        none("seconds in which a standing or latched alarm was lost", result.lost_latched),
        none("seconds in which an alarm stood without reason", result.false_standing),
        none("alarms of one episode raised twice", result.duplicates),
    ]  # fmt: skip


SECTION = Section(name="states", title="The states of an alarm", measure=measure)
