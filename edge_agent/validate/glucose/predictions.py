"""Every forecast and alarm of the shipped weights, as files for an independent scorer."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

from edge_agent.dsp.glucose_population import HORIZONS_MIN
from edge_agent.validate.glucose.passes import Pass, run
from edge_agent.validate.glucose.recordings import Trace, read_all


def write_all(data: Path, out: Path, tell: Callable[[str], None]) -> int:
    """Run over every patient under ``data`` and write two files for each into ``out``.

    Returns the number of patients.

    :raises EdgeError: no trace, or one that can't be read.
    """
    traces = read_all(data)
    for one in traces:
        tell(f"{one.data_set}/{one.name}")
        write(one, run(one), out)
    return len(traces)


def write(trace: Trace, made: Pass, out: Path) -> None:
    """Write ``<set>/<patient>.csv`` and ``<set>/<patient>.alarm.csv``."""
    folder = out / trace.data_set
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{trace.name}.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("time", "horizon_min", "pred", "lo90", "hi90", "sigma"))
        for row, stamp in enumerate(trace.times):
            for column, horizon_min in enumerate(HORIZONS_MIN):
                mean = float(made.mean[row, column])
                if math.isnan(mean):
                    continue
                figures = (mean, made.low90[row, column], made.high90[row, column],
                           made.deviation[row, column])  # fmt: skip
                rows.writerow((stamp, f"{horizon_min:g}", *(f"{one:.3f}" for one in figures)))
    with (folder / f"{trace.name}.alarm.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("time", "alarm"))
        rows.writerows(zip(trace.times, made.alarm.astype(int).tolist(), strict=True))
