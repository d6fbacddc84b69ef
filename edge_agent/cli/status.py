"""``edge-agent status``: what a running hub sees, holds and sends."""

from __future__ import annotations

from pathlib import Path

import click

_DEFAULT_SOCKET = Path("/run/edge-agent/control.sock")


@click.command("status")
@click.option(
    "--socket", "socket_path", type=click.Path(path_type=Path), default=_DEFAULT_SOCKET,
    show_default=True, help="The hub's control socket (hub.control_socket).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(socket_path: Path, as_json: bool) -> None:
    """Show what a running hub sees, holds and sends.

    \b
    Examples:
      edge-agent status
      edge-agent status --json | jq .store.buffered
    """
    import asyncio

    import msgspec

    from edge_agent.control import ask_status

    status = asyncio.run(ask_status(socket_path))
    if as_json:
        click.echo(msgspec.json.encode(status))
        return
    from rich.console import Console

    from edge_agent.cli.tables import status_tables

    console = Console()
    for table in status_tables(status):
        console.print(table)
