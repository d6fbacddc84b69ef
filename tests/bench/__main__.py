"""``make bench``: what the hub costs, beside what it aims at or what a simpler way would cost.

Figures are printed, never asserted: they depend on the machine. Everything is measured on the
demo's hub, a process of its own, with the synthetic ECG at 130 Hz and four other sensors.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from edge_agent.demo.report import account
from edge_agent.demo.stage import set_stage
from edge_agent.dsp import rpeaks
from edge_mocks.ecg import SyntheticEcg
from tests.bench.jetstream import jetstream_rows
from tests.bench.shelf import decoding_rows, link_rows, time_rows

SETTLE_S, MEASURE_S = 5.0, 25.0
ECG_RATE_HZ = 130.0
_START = "aim < 0.3 s"
_LIGHT = ("--help", "status --help", "unit show", "config example", "drivers", "alarms rules")


def main() -> None:
    """Print one table of measurements."""
    table = Table("what", "measured", "aim or baseline", title="Bench", title_justify="left")
    for rows in (
        hub_rows,
        import_rows,
        detector_rows,
        link_rows,
        time_rows,
        decoding_rows,
        jetstream_rows,
    ):
        for row in rows():
            table.add_row(*row)
    Console(width=110).print(table)


def hub_rows() -> list[tuple[str, str, str]]:
    """Start, memory and CPU of a hub with every sensor running."""
    return asyncio.run(_measure_hub())


async def _measure_hub() -> list[tuple[str, str, str]]:
    async with set_stage(seed=1, recording=None) as stage:
        await stage.hub.start()
        await asyncio.sleep(SETTLE_S)
        first = await stage.hub.status()
        if first is None:
            raise SystemExit("the hub does not answer")
        before_s, began = _cpu_s(first.pid), time.monotonic()
        await asyncio.sleep(MEASURE_S)
        share = (_cpu_s(first.pid) - before_s) / (time.monotonic() - began)
        last = await stage.hub.status()
        if last is None:
            raise SystemExit("the hub does not answer")
        await stage.hub.stop()
        async with await stage.open_outbox() as outbox:
            report = await account(stage.hub, stage.collector, outbox, MEASURE_S)
    after_imports = last.first_reading_after_s or float("nan")
    return [
        ("start to first reading, after imports", f"{after_imports:.2f} s", "aim <= 1 s"),
        ("process start to first reading", f"{report.seconds_to_first_reading} s", "-"),
        ("process start to first delivery", f"{report.seconds_to_first_delivery} s", "-"),
        ("SIGTERM to end", f"{report.seconds_to_stop} s", "aim < 2 s"),
        ("resident memory, everything running", f"{last.resident_mib:.1f} MiB", "aim <= 75 MiB"),
        ("peak resident memory", f"{last.peak_resident_mib:.1f} MiB", "-"),
        ("CPU share of one core", f"{100 * share:.1f} %", "-"),
        ("records lost / duplicated", f"{report.lost} / {report.duplicated}", "0 / 0"),
    ]


def import_rows() -> list[tuple[str, str, str]]:
    """What the imports of ``edge-agent run`` cost, beside what scipy.signal would add."""
    agent = _import_cost("edge_agent.agent")
    with_scipy = _import_cost("edge_agent.agent, scipy.signal")
    return [
        ("import of the agent", f"{agent[0]:.2f} CPU-s, {agent[1]:.0f} MiB", "-"),
        (
            "the same with scipy.signal",
            f"{with_scipy[0]:.2f} CPU-s, {with_scipy[1]:.0f} MiB",
            "not loaded",
        ),
        *((f"edge-agent {one}", f"{_command_s(*one.split()):.2f} s", _START) for one in _LIGHT),
    ]


def detector_rows() -> list[tuple[str, str, str]]:
    """R-peak detection of ten minutes of synthetic ECG: batch beside stream."""
    ecg = SyntheticEcg(random.Random(1), rate_hz=ECG_RATE_HZ, heart_rate_per_min=70.0)
    signal_mv = ecg.read(int(600 * ECG_RATE_HZ)) / 1000.0
    began = time.process_time()
    batch = rpeaks.detect(signal_mv, ECG_RATE_HZ)
    batch_s, began = time.process_time() - began, time.process_time()
    detector = rpeaks.Detector(ECG_RATE_HZ)
    blocks = np.array_split(signal_mv, len(signal_mv) // 73)
    streamed = sum(len(detector.push(block)) for block in blocks) + len(detector.flush())
    stream_s = time.process_time() - began
    return [
        ("R peaks, 10 min at 130 Hz, batch", f"{1000 * batch_s:.0f} ms CPU", f"{len(batch)} beats"),
        ("the same in blocks of 73", f"{1000 * stream_s:.0f} ms CPU", f"{streamed} beats"),
        ("share of a core, streaming", f"{100 * stream_s / 600:.3f} %", "aim << 1 %"),
    ]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _import_cost(modules: str) -> tuple[float, float]:
    code = (
        f"import time, resource, {modules}\n"
        "import pathlib\n"
        "kib = int(pathlib.Path('/proc/self/status').read_text().split('VmRSS:')[1].split()[0])\n"
        "print(time.process_time(), kib / 1024)"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    words = subprocess.check_output(
        [sys.executable, "-c", code], env=environment, text=True
    ).split()
    return float(words[0]), float(words[1])


def _command_s(*arguments: str) -> float:
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "edge_agent", *arguments], check=True, capture_output=True
    )
    return time.monotonic() - began


if __name__ == "__main__":
    main()
