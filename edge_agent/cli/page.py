"""``edge-agent page``: the bedside page of a running hub."""

from __future__ import annotations

from pathlib import Path

import click

from edge_agent.cli.status import hub_options, socket_of


@click.group("page")
def command() -> None:
    """Admit a browser on the network to the bedside page of a running hub."""


@command.command("code")
@hub_options
def code(socket_path: Path | None, config_file: Path | None) -> None:
    """Show a code to be typed into a browser: good once, for ten minutes.

    On the hub's own screen nobody needs one. Only root and the service's own user may ask.

    \b
    Example:
      sudo edge-agent page code
    """
    import asyncio

    from edge_agent.asking import ask_page_code

    digits = asyncio.run(ask_page_code(socket_of(socket_path, config_file)))
    click.echo(f"{digits[:4]} {digits[4:]}\nGood once, for ten minutes.")
