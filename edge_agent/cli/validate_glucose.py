"""``edge-agent validate glucose``: forecasts of glucose and their alarm on CGM traces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent.cli.validate_report import report_options, write_report

if TYPE_CHECKING:
    from edge_agent.validate.run import Wish


def _section_names() -> list[str]:
    from edge_agent.validate.glucose.page import section_names

    return section_names()


@click.command("glucose")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with a folder of CSV files for each data set.",
)  # fmt: skip
@click.option(
    "--predictions", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Write every forecast and alarm of the shipped weights there instead of a report.",
)  # fmt: skip
@report_options("glucose-report", section_names=_section_names)
def command(data: Path, out: Path, predictions: Path | None, wish: Wish, *, strict: bool) -> None:
    """Score the glucose forecast on CGM traces and write one report.

    Each trace is a CSV file with the columns time, glucose_mgdl and, where known, carbs_g and
    insulin_u. Each patient is forecast by weights learnt from the others. With --predictions the
    shipped weights run over every patient, once and causally, and the forecasts are written
    instead: time, horizon_min, pred, lo90, hi90, sigma, and beside them the alarm.

    Exit codes: 0 it is written; 1 it can't be, with the reason; 2 wrong usage; 3 with --strict, a
    bar is missed or was not measured.

    \b
    Examples:
      edge-agent validate glucose --data traces
      edge-agent validate glucose --data traces --predictions forecasts
    """
    if predictions is not None:
        from edge_agent.validate.glucose.predictions import write_all

        count = write_all(data, predictions, lambda name: click.echo(name, err=True))
        click.echo(f"The forecasts of {count} patients are in {predictions}")
        return
    from edge_agent.validate.glucose.page import measure

    write_report(lambda wish: measure(data, wish), wish, out, strict=strict)
