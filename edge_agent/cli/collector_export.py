"""``edge-agent collector export``: what was collected, as one SQLite file for research."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("export")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dir", "directory", type=_FOLDER, required=True, help="The collector's folder.")
@click.option(
    "--pseudonymise", is_flag=True,
    help="Give persons, hubs and sensors names of this export only.",
)  # fmt: skip
def command(target: Path, directory: Path, pseudonymise: bool) -> None:
    """Write everything that was opened to a new SQLite file, with units, codes and times.

    A collector may be running all the while.

    \b
    Examples:
      edge-agent collector export research.sqlite --dir /srv/collector
      edge-agent collector export research.sqlite --dir /srv/collector --pseudonymise
    """
    from rich.console import Console
    from rich.progress import Progress

    from edge_agent.collector.research import export

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("writing rows", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        counts = export(directory, target, pseudonymise=pseudonymise, progress=progress)
    rows = ", ".join(f"{count} {table}" for table, count in counts.items() if count)
    click.echo(f"{target}: {rows or 'no rows'}")
