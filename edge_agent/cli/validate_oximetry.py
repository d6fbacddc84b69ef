"""``edge-agent validate oximetry``: indices of a night, alarms, artefacts, pulse against ECG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent.cli.validate_report import report_options, write_report

if TYPE_CHECKING:
    from edge_agent.validate.run import Wish


def _section_names() -> list[str]:
    from edge_agent.validate.oximetry.page import section_names

    return section_names()


@click.command("oximetry")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with nights of known figures in twin/.",
)  # fmt: skip
@report_options("oximetry-report", section_names=_section_names)
def command(data: Path, out: Path, wish: Wish, *, strict: bool) -> None:
    """Measure indices, alarms, artefact gating and pulse agreement; write one report.

    Writes report.md, report.json and plots. Nights of known figures are read from twin/; what
    else is needed is made up from the seed. Needs the extra: pip install
    'bedside-edge-agent[bench]'. The peer pobm is compared with where it is installed.

    Exit codes: 0 the report is written; 1 it can't be, with the reason; 2 wrong usage; 3 with
    --strict, a bar is missed or was not measured.

    \b
    Examples:
      edge-agent validate oximetry --data tables
      edge-agent validate oximetry --data tables --quick --only replay --strict
    """
    from edge_agent.validate.oximetry.page import measure

    write_report(lambda wish: measure(data, wish), wish, out, strict=strict)
