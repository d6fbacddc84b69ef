"""Runs the sections of a report, and says how the report was made."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from edge_agent import __version__
from edge_agent.validate.report import Chapter
from edge_agent.validate.section import Bench, Section
from edge_agent.validate.software import version_of

Tell = Callable[[str], None]


def _silent(_: object) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a report is wanted: sections by name (by default all), switches, whom to tell.

    ``command`` is what was typed; ``tell`` is told what is being measured, ``done`` each chapter
    when it is complete.
    """

    only: Collection[str] = ()
    quick: bool = False
    with_peers: bool = True
    seed: int = 1
    command: str = ""
    tell: Tell = _silent
    done: Callable[[Chapter], None] = _silent
    began: datetime = field(default_factory=lambda: datetime.now(UTC))


def run(
    sections: Sequence[Section[Bench]], wish: Wish, bench: Callable[[Tell], Bench]
) -> list[Chapter]:
    """Measure the sections that are wanted, one after the other.

    ``bench`` makes what a section is given, with whom it may tell how far it is.
    """
    chapters: list[Chapter] = []
    chosen = [one for one in sections if not wish.only or one.name in wish.only]
    for count, section in enumerate(chosen, start=1):
        title = f"{count}/{len(chosen)} {section.title}"
        wish.tell(title)
        start = time.monotonic()
        outcome = section.measure(bench(partial(_tell, wish.tell, title)))
        seconds = time.monotonic() - start
        chapters.append(
            Chapter(name=section.name, title=section.title, outcome=outcome, seconds=seconds)
        )
        wish.done(chapters[-1])
    return chapters


def header(wish: Wish, records: str, named: Sequence[str]) -> dict[str, str]:
    """Return how a report was made, line by line; ``named`` is software to give versions of."""
    lines = {
        "command": f"`{wish.command}`" if wish.command else "",
        "began": f"{wish.began:%Y-%m-%d %H:%M} UTC",
        "records": records,
        "software": _software(named),
        "machine": _machine(),
        "seed": str(wish.seed),
    }
    return {key: value for key, value in lines.items() if value}


def _tell(tell: Tell, title: str, what: str) -> None:
    tell(f"{title}: {what}")


def _software(names: Sequence[str]) -> str:
    named = [f"edge-agent {__version__}", f"Python {platform.python_version()}"]
    named += [f"{one} {version}" for one in names if (version := version_of(one))]
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
