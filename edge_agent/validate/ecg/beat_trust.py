"""Which beats are called doubtful: of those that are there, and of those that noise makes up.

The detector's beats in the first ten minutes of each record, as it is and with recorded noise from
5:00 on, two minutes on and two off. A beat is false when no annotated one is within 150 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge_agent.dsp.quality_beats import beat_qualities
from edge_agent.dsp.rpeaks import detect
from edge_agent.validate.ecg import ec57, noise
from edge_agent.validate.ecg.bench import EcgBench
from edge_agent.validate.ecg.recordings import Recording, Signal
from edge_agent.validate.section import Cell, Table

DATA_SET, NOISE = "mitdb", "nstdb"
SNR_DB = (12.0, 6.0, 0.0)

_MINUTES = 10.0


@dataclass(frozen=True, slots=True)
class Doubted:
    """How many true and false beats there were, and how many of each were doubtful."""

    true: int = 0
    doubted_true: int = 0
    false: int = 0
    doubted_false: int = 0

    def __add__(self, other: Doubted) -> Doubted:
        return Doubted(
            self.true + other.true,
            self.doubted_true + other.doubted_true,
            self.false + other.false,
            self.doubted_false + other.doubted_false,
        )


def table(bench: EcgBench) -> Table | None:
    """Judge the beats of every record in every noise; ``None`` without records."""
    records = [_beginning(one) for one in bench.recordings(DATA_SET)]
    if not records:
        return None
    noises = noise.find(bench.folder(NOISE))
    ways: list[tuple[str, str, float]] = [("as it is", "", 0.0)]
    ways += [(f"{noise.KINDS[kind]}, {snr:g} dB", kind, snr) for kind in noises for snr in SNR_DB]
    rows: list[list[Cell]] = []
    for name, kind, snr_db in ways:
        bench.tell(f"beats, {name}")
        noisy = _in_noise(records, noises, kind, snr_db)
        one = sum((doubted(record, signal) for record, signal in noisy), Doubted())
        rows.append(
            [name, one.true, _percent(one.doubted_true, one.true),
             one.false, _percent(one.doubted_false, one.false)]
        )  # fmt: skip
    return Table(
        title=f"{DATA_SET}, first {_MINUTES:g} minutes of {len(records)} records: doubtful beats",
        columns=("noise", "beats found", "doubtful, %", "false detections", "doubtful of them, %"),
        rows=rows,
        digits={"doubtful, %": 1, "doubtful of them, %": 1},
    )


def doubted(record: Recording, signal_mV: Signal) -> Doubted:
    """Count what is found in ``signal_mV``, whose beats are those of ``record``."""
    peaks = np.unique(detect(signal_mV, record.rate_hz)).astype(np.int64)
    judged = beat_qualities(signal_mV, record.rate_hz, peaks)
    doubtful = np.array([one.is_doubtful for one in judged], dtype=bool)
    pairs = ec57.pair(record.beats, peaks, round(ec57.TOLERANCE_S * record.rate_hz))
    true = np.zeros(peaks.size, dtype=bool)
    true[[found for _, found in pairs]] = True
    flutter = np.zeros(peaks.size, dtype=bool)
    for first, last in record.flutter:
        flutter |= (peaks >= first) & (peaks <= last)
    false = ~true & ~flutter
    return Doubted(
        int(true.sum()), int((true & doubtful).sum()),
        int(false.sum()), int((false & doubtful).sum()),
    )  # fmt: skip


def _beginning(record: Recording) -> Recording:
    size = round(60.0 * _MINUTES * record.rate_hz)
    inside = record.beats < size
    return replace(
        record,
        signal_mV=record.signal_mV[:size],
        beats=record.beats[inside],
        symbols=record.symbols[: int(inside.sum())],
    )


def _in_noise(
    records: list[Recording], noises: dict[str, Path], kind: str, snr_db: float
) -> Iterator[tuple[Recording, Signal]]:
    for record in records:
        yield record, noise.noisy(record, noises[kind], snr_db) if kind else record.signal_mV


def _percent(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None
