"""What the sections of the oximetry report share: tables of known answers, peers, switches."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import EdgeError
from edge_agent.validate.oximetry.peer import Peer

TABLES = "twin"
"""Folder of the tables inside the data folder."""
SERIES, SUMMARY = "spo2_desat_series_1hz.csv", "spo2_desat_summary.csv"

Series = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNight:
    """One value of SpO2 (%) a second, with the figures that are known of it, by their column."""

    name: str
    spo2: Series
    known: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class OximetryBench:
    """The data folder ``data`` (with ``twin/`` inside), the peers, and how to measure."""

    data: Path
    peers: tuple[Peer, ...] = ()
    quick: bool = False
    seed: int = 1
    tell: Callable[[str], None] = lambda _: None

    def known_nights(self) -> list[KnownNight]:
        """Nights of the tables, whichever there are; none when a table is missing.

        :raises EdgeError: a table without its columns, or with something else than numbers.
        """
        series, summary = (self.data / TABLES / name for name in (SERIES, SUMMARY))
        if not series.is_file() or not summary.is_file():
            return []
        try:
            with series.open(encoding="utf-8", newline="") as rows:
                values: dict[str, list[float]] = {}
                for row in csv.DictReader(rows):
                    values.setdefault(row["case"], []).append(float(row["spo2"] or "nan"))
            with summary.open(encoding="utf-8", newline="") as rows:
                known = {row.pop("case"): row for row in csv.DictReader(rows)}
            return [
                KnownNight(
                    name=name,
                    spo2=np.array(values[name]),
                    known={column: float(text) for column, text in row.items() if text},
                )
                for name, row in known.items()
                if name in values
            ]
        except (KeyError, ValueError) as error:
            raise EdgeError(
                f"tables {series.name} and {summary.name}", f"can't be read: {error!r}",
                "They need the columns case, t_s, spo2; and case with figures",
            ) from error  # fmt: skip


def missing_tables() -> str:
    """Say that the nights of known answers are not there."""
    return f"{TABLES}/{SERIES}, {TABLES}/{SUMMARY}: not found, not measured"
