"""``edge-agent status``: what a running hub sees, holds and sends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

_DEFAULT_SOCKET = Path("/run/edge-agent/control.sock")


Command = TypeVar("Command", bound=Callable[..., object])


def hub_options(command: Command) -> Command:
    """Add the options that tell where a running hub is asked."""
    socket_option = click.option(
        "--socket", "socket_path", type=click.Path(path_type=Path),
        help=f"The hub's control socket.  [default: {_DEFAULT_SOCKET}]",
    )  # fmt: skip
    config_option = click.option(
        "--config", "config_file", type=click.Path(path_type=Path),
        help="Take the control socket from this configuration.",
    )  # fmt: skip
    return socket_option(config_option(command))


def bed_option(command: Command) -> Command:
    """Add the option that tells which of a hub's beds is meant."""
    return click.option("--bed", help="Which bed, where the hub watches several.")(command)


def socket_of(socket_path: Path | None, config_file: Path | None) -> Path:
    """Return the control socket that the options of :func:`hub_options` name.

    :raises ConfigError: the configuration can't be used.
    """
    if config_file is None:
        return socket_path or _DEFAULT_SOCKET
    from edge_agent import config

    return Path(config.load(config_file).hub.control_socket)


@click.command("status")
@hub_options
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

    status = asyncio.run(ask_status(socket_of(socket_path, config_file)))
    if as_json:
        click.echo(msgspec.json.encode(status))
        return
    from rich.console import Console

    from edge_agent.cli.tables import status_tables

    console = Console()
    for table in status_tables(status):
        console.print(table)
