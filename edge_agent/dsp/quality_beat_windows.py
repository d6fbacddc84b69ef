"""The samples around each beat of a stream, for whatever is worked out beat by beat."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rpeaks import LATENCY_S


@dataclass(frozen=True, slots=True)
class BeatWindow:
    """A beat: the sample of its R peak, and a copy of the samples around it."""

    peak: int
    samples: Signal


class BeatWindows:
    """Cuts ``before_s`` to ``after_s`` around each R peak out of a stream at ``rate_hz``.

    The same for every split, with bounded memory: peaks may come as late as the detector gives
    them. Before the first sample and after the last the signal is taken to be constant. A gap needs
    a new one.
    """

    def __init__(self, rate_hz: float, *, before_s: float, after_s: float) -> None:
        self.before = round(before_s * rate_hz)
        self._after = round(after_s * rate_hz)
        self._kept = self.before + self._after + round(LATENCY_S * rate_hz)
        self._raw: Signal | None = None
        self._first = 0
        self._waiting: deque[int] = deque()
        self._last = -1

    def push(self, block_mV: ArrayLike, peaks: Iterable[float] = ()) -> list[BeatWindow]:
        """Take in samples, shape (n,), and peaks found up to now; return the beats now whole.

        Peaks count from the first sample ever pushed and come in rising order, each once.

        :raises ValueError: samples that are not one-dimensional or not finite; a peak that is not
            later than the last, lies ahead of the samples, or further behind than the detector's
            latency.
        """
        block = np.asarray(block_mV, dtype=np.float64)
        if block.ndim != 1 or not np.isfinite(block).all():
            raise ValueError(f"block of shape {block.shape}: a row of numbers without NaN expected")
        if block.size:
            if self._raw is None:
                self._raw = np.full(self._kept, block[0])
                self._first = -self._kept
            self._raw = np.concatenate((self._raw, block))
        self._await(peaks)
        whole = self._cut()
        if self._raw is not None and self._raw.size > self._kept:
            self._first += self._raw.size - self._kept
            self._raw = self._raw[-self._kept :].copy()
        return whole

    def flush(self, peaks: Iterable[float] = ()) -> list[BeatWindow]:
        """Return the beats that waited for later samples. The stream ends: push no more."""
        self._await(peaks)
        if self._raw is None:
            return []
        self._raw = np.concatenate((self._raw, np.full(self._after, self._raw[-1])))
        return self._cut()

    def _await(self, peaks: Iterable[float]) -> None:
        """Line up peaks behind those that wait."""
        for peak in map(round, peaks):
            last = self._waiting[-1] if self._waiting else self._last
            size = 0 if self._raw is None else self._raw.size
            if not max(last + 1, self._first + self.before) <= peak < self._first + size:
                raise ValueError(f"peak {peak}: not after the last, or outside the samples kept")
            self._waiting.append(peak)

    def _cut(self) -> list[BeatWindow]:
        whole: list[BeatWindow] = []
        if self._raw is None:
            return whole
        while self._waiting and self._waiting[0] + self._after < self._first + self._raw.size:
            self._last = self._waiting.popleft()
            start = self._last - self.before - self._first
            samples = self._raw[start : start + self.before + self._after].copy()
            whole.append(BeatWindow(self._last, samples))
        return whole
