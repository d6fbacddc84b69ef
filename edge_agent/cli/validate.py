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
      edge-agent validate learn ventricular --data recordings
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


@command.command("learn")
@click.argument("what", type=click.Choice(["beats", "fibrillation", "strips", "ventricular"]))
@click.option(
    "--data", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of data sets: mitdb, nstdb, cpsc2019, cpsc2021, cinc2017.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where the module is written; without it, to standard output.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Seed of everything random.")
@click.option("--report", is_flag=True, help="Tell on standard error how far it is.")
@click.option("--held-out", type=click.IntRange(min=2), metavar="PARTS",
              help="Only for beats: learn so many times, each time without a part of the records,"
              " and print the figures of the records left out; no module is written.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(min=1), default=8, show_default=True,
              help="Only for beats: how often all records are learnt from.")  # fmt: skip
def learn(
    what: str,
    data: Path,
    out: Path | None,
    seed: int,
    report: bool,
    held_out: int | None,
    rounds: int,
) -> None:
    """Learn the weights of WHAT anew and write the Python module that ships them.

    WHAT is beats (edge_agent/dsp/qrs_weights.py), fibrillation (af_weights.py), strips
    (af_strip_weights.py) or ventricular (ventricular_weights.py). The last three take less than a
    minute, beats about twenty. Fibrillation in strips is learnt from detected beats: learn it after
    the beats. Needs the extra: pip install 'bedside-edge-agent[bench]'.

    Exit codes: 0 it is learnt; 1 it can't be, with the reason; 2 wrong usage.

    \b
    Examples:
      edge-agent validate learn ventricular --data recordings
      edge-agent validate learn beats --data recordings --held-out 4 --report
    """
    if held_out is not None and what != "beats":
        raise click.BadParameter("only beats are learnt with parts left out", param_hint="WHAT")
    from edge_agent.validate.ecg.bench import EcgBench
    from edge_agent.validate.ecg.learning import held_out_lines
    from edge_agent.validate.ecg.learning import learn as learnt
    from edge_agent.validate.software import require

    require(["wfdb"])

    def tell(what: str) -> None:
        click.echo(what, err=True)

    bench = EcgBench(data=data, seed=seed, tell=tell if report else lambda _: None)
    if held_out is not None:
        for line in held_out_lines(bench, held_out, rounds=rounds):
            click.echo(line)
        return
    text = learnt(what, bench, rounds=rounds)
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        click.echo(f"The module is {out}")


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
