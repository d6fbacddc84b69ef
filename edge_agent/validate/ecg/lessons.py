"""From recordings with known beats to the lessons that the beat detector learns from.

People are few and noise is what they meet: each record is also learnt from at another sampling
rate, faster and slower, from its second lead, and with recorded noise. What is learnt from and what
is scored are the same people here; how the detector does on people it has not seen is told by
``held_out``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent.dsp.qrs_learning import Lesson
from edge_agent.validate.ecg import noise
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.ecg.made_up import with_standstills, with_wandering_rhythm
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
    made_up: Callable[[Recording], tuple[Signal, Samples]] | None = None


_VARIANTS = (
    _Variant(folder="mitdb", weight=30.0),
    _Variant(folder="mitdb", weight=10.0, rate_hz=_STRAP_HZ),
    _Variant(folder="mitdb", weight=15.0, faster=0.85),
    _Variant(folder="mitdb", weight=15.0, faster=1.2),
    _Variant(folder="mitdb", weight=10.0, lead=1),
    _Variant(folder="mitdb", weight=7.5, lead=1, faster=1.15),
    _Variant(folder="mitdb", weight=8.0, made_up=with_standstills),
    _Variant(folder="mitdb", weight=10.0, made_up=with_wandering_rhythm),
    _Variant(folder="mitdb", weight=5.0, lead=1, made_up=with_wandering_rhythm),
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
    """Return, for each of ``parts``, which records are learnt from while the rest is kept away."""
    names = [
        name
        for folder in SETS
        if (data / folder).is_dir()
        for name in record_names(data / folder, annotated=True)
    ]
    of = {name: count % parts for count, name in enumerate(names)}

    def learnt_from(part: int) -> Callable[[str], bool]:
        return lambda name: of.get(name, part) != part

    return [learnt_from(part) for part in range(parts)]


def _lesson(record: Recording, variant: _Variant, noises: dict[str, Path], weight: float) -> Lesson:
    signal, beats = record.signal_mV, record.beats
    if variant.made_up is not None:
        signal, beats = variant.made_up(record)
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
