"""``edge-agent collector``: run and question the clinic's end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from edge_agent.cli import (
    collector_consume,
    collector_export,
    collector_keys,
    collector_quarantine,
)
from edge_agent.cli.collector_fhir import fhir, refused

_DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True,
    help="The collector's folder: keys, trusted hubs, database.",
)  # fmt: skip


@click.group("collector")
def command() -> None:
    """Run and question the clinic's end."""


command.add_command(collector_consume.command)
command.add_command(collector_export.command)
command.add_command(collector_keys.command)
command.add_command(collector_quarantine.command)
command.add_command(fhir)
command.add_command(refused)


@command.command("run")
@_DIRECTORY
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8443, show_default=True)
@click.option("--name", "names", multiple=True,
              help="Host or address by which hubs know it; may be given again.")  # fmt: skip
@click.option("--plain", is_flag=True, help="Without TLS; on loopback only, behind a proxy say.")
@click.option("--nats", help="Put what comes on the JetStream stream of these servers instead.")
def run(
    directory: Path, host: str, port: int, names: tuple[str, ...], plain: bool, nats: str | None
) -> None:
    """Take, verify, open and keep sealed records until SIGTERM or Ctrl-C.

    On first use the keys and a certificate authority are made. Hubs are let in by
    'edge-agent collector enroll'.

    \b
    Examples:
      edge-agent collector run --dir /srv/collector --host 0.0.0.0 --name collector.clinic.example
      edge-agent collector run --dir /tmp/collector --plain
      edge-agent collector run --dir /srv/collector --name collector --nats nats://127.0.0.1:4222
    """
    import ipaddress
    import socket

    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if plain and not is_loopback:
        raise click.UsageError(f"{host} is not loopback: --plain would show who sends how much")
    known = dict.fromkeys([*names, host, socket.gethostname(), "localhost", "127.0.0.1", "::1"])
    meant = tuple(one for one in known if one not in {"0.0.0.0", "::", ""})  # noqa: S104 - left out
    asyncio.run(_serve(directory, host, port, () if plain else meant, nats))


@command.command("enroll")
@_DIRECTORY
def enroll(directory: Path) -> None:
    """Print a token that lets one hub in; it is good once, for 15 minutes.

    Type it at the hub: edge-agent enroll URL TOKEN. Only a hash of it is kept.

    \b
    Example:
      edge-agent collector enroll --dir /srv/collector
    """
    from edge_agent.clock import SystemClock
    from edge_agent.collector.authority import Authority
    from edge_agent.collector.service import AUTHORITY_FOLDER, TOKENS_FOLDER
    from edge_agent.collector.tokens import LIFE_S, Tokens

    clock = SystemClock()
    authority = Authority(directory / AUTHORITY_FOLDER, clock)
    token = Tokens(directory / TOKENS_FOLDER, clock).draw(authority.der)
    click.echo(token.text())
    click.echo(f"good for one hub and {LIFE_S // 60} minutes", err=True)


@command.command("revoke")
@_DIRECTORY
@click.argument("hub")
@click.option("--reason", default="by the operator", show_default=True, help="Told to the hub.")
def revoke(directory: Path, hub: str, reason: str) -> None:
    """Take nothing any more from the hub whose id begins with HUB: stolen, or given away.

    What it has brought stays. It can't be enrolled again under the same id.

    \b
    Example:
      edge-agent collector revoke --dir /srv/collector 3f2a --reason stolen
    """
    from edge_agent.collector.enrolment import Enrolment
    from edge_agent.collector.service import HUBS_FOLDER

    enrolment = Enrolment(directory / HUBS_FOLDER)
    hub_id = enrolment.named(hub)
    enrolment.revoke(hub_id, reason)
    click.echo(f"hub {hub_id.hex()} is revoked")


@command.command("trust")
@_DIRECTORY
@click.argument("card", type=click.Path(path_type=Path))
def trust(directory: Path, card: Path) -> None:
    """Trust the records of the hub whose public card (hub.json, from its state folder) is given.

    For hubs that reach the collector without TLS; all others enrol by token.

    \b
    Example:
      edge-agent collector trust --dir /srv/collector hub.json
    """
    from edge_agent.collector.enrolment import Enrolment
    from edge_agent.collector.service import HUBS_FOLDER

    hub = Enrolment(directory / HUBS_FOLDER).add(card)
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


async def _serve(
    directory: Path, host: str, port: int, names: tuple[str, ...], nats: str | None
) -> None:
    import contextlib
    import signal

    from edge_agent.collector import Collector

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as closing:
        sink = None
        if nats is not None:
            from edge_agent.collector.jetstream import JetStream, JetStreamSink

            jetstream = await closing.enter_async_context(await JetStream.connect(nats))
            sink = JetStreamSink(jetstream)
        collector = await Collector.open(directory, sink=sink)
        closing.push_async_callback(collector.close)
        bound = await collector.start(host, port, names)
        if names:
            click.echo(f"collector at https://{names[0]}:{bound}")
            click.echo("let hubs in with: edge-agent collector enroll")
        else:
            click.echo(f"collector at http://{host}:{bound}")
            click.echo(f"give hubs {collector.recipient_file}; trust them with: collector trust")
        await stop.wait()
