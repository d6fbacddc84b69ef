"""``edge-agent alarms``: what stands at a running hub, and that somebody has seen it."""

from __future__ import annotations

from pathlib import Path

import click

from edge_agent.cli.status import hub_options, socket_of


@click.group("alarms")
def command() -> None:
    """Show the alarms that stand at a running hub, and acknowledge them."""


@command.command("list")
@hub_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_(socket_path: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Show every alarm that stands, with its evidence and the name of its episode.

    \b
    Examples:
      edge-agent alarms list
      edge-agent alarms list --json | jq '.[].episode'
    """
    import asyncio

    import msgspec

    from edge_agent.asking import ask_status

    status = asyncio.run(ask_status(socket_of(socket_path, config_file)))
    if as_json:
        click.echo(msgspec.json.encode(status.alarms))
        return
    if not status.alarms:
        click.echo("No alarm stands.")
        return
    from rich.console import Console

    from edge_agent.cli.tables import alarm_table

    Console().print(alarm_table(status))
    for alarm in status.alarms:
        click.echo(f"{alarm.episode}  {alarm.title}, {alarm.phase}")


@command.command("acknowledge")
@hub_options
@click.argument("episode", required=False)
@click.option("--all", "every", is_flag=True, help="Every alarm that stands.")
def acknowledge(
    socket_path: Path | None, config_file: Path | None, episode: str | None, every: bool
) -> None:
    """Tell the hub that somebody has seen the alarm EPISODE, or --all of them.

    An acknowledged alarm stands, silent, until its cause has gone. Only root and the service's own
    user may.

    \b
    Examples:
      sudo edge-agent alarms acknowledge spo2-low-oximeter-1f2e3d
      sudo edge-agent alarms acknowledge --all
    """
    import asyncio

    from edge_agent.asking import ask_acknowledge

    if (episode is None) != every:
        raise click.UsageError("Give the name of one episode (edge-agent alarms list), or --all")
    path = socket_of(socket_path, config_file)
    titles = asyncio.run(ask_acknowledge(path, episode or ""))
    for title in titles:
        click.echo(f"acknowledged: {title}")
    if not titles:
        click.echo("Nothing to acknowledge: no such alarm stands, or it has been seen already.")
