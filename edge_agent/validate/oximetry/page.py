"""The oximetry report: its sections in order, and what they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_agent.validate.oximetry import agreement, gating, indices, replay
from edge_agent.validate.oximetry.bench import OximetryBench
from edge_agent.validate.oximetry.peer import NAME, installed
from edge_agent.validate.report import Report
from edge_agent.validate.run import Wish, header, run
from edge_agent.validate.section import Section
from edge_agent.validate.software import require

SECTIONS: Sequence[Section[OximetryBench]] = (
    indices.SECTION,
    replay.SECTION,
    gating.SECTION,
    agreement.SECTION,
)

_TITLE = "What the oximetry is worth"
_INTRODUCTION = (
    "Everything on this page was measured in one run, by the command named below; nothing is copied"
    " from elsewhere. What is made up is seeded and says so. Not a medical device: figures on made-"
    "up nights are engineering, not clinical evidence."
)


def section_names() -> list[str]:
    """Names of the sections, for ``--only``."""
    return [section.name for section in SECTIONS]


def measure(data: Path, wish: Wish) -> Report:
    """Run the sections that are wanted, with the tables under ``data``, and return the report.

    :raises EdgeError: matplotlib missing, a table that can't be read.
    """
    require(("matplotlib",))
    peers, lacking = installed() if wish.with_peers else ((), ["peers: left out"])
    known = OximetryBench(data=data).known_nights()
    chapters = run(
        SECTIONS,
        wish,
        lambda tell: OximetryBench(
            data=data, peers=peers, quick=wish.quick, seed=wish.seed, tell=tell
        ),
    )
    records = f"{len(known)} nights with known figures" if known else "no tables of known figures"
    return Report(
        title=_TITLE,
        introduction=_INTRODUCTION,
        header=header(wish, records, ("numpy", "matplotlib", NAME)),
        chapters=chapters,
        missing=lacking,
    )
