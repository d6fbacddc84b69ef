"""Recordings under a folder: annotated ECG in WFDB files, one folder for each data set.

Which records there are is read from the folder (``RECORDS``, or every header), never known
beforehand: point the report to other records of the same layout and it scores those. WFDB files
are read by the wfdb package; lead 0 is scored.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import EdgeError
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.software import quiet

Signal = NDArray[np.float64]

BEAT_SYMBOLS = frozenset("NLRBAaJSVrFejnE/fQ?")
"""Annotations that are beats (WFDB ``isqrs``)."""

NORMAL_SYMBOLS = frozenset("NLRBAaJSejrn")
"""Beats of a usual QRS: those that the size of the signal is taken from when noise is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One lead of a record, with its beats in samples and their symbols.

    ``flutter`` are spans of ventricular flutter, ``rhythms`` the starts of rhythms with their
    names ("(AFIB"), ``replaced`` counts samples that are missing in the file (the last sample
    before stands in for them).
    """

    name: str
    lead: str
    rate_hz: float
    signal_mV: Signal
    beats: Samples
    symbols: tuple[str, ...]
    flutter: tuple[tuple[int, int], ...] = ()
    rhythms: tuple[tuple[int, str], ...] = ()
    replaced: int = 0

    @property
    def length(self) -> int:
        """Length in samples."""
        return int(self.signal_mV.size)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.length / self.rate_hz


def resampled(signal_mV: Signal, rate_hz: float, new_rate_hz: float) -> Signal:
    """Return the signal at ``new_rate_hz`` by linear interpolation.

    No filter goes before it: a sensor with so low a rate has none either for what it aliases.
    """
    step = rate_hz / new_rate_hz
    at = np.arange(int(signal_mV.size / step)) * step
    return np.asarray(np.interp(at, np.arange(signal_mV.size), signal_mV))


def record_names(folder: Path, *, annotated: bool = False) -> list[str]:
    """Return the names of the records in ``folder``, those with beat annotations if asked for."""
    index = folder / "RECORDS"
    if index.is_file():
        lines = index.read_text(encoding="utf-8").split()
        names = [line for line in lines if (folder / f"{line}.hea").is_file()]
    else:
        names = sorted(path.stem for path in folder.glob("*.hea"))
    return [name for name in names if not annotated or (folder / f"{name}.atr").is_file()]


def lead_count(folder: Path, name: str) -> int:
    """Return the number of leads of a record: the second word of its header's first line."""
    lines = (folder / f"{name}.hea").read_text(encoding="utf-8").splitlines()
    words = next(line for line in lines if not line.startswith("#")).split()
    return int(words[1])


@lru_cache(maxsize=64)
def read(folder: Path, name: str, lead: int = 0) -> Recording:
    """Read one lead of a record and, where there are any, its annotations.

    :raises EdgeError: a file that wfdb can't read.
    """
    path = str(folder / name)
    annotated = (folder / f"{name}.atr").is_file()
    try:
        with quiet():
            import wfdb

            record = wfdb.rdrecord(path, channels=[lead])
            marks = wfdb.rdann(path, "atr") if annotated else None
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise EdgeError(
            f"record {path}", f"can't be read: {error}", "Leave it out of RECORDS or mend it"
        ) from error
    signal, replaced = _filled(np.asarray(record.p_signal[:, 0], dtype=np.float64))
    samples = np.asarray(marks.sample if marks else [], dtype=np.int64)
    symbols = list(marks.symbol) if marks else []
    isbeat = np.array([symbol in BEAT_SYMBOLS for symbol in symbols], dtype=bool)
    return Recording(
        name=name,
        lead=str(record.sig_name[0]),
        rate_hz=float(record.fs),
        signal_mV=signal,
        beats=samples[isbeat],
        symbols=tuple(symbol for symbol in symbols if symbol in BEAT_SYMBOLS),
        flutter=_flutter(symbols, samples, signal.size),
        rhythms=_rhythms(marks),
        replaced=replaced,
    )


def labels(folder: Path) -> dict[str, str]:
    """Return the label of each strip from ``REFERENCE.csv`` (name, label)."""
    table = folder / "REFERENCE.csv"
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as lines:
        return {row[0]: row[1] for row in csv.reader(lines) if len(row) == 2}


def _filled(signal: Signal) -> tuple[Signal, int]:
    missing = np.isnan(signal)
    if not missing.any():
        return signal, 0
    last = np.maximum.accumulate(np.where(missing, 0, np.arange(signal.size)))
    return np.nan_to_num(signal[last]), int(missing.sum())


def _flutter(symbols: list[str], samples: Samples, length: int) -> tuple[tuple[int, int], ...]:
    spans, begin = [], None
    for symbol, at in zip(symbols, samples.tolist(), strict=True):
        if symbol == "[":
            begin = at
        elif symbol == "]" and begin is not None:
            spans.append((begin, at))
            begin = None
    if begin is not None:
        spans.append((begin, length))
    return tuple(spans)


def _rhythms(marks: Any) -> tuple[tuple[int, str], ...]:  # noqa: ANN401 - wfdb has no types
    if marks is None:
        return ()
    named = zip(marks.sample.tolist(), marks.aux_note, strict=True)
    return tuple((at, note.strip("\x00 ")) for at, note in named if note.startswith("("))
