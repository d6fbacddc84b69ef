"""Recordings of Polar chest straps: raw ECG frames and the heart rate of a second strap.

The frames are those of the strap's PMD characteristic, written one after the other: after a title
of 24 octets, for each its length (u32, little-endian) and its octets. A frame has a type (0: ECG),
the time of its last sample (u64, ns), a frame type (0), and samples of three octets (signed, µV).
"""

from __future__ import annotations

import csv
import gzip
import re
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import EdgeError

Signal = NDArray[np.float64]

_TITLE = b"H10 ECG v1.0 binary data"
_FRAME_HEAD = 10
_SIGN_BIT = 1 << 23


@dataclass(frozen=True, slots=True, kw_only=True)
class Ride:
    """ECG of one strap and the heart rate of another, worn at the same time.

    ``rate_hz`` is the true rate by the strap's clock. Heart rate ``k`` (1/min, one a second)
    belongs to second ``k + lag_s`` of the ECG; ``lag_s`` is ``None`` where nobody wrote it down.
    """

    name: str
    signal_mV: Signal
    rate_hz: float
    heart_rate: Signal
    lag_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StrapBeats:
    """ECG of a strap beside the RR intervals (ms) that it sent itself."""

    name: str
    signal_mV: Signal
    rate_hz: float
    rr_ms: Signal


def read_frames(path: Path) -> tuple[Signal, float]:
    """Return the samples (mV) and the rate (Hz) by the frames' times.

    :raises EdgeError: octets that are not such a file.
    """
    octets = path.read_bytes()
    if not octets.startswith(_TITLE):
        raise EdgeError(f"file {path}", "does not begin as a file of PMD frames")
    parts: list[NDArray[np.int64]] = []
    times: list[int] = []
    at = len(_TITLE)
    while at < len(octets):
        if at + 4 > len(octets):
            raise EdgeError(f"file {path}", f"ends within a length, at octet {at}")
        (length,) = struct.unpack_from("<I", octets, at)
        frame = octets[at + 4 : at + 4 + length]
        if len(frame) < length or length < _FRAME_HEAD or frame[0] != 0 or frame[9] != 0:
            raise EdgeError(f"file {path}", f"no whole frame of ECG at octet {at}")
        times.append(struct.unpack_from("<Q", frame, 1)[0])
        parts.append(_samples(frame[_FRAME_HEAD:]))
        at += 4 + length
    if len(parts) < 2:
        raise EdgeError(f"file {path}", "fewer than two frames: no rate")
    after_first = sum(part.size for part in parts[1:])
    rate_hz = after_first * 1e9 / (times[-1] - times[0])
    return np.concatenate(parts) / 1000.0, rate_hz


def rides(folder: Path) -> list[Ride]:
    """Return every ride: files with ``_pmd_`` in their name that have a ``_hr_`` companion."""
    found = []
    for path in sorted(folder.glob("*_pmd_*.bin")):
        companion = path.with_name(path.name.replace("_pmd_", "_hr_")).with_suffix(".csv")
        if companion.is_file():
            signal, rate_hz = read_frames(path)
            with companion.open(encoding="utf-8", newline="") as lines:
                rates = [float(row["hr_bpm"] or "nan") for row in csv.DictReader(lines)]
            found.append(
                Ride(
                    name=path.stem,
                    signal_mV=signal,
                    rate_hz=rate_hz,
                    heart_rate=np.array(rates),
                    lag_s=_lag(folder),
                )
            )
    return found


def strap_beats(folder: Path) -> list[StrapBeats]:
    """Return every recording with the strap's own intervals (columns t_ms, ecg_mV, rr_ms)."""
    found = []
    for path in sorted(folder.glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        if len(rows) < 2 or not {"t_ms", "ecg_mV", "rr_ms"} <= set(rows[0]):
            continue
        span_s = (float(rows[-1]["t_ms"]) - float(rows[0]["t_ms"])) / 1000.0
        found.append(
            StrapBeats(
                name=path.name.partition(".")[0],
                signal_mV=np.array([float(row["ecg_mV"]) for row in rows]),
                rate_hz=(len(rows) - 1) / span_s,
                rr_ms=np.array([float(row["rr_ms"]) for row in rows if row["rr_ms"]]),
            )
        )
    return found


def _samples(octets: bytes) -> NDArray[np.int64]:
    parts = np.frombuffer(octets[: len(octets) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int64)
    values = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
    return np.where(values >= _SIGN_BIT, values - 2 * _SIGN_BIT, values)


def _lag(folder: Path) -> int | None:
    """Return what the folder's README says: "Row k belongs to ECG second k + 261"."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    said = re.search(r"ECG\s+second\s+k\s*\+\s*(\d+)", text)
    return int(said[1]) if said else None
