"""Noise added to a recording by the rules of the WFDB program ``nst``.

The signal's size S is the trimmed mean peak-to-peak amplitude within 50 ms of the first 300 normal
beats, its power S²/8 (as of a sine). The noise's is the square of the trimmed mean RMS of its first
300 one-second windows, each without its mean. Trimmed is 5 % from either end. G. B. Moody, W. E.
Muldrow, R. G. Mark, Computers in Cardiology 11 (1984) 381-384.

Noise comes after the five minutes of learning, two minutes on and two off; its offset is kept where
it stops, so that no edge is made there.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from edge_agent.validate.ecg.recordings import (
    NORMAL_SYMBOLS,
    Recording,
    Signal,
    read,
    record_names,
    resampled,
)

KINDS = {"em": "electrode motion", "ma": "muscle", "bw": "baseline wander"}

_START_S = 300.0
_SPAN_S = 120.0
_AROUND_S = 0.05
_FIRST = 300
_TRIMMED = 20  # one part in so many


def find(folder: Path) -> dict[str, Path]:
    """Return the noise records in ``folder`` by kind; their names begin with it (em, em_a)."""
    found: dict[str, Path] = {}
    for name in record_names(folder) if folder.is_dir() else ():
        kind = name.partition("_")[0]
        if kind in KINDS:
            found.setdefault(kind, folder / name)
    return found


def noisy(record: Recording, noise: Path, snr_db: float, lead: int = 0) -> Signal:
    """Return the record's signal with one lead of the noise record at ``snr_db``."""
    source = read(noise.parent, noise.name, lead)
    signal = source.signal_mV
    if source.rate_hz != record.rate_hz:
        signal = resampled(signal, source.rate_hz, record.rate_hz)
    return record.signal_mV + added(record, signal, snr_db)


def added(record: Recording, noise: Signal, snr_db: float) -> Signal:
    """Return what is added: ``noise`` (at the record's rate) scaled, switched and repeated."""
    size, rms = signal_size(record), _noise_rms(noise, record.rate_hz)
    gain = 10.0 ** (-snr_db / 20.0) * size / (math.sqrt(8.0) * rms)
    wave = gain * np.resize(noise, record.length)
    out = np.zeros(record.length)
    span = int(_SPAN_S * record.rate_hz)
    starts = range(int(_START_S * record.rate_hz), record.length, span)
    level = 0.0
    for count, first in enumerate(starts):
        part = slice(first, first + span)
        if count % 2 == 0:
            out[part] = level + wave[part] - wave[first]
            level = float(out[part][-1])
        else:
            out[part] = level
    return out


def signal_size(record: Recording) -> float:
    """Return the usual peak-to-peak amplitude of the record's normal beats, mV."""
    reach = round(_AROUND_S * record.rate_hz)
    normal = [
        beat
        for beat, symbol in zip(record.beats.tolist(), record.symbols, strict=True)
        if symbol in NORMAL_SYMBOLS
    ]
    sizes = [
        np.ptp(record.signal_mV[beat - reach : beat + reach])
        for beat in normal[:_FIRST]
        if reach <= beat < record.length - reach
    ]
    return _trimmed_mean(np.array(sizes))


def _noise_rms(noise: Signal, rate_hz: float) -> float:
    second = round(rate_hz)
    count = min(_FIRST, noise.size // second)
    return _trimmed_mean(noise[: count * second].reshape(count, second).std(axis=1))


def _trimmed_mean(values: Signal) -> float:
    cut = values.size // _TRIMMED
    return float(np.sort(values)[cut : values.size - cut].mean())
