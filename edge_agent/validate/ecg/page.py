"""The ECG report: its sections in order, its header, and the run that fills it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edge_agent import __version__
from edge_agent.errors import EdgeError
from edge_agent.validate.ecg import (
    cost,
    fibrillation,
    hrv,
    latency,
    noise_curves,
    noisy_strips,
    pauses,
    ride,
    rpeaks,
    ventricular,
)
from edge_agent.validate.ecg.bench import EcgBench, installed
from edge_agent.validate.report import Chapter, Report
from edge_agent.validate.section import Section
from edge_agent.validate.software import require, version_of

SECTIONS: Sequence[Section[EcgBench]] = (
    rpeaks.SECTION,
    noise_curves.SECTION,
    latency.SECTION,
    cost.SECTION,
    ride.SECTION,
    hrv.SECTION,
    fibrillation.SECTION,
    ventricular.SECTION,
    noisy_strips.SECTION,
    pauses.SECTION,
)

SETS = ("mitdb", "nstdb", "cpsc2019", "cpsc2021", "cinc2017", "polar_h10")

_TITLE = "What the ECG processing is worth"
_INTRODUCTION = (
    "Everything on this page was measured in one run, on the recordings named below, by the"
    " command named below; nothing is copied from elsewhere. Other software runs at its own"
    " defaults on the same samples and is scored by the same rules. Not a medical device: figures"
    " on recordings are engineering, not clinical evidence."
)
_NEEDED = ("wfdb", "matplotlib")
_NAMED = ("numpy", "scipy", "wfdb", "sleepecg", "neurokit2", "fast-qrs-detector", "hrv-analysis",
          "matplotlib")  # fmt: skip


def section_names() -> list[str]:
    """Names of the sections, for ``--only``."""
    return [section.name for section in SECTIONS]


def measure(
    data: Path,
    *,
    only: Collection[str] = (),
    quick: bool = False,
    with_peers: bool = True,
    seed: int = 1,
    command: str = "",
    tell: Callable[[str], None] = lambda _: None,
    done: Callable[[Chapter], None] = lambda _: None,
) -> Report:
    """Run the sections (those named in ``only``, by default all) and return the report.

    ``tell`` is told what is being measured, ``done`` each chapter when it is complete.

    :raises EdgeError: wfdb or matplotlib missing, a folder without any data set in it, a record
        that can't be read.
    """
    require(_NEEDED)
    if not any((data / one).is_dir() for one in SETS):
        raise EdgeError(
            f"folder {data}", "no data set in it", f"It needs one or more of: {', '.join(SETS)}"
        )
    peers, lacking = installed(quick=quick) if with_peers else ((), ["peers: left out"])
    began = datetime.now(UTC)
    chapters: list[Chapter] = []
    chosen = [one for one in SECTIONS if not only or one.name in only]
    for count, section in enumerate(chosen, start=1):
        title = f"{count}/{len(chosen)} {section.title}"
        tell(title)
        start = time.monotonic()
        outcome = section.measure(
            EcgBench(
                data=data, peers=peers, quick=quick, seed=seed, tell=partial(_tell, tell, title)
            )
        )
        seconds = time.monotonic() - start
        chapters.append(
            Chapter(name=section.name, title=section.title, outcome=outcome, seconds=seconds)
        )
        done(chapters[-1])
    header = {
        "command": f"`{command}`" if command else "",
        "began": f"{began:%Y-%m-%d %H:%M} UTC",
        "records": _records(data, quick=quick),
        "software": _software(),
        "machine": _machine(),
        "seed": str(seed),
    }
    return Report(
        title=_TITLE,
        introduction=_INTRODUCTION,
        header={key: value for key, value in header.items() if value},
        chapters=chapters,
        missing=lacking,
    )


def _tell(tell: Callable[[str], None], title: str, what: str) -> None:
    tell(f"{title}: {what}")


def _records(data: Path, *, quick: bool) -> str:
    bench = EcgBench(data=data, quick=quick)
    found = []
    for one in SETS:
        count = len(bench.names(one, annotated=False))
        if count:
            found.append(f"{one} ({count})")
        elif bench.folder(one).is_dir():
            found.append(one)
    return ", ".join(found) + (": a quick run, on a few records of each" if quick else "")


def _software() -> str:
    named = [f"edge-agent {__version__}", f"Python {platform.python_version()}"]
    named += [f"{one} {version}" for one in _NAMED if (version := version_of(one))]
    return ", ".join(named)


def _machine() -> str:
    model = platform.processor() or platform.machine()
    listed = Path("/proc/cpuinfo")
    if listed.is_file():
        lines = listed.read_text(encoding="utf-8").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    return (
        f"{model}, {os.cpu_count()} CPUs, {platform.system()} {platform.machine()},"
        f" OMP_NUM_THREADS {threads}"
    )
