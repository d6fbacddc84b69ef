"""ECG with a silence of exactly known length put in: what stands still, and what has come off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

AFTER_R_S = 0.42
BEFORE_R_S = 0.06
LEAD_IN_S = 20.0


@dataclass(frozen=True)
class Cut:
    """``signal_mv`` with the last beat before the silence and the first one after it (s)."""

    signal_mv: Signal
    rate_hz: float
    last_s: float
    next_s: float


def silenced(signal, rate_hz, beat, following, middle):
    """Put ``middle(segment, level)`` between the beats at samples ``beat`` and ``following``.

    ``segment`` is what lies between the T wave of the one and the QRS of the other, ``level`` the
    value before. Joints are without steps: what follows is let down over a second.
    """
    after, before = round(AFTER_R_S * rate_hz), round(BEFORE_R_S * rate_hz)
    first = max(0, beat - round(LEAD_IN_S * rate_hz))
    parts = [
        signal[first : beat + after],
        middle(signal[beat + after : following - before]),
        signal[following - before : following + round(LEAD_IN_S * rate_hz)],
    ]
    joined = parts[0]
    for part in parts[1:]:
        fade = np.linspace(1.0, 0.0, min(part.size, round(rate_hz)))
        moved = part.copy()
        moved[: fade.size] += (joined[-1] - part[0]) * fade
        joined = np.concatenate((joined, moved))
    last_s = (beat - first) / rate_hz
    next_s = (parts[0].size + parts[1].size + before) / rate_hz
    return Cut(joined, rate_hz, last_s, next_s)


def looped(seconds, rate_hz):
    """To and fro through the segment, for so many seconds."""

    def middle(segment):
        there_and_back = np.concatenate((segment, segment[::-1]))
        return np.resize(there_and_back, round(seconds * rate_hz))

    return middle


def stretched(seconds, rate_hz):
    def middle(segment):
        at = np.linspace(0.0, segment.size - 1.0, round(seconds * rate_hz))
        return np.interp(at, np.arange(segment.size), segment)

    return middle


def faint(recording, seconds, rate_hz, share=0.1):
    """A stretch of the recording, so much smaller."""

    def middle(segment):
        stretch = recording[1000 : 1000 + round(seconds * rate_hz)]
        return segment[0] + share * (stretch - np.median(stretch))

    return middle


def constant(seconds, rate_hz):
    return lambda segment: np.full(round(seconds * rate_hz), segment[0])


def rail(seconds, rate_hz, level_mv=5.1):
    return lambda _: np.full(round(seconds * rate_hz), level_mv)


def hum(seconds, rate_hz, size_mv, mains_hz=50.1):
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return lambda segment: segment[0] + size_mv * np.sin(2.0 * np.pi * mains_hz * t)


def recovering(seconds, rate_hz):
    """A step as the lead comes off, from which the amplifier recovers."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return lambda segment: segment[0] + 3.0 * np.exp(-t / 1.5)
