"""``edge-agent collector consume``: from a JetStream stream into the collector's own file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command("consume")
@click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), required=True,
    help="The collector's folder: keys, database.",
)  # fmt: skip
@click.option("--nats", "servers", required=True, help="The stream's servers: nats://HOST:4222,…")
@click.option("--nats-credentials", "credentials", help="File with the user's credentials.")
def command(directory: Path, servers: str, credentials: str | None) -> None:
    """Take records off a JetStream stream, keep and open them, until SIGTERM or Ctrl-C.

    Several may run, on one folder; each record is taken by one of them.

    \b
    Example:
      edge-agent collector consume --dir /srv/collector --nats nats://127.0.0.1:4222
    """
    asyncio.run(_consume(directory, servers, credentials))


async def _consume(directory: Path, servers: str, credentials: str | None) -> None:
    import contextlib
    import signal

    from edge_agent.clock import SystemClock
    from edge_agent.collector import Collector
    from edge_agent.collector.jetstream import JetStream, StreamConsumer

    collector = await Collector.open(directory)
    try:
        async with await JetStream.connect(servers, credentials=credentials) as jetstream:
            consumer = StreamConsumer(jetstream, collector.take, SystemClock())
            running = asyncio.ensure_future(consumer.run())
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, running.cancel)
            click.echo(f"taking records from {servers}")
            with contextlib.suppress(asyncio.CancelledError):
                await running
            click.echo(f"{consumer.taken} records taken")
    finally:
        await collector.close()
