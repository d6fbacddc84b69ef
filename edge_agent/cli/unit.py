"""``edge-agent unit``: make the hub a service of systemd, or no service any more."""

from __future__ import annotations

from pathlib import Path

import click

_ROOT = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), default=Path("/"),
    show_default=True, help="The system to do it to: its file system's root.",
)  # fmt: skip
_APPLY = "systemd-sysusers && systemd-tmpfiles --create && udevadm control --reload"


@click.group("unit")
def command() -> None:
    """Make the hub a service of systemd, or no service any more.

    The Debian package (make deb) brings the same files and needs none of this.
    """


@command.command("show")
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Print the service's files, or the one called NAME.

    \b
    Examples:
      edge-agent unit show
      edge-agent unit show edge-agent.service
    """
    from edge_agent.service_files import SERVICE_FILES, ServiceFileError, text_of

    chosen = [one for one in SERVICE_FILES if name in {None, one.name, Path(one.admin).name}]
    if not chosen:
        known = ", ".join(one.name for one in SERVICE_FILES)
        raise ServiceFileError(str(name), "no file of the service", f"Known: {known}")
    for one in chosen:
        if name is None:
            click.echo(f"# /{one.admin}")
        click.echo(text_of(one, _program()))


@command.command("install")
@_ROOT
def install(root: Path) -> None:
    """Write unit, user, folders, udev rules and a drop-in for BlueZ into place.

    Nothing is started. What is there already as it should be is left as it is.

    \b
    Example:
      sudo edge-agent unit install
    """
    from edge_agent import service_files

    program = _program()
    written = service_files.install(root, program)
    for path in written:
        click.echo(f"wrote {path}")
    if not written:
        click.echo("everything is in place already")
    config = "/etc/edge-agent/hub.toml"
    click.echo(
        f"\nNext:\n  {_APPLY} && systemctl daemon-reload\n"
        f"  {program} config example > {config}    # then edit it, and\n"
        f"  {program} config check {config}\n"
        f"  systemctl enable --now edge-agent"
    )


@command.command("remove")
@_ROOT
def remove(root: Path) -> None:
    """Take away what ``install`` wrote; configuration and state stay.

    \b
    Example:
      sudo systemctl disable --now edge-agent && sudo edge-agent unit remove
    """
    from edge_agent import service_files

    removed = service_files.remove(root)
    for path in removed:
        click.echo(f"removed {path}")
    if not removed:
        click.echo("there was nothing to remove")
        return
    click.echo(
        "\nNext:\n  systemctl daemon-reload\n"
        "Kept: /etc/edge-agent, /var/lib/edge-agent and the user edge-agent. What was buffered and "
        "not delivered lies in the second."
    )


def _program() -> str:
    """Return the command as the service is to call it."""
    import sys

    return str(Path(sys.prefix) / "bin" / "edge-agent")
