"""``edge-agent collector quarantine``: records that are kept and not opened."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edge_agent.collector.quarantine import Quarantined

_DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True, help="The collector's folder.",
)  # fmt: skip


@click.group("quarantine")
def command() -> None:
    """List and release records that are kept and not opened."""


@command.command("list")
@_DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_(directory: Path, as_json: bool) -> None:
    """List the records in quarantine, and why they are there.

    \b
    Example:
      edge-agent collector quarantine list --dir /srv/collector
    """
    import msgspec

    found = asyncio.run(_listed(directory))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for one in found:
        place = f"hub {one.hub[:8]} epoch {one.epoch} place {one.seq}"
        click.echo(f"{one.id}  {place}  {one.octets} octets: {one.reason}")
    click.echo(f"{len(found)} record(s) in quarantine")


@command.command("release")
@_DIRECTORY
@click.option("--trust", is_flag=True, help="Open also what a day key out of order has signed.")
@click.argument("record_ids", nargs=-1, metavar="[RECORD]...")
def release(directory: Path, trust: bool, record_ids: tuple[str, ...]) -> None:
    """Judge records in quarantine once more, and open those that fit now.

    Without a record's id all are judged: after an update of the collector, formats that were not
    known may be. With --trust you say that a hub's day keys are out of order for a reason you know,
    such as a card restored from an older copy.

    \b
    Examples:
      edge-agent collector quarantine release --dir /srv/collector
      edge-agent collector quarantine release --dir /srv/collector --trust 6f0c…
    """
    try:
        wanted = [bytes.fromhex(one) for one in record_ids]
    except ValueError as error:
        raise click.UsageError(f"a record's id has 64 hexadecimal digits: {error}") from error
    released, kept, opened = asyncio.run(_released(directory, wanted or None, trust))
    click.echo(f"{released} released, {kept} stay in quarantine, {opened} record(s) opened")


async def _listed(directory: Path) -> list[Quarantined]:
    from edge_agent.collector.quarantine import quarantined
    from edge_agent.collector.store import CollectorStore

    store = await CollectorStore.open(directory)
    try:
        return await quarantined(store.database)
    finally:
        await store.close()


async def _released(
    directory: Path, wanted: list[bytes] | None, trust: bool
) -> tuple[int, int, int]:
    from edge_agent.collector import Collector

    collector = await Collector.open(directory)
    try:
        released, kept = await collector.release(wanted, trust=trust)
        return released, kept, await collector.open_records()
    finally:
        await collector.close()
