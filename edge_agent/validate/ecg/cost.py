"""What detection costs: CPU in batch beside the peers, CPU as a stream, memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from edge_agent.dsp.rpeaks import Detector as StreamDetector
from edge_agent.errors import EdgeError
from edge_agent.validate.ecg.bench import EcgBench, missing_set
from edge_agent.validate.ecg.detectors import OURS, Detector
from edge_agent.validate.ecg.recordings import Recording, Signal, resampled
from edge_agent.validate.ecg.rpeaks import STRAP_RATE_HZ
from edge_agent.validate.section import Cell, Outcome, Section, Table, Verdict
from edge_agent.validate.software import version_of

ROUNDS = 5
RECORDS = 8
BLOCK_S = 0.2
PEER = "sleepecg"

RATIO_BARS = {None: 0.60, STRAP_RATE_HZ: 1.0}
STREAM_BAR_S = 0.5
MEMORY_BAR_MIB = 42.0

_HALF_HOUR_S = 1800.0
_COUNTS_PER_MV = 200.0

_READ = """
import sys
import numpy as np
counts, rate_hz = np.fromfile(sys.argv[1], dtype=np.int16), float(sys.argv[2])
"""
_PEAK = """
status = open('/proc/self/status', encoding='ascii').read()
print(int(status.split('VmHWM:')[1].split()[0]) / 1024)
"""
PROGRAMS = {
    "edge-agent, stream": """
from edge_agent.dsp.rpeaks import Detector
detector, block = Detector(rate_hz), round(0.2 * rate_hz)
beats = 0
for first in range(0, counts.size, block):
    beats += detector.push(counts[first:first + block] / 200.0).size
beats += detector.flush().size
""",
    "edge-agent, batch": """
from edge_agent.dsp.rpeaks import detect
beats = detect(counts / 200.0, rate_hz).size
""",
    "numpy alone, the recording read": "",
    PEER: """
import sleepecg
beats = sleepecg.detect_heartbeats(counts / 200.0, rate_hz).size
""",
}
"""What each process runs after it has read a recording; its peak memory is asked at the end."""

_TIMED = """
import time
from edge_agent.validate.ecg.detectors import OUR_DETECTOR, PEERS, run
detector = next(one for one in (OUR_DETECTOR, *PEERS) if one.name == sys.argv[3])
signal, times = counts / 200.0, []
for _ in range(int(sys.argv[4])):
    began = time.process_time()
    run(detector, signal, rate_hz)
    times.append(time.process_time() - began)
