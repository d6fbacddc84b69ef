"""CGM traces as CSV files: one folder for each data set, one file for each patient."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import EdgeError

Vector = NDArray[np.float64]

_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001 - traces have local times without a zone
_LONGEST_STEP_MIN = 40.0
_SLOW_MIN = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One patient: readings ``mgdl`` (n,) at ``at_min`` (n,), minutes since 2000, rising.

    ``doses`` (m, 3): minute, carbohydrate (g), rapid insulin (U). ``times`` are the stamps as they
    stand in the file, one for each reading.
    """

    data_set: str
    name: str
    at_min: Vector
    mgdl: Vector
    doses: Vector
    times: tuple[str, ...]

    @property
    def step_min(self) -> float:
        """5 or 15: the usual time between readings."""
        steps = np.diff(self.at_min)
        return 15.0 if np.median(steps[steps < _LONGEST_STEP_MIN]) > _SLOW_MIN else 5.0

    @property
    def group(self) -> str:
        """Data set and pace, as the scoring script writes them."""
        return f"{self.data_set}@{self.step_min:.0f}min"

    def updates(self) -> Iterator[tuple[float, float, float, float]]:
        """Yield second, mg/dL, and the carbs (g) and insulin (U) since the reading before."""
        place = 0
        for at, value in zip(self.at_min.tolist(), self.mgdl.tolist(), strict=True):
            first = place
            while place < len(self.doses) and self.doses[place, 0] <= at:
                place += 1
            taken = self.doses[first:place, 1:].sum(axis=0)
            yield 60.0 * at, value, float(taken[0]), float(taken[1])


def read(path: Path) -> Trace:
    """Read one patient's file; rows without glucose are doses.

    :raises EdgeError: a file without readings, or with a row that is none.
    """
    times: dict[float, tuple[str, float]] = {}
    doses: list[tuple[float, float, float]] = []
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                at = (datetime.fromisoformat(row["time"]) - _EPOCH).total_seconds() / 60.0
                if row.get("glucose_mgdl"):
                    times.setdefault(at, (row["time"], float(row["glucose_mgdl"])))
                carbs_g = float(row.get("carbs_g") or 0.0)
                insulin_u = float(row.get("insulin_u") or 0.0)
                if carbs_g or insulin_u:
                    doses.append((at, carbs_g, insulin_u))
    except (ValueError, KeyError) as error:
        raise EdgeError(
            f"trace {path}", f"a row that can't be read: {error}",
            "It needs the columns time (ISO 8601) and glucose_mgdl.",
        ) from error  # fmt: skip
    if len(times) < 3:
        raise EdgeError(f"trace {path}", "fewer than three readings", "Leave the file out.")
    at_min = np.array(sorted(times))
    return Trace(
        data_set=path.parent.name,
        name=path.stem,
        at_min=at_min,
        mgdl=np.array([times[one][1] for one in at_min.tolist()]),
        doses=np.array(sorted(doses)).reshape(-1, 3),
        times=tuple(times[one][0] for one in at_min.tolist()),
    )


def read_all(folder: Path) -> list[Trace]:
    """Read every patient of every data set under ``folder``.

    :raises EdgeError: no trace at all, or one that can't be read.
    """
    files = sorted(one for one in folder.glob("*/*.csv") if not one.name.endswith(".alarm.csv"))
    if not files:
        raise EdgeError(
            f"folder {folder}", "no trace in it", "It needs a folder of CSV files for each set."
        )
    return [read(one) for one in files]
