"""The alarm report: its sections in order, and what they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_agent.validate.alarms import deterioration, month, news2, quiet, states
from edge_agent.validate.alarms.bench import TABLES, AlarmBench
from edge_agent.validate.report import Report
from edge_agent.validate.run import Wish, header, run
from edge_agent.validate.section import Section

SECTIONS: Sequence[Section[AlarmBench]] = (
    states.SECTION,
    month.SECTION,
    quiet.SECTION,
    news2.SECTION,
    deterioration.SECTION,
)

_TITLE = "What the alarms are worth"
_INTRODUCTION = (
    "Everything on this page was measured in one run, by the command named below; nothing is copied"
    " from elsewhere. What is made up is seeded and says so. Not a medical device: these figures"
    " are engineering, not clinical evidence."
)


def section_names() -> list[str]:
    """Names of the sections, for ``--only``."""
    return [section.name for section in SECTIONS]


def measure(data: Path, wish: Wish) -> Report:
    """Run the sections that are wanted, with the tables under ``data``, and return the report.

    A section whose table is not there names it and measures nothing.

    :raises EdgeError: a table that can't be read.
    """
    chapters = run(
        SECTIONS,
        wish,
        lambda tell: AlarmBench(data=data, quick=wish.quick, seed=wish.seed, tell=tell),
    )
    tables = sorted(file.name for file in (data / TABLES).glob("*.csv"))
    records = f"{len(tables)} tables of known answers" if tables else "no tables of known answers"
    return Report(
        title=_TITLE,
        introduction=_INTRODUCTION,
        header=header(wish, records, ("numpy",)),
        chapters=chapters,
    )
