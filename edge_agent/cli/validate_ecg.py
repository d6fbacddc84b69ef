"""``edge-agent validate ecg``: the ECG processing on annotated recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent.cli.validate_report import report_options, write_report

if TYPE_CHECKING:
    from edge_agent.validate.run import Wish


def _section_names() -> list[str]:
    from edge_agent.validate.ecg.page import section_names

    return section_names()


@click.command("ecg")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of data sets: mitdb, nstdb, cpsc2019, cpsc2021, cinc2017, polar_h10.",
)  # fmt: skip
@report_options("ecg-report", section_names=_section_names)
def command(data: Path, out: Path, wish: Wish, *, strict: bool) -> None:
    """Score the ECG processing on annotated recordings and write one report.

    Writes report.md, report.json and plots. Records are what the folders hold; a set that is
    missing is named in the report. Needs the extra: pip install 'bedside-edge-agent[bench]'.

    Exit codes: 0 the report is written; 1 it can't be, with the reason; 2 wrong usage; 3 with
    --strict, a bar is missed or was not measured.

    \b
    Examples:
      edge-agent validate ecg --data recordings
      edge-agent validate ecg --data recordings --quick --only rpeaks --only noise
    """
    from edge_agent.validate.ecg.page import measure

    write_report(lambda wish: measure(data, wish), wish, out, strict=strict)
