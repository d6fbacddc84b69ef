"""``edge-agent status``: what a running hub sees, holds and sends."""

from __future__ import annotations

from pathlib import Path

import click

_DEFAULT_SOCKET = Path("/run/edge-agent/control.sock")


@click.command("status")
@click.option(
    "--socket", "socket_path", type=click.Path(path_type=Path),
    help=f"The hub's control socket.  [default: {_DEFAULT_SOCKET}]",
)  # fmt: skip
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path),
    help="Take the control socket from this configuration.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(socket_path: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Show what a running hub sees, holds and sends.

    \b
    Examples:
      edge-agent status
      edge-agent status --json | jq .store.buffered
    """
    import asyncio

    import msgspec

    from edge_agent.asking import ask_status

    if config_file is not None:
        from edge_agent import config

        socket_path = Path(config.load(config_file).hub.control_socket)
    status = asyncio.run(ask_status(socket_path or _DEFAULT_SOCKET))
    if as_json:
        click.echo(msgspec.json.encode(status))
        return
    from rich.console import Console

    from edge_agent.cli.tables import status_tables

    console = Console()
    for table in status_tables(status):
        console.print(table)
