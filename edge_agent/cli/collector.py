"""``edge-agent collector``: run and question the clinic's end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent.cli import collector_keys, collector_quarantine

if TYPE_CHECKING:
    import ssl

_DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True,
    help="The collector's folder: keys, trusted hubs, database.",
)  # fmt: skip


@click.group("collector")
def command() -> None:
    """Run and question the clinic's end."""


command.add_command(collector_keys.command)
command.add_command(collector_quarantine.command)


@command.command("run")
@_DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True)
@click.option("--tls-cert", type=click.Path(path_type=Path, exists=True), help="Certificate (PEM).")
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True), help="Its key (PEM).")
def run(directory: Path, host: str, port: int, tls_cert: Path | None, tls_key: Path | None) -> None:
    """Take, verify, open and keep sealed records until SIGTERM or Ctrl-C.

    On first use the keys are drawn; hubs are given recipient.json from the folder. Beyond
    loopback a certificate is required.

    \b
    Example:
      edge-agent collector run --dir /srv/collector --host 0.0.0.0 --tls-cert c.pem --tls-key k.pem
    """
    import ipaddress

    if bool(tls_cert) != bool(tls_key):
        raise click.UsageError("--tls-cert and --tls-key go together")
    if tls_cert is None:
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = host == "localhost"
        if not loopback:
            raise click.UsageError(f"{host} is not loopback: give --tls-cert and --tls-key")
    context = _context(tls_cert, tls_key) if tls_cert and tls_key else None
    asyncio.run(_serve(directory, host, port, context))


@command.command("enrol")
@_DIRECTORY
@click.argument("card", type=click.Path(path_type=Path))
def enrol(directory: Path, card: Path) -> None:
    """Trust the hub whose public card (hub.json, from its state folder) is given.

    \b
    Example:
      edge-agent collector enrol --dir /srv/collector hub.json
    """
    from edge_agent.collector.enrolment import Enrolment

    hub = Enrolment(directory / "hubs").add(card)
    click.echo(f"hub {hub.hub_id.hex()} is trusted")


@command.command("show")
@_DIRECTORY
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(directory: Path, as_json: bool) -> None:
    """Show what came: newest values, alarms, and what is missing, per hub.

    \b
    Example:
      edge-agent collector show --dir /srv/collector
    """
    import msgspec

    from edge_agent.collector.show import question, tables

    shown = asyncio.run(question(directory))
    if as_json:
        click.echo(msgspec.json.encode(shown))
        return
    from rich.console import Console

    console = Console()
    for table in tables(shown):
        console.print(table)


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    import ssl

    from edge_agent.errors import EdgeError

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        raise EdgeError(
            str(certificate), str(error), "Give a PEM certificate and its key"
        ) from error
    return context


async def _serve(directory: Path, host: str, port: int, context: ssl.SSLContext | None) -> None:
    import signal

    from edge_agent.collector import Collector

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    collector = await Collector.open(directory)
    try:
        bound = await collector.start(host, port, context)
        scheme = "http" if context is None else "https"
        click.echo(f"collector at {scheme}://{host}:{bound}")
        click.echo(f"give hubs {collector.recipient_file}; trust them with: collector enrol")
        await stop.wait()
    finally:
        await collector.close()
