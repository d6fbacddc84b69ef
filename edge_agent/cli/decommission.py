"""``edge-agent decommission``: the end of a hub's life."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command("decommission")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), required=True,
    help="The hub's configuration (TOML).",
)  # fmt: skip
@click.option("--drain-s", default=60.0, show_default=True, type=click.FloatRange(0, 3600),
              help="For how long to try to deliver what waits.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Don't ask, not even when records would be lost.")
def command(config_file: Path, drain_s: float, yes: bool) -> None:
    """Deliver what waits, tell the collector, and wipe the hub's keys and everything it kept.

    Stop the hub first. What can't be delivered is counted, and lost only after you have said so.
    Without its keys this box is nobody: it can be given away, or enrolled as a new hub. Sensors
    stay paired with the machine until 'edge-agent pair' is told to forget them.

    \b
    Example:
      systemctl stop edge-agent && edge-agent decommission --config /etc/edge-agent/hub.toml
    """
    from edge_agent.clock import SystemClock
    from edge_agent.errors import SealError, SyncError
    from edge_agent.farewell import Farewell
    from edge_agent.plan import plan

    farewell = Farewell(plan(config_file), SystemClock())
    click.echo(f"hub {farewell.hub}")
    waiting = asyncio.run(farewell.deliver(drain_s))
    if waiting is None:
        click.echo("nothing was ever kept for a collector")
    elif waiting.records:
        alarms = f", {waiting.alarms} of them alarms" if waiting.alarms else ""
        click.echo(f"{waiting.records} record(s){alarms} could not be delivered: {waiting.reason}")
    else:
        click.echo("everything is delivered")
    click.echo("to be wiped:")
    for path in farewell.files():
        click.echo(f"  {path}")
    if not yes:
        click.confirm("Wipe all of it? Nobody can bring it back", abort=True)
    try:
        told = asyncio.run(farewell.tell())
    except (SyncError, SealError) as error:
        told = False
        click.echo(f"the collector could not be told: {error}", err=True)
    farewell.wipe()
    click.echo("wiped")
    if not told:
        click.echo(f"At the collector: edge-agent collector revoke {farewell.hub}", err=True)
