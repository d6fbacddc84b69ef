"""The section about figures over days, against a table that other software has computed."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from edge_agent.dsp.glucose_excursions import mage
from edge_agent.dsp.glycemia import glycemia
from edge_agent.validate.glucose.bench import GlucoseBench
from edge_agent.validate.glucose.recordings import read
from edge_agent.validate.section import Outcome, Section, Verdict

_TABLE = Path("..") / "twin" / "cgm_metrics_first7days.csv"
_DAYS_MIN = 7 * 1440.0
_COLUMNS = {
    "mean": "mean_mgdl", "sd": "sd_mgdl", "cv": "cv_percent", "gmi": "gmi_percent",
    "tbr54": "below_54_percent", "tbr54_69": "from_54_to_69_percent", "tir": "in_range_percent",
    "tar181_250": "from_181_to_250_percent", "tar250": "above_250_percent", "lbgi": "lbgi",
    "hbgi": "hbgi", "j_index": "j_index", "gri": "gri",
}  # fmt: skip
_PRINTED = 5e-6  # the table has five digits


def measure(bench: GlucoseBench) -> Outcome:
    """Compare every figure of the first seven days of every patient of the table."""
    path = bench.data / _TABLE
    worst, worst_mage, count = 0.0, 0.0, 0
    rows = list(csv.DictReader(path.read_text().splitlines())) if path.is_file() else []
    for row in rows:
        file = bench.data / row["set"] / f"{row['pid']}.csv"
        if not file.is_file():
            continue
        trace = read(file)
        week = trace.at_min < trace.at_min[0] + _DAYS_MIN
        at_s, mgdl = 60.0 * trace.at_min[week], trace.mgdl[week]
        ours = glycemia(at_s, mgdl)
        if ours is None or ours.n != int(row["n"]):
            continue
        count += 1
        for theirs, name in _COLUMNS.items():
            off = abs(float(getattr(ours, name)) - float(row[theirs])) - _PRINTED
            worst = max(worst, off)
        excursion = mage(at_s, mgdl)
        if excursion is not None and row["ig_mage"]:
            worst_mage = max(worst_mage, 100.0 * abs(excursion / float(row["ig_mage"]) - 1.0))
    lacking = "" if count else "table missing"
    return Outcome(
        summary=f"Time in range, GMI, CV, risk and MAGE of {count} patients against a table made"
        " by other software (iglu-python 0.4.3), printed to five digits.",
        verdicts=[
            Verdict(what="figures of glycaemia, largest difference beyond the table's rounding",
                    at_most=1e-6, measured=worst if count else None, digits=6, remark=lacking),
            Verdict(what="MAGE, largest difference", unit="%", at_most=5.0, digits=2,
                    measured=worst_mage if count else None, remark=lacking),
        ],
        figures={"patients": count, "worst": worst, "worst_mage_percent": worst_mage},
        missing=[] if np.any(count) else [f"{path.name}: not there, not measured"],
    )  # fmt: skip


SECTION = Section(name="glycaemia", title="Glycaemia over days", measure=measure)
