"""What people's recordings lack, made up from them: hearts that stand still, or lose their rhythm.

Random, with the record's name as the seed, so a record is always changed in the same way.
"""

from __future__ import annotations

import zlib

import numpy as np

from edge_agent.validate.ecg import noise
from edge_agent.validate.ecg.ec57 import Samples
from edge_agent.validate.ecg.recordings import Recording, Signal

_FORMS = 3
_WIDE_SHARE = 0.12
_BEFORE_S, _SYSTOLE_S, _LEAST_DIASTOLE_S = 0.2, 0.42, 0.06


def with_standstills(record: Recording) -> tuple[Signal, Samples]:
    """Return the signal with its heart standing still now and then, and the beats that are left.

    About once a minute, for 6 to 14 s, the signal is replaced by what an attached electrode shows
    then: noise of up to an eighth of the beats' size and, every other time, P waves that go on. It
    begins after a T wave and ends before a beat. Made up, with the record's name as the seed.
    """
    random = _random(record)
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


def with_wandering_rhythm(record: Recording) -> tuple[Signal, Samples]:
    """Return the signal in an irregular rhythm with wide beats of several forms, and its beats.

    In two minutes of three diastoles are cut short at random, as in fibrillation, and about one
    beat in eight gives way to a wide wave that comes early, of one of three forms and a size of its
    own, with a pause after it. The size of everything swings slowly, as with breathing. P waves
    that are cut off stay where they fall.
    """
    random = _random(record)
    rate_hz, beats = record.rate_hz, record.beats
    swing = np.exp(
        random.uniform(0.0, 0.35)
        * np.sin(2.0 * np.pi * np.arange(record.length) / rate_hz / random.uniform(3.0, 12.0))
    )
    source = record.signal_mV * swing
    size = noise.signal_size(record)
    forms = [_wide_wave(random, rate_hz) for _ in range(_FORMS)]
    before, systole = round(_BEFORE_S * rate_hz), round(_SYSTOLE_S * rate_hz)
    least = round(_LEAST_DIASTOLE_S * rate_hz)
    pieces, marks = [source[: max(0, beats[0] - before)]], []
    length = pieces[0].size
    early = False
    for count in range(beats.size - 1):
        first, last = max(0, beats[count] - before), beats[count + 1] - before
        piece = source[first:last].copy()
        at = int(beats[count] - first)
        wanders = int(beats[count] / rate_hz / 60.0) % 3 != 0
        if early and piece.size > at + systole:
            form = forms[random.integers(_FORMS)]
            at = _replaced(piece, at, form * size * random.uniform(0.35, 1.6))
            piece = np.concatenate((piece, piece[: at + systole : -1]))
        early = wanders and random.random() < _WIDE_SHARE
        spare = piece.size - (at + systole) - least
        if spare > 0 and wanders:
            cut = round(spare * (random.uniform(0.7, 1.0) if early else random.uniform(0.0, 0.9)))
            keep = piece.size - cut
            piece = piece[:keep] + np.linspace(0.0, piece[-1] - piece[keep - 1], keep)
        marks.append(length + at)
        pieces.append(piece)
        length += piece.size
    return np.concatenate(pieces), np.array(marks, dtype=np.int64)


def _wide_wave(random: np.random.Generator, rate_hz: float) -> Signal:
    """A ventricular complex and its T wave, 1 high from peak to peak, its R peak at a quarter."""
    t = np.arange(-0.15, 0.45, 1.0 / rate_hz)
    width, side = random.uniform(0.025, 0.05), random.choice((-1.0, 1.0))
    wave = np.exp(-0.5 * (t / width) ** 2)
    wave -= random.uniform(0.0, 0.9) * np.exp(-0.5 * ((t - 2.2 * width) / width) ** 2)
    wave -= random.uniform(0.1, 0.4) * np.exp(-0.5 * ((t - 0.28) / 0.06) ** 2)
    return np.asarray(side * wave / np.ptp(wave))


def _replaced(piece: Signal, at: int, wave: Signal) -> int:
    """Put ``wave`` in the place of the QRS and T wave at ``at``; return where its peak is."""
    first = max(0, at - wave.size // 4)
    last = min(piece.size, first + wave.size)
    piece[first:last] = np.linspace(piece[first], piece[last - 1], last - first)
    piece[first:last] += wave[: last - first]
    return first + int(np.abs(wave[: last - first]).argmax())


def _random(record: Recording) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(record.name.encode()))
