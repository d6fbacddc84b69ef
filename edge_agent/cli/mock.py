"""``edge-agent mock``: one mock sensor on its own."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import click


@click.command("mock")
@click.argument("name", required=False)
@click.option("--port", type=click.Path(path_type=Path),
              help="Speak at this serial port, through a cable.")  # fmt: skip
@click.option("--adapter", default="", help="Be on the air from this Bluetooth adapter (hci0).")
@click.option("--profile", default="", help="modbus-room: which register map to serve.")
@click.option("--tcp", type=click.IntRange(0, 65535),
              help="modbus-room: serve at this TCP port of the loopback (0: any).")  # fmt: skip
@click.option("--fault", "faults", multiple=True, metavar="KIND=CHANCE",
              help="Spoil frames: drop duplicate reorder corrupt garbage (each 0 to 1), or delay_s "
                   "(up to so many seconds). Not for modbus-room.")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="Seed of everything random.")
def command(
    name: str | None,
    port: Path | None,
    adapter: str,
    profile: str,
    tcp: int | None,
    faults: tuple[str, ...],
    seed: int,
) -> None:
    """Run the mock sensor NAME until Ctrl-C, and print what a hub needs to read it.

    Without a NAME, list them. A mock bears the name of the driver that reads it. It runs on a mock
    adapter or a pseudo-terminal, or on real hardware of yours with --adapter or --port.

    \b
    Examples:
      edge-agent mock nonin-2
      edge-agent mock cgm --fault drop=0.1 --fault corrupt=0.05
      edge-agent mock contec --port /dev/ttyUSB0
      edge-agent mock polar-pmd --adapter hci1
      edge-agent mock modbus-room --profile xy-md02 --tcp 0
    """
    import asyncio
    import contextlib

    from edge_agent.demo import one_mock

    if name is None:
        for known, title in one_mock.titles():
            click.echo(f"{known:18} {title}")
        return
    stage = one_mock.stage(
        name, port=port, adapter=adapter, profile=profile, tcp=tcp, faults=faults, seed=seed
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(stage))


async def _run(stage: AbstractAsyncContextManager[str]) -> None:
    import asyncio

    async with stage as words:
        click.echo(f"{words.rstrip()}\n\nCtrl-C ends it.")
        await asyncio.Event().wait()
