"""``edge-agent config``: check a configuration, or print an example."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("config")
def command() -> None:
    """Check a configuration, or print an example."""


@command.command("check")
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check FILE as the start of the hub would: keys, values, drivers, profiles, keys on disk.

    \b
    Example:
      edge-agent config check /etc/edge-agent/hub.toml
    """
    from edge_agent.plan import plan

    planned = plan(file)
    click.echo(f"{file}: good")
    for sensor in planned.sensors:
        one = sensor.settings
        where = one.address or one.port or f"{one.host}:{one.network_port}"
        click.echo(f"  {one.name}: {sensor.driver.title}, at {where}")
    if planned.settings.collector is None:
        click.echo("  no [collector]: summaries are not kept, alarms stay on this hub")
    else:
        click.echo(f"  summaries go to {planned.settings.collector.url}")


@command.command("example")
def example() -> None:
    """Print a commented example configuration, with a pseudonym drawn for it.

    \b
    Example:
      edge-agent config example > hub.toml
    """
    import secrets

    from edge_agent.contradictions import NOBODY
    from edge_agent.shared_files import shared_file

    text = shared_file("config/hub.toml").read_text(encoding="utf-8")
    click.echo(text.replace(NOBODY, secrets.token_hex(16)), nl=False)
