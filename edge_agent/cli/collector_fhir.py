"""``edge-agent collector fhir`` and ``refused``: what was collected, on a FHIR server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge_agent.collector.fhir.progress import PutAside
    from edge_agent.collector.fhir.running import Wishes

_FILE = click.Path(path_type=Path, dir_okay=False)
_DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True,
    help="The collector's folder.",
)  # fmt: skip


@click.command("fhir")
@click.argument("server", metavar="URL")
@_DIRECTORY
@click.option("--follow", is_flag=True, help="Go on with what comes, until SIGTERM or Ctrl-C.")
@click.option("--every", "every_s", type=float, default=5.0, show_default=True, help="Seconds.")
@click.option("--token-file", type=_FILE, help="Bearer token; read anew before every request.")
@click.option("--ca", "ca_file", type=_FILE, help="Authority of the server's certificate (PEM).")
@click.option(
    "--bundle", "kind", type=click.Choice(["transaction", "batch"]), default="transaction",
    show_default=True,
)  # fmt: skip
@click.option(
    "--entries", type=click.IntRange(1, 500), default=8, show_default=True,
    help="Resources in a bundle; some servers take no more conditional creates at once.",
)  # fmt: skip
@click.option(
    "--patients",
    "patients_file",
    type=_FILE,
    help="CSV: subject,patient (a pseudonym, Patient/ID).",
)
@click.option("--test-data", "is_test", is_flag=True, help="Mark everything as test data (HTEST).")
@click.option(
    "--hold", "hold_s", type=float, default=3600.0, show_default=True,
    help="Seconds that a record waits for its hub's clock to be verified.",
)  # fmt: skip
def fhir(directory: Path, follow: bool, every_s: float, **wishes: Any) -> None:  # noqa: ANN401
    """Write what the collector has opened to a FHIR R4 server, each thing once.

    It goes on where it ended the last time. What the server refuses is put aside:
    edge-agent collector refused.

    \b
    Examples:
      edge-agent collector fhir https://fhir.example.org/r4 --dir /srv/collector
      edge-agent collector fhir https://fhir.example.org/r4 --dir /srv/collector \\
          --follow --token-file /run/credentials/token --patients patients.csv
    """
    from edge_agent.collector.fhir.running import Wishes

    asyncio.run(_write(directory, Wishes(**wishes), every_s if follow else None))


@click.command("refused")
@_DIRECTORY
@click.option("--retry", is_flag=True, help="Have all of it tried again by the next run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the resources.")
def refused(directory: Path, retry: bool, as_json: bool) -> None:
    """Show what FHIR servers have refused, and why.

    \b
    Examples:
      edge-agent collector refused --dir /srv/collector
      edge-agent collector refused --dir /srv/collector --retry
    """
    import msgspec

    aside, retried = asyncio.run(_aside(directory, retry))
    if as_json:
        click.echo(msgspec.json.encode(aside))
        return
    for one in aside:
        click.echo(f"{one.kind} {one.identifier}\n  of record {one.record}\n  {one.reason}")
    click.echo(f"{len(aside)} refused" + (f", {retried} to be tried again" if retry else ""))


async def _write(directory: Path, wishes: Wishes, every_s: float | None) -> None:
    import contextlib
    import signal

    from edge_agent.collector.fhir.running import open_writer

    async with open_writer(directory, wishes) as writer:
        running = asyncio.ensure_future(
            writer.write() if every_s is None else writer.follow(every_s)
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running
        done = writer.written
        click.echo(
            f"{done.records} records, {done.observations} Observations "
            f"({done.created} resources new), {done.put_aside} put aside, {done.put_off} waiting"
        )


async def _aside(directory: Path, retry: bool) -> tuple[list[PutAside], int]:
    from edge_agent.collector.fhir.progress import PROGRESS_FILE, Progress
    from edge_agent.errors import StoreError

    if not (directory / PROGRESS_FILE).exists():
        raise StoreError(str(directory / PROGRESS_FILE), "not there", "Nothing was written yet")
    progress = await Progress.open(directory)
    try:
        aside = await progress.aside()
        return aside, await progress.retry_aside() if retry else 0
    finally:
        await progress.close()
