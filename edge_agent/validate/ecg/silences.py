"""Recordings cut open: silences whose truth is known to the sample.

After a beat and its T wave, the recording stops and something else goes on for some seconds:

* the heart stands still: the line between a T wave and the next P wave, forth and back
  (*standstill*), or the line up to the next QRS, which has the person's own P waves in it, as in a
  standstill of the ventricles (*P waves go on*);
* the lead is off: a constant line (*flat*), the converter's rail (*rail*), or the hum of an open
  input (*hum*).

Then the recording goes on before its next beat. Offsets at the joints are let out over a second,
so that no edge is made there. Where and how long is drawn by the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.validate.ecg.recordings import NORMAL_SYMBOLS, Recording

P_WAVES = "P waves go on"

AROUND_S = 20.0
LEAST_S, LONGEST_S = 4.6, 12.0

_T_WAVE_S, _WIDE_T_WAVE_S = 0.42, 0.62  # of a usual and of a ventricular beat: when it is over
_BEFORE_BEAT_S = 0.3
_BEFORE_QRS_S = 0.06
_LEAST_LINE_S = 0.08
_LONGEST_RR_S = 2.5  # a pause of the recording's own would not be ours
_RAIL_MV = 5.1
_HUM_HZ, _HUM_MV = 50.1, 2.0
_TRIES = 300

Signal = NDArray[np.float64]
Filling = Callable[[Signal, Signal], Signal]
"""Makes a silence from the line between two beats and the times (s) of its samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A cut recording: the last beat before the silence, and the next one after it."""

    record: str
    filling: str
    rate_hz: float
    signal_mV: Signal
    last_beat_s: float
    next_beat_s: float


def standstill(between: Signal, t_s: Signal) -> Signal:
    """The line between two beats, forth and back."""
    return np.resize(np.concatenate((between, between[::-1])), t_s.size)


def flat(between: Signal, t_s: Signal) -> Signal:
    """A line that does not move at all."""
    return np.full(t_s.size, between[0])


def rail(_: Signal, t_s: Signal) -> Signal:
    """The converter's largest value."""
    return np.full(t_s.size, _RAIL_MV)


def hum(between: Signal, t_s: Signal) -> Signal:
    """What an open input picks up from the mains."""
    return np.asarray(between[0] + _HUM_MV * np.sin(2.0 * np.pi * _HUM_HZ * t_s))


HEART_STOPS: dict[str, Filling] = {"standstill": standstill, P_WAVES: standstill}
LEAD_OFF: dict[str, Filling] = {"flat": flat, "rail": rail, "hum": hum}
FILLINGS = HEART_STOPS | LEAD_OFF


def cuts(record: Recording, each: int, random: np.random.Generator) -> Iterator[Cut]:
    """Yield ``each`` cuts of every filling, as far as the record has places for them."""
    for name in FILLINGS:
        for _ in range(each):
            place = _place(record, random)
            if place is not None:
                yield _cut(record, name, place, random)


def _place(record: Recording, random: np.random.Generator) -> int | None:
    """Draw a beat with room after it, no pause around it and no flutter near."""
    beats = record.beats
    if beats.size < 4:
        return None
    around = AROUND_S * record.rate_hz
    for _ in range(_TRIES):
        beat = int(random.integers(1, beats.size - 2))
        at, following = int(beats[beat]), int(beats[beat + 1])
        least = (_over_s(record, beat) + _LEAST_LINE_S + _BEFORE_BEAT_S) * record.rate_hz
        inside = (beats >= at - around) & (beats <= following + around)
        if (
            at > around
            and following + around < record.length
            and following - at >= least
            and np.diff(beats[inside]).max() < _LONGEST_RR_S * record.rate_hz
            and not any(begin < at + around and end > at - around for begin, end in record.flutter)
        ):
            return beat
    return None


def _cut(record: Recording, name: str, beat: int, random: np.random.Generator) -> Cut:
    """Cut after ``beat``; how the blocks of a stream will lie to it is drawn as well."""
    rate_hz, signal = record.rate_hz, record.signal_mV
    size = round(float(random.uniform(LEAST_S, LONGEST_S)) * rate_hz)
    around = round(float(random.uniform(AROUND_S - 1.0, AROUND_S)) * rate_hz)
    at, following = int(record.beats[beat]), int(record.beats[beat + 1])
    stop = at + round(_over_s(record, beat) * rate_hz)
    go = following - round(_BEFORE_BEAT_S * rate_hz)
    before = signal[at - around : stop]
    ends = following - round(_BEFORE_QRS_S * rate_hz) if name == P_WAVES else go
    between = signal[stop:ends]
    middle = FILLINGS[name](between, np.arange(size) / rate_hz)
    after = signal[go : following + around]
    if name in HEART_STOPS or name == "flat":
        after = _joined(middle, after, rate_hz)
    return Cut(
        record=record.name,
        filling=name,
        rate_hz=rate_hz,
        signal_mV=np.concatenate((before, middle, after)),
        last_beat_s=around / rate_hz,
        next_beat_s=(before.size + size + following - go) / rate_hz,
    )


def _over_s(record: Recording, beat: int) -> float:
    """Return how long after its R peak a beat's T wave is over."""
    return _T_WAVE_S if record.symbols[beat] in NORMAL_SYMBOLS else _WIDE_T_WAVE_S


def _joined(before: Signal, after: Signal, rate_hz: float) -> Signal:
    """Return ``after`` with the step at its beginning let out over a second."""
    ramp = np.clip(1.0 - np.arange(after.size) / rate_hz, 0.0, 1.0)
    return np.asarray(after + (before[-1] - after[0]) * ramp)
