"""What happens in the demo, and when: the link is cut and comes back; the hub may be killed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent.demo.stage import Stage

_FIRST_OUTAGE_S = 20.0
_OUTAGE_EVERY_S = 60.0
_DRAIN_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """``duration_s`` of ``None`` plays until it is interrupted, with an outage every minute."""

    duration_s: float | None
    outage_s: float
    kill: bool

    @property
    def first_outage_s(self) -> float:
        """When the link is cut for the first time: a third into the demo, at the latest at 20 s."""
        if self.duration_s is None:
            return _FIRST_OUTAGE_S
        return min(_FIRST_OUTAGE_S, self.duration_s / 3)


async def play(stage: Stage, script: Script, say: Callable[[str], None]) -> None:
    """Play the script; return when its time is over and the outbox is empty."""
    began = time.monotonic()
    await asyncio.sleep(script.first_outage_s)
    while True:
        await _outage(stage, script, say)
        if script.duration_s is not None:
            break
        await asyncio.sleep(max(0.0, _OUTAGE_EVERY_S - script.outage_s))
    await asyncio.sleep(max(0.0, began + script.duration_s - time.monotonic()))
    await _drained(stage, say)


async def _outage(stage: Stage, script: Script, say: Callable[[str], None]) -> None:
    if script.outage_s <= 0:
        return
    await stage.uplink.cut()
    say(f"upstream link CUT for {script.outage_s:.0f} s: summaries are buffered, sealed")
    await asyncio.sleep(script.outage_s / 2)
    if script.kill:
        await stage.hub.kill()
        say("hub KILLED (SIGKILL), as a power cut would; starting it again")
        await stage.hub.start()
    await asyncio.sleep(script.outage_s / 2)
    await stage.uplink.restore()
    say("upstream link RESTORED: the backlog is delivered")


async def _drained(stage: Stage, say: Callable[[str], None]) -> None:
    """Wait until the collector has everything sealed so far, or say that it has not."""
    deadline = time.monotonic() + _DRAIN_S
    while time.monotonic() < deadline:
        status = await stage.hub.status()
        store = None if status is None else status.store
        if store is not None and store.is_open and store.buffered == 0:
            return
        await asyncio.sleep(0.2)
    say(f"the outbox is not empty after {_DRAIN_S:.0f} s")
