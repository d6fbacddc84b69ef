"""``edge-agent validate``: what the signal processing is worth, measured on recordings."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_agent.validate.report import Report

EXIT_BAR_MISSED = 3


@click.group("validate")
def command() -> None:
    """Measure what the signal processing is worth, on recordings, beside other software.

    \b
    Examples:
      edge-agent validate ecg --data recordings --out report
    """


@command.command("ecg")
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of data sets: mitdb, nstdb, cpsc2019, cpsc2021, cinc2017, polar_h10.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("ecg-report"),
    show_default=True, help="Folder of the report.",
)  # fmt: skip
@click.option("--only", multiple=True, metavar="SECTION",
              help="Measure this section only; may be given more than once.")  # fmt: skip
@click.option("--quick", is_flag=True, help="A few records of each set, fast peers only.")
@click.option("--peers/--no-peers", default=True, show_default=True,
              help="Run the installed peers beside the hub's own.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Seed of everything random.")
@click.option("--strict", is_flag=True, help="End with 3 when a bar is missed.")
def ecg(
    data: Path,
    out: Path,
    only: tuple[str, ...],
    quick: bool,
    peers: bool,
    seed: int,
    strict: bool,
) -> None:
    """Score the ECG processing on annotated recordings and write one report.

    Writes report.md, report.json and plots. Records are what the folders hold; a set that is
    missing is named in the report. Needs the extra: pip install 'bedside-edge-agent[bench]'.

    Exit codes: 0 the report is written; 1 it can't be, with the reason; 2 wrong usage; 3 with
    --strict, a bar is missed.

    \b
    Examples:
      edge-agent validate ecg --data recordings
      edge-agent validate ecg --data recordings --quick --only rpeaks --only noise
    """
    from rich.console import Console

    from edge_agent.validate import report as page
    from edge_agent.validate.ecg.page import measure, section_names

    unknown = sorted(set(only) - set(section_names()))
    if unknown:
        raise click.BadParameter(
            f"there is no section {unknown[0]}; there are {', '.join(section_names())}",
            param_hint="--only",
        )
    console = Console(stderr=True)
    with console.status("reading") as status:
        report = measure(
            data,
            only=only,
            quick=quick,
            with_peers=peers,
            seed=seed,
            command=shlex.join(["edge-agent", *sys.argv[1:]]),
            tell=status.update,
            done=lambda one: console.print(f"{one.title}: {one.seconds:.0f} s", highlight=False),
        )
        status.update("writing")
        written, _ = page.write(report, out)
    _print_bars(report)
    click.echo(f"The report is {written}")
    if strict and any(one.met is False for one in report.verdicts):
        sys.exit(EXIT_BAR_MISSED)


def _print_bars(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("what", "bar", "measured", "best peer", "met", title=report.title)
    colours = {True: "green", False: "red", None: "dim"}
    words = {True: "yes", False: "no", None: "not measured"}
    for one in report.verdicts:
        table.add_row(
            one.what,
            one.bar,
            one.figure(one.measured) or one.remark,
            f"{one.figure(one.peer_measured)} ({one.peer})" if one.peer else "",
            f"[{colours[one.met]}]{words[one.met]}[/]",
        )
    Console().print(table)
    for line in report.absent:
        click.echo(line)
