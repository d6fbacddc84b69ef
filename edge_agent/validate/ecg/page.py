"""The ECG report: its sections in order, and what they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_agent.errors import EdgeError
from edge_agent.validate.ecg import (
    cost,
    fibrillation,
    hrv,
    latency,
    noise_curves,
    noisy_strips,
    pauses,
    respiration,
    ride,
    rpeaks,
    ventricular,
)
from edge_agent.validate.ecg.bench import EcgBench, installed
from edge_agent.validate.report import Report
from edge_agent.validate.run import Wish, header, run
from edge_agent.validate.section import Section
from edge_agent.validate.software import require

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
    respiration.SECTION,
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


def measure(data: Path, wish: Wish) -> Report:
    """Run the sections that are wanted on the sets under ``data`` and return the report.

    :raises EdgeError: wfdb or matplotlib missing, a folder without any data set in it, a record
        that can't be read.
    """
    require(_NEEDED)
    if not any((data / one).is_dir() for one in SETS):
        raise EdgeError(
            f"folder {data}", "no data set in it", f"It needs one or more of: {', '.join(SETS)}"
        )
    quick = wish.quick
    peers, lacking = installed(quick=quick) if wish.with_peers else ((), ["peers: left out"])
    chapters = run(
        SECTIONS,
        wish,
        lambda tell: EcgBench(data=data, peers=peers, quick=quick, seed=wish.seed, tell=tell),
    )
    return Report(
        title=_TITLE,
        introduction=_INTRODUCTION,
        header=header(wish, _records(data, quick=quick), _NAMED),
        chapters=chapters,
        missing=lacking,
    )


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
