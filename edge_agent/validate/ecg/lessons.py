"""From recordings with known beats to the lessons that the beat detector learns from.

People are few and noise is what they meet: each record is also learnt from at another sampling
rate, faster and slower, from its second lead, and with recorded noise. What is learnt from and what
is scored are the same people here; how the detector does on people it has not seen is told by
``held_out``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent.dsp.qrs_learning import Lesson
from edge_agent.validate.ecg import noise, people
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.ecg.recordings import (
    Recording,
    Signal,
    lead_count,
    read,
    record_names,
    resampled,
)

SETS = ("mitdb", "cpsc2019", "cpsc2021")
NOISE = "nstdb"

_STRAP_HZ = 130.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variant:
    """A way to learn from a record of a data set; ``weight`` is that of the set so varied."""

    folder: str
    weight: float
    lead: int = 0
    rate_hz: float | None = None
    faster: float = 1.0
    noise: tuple[str, float, int] | None = None
    standstills: bool = False


_VARIANTS = (
    _Variant(folder="mitdb", weight=30.0),
    _Variant(folder="mitdb", weight=10.0, rate_hz=_STRAP_HZ),
    _Variant(folder="mitdb", weight=15.0, faster=0.85),
    _Variant(folder="mitdb", weight=15.0, faster=1.2),
    _Variant(folder="mitdb", weight=10.0, lead=1),
    _Variant(folder="mitdb", weight=7.5, lead=1, faster=1.15),
    _Variant(folder="mitdb", weight=8.0, standstills=True),
    _Variant(folder="mitdb", weight=2.0, noise=("em", 6.0, 0)),
    _Variant(folder="mitdb", weight=2.0, noise=("ma", 6.0, 0)),
    _Variant(folder="mitdb", weight=4.0, noise=("em", 12.0, 0)),
    _Variant(folder="mitdb", weight=2.0, noise=("em", 12.0, 1)),
    _Variant(folder="mitdb", weight=10.0, noise=("em", 0.0, 0)),
    _Variant(folder="mitdb", weight=1.0, noise=("bw", 0.0, 0)),
    _Variant(folder="mitdb", weight=1.0, lead=1, noise=("em", 10.0, 1)),
    _Variant(folder="mitdb", weight=1.0, lead=1, noise=("ma", 8.0, 1)),
    _Variant(folder="cpsc2019", weight=1.0),
    _Variant(folder="cpsc2021", weight=5.0),
    _Variant(folder="cpsc2021", weight=3.0, lead=1),
)


def lessons(data: Path, keep: Callable[[str], bool] = lambda _: True) -> Iterator[Lesson]:
    """Yield the lessons of the records under ``data`` whose name is to be kept."""
    noises = noise.find(data / NOISE)
    for variant in _VARIANTS:
        folder = data / variant.folder
        names = record_names(folder, annotated=True) if folder.is_dir() else []
        names = [name for name in names if keep(name) and lead_count(folder, name) > variant.lead]
        for name in names:
            record = read(folder, name, variant.lead)
            yield _lesson(record, variant, noises, variant.weight / len(names))


def held_out(data: Path, parts: int) -> Iterable[Callable[[str], bool]]:
    """Return, for each of ``parts``, which records are learnt from while the rest is kept away.

    All records of a person (:func:`~edge_agent.validate.ecg.people.person_of`) are in one part.
    """
    names = [
        name
        for folder in SETS
        if (data / folder).is_dir()
        for name in record_names(data / folder, annotated=True)
    ]
    of = {name: place % parts for name, place in zip(names, people.places(names), strict=True)}

    def learnt_from(part: int) -> Callable[[str], bool]:
        return lambda name: of.get(name, part) != part

    return [learnt_from(part) for part in range(parts)]


def _lesson(record: Recording, variant: _Variant, noises: dict[str, Path], weight: float) -> Lesson:
    signal, beats = record.signal_mV, record.beats
    if variant.standstills:
        signal, beats = with_standstills(record)
    if variant.noise is not None and variant.noise[0] in noises:
        kind, snr_db, lead = variant.noise
        source = noises[kind]
        lead = min(lead, lead_count(source.parent, source.name) - 1)
        signal = noise.noisy(record, source, snr_db, lead)
    rate_hz = record.rate_hz if variant.rate_hz is None else variant.rate_hz
    share = rate_hz / record.rate_hz
    if share != 1.0:
        signal = resampled(signal, record.rate_hz, rate_hz)
    return Lesson(
        signal_mV=signal,
        rate_hz=rate_hz * variant.faster,
        beats=np.rint(beats * share).astype(np.int64),
        left_out=tuple((round(a * share), round(b * share)) for a, b in record.flutter),
        weight=weight,
    )


def with_standstills(record: Recording) -> tuple[Signal, Samples]:
    """Return the signal with its heart standing still now and then, and the beats that are left.

    About once a minute, for 6 to 14 s, the signal is replaced by what an attached electrode shows
    then: noise of up to an eighth of the beats' size and, every other time, P waves that go on. It
    begins after a T wave and ends before a beat. Made up, with the record's name as the seed.
    """
    random = np.random.default_rng(zlib.crc32(record.name.encode()))
    signal, rate_hz = record.signal_mV.copy(), record.rate_hz
    keep = np.ones(record.beats.size, dtype=bool)
    size = noise.signal_size(record)
    for minute, at in enumerate(np.arange(60.0, record.duration_s - 20.0, 60.0)):
        before = int(np.searchsorted(record.beats, at * rate_hz))
        after = int(np.searchsorted(record.beats, (at + random.uniform(6.0, 14.0)) * rate_hz))
        if not 0 < before < after < record.beats.size:
            continue
        first = int(record.beats[before - 1] + 0.45 * rate_hz)
        last = int(record.beats[after] - 0.25 * rate_hz)
        t = np.arange(max(0, last - first)) / rate_hz
        quiet = size * random.uniform(0.01, 0.12) / 4.0 * random.standard_normal(t.size)
        if minute % 2:
            waves = size * random.uniform(0.03, 0.2)
            for wave in np.arange(
                random.uniform(0.2, 0.8), t.size / rate_hz, random.uniform(0.6, 1)
            ):
                quiet += waves * np.exp(-0.5 * ((t - wave) / random.uniform(0.018, 0.03)) ** 2)
        edge = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.1) if t.size else t
        if t.size:
            signal[first:last] = np.linspace(signal[first], signal[last], t.size) + edge * quiet
            keep[before:after] = False
    return signal, record.beats[keep]
