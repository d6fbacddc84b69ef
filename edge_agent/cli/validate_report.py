"""What every ``edge-agent validate`` report shares: its options, its run, its table of bars."""

from __future__ import annotations

import dataclasses
import functools
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_agent.validate.report import Chapter, Report
    from edge_agent.validate.run import Wish

EXIT_BAR_MISSED = 3


def report_options(
    out: str, *, section_names: Callable[[], list[str]]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of a report; the command is given ``out``, ``wish`` and ``strict``."""
    options = (
        click.option(
            "--out", type=click.Path(path_type=Path, file_okay=False), default=Path(out),
            show_default=True, help="Folder of the report.",
        ),
        click.option(
            "--only", multiple=True, metavar="SECTION",
            help="Measure this section only; may be given more than once.",
        ),
        click.option(
            "--quick", is_flag=True, help="A few records of each set, fast peers only."
        ),
        click.option(
            "--peers/--no-peers", "with_peers", default=True, show_default=True,
            help="Run the installed peers beside the hub's own.",
        ),
        click.option("--seed", default=1, show_default=True, help="Seed of everything random."),
        click.option(
            "--strict", is_flag=True,
            help="End with 3 when a bar is missed or was not measured, or a section has none.",
        ),
    )  # fmt: skip

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def wanted(
            *, only: tuple[str, ...], quick: bool, with_peers: bool, seed: int, **others: object
        ) -> None:
            from edge_agent.validate.run import Wish

            _check(only, section_names())
            typed = shlex.join(["edge-agent", *sys.argv[1:]])
            command(
                wish=Wish(
                    only=only, quick=quick, with_peers=with_peers, seed=seed, command=typed
                ),
                **others,
            )  # fmt: skip

        decorated: Callable[..., None] = wanted
        for option in reversed(options):
            decorated = option(decorated)
        return decorated

    return with_options


def write_report(measure: Callable[[Wish], Report], wish: Wish, out: Path, *, strict: bool) -> None:
    """Measure, write the report into ``out`` and print its bars.

    Ends the process with :data:`EXIT_BAR_MISSED` if ``strict`` and a bar is missed or was not
    measured, or a section has none, and says which: what was not measured has not passed.
    """
    from rich.console import Console

    from edge_agent.validate import report as page

    console = Console(stderr=True)

    def done(one: Chapter) -> None:
        console.print(f"{one.title}: {one.seconds:.0f} s", highlight=False)

    with console.status("reading") as status:
        report = measure(dataclasses.replace(wish, tell=status.update, done=done))
        status.update("writing")
        written, _ = page.write(report, out)
    _print_bars(report)
    click.echo(f"The report is {written}")
    if strict and report.shortcomings:
        for line in report.shortcomings:
            click.echo(f"--strict: {line}", err=True)
        sys.exit(EXIT_BAR_MISSED)


def _check(only: tuple[str, ...], names: list[str]) -> None:
    unknown = sorted(set(only) - set(names))
    if unknown:
        raise click.BadParameter(
            f"there is no section {unknown[0]}; there are {', '.join(names)}", param_hint="--only"
        )


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