print(min(times))
"""


def measure(bench: EcgBench) -> Outcome:
    """Time batch and stream on a few records; measure the memory of processes of their own."""
    outcome = Outcome(
        summary=f"CPU is process time for 30 minutes of signal, the least of {ROUNDS} rounds: what"
        " else runs on a machine only ever adds. Each detector and record has a fresh process, as"
        " on a hub, with one BLAS thread. In one process with all the others, whose heap they have"
        " grown, sleepecg takes about a third less at 360 Hz, since large arrays no longer come"
        " anew from the system. Compare the ratios: the milliseconds are this machine's. Memory is"
        " the peak of a fresh process that reads 30 minutes and detects."
    )
    records = list(bench.recordings("mitdb"))[:RECORDS]
    if not records:
        outcome.missing.append(missing_set("mitdb"))
        outcome.verdicts = _verdicts({}, None, {})
        return outcome
    ratios: dict[float | None, float] = {}
    detectors = [one for one in bench.detectors if one.quick]
    for rate in (None, STRAP_RATE_HZ):
        bench.tell("batch " + ("at its own rate" if rate is None else f"at {rate:g} Hz"))
        times = batch_times(detectors, records, rate)
        at = f"{records[0].rate_hz if rate is None else rate:g} Hz"
        outcome.tables.append(_batch_table(at, len(records), times))
        outcome.figures[f"batch {at}, ms per 30 min"] = {
            name: 1e3 * value for name, value in times.items()
        }
        if PEER in times:
            ratios[rate] = times[OURS] / times[PEER]
    bench.tell("stream")
    stream_s = float(np.mean([stream_time(record) for record in records]))
    bench.tell("memory")
    memory = peak_memory(records[0])
    outcome.tables.append(
        Table(
            title="Peak memory of a detecting process",
            columns=("process", "MiB"),
            rows=[[name, value] for name, value in memory.items()],
            digits={"MiB": 1},
            note="" if memory else "Not measured: it is asked of /proc, which Linux has.",
        )
    )
    outcome.notes.append(
        f"Streaming at blocks of {BLOCK_S:g} s: {stream_s:.3f} s of CPU for 30 minutes of signal,"
        f" {100 * stream_s / _HALF_HOUR_S:.3f} % of a core."
    )
    outcome.figures |= {"stream_cpu_s_per_half_hour": stream_s, "peak_memory_mib": memory}
    outcome.verdicts = _verdicts(ratios, stream_s, memory)
    return outcome


def batch_times(
    detectors: Sequence[Detector], records: Sequence[Recording], rate_hz: float | None
) -> dict[str, float]:
    """Return CPU seconds for 30 minutes of each detector, each in processes of its own."""
    spent: dict[str, list[float]] = {one.name: [] for one in detectors}
    for record in records:
        rate = record.rate_hz if rate_hz is None else rate_hz
        signal = record.signal_mV
        if rate != record.rate_hz:
            signal = resampled(signal, record.rate_hz, rate)
        with _written(signal) as samples:
            for one in detectors:
                took = _said(_TIMED, samples, rate, one.name, str(ROUNDS))
                spent[one.name].append(took * _HALF_HOUR_S / record.duration_s)
    return {name: fmean(times) for name, times in spent.items()}


def stream_time(record: Recording) -> float:
    """Return CPU seconds for 30 minutes, streamed in blocks (the least of the rounds)."""
    size = max(1, round(BLOCK_S * record.rate_hz))
    took = min(
        _cpu_s(lambda: _stream(record.signal_mV, record.rate_hz, size)) for _ in range(ROUNDS)
    )
    return took * _HALF_HOUR_S / record.duration_s


def peak_memory(record: Recording) -> dict[str, float]:
    """Return the peak resident memory (MiB) of each program, in a process of its own."""
    if not Path("/proc/self/status").is_file():
        return {}
    with _written(record.signal_mV) as samples:
        return {
            name: _said(program + _PEAK, samples, record.rate_hz)
            for name, program in PROGRAMS.items()
            if name != PEER or version_of(PEER)
        }


@contextlib.contextmanager
def _written(signal_mV: Signal) -> Iterator[Path]:
    """Write a signal where the programs read it: 16-bit counts, 200 to a millivolt."""
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples"
        counts = np.rint(signal_mV * _COUNTS_PER_MV).clip(-32768, 32767)
        counts.astype(np.int16).tofile(samples)
        yield samples


def _said(program: str, samples: Path, rate_hz: float, *more: str) -> float:
    """Run a program in a fresh process and return the number that it prints last."""
    places = os.pathsep.join(path for path in sys.path if path)
    environment = os.environ | {
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": places
    }  # fmt: skip
    done = subprocess.run(  # noqa: S603 - the programs are those above
        [sys.executable, "-c", _READ + program, str(samples), str(rate_hz), *more],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode != 0:
        raise EdgeError(
            "a process whose cost is measured", f"it failed: {done.stderr.strip()[-300:]}"
        )
    return float(done.stdout.split()[-1])


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _stream(signal_mV: Signal, rate_hz: float, size: int) -> None:
    detector = StreamDetector(rate_hz)
    for first in range(0, signal_mV.size, size):
        detector.push(signal_mV[first : first + size])
    detector.flush()


def _batch_table(at: str, count: int, times: dict[str, float]) -> Table:
    peer = times.get(PEER)
    rows: list[list[Cell]] = [
        [name, 1e3 * value, value / peer if peer else None]
        for name, value in sorted(times.items(), key=lambda item: item[1])
    ]
    return Table(
        title=f"CPU, batch, {at}, {count} records",
        columns=("detector", "ms for 30 min", f"ratio to {PEER}"),
        rows=rows,
        digits={"ms for 30 min": 1, f"ratio to {PEER}": 2},
    )


def _verdicts(
    ratios: dict[float | None, float], stream_s: float | None, memory: dict[str, float]
) -> list[Verdict]:
    verdicts = [
        Verdict(
            what=f"CPU, batch, ratio to {PEER}, "
            + ("mitdb at its own rate" if rate is None else f"at {rate:g} Hz"),
            at_most=bar, measured=ratios.get(rate), peer=PEER if rate in ratios else "",
            peer_measured=1.0, remark="" if rate in ratios else f"{PEER} or mitdb missing",
        )
        for rate, bar in RATIO_BARS.items()
    ]  # fmt: skip
    verdicts.append(
        Verdict(
            what=f"CPU, stream at {BLOCK_S:g}-s blocks, for 30 min", unit="s",
            at_most=STREAM_BAR_S, measured=stream_s,
            remark="" if stream_s is not None else "data set missing",
        )
    )  # fmt: skip
    verdicts.append(
        Verdict(
            what="memory of a detecting process, peak", unit="MiB", at_most=MEMORY_BAR_MIB,
            measured=memory.get("edge-agent, stream"), digits=1,
            peer=PEER if PEER in memory else "", peer_measured=memory.get(PEER),
            remark="" if memory else "not measured here",
        )
    )  # fmt: skip
    return verdicts


SECTION = Section(name="cost", title="CPU and memory", measure=measure)
