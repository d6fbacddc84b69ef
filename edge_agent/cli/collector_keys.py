"""``edge-agent collector keys``: draw and show the keys that records are sealed to."""

from __future__ import annotations

from pathlib import Path

import click

_SUITES = ("x-wing", "x25519")


@click.group("keys")
def command() -> None:
    """Draw and show the keys that records are sealed to."""


@command.command("new")
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False),
    help="The collector's folder.",
)  # fmt: skip
@click.option(
    "--recovery", type=click.Path(path_type=Path, file_okay=False),
    help="Draw a recovery pair into this folder instead.",
)  # fmt: skip
@click.option("--suite", type=click.Choice(_SUITES), default="x-wing", show_default=True)
def new(directory: Path | None, recovery: Path | None, suite: str) -> None:
    """Draw a new key for hubs to seal to, or a recovery pair.

    The collector's older keys stay: hubs may still hold what was sealed to them. Draw a recovery
    pair on a machine without a network: its private half opens every record, and belongs into a
    safe. It must be of the suite that the collector's key is of.

    \b
    Examples:
      edge-agent collector keys new --dir /srv/collector
      edge-agent collector keys new --recovery /media/usb/recovery
    """
    from edge_agent.collector.keyring import (
        RECIPIENT_FILE,
        RECOVERY_FILE,
        RECOVERY_PRIVATE_FILE,
        draw,
        draw_recovery,
    )
    from edge_agent.store.suites import Suite

    if (directory is None) == (recovery is None):
        raise click.UsageError("give either --dir or --recovery")
    if directory is not None:
        public = draw(directory, Suite.of_label(suite))
        click.echo(f"key {public.key_id.hex()} ({suite}) is the one hubs seal to from now on")
        click.echo(f"give hubs {directory / RECIPIENT_FILE}, then restart the collector")
    elif recovery is not None:
        public = draw_recovery(recovery, Suite.of_label(suite))
        click.echo(f"recovery key {public.key_id.hex()} ({suite})")
        click.echo(f'give hubs {recovery / RECOVERY_FILE} (recovery = "..." in [collector])')
        click.echo(f"lock {recovery / RECOVERY_PRIVATE_FILE} away: it opens every record")


@command.command("show")
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False, exists=True),
    required=True, help="The collector's folder.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def show(directory: Path, as_json: bool) -> None:
    """Show the collector's keys by their ids; never what is secret of them.

    \b
    Example:
      edge-agent collector keys show --dir /srv/collector
    """
    import msgspec

    from edge_agent.collector.keyring import listed

    keys = listed(directory)
    if as_json:
        click.echo(msgspec.json.encode(keys))
        return
    for key in keys:
        use = "hubs seal to it" if key.current else "opens what was sealed to it"
        click.echo(f"{key.key_id}  {key.suite:7}  {use}")
