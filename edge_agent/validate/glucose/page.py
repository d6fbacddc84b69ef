"""The glucose report: its sections in order, and what they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_agent.validate.glucose import alarms, crises, forecasts, glycaemia
from edge_agent.validate.glucose.bench import GlucoseBench
from edge_agent.validate.report import Report
from edge_agent.validate.run import Wish, header, run
from edge_agent.validate.section import Section
from edge_agent.validate.software import require

SECTIONS: Sequence[Section[GlucoseBench]] = (
    *forecasts.SECTIONS[:3], alarms.SECTION, crises.SECTION, *forecasts.SECTIONS[3:],
    glycaemia.SECTION,
)  # fmt: skip

_TITLE = "What the glucose forecast is worth"
_INTRODUCTION = (
    "Everything on this page was measured in one run, on the traces named below, each patient by"
    " weights learnt from the others. Not a medical device: figures on recordings are engineering,"
    " not clinical evidence."
)


def section_names() -> list[str]:
    """Names of the sections, for ``--only``."""
    return [section.name for section in SECTIONS]


def measure(data: Path, wish: Wish) -> Report:
    """Run the sections that are wanted on the traces under ``data`` and return the report.

    :raises EdgeError: matplotlib missing, no trace, or one that can't be read.
    """
    require(["matplotlib"])
    files = len([one for one in data.glob("*/*.csv") if not one.name.endswith(".alarm.csv")])
    chapters = run(
        SECTIONS, wish, lambda tell: GlucoseBench(data=data, quick=wish.quick, tell=tell)
    )
    return Report(
        title=_TITLE, introduction=_INTRODUCTION, chapters=chapters,
        header=header(wish, f"{files} patients", ("numpy", "matplotlib")),
    )  # fmt: skip
