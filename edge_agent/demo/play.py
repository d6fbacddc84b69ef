"""Runs the demo from curtain to account."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

from rich.console import Console

from edge_agent.demo.report import Report, account
from edge_agent.demo.screen import Screen
from edge_agent.demo.script import Script, play
from edge_agent.demo.stage import Stage, set_stage

_REFRESH_S = 0.5


async def run_demo(script: Script, *, seed: int, recording: Path | None) -> Report:
    """Play ``script`` and return the account. Ctrl-C ends it early and cleanly."""
    console, began = Console(), time.monotonic()
    async with set_stage(seed, recording) as stage:
        with Screen(console, stage) as screen:
            screen.say(f"mock sensors on (seed {seed}); starting the hub")
            await stage.hub.start()
            await _until_over(stage, script, screen)
        console.print("stopping the hub")
        await stage.hub.stop()
        async with await stage.open_outbox() as outbox:
            report = await account(stage.hub, stage.collector, outbox, time.monotonic() - began)
    _print_account(console, report)
    return report


async def _until_over(stage: Stage, script: Script, screen: Screen) -> None:
    """Show the hub until the script is over or somebody presses Ctrl-C."""
    playing = asyncio.create_task(play(stage, script, screen.say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, playing.cancel)
    try:
        while not playing.done():
            opened = (await stage.collector.stats()).kept.opened
            screen.show(await stage.hub.status(), opened)
            await asyncio.wait([playing], timeout=_REFRESH_S)
        with contextlib.suppress(asyncio.CancelledError):
            await playing
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _print_account(console: Console, report: Report) -> None:
    console.print(
        f"{report.records_sealed} records sealed, {report.records_received} received, "
        f"{report.records_opened} opened, {report.records_buffered} still buffered, "
        f"{report.lost} lost, {report.duplicated} duplicated; {report.beats} beats, "
        f"{report.alarms_raised} alarms; stopped in {report.seconds_to_stop} s",
        highlight=False,
        soft_wrap=True,
    )
