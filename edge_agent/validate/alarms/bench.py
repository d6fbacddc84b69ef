"""What the sections of the alarm report share: tables of known answers, switches, chance."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TABLES = "twin"
"""Folder of the tables of known answers inside the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmBench:
    """The data folder ``data`` (with ``twin/`` inside), and how to measure.

    A ``quick`` run measures less of everything; ``seed`` is that of everything random; ``tell`` is
    told what is being measured.
    """

    data: Path
    quick: bool = False
    seed: int = 1
    tell: Callable[[str], None] = lambda _: None

    def table(self, name: str) -> list[dict[str, str]]:
        """Rows of ``twin/name``, a CSV file with a head; none when the file is missing."""
        file = self.data / TABLES / name
        if not file.is_file():
            return []
        with file.open(encoding="utf-8", newline="") as rows:
            return list(csv.DictReader(rows))

    def random(self) -> np.random.Generator:
        """A generator of this run's seed, the same at every call."""
        return np.random.default_rng(self.seed)


def missing_table(name: str) -> str:
    """Say that a table is not there."""
    return f"{TABLES}/{name}: not found, not measured"
