"""``edge-agent capture``: the raw octets of one sensor, as a file that can be replayed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_agent.asking import DEFAULT_SOCKET
from edge_agent.errors import EdgeError

if TYPE_CHECKING:
    from edge_agent.capture import TappedSensor


@click.command("capture")
@click.argument("sensor")
@click.option("--config", "config_file", type=click.Path(path_type=Path),
              help="The hub's configuration: where its control socket is.")  # fmt: skip
@click.option("--alone", is_flag=True,
              help="No hub is running: connect from here (needs --config).")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=0.1, max=3600), default=60.0,
              show_default=True, help="For how long; Ctrl-C ends it earlier.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(path_type=Path), default=Path("-"),
              help="Write to this file.  [default: the terminal]")  # fmt: skip
def command(
    sensor: str, config_file: Path | None, alone: bool, seconds: float, output: Path
) -> None:
    """Write down what passes between the hub and SENSOR, octet by octet.

    The running hub goes on meanwhile. Bluetooth addresses and serial numbers are blanked; what is
    measured is not, so treat the file as a person's data.

    \b
    Examples:
      edge-agent capture oximeter --seconds 30 -o oximeter.hex
      edge-agent replay oximeter.hex
    """
    import asyncio
    import contextlib

    if alone and config_file is None:
        raise click.UsageError("--alone needs --config, where the sensor is described")
    heard: list[TappedSensor | str] = []
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_listen(_source(sensor, config_file, alone=alone), seconds, heard))
    finally:
        if len(heard) > 1:
            _write(heard, output)
    if len(heard) < 2:
        raise EdgeError(
            f"sensor {sensor}", f"nothing passed in {seconds:g} s", "Look at edge-agent status"
        )


async def _listen(
    source: AsyncIterator[TappedSensor | str], seconds: float, heard: list[TappedSensor | str]
) -> None:
    import asyncio
    import contextlib

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for one in source:
                heard.append(one)  # noqa: PERF401 - what was heard is kept when time is up


def _source(
    sensor: str, config_file: Path | None, *, alone: bool
) -> AsyncIterator[TappedSensor | str]:
    from edge_agent.asking import ask_capture

    if config_file is None:
        return ask_capture(DEFAULT_SOCKET, sensor)
    if not alone:
        from edge_agent import config

        return ask_capture(Path(config.load(config_file).hub.control_socket), sensor)
    return _from_here(sensor, config_file)


async def _from_here(sensor: str, config_file: Path) -> AsyncIterator[TappedSensor | str]:
    """Run the link to one sensor in this process."""
    import asyncio
    import random

    from edge_agent.clock import SystemClock
    from edge_agent.plan import plan
    from edge_agent.tapping import Tap, tapped_sensor
    from edge_agent.wiring import Links

    planned = plan(config_file)
    yield tapped_sensor(planned, sensor)
    chosen = [one for one in planned.sensors if one.settings.name == sensor]
    links = Links(chosen, lambda _: None, SystemClock(), random.Random())  # noqa: S311 - jitter
    with Tap(links.feeds[sensor]) as tap:
        running = [asyncio.create_task(run()) for run in links.tasks.values()]
        try:
            async for step in tap.steps():
                yield str(step)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _write(heard: list[TappedSensor | str], output: Path) -> None:
    import dataclasses

    from edge_agent import registry
    from edge_agent.capture import Capture, TappedSensor, parse, scrubbed
    from edge_agent.store.files import write_whole

    about = next(one for one in heard if isinstance(one, TappedSensor))
    steps = parse("\n".join(one for one in heard if isinstance(one, str))).steps
    begun = steps[0].at_ns
    steps = tuple(dataclasses.replace(one, at_ns=one.at_ns - begun) for one in steps)
    profile = Path(about.profile).stem
    capture = Capture(driver=about.driver, profile=profile, steps=steps)
    scrub = getattr(registry.find(about.driver), "scrub", None)
    text = str(scrubbed(capture, scrub, about.addresses))
    if output == Path("-"):
        click.echo(text, nl=False)
        return
    try:
        write_whole(output, text.encode())  # a person's data: nobody else may read it
    except OSError as error:
        raise EdgeError(str(output), error.strerror or str(error), "Write elsewhere") from error
    click.echo(f"{output}: {len(steps)} steps; replay them with: edge-agent replay {output}")
