"""Plays a real ECG from a WFDB record (header, signal file and, if there, annotations).

Formats: https://physionet.org/physiotools/wag/header-5.htm, signal-5.htm and annot-5.htm. Signal
formats 16 and 212 are read; the first signal of the record is played.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import EdgeError

_SIGNAL = re.compile(r"(\d+)(?:\+(\d+))?")
_GAIN = re.compile(r"(-?[\d.eE+-]+)(?:\((-?\d+)\))?(?:/(\S+))?")
_DEFAULT_RATE_HZ = 250.0
_DEFAULT_GAIN = 200.0
_MICROVOLTS = {"uV": 1.0, "mV": 1000.0, "V": 1e6}
_BEATS = frozenset({*range(1, 14), 25, 34, 35, 38, 41})
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_HALF_WIDTH_SAMPLES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The first signal of a record: microvolts, rate, and the annotated beats as sample numbers."""

    microvolts: NDArray[np.float64]
    rate_hz: float
    beats: NDArray[np.int64]


class RecordedEcg:
    """A recording, resampled by a windowed sinc, as a source for a mock strap.

    With ``loop`` it starts again at its end after ``seam_s`` seconds of zero signal, and
    :attr:`seams` tells where; else it ends there. Without an annotation file (``.atr``) beats
    are not known and :attr:`beat_times` is empty.
    """

    def __init__(
        self, header: Path, *, rate_hz: float = 130.0, loop: bool = True, seam_s: float = 1.0
    ) -> None:
        record = read_record(header)
        self._microvolts, self._from_hz = record.microvolts, record.rate_hz
        self._rate_hz, self._loop = rate_hz, loop
        self._length_s = len(record.microvolts) / record.rate_hz
        self._lap_s = self._length_s + (seam_s if loop else 0.0)
        self._beats_s = record.beats / record.rate_hz
        self._done = 0

    @property
    def rate_hz(self) -> float:
        """Samples per second of the source's time."""
        return self._rate_hz

    @property
    def beat_times(self) -> NDArray[np.float64]:
        """Annotated beats up to the last sample read, in seconds, shape ``(beats,)``."""
        now_s = (self._done - 1) / self._rate_hz
        laps = np.arange(math.floor(max(0.0, now_s) / self._lap_s) + 1) * self._lap_s
        beats = (laps[:, np.newaxis] + self._beats_s).ravel()
        return beats[beats <= now_s]

    @property
    def seams(self) -> tuple[float, ...]:
        """Where, up to the last sample read, the recording had ended and started again (s)."""
        laps = math.floor(self._done / self._rate_hz / self._lap_s) if self._loop else 0
        return tuple(lap * self._lap_s for lap in range(1, laps + 1))

    def read(self, n: int) -> NDArray[np.int32]:
        """Return the next ``n`` samples in microvolts; fewer at the end of a single play."""
        time_s = (self._done + np.arange(n)) / self._rate_hz
        time_s = time_s % self._lap_s if self._loop else time_s[time_s < self._length_s]
        self._done += len(time_s)
        played = np.where(time_s < self._length_s, self._resampled(time_s), 0.0)
        return np.rint(played).astype(np.int32)

    def _resampled(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate with a Hann-windowed sinc whose cut-off suits the lower of both rates."""
        cutoff = min(1.0, self._rate_hz / self._from_hz)
        half = math.ceil(_HALF_WIDTH_SAMPLES / cutoff)
        position = time_s * self._from_hz
        taps = np.floor(position).astype(np.int64)[:, np.newaxis] + np.arange(1 - half, half + 1)
        away = position[:, np.newaxis] - taps
        weights = np.sinc(cutoff * away) * np.cos(0.5 * math.pi * away / half) ** 2
        weights[np.abs(away) >= half] = 0.0
        samples = self._microvolts[np.clip(taps, 0, len(self._microvolts) - 1)]
        return np.asarray(
            np.sum(weights * samples, axis=1) / np.sum(weights, axis=1), dtype=np.float64
        )


def read_record(header: Path) -> Record:
    """Read the first signal of a WFDB record; ``header`` is the path of its ``.hea`` file.

    :raises EdgeError: missing files, or formats that this reader does not know.
    """
    lines = [
        line.split()
        for line in _text(header.with_suffix(".hea")).splitlines()
        if line.strip() and not line.startswith("#")
    ]
    try:
        first, signals = lines[0], lines[1 : 1 + int(lines[0][1])]
        rate_hz = float(first[2].split("/")[0]) if len(first) > 2 else _DEFAULT_RATE_HZ
        file, form = signals[0][0], _SIGNAL.fullmatch(signals[0][1])
        interleaved = sum(signal[0] == file for signal in signals)
        gain, baseline, unit = _scale(signals[0])
    except (IndexError, ValueError) as error:
        raise _error(header, f"not a WFDB header: {error}") from error
    if form is None:
        raise _error(header, f"signal format {signals[0][1]} is not supported")
    octets = _octets(header.with_name(file))[int(form[2] or 0) :]
    counts = _samples(header, int(form[1]), octets)
    counts = counts[: len(counts) // interleaved * interleaved : interleaved]
    return Record(
        microvolts=(counts.astype(np.float64) - baseline) * (unit / gain),
        rate_hz=rate_hz,
        beats=_beats(header.with_suffix(".atr")),
    )


def _scale(signal: list[str]) -> tuple[float, float, float]:
    """Return gain (counts per unit), baseline (counts) and microvolts per unit."""
    found = _GAIN.fullmatch(signal[2]) if len(signal) > 2 else None
    zero = float(signal[4]) if len(signal) > 4 else 0.0
    if found is None:
        return _DEFAULT_GAIN, zero, _MICROVOLTS["mV"]
    baseline = float(found[2]) if found[2] else zero
    unit = found[3] or "mV"
    if unit not in _MICROVOLTS:
        raise ValueError(f"unit {unit} is not a voltage")
    return float(found[1]) or _DEFAULT_GAIN, baseline, _MICROVOLTS[unit]


def _samples(header: Path, form: int, octets: bytes) -> NDArray[np.int64]:
    if form == 16:
        return np.frombuffer(octets[: len(octets) // 2 * 2], "<i2").astype(np.int64)
    if form == 212:
        triples = np.frombuffer(octets[: len(octets) // 3 * 3], np.uint8).reshape(-1, 3)
        low, middle, high = triples.astype(np.int64).T
        pairs = np.stack([low | (middle & 0x0F) << 8, high | (middle & 0xF0) << 4], axis=1)
        counts = pairs.ravel()
        return np.where(counts >= 2048, counts - 4096, counts)
    raise _error(header, f"signal format {form} is not supported")


def _beats(file: Path) -> NDArray[np.int64]:
    """Return the sample numbers of the beats in an MIT annotation file; none without a file."""
    words = np.frombuffer(file.read_bytes(), "<u2").tolist() if file.exists() else []
    beats, sample, index = [], 0, 0
    while index < len(words):
        code, value = words[index] >> 10, words[index] & 0x3FF
        index += 1
        if code == 0 and value == 0:
            break
        if code == _SKIP and index + 1 < len(words):
            jump = words[index] << 16 | words[index + 1]
            sample += jump - (1 << 32 if jump >= 1 << 31 else 0)
            index += 2
        elif code == _AUX:
            index += (value + 1) // 2
        elif code not in {_NUM, _SUB, _CHN, _SKIP}:
            sample += value
            if code in _BEATS:
                beats.append(sample)
    return np.array(beats, dtype=np.int64)


def _text(file: Path) -> str:
    return _octets(file).decode("utf-8", errors="replace")


def _octets(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _error(file, error.strerror or type(error).__name__) from error


def _error(file: Path, reason: str) -> EdgeError:
    return EdgeError(
        f"recording {file}", reason, "Give the .hea file of a WFDB record in format 16 or 212"
    )
