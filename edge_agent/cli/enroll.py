"""``edge-agent enroll``: makes a hub known to its collector."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command("enroll")
@click.argument("url")
@click.argument("token")
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), required=True,
    help="The hub's configuration (TOML): it says where the hub keeps its state.",
)  # fmt: skip
def command(url: str, token: str, config_file: Path) -> None:
    """Make this hub known to the collector at URL with the TOKEN that was made there.

    The hub draws a key, has it certified, and keeps what it needs to deliver: the collector's
    authority, its public key, its own certificate. The token tells the right collector from any
    other, so nothing is taken on trust. Enrolling again replaces what was kept.

    \b
    Example:
      edge-agent enroll https://collector.clinic.example TOKEN --config /etc/edge-agent/hub.toml
    """
    from edge_agent.clock import SystemClock
    from edge_agent.config import load
    from edge_agent.errors import EdgeError
    from edge_agent.store.keys import HubIdentity
    from edge_agent.sync.enrolment import enrol
    from edge_agent.sync.token import Token

    if not url.startswith("https://"):
        raise click.UsageError(f"{url} is no https:// address: a token is told to no one else")
    read = Token.parse(token)
    settings = load(config_file)
    state_dir = Path(settings.hub.state_dir)
    identity = HubIdentity.load_or_create(state_dir)
    credentials = asyncio.run(enrol(url, read, identity, state_dir, SystemClock()))
    try:
        _give_to_owner(state_dir, credentials.folder)
    except OSError as error:
        step = "Give it to the account that runs the hub (chown)"
        raise EdgeError(str(credentials.folder), error.strerror or str(error), step) from error
    until = credentials.certificate().not_valid_after_utc
    click.echo(f"hub {identity.hub_id.hex()} is enrolled; its certificate, good until")
    click.echo(f"{until:%Y-%m-%d}, is renewed by itself")
    collector = settings.collector
    if collector is None or collector.url.rstrip("/") != url.rstrip("/"):
        click.echo(
            f'\nWrite into {config_file}, then restart the hub:\n\n[collector]\nurl = "{url}"'
        )
    else:
        click.echo("Restart the hub, or send it SIGHUP.")


def _give_to_owner(state_dir: Path, folder: Path) -> None:
    """Give what root has written to whom the state belongs: the hub runs as somebody else."""
    import os

    if os.geteuid() != 0:
        return
    owner = state_dir.stat()
    for path in (
        folder,
        *folder.iterdir(),
        *state_dir.glob("identity.pem"),
        state_dir / "hub.json",
    ):
        os.chown(path, owner.st_uid, owner.st_gid)
