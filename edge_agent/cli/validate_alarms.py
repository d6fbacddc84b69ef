"""``edge-agent validate alarms``: the alarms on seeded episodes, a made-up month, known answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent.cli.validate_report import report_options, write_report

if TYPE_CHECKING:
    from edge_agent.validate.run import Wish


def _section_names() -> list[str]:
    from edge_agent.validate.alarms.page import section_names

    return section_names()


@click.command("alarms")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the tables of known answers in twin/.",
)  # fmt: skip
@report_options("alarm-report", section_names=_section_names)
def command(data: Path, out: Path, wish: Wish, *, strict: bool) -> None:
    """Measure the alarms on seeded episodes, a made-up month and known answers; write one report.

    Writes report.md and report.json. A table that is missing is named in the report.

    Exit codes: 0 the report is written; 1 it can't be, with the reason; 2 wrong usage; 3 with
    --strict, a bar is missed or was not measured.

    \b
    Examples:
      edge-agent validate alarms --data tables
      edge-agent validate alarms --data tables --only states --strict
    """
    from edge_agent.validate.alarms.page import measure

    write_report(lambda wish: measure(data, wish), wish, out, strict=strict)
