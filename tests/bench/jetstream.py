"""What a JetStream stream takes: records a second through one ingest and through two."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path

from aiohttp import ClientSession

from edge_agent.collector import Collector
from edge_agent.store.keys import Recipient
from edge_agent.sync.protocol import BATCH_RECORDS, MEDIA_TYPE, RECORDS_PATH, frame
from tests.collector.conftest import Hub
from tests.nats_server import nats_server

_RECORDS, _HUBS = 2048, 8


def jetstream_rows() -> list[tuple[str, str, str]]:
    """Records a second, each synced to disk by the stream before it is answered for."""
    rows = []
    for ingests in (1, 2):
        with (
            tempfile.TemporaryDirectory(prefix="edge-bench-") as name,
            nats_server(Path(name)) as url,
        ):
            rate = asyncio.run(_rate(Path(name), url, ingests))
        what = f"records through JetStream, {ingests} ingest{'s' if ingests > 1 else ''}"
        rows.append((what, f"{rate:,.0f}/s", "synced one by one, 2 cores shared by all"))
    return rows


async def _rate(folder: Path, url: str, ingests: int) -> float:
    final = await Collector.open(folder / "ingest")
    recipient = Recipient.load(final.recipient_file)
    hubs = [Hub(folder / f"hub{n}", recipient) for n in range(_HUBS)]
    for hub in hubs:
        final.enrol(hub.card_file)
    await final.close()
    event = {"kind": "connected", "sensor": "strap", "at_ns": 1, "detail": "{}"}
    batches = [
        [
            frame(hub.seal({"event": [event]}).octets for _ in range(BATCH_RECORDS))
            for _ in range(_RECORDS // _HUBS // BATCH_RECORDS)
        ]
        for hub in hubs
    ]
    workers = [await _ingest(folder / "ingest", url) for _ in range(ingests)]
    try:
        doors = [door for _, door in workers]
        async with ClientSession() as session:
            began = time.perf_counter()
            await asyncio.gather(
                *(_send(session, doors[n % ingests], one) for n, one in enumerate(batches))
            )
            return _RECORDS / (time.perf_counter() - began)
    finally:
        for process, _ in workers:
            process.kill()
            await process.communicate()


async def _ingest(folder: Path, url: str) -> tuple[asyncio.subprocess.Process, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", "collector", "run", "--dir", str(folder), "--plain",
        "--port", "0", "--nats", url, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    if process.stdout is None:
        raise SystemExit("the ingest says nothing")
    said = (await process.stdout.readline()).decode()
    found = re.search(r"http://\S+", said)
    if found is None:
        raise SystemExit(f"the ingest did not start: {said}")
    return process, found[0]


async def _send(session: ClientSession, door: str, batches: list[bytes]) -> None:
    for body in batches:
        async with session.post(
            door + RECORDS_PATH, data=body, headers={"Content-Type": MEDIA_TYPE}
        ) as response:
            if response.status != 200:
                raise SystemExit(f"an ingest answers {response.status}: {await response.text()}")
            await response.read()
