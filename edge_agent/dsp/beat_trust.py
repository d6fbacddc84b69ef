"""Whether anything should be derived from a beat: told once the samples after it are known.

Rates and silences need a beat at once. What is worked out from many beats (variability,
fibrillation, classes of beats) can wait half a second, and should not be told of noise: a doubtful
beat makes two wrong intervals, and looks like a ventricular one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.beats import Beat
from edge_agent.dsp.quality_beats import BeatQuality, BeatQualityStream
from edge_agent.dsp.rhythm_places import Places


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBeat:
    """A beat, whether it is reliable, and its RR interval (ms) where both its ends are."""

    at_s: float
    rr_ms: float | None
    reliable: bool


class BeatTrust:
    """Judges the beats of one lead at ``rate_hz`` in their order, 0.4 s after each."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._begin()

    def push(
        self, block_mV: ArrayLike, start_s: float, beats: Sequence[Beat], *, trusted: bool
    ) -> list[JudgedBeat]:
        """Take in a block, shape (n,), from ``start_s`` on, and the beats settled with it.

        Where the signal itself is not ``trusted``, no beat is. Beats from before a gap have to go
        in before it (:meth:`gap`).
        """
        block = np.asarray(block_mV, dtype=np.float64)
        self._places.push(block.size, start_s)
        peaks = [self._places.position(one.at_s) for one in beats]
        self._waiting += [(one, trusted) for one in beats]
        return self._judged(self._qualities.push(block, peaks))

    def gap(self, beats: Sequence[Beat] = (), *, trusted: bool = False) -> list[JudgedBeat]:
        """Judge the beats that wait, and those that the gap has settled; nothing joins them."""
        peaks = [self._places.position(one.at_s) for one in beats]
        self._waiting += [(one, trusted) for one in beats]
        judged = self._judged(self._qualities.flush(peaks))
        self._begin()
        return judged

    def _begin(self) -> None:
        self._qualities = BeatQualityStream(self._rate_hz)
        self._places = Places(self._rate_hz)
        self._waiting: deque[tuple[Beat, bool]] = deque()
        self._last_reliable = False

    def _judged(self, qualities: Sequence[BeatQuality]) -> list[JudgedBeat]:
        judged = []
        for quality in qualities:
            beat, trusted = self._waiting.popleft()
            reliable = trusted and not quality.is_doubtful
            rr_ms = beat.rr_ms if reliable and self._last_reliable else None
            judged.append(JudgedBeat(at_s=beat.at_s, rr_ms=rr_ms, reliable=reliable))
            self._last_reliable = reliable
        return judged
