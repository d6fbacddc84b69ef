"""The stage of the demo: mock sensors, a collector, a link between, and a hub that knows none."""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from edge_agent.collector import Collector
from edge_agent.demo.hub_process import HubProcess
from edge_agent.errors import EdgeError
from edge_agent.plan import plan
from edge_agent.store.keys import CARD_FILE, HubIdentity
from edge_agent.store.outbox import Outbox
from edge_mocks.uplink import Uplink
from edge_mocks.world import MockWorld

SUMMARY_INTERVAL_S = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything the demo plays with, up and running; the hub is not started yet."""

    world: MockWorld
    collector: Collector
    uplink: Uplink
    hub: HubProcess
    config: Path

    async def open_outbox(self) -> Outbox:
        """Open the outbox that the hub has left, as its next life would."""
        planned = plan(self.config)
        if planned.recipients is None:
            raise EdgeError(str(self.config), "has no [collector]")
        return await Outbox.open(
            planned.state_dir / "outbox.db",
            identity=HubIdentity.load_or_create(planned.state_dir),
            recipient=planned.recipients.clinic,
            recovery=planned.recipients.recovery,
            subject=bytes.fromhex(planned.settings.subject[0].pseudonym),
            boot_id="after the demo",
            quota_bytes=planned.settings.hub.store_quota_mib << 20,
        )


@contextlib.asynccontextmanager
async def set_stage(seed: int, recording: Path | None) -> AsyncIterator[Stage]:
    """Set up the stage in a temporary folder, and clear it away at the end."""
    with tempfile.TemporaryDirectory(prefix="edge-demo-") as name:
        folder = Path(name)
        async with contextlib.AsyncExitStack() as closing:
            collector = await Collector.open(folder / "collector")
            closing.push_async_callback(collector.close)
            port = await collector.start("127.0.0.1", 0)
            uplink = Uplink(port)
            await uplink.start()
            closing.push_async_callback(uplink.cut)
            world = await closing.enter_async_context(MockWorld(seed=seed, recording=recording))
            config = _enrol(folder, collector, uplink, world, seed)
            environment = {"DBUS_SYSTEM_BUS_ADDRESS": world.bus_address}
            hub = HubProcess(config, folder / "control.sock", folder / "hub.log", environment)
            closing.push_async_callback(hub.kill)
            yield Stage(world, collector, uplink, hub, config)


def _enrol(folder: Path, collector: Collector, uplink: Uplink, world: MockWorld, seed: int) -> Path:
    """Enrol a hub at the collector and write the hub's configuration."""
    state_dir = folder / "state"
    HubIdentity.load_or_create(state_dir)
    collector.enrol(state_dir / CARD_FILE)
    config = folder / "hub.toml"
    tables: dict[str, dict[str, object]] = {
        "hub": {
            "state_dir": "state",
            "control_socket": "control.sock",
            "summary_interval_s": SUMMARY_INTERVAL_S,
        },
        "subject": {"pseudonym": random.Random(seed).randbytes(16).hex(), "bed": "demo"},  # noqa: S311 - nobody's pseudonym
        "collector": {
            "url": f"http://127.0.0.1:{uplink.port}",
            "recipient": str(collector.recipient_file),
        },
    }
    config.write_text(_toml(tables, world.sensors), encoding="utf-8")
    return config


def _toml(tables: dict[str, dict[str, object]], sensors: list[dict[str, object]]) -> str:
    """Write plain tables as TOML; a JSON string or number is also a TOML one."""
    lines: list[str] = []
    for name, table in [*tables.items(), *(("[sensor]", sensor) for sensor in sensors)]:
        lines.append(f"[{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        lines.append("")
    return "\n".join(lines)
