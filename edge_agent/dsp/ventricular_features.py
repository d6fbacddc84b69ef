"""From samples and R peaks to one row of features per beat, streaming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.rpeaks import HIGHEST_RATE_HZ, LOWEST_RATE_HZ
from edge_agent.dsp.ventricular_context import CHUNK, FEATURES, START, Context
from edge_agent.dsp.ventricular_shape import Cutter, Matrix, Vector

LONGEST_WAIT_S = 15.0
"""A beat may be pushed this long after its samples: its quality may be known late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatFeatures:
    """Features of n beats at ``positions`` (samples): ``rows``, shape (n, features)."""

    positions: Vector
    reliable: NDArray[np.bool_]
    rows: Matrix


def beat_features(
    signal_mV: ArrayLike,
    rate_hz: float,
    peaks: ArrayLike,
    *,
    reliable: Sequence[bool] | None = None,
) -> BeatFeatures:
    """Return the features of the beats at ``peaks``, shape (n,), of a whole recording.

    :raises ValueError: as :class:`FeatureStream` does.
    """
    stream = FeatureStream(rate_hz)
    return _joined([stream.push(signal_mV, peaks, reliable=reliable), stream.flush()])


class FeatureStream:
    """Gives the features of the beats in a stream of samples, with bounded memory.

    :class:`~edge_agent.dsp.ventricular.VentricularStream` says when a beat comes out, and what
    may be pushed.
    """

    def __init__(self, rate_hz: float) -> None:
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError(f"rate {rate_hz} Hz: outside 100 to 1000 Hz; resample the signal")
        self._rate_hz = rate_hz
        self._cutter = Cutter(rate_hz)
        self._keep = round(LONGEST_WAIT_S * rate_hz) + self._cutter.before + self._cutter.after + 1
        self._waiting: list[tuple[float, bool]] = []
        self._measured: list[tuple[float, bool]] = []
        self._begin()
        self.forget()

    def forget(self) -> None:
        """Compare what comes next with nothing that came before; to be done after a gap only."""
        self._context = Context()
        self._done = 0

    def _begin(self) -> None:
        self._samples: Vector = np.zeros(0)
        self._end = 0
        self._last = -np.inf

    def push(
        self, block_mV: ArrayLike, peaks: ArrayLike = (), *, reliable: Sequence[bool] | None = None
    ) -> BeatFeatures:
        """Take in samples and beats; return the features of beats that now have their context."""
        block = np.asarray(block_mV, dtype=np.float64)
        positions = np.asarray(peaks, dtype=np.float64)
        if block.ndim != 1 or not np.isfinite(block).all():
            raise ValueError("block with NaN or more than one dimension: push one lead, tell gaps")
        trust = [True] * positions.size if reliable is None else list(reliable)
        if len(trust) != positions.size:
            raise ValueError(f"{len(trust)} marks of reliability for {positions.size} beats")
        if self._samples.size == 0 and block.size:
            self._samples = np.full(self._cutter.before, block[0])
        self._samples = np.concatenate((self._samples, block))
        self._end += block.size
        self._accept(positions, trust)
        found = self._advance(ended=False)
        self._samples = self._samples[max(0, self._samples.size - self._keep) :].copy()
        return found

    def flush(self) -> BeatFeatures:
        """Return the features of the beats that waited; what is pushed next follows a gap."""
        if self._samples.size:
            padding = np.full(self._cutter.after + 1, self._samples[-1])
            self._samples = np.concatenate((self._samples, padding))
            self._end += padding.size
        found = self._advance(ended=True)
        self._context.gap()
        self._begin()
        return found

    def _accept(self, positions: Vector, trust: list[bool]) -> None:
        if positions.size == 0:
            return
        order = np.concatenate(([self._last], positions))
        oldest = self._end - self._samples.size + self._cutter.before
        if not (np.diff(order) > 0.0).all() or positions[0] < oldest or order[-1] >= self._end:
            raise ValueError(
                f"beats at {positions}: expected in rising order after {self._last}, from "
                f"{oldest} on, before {self._end}"
            )
        self._last = float(positions[-1])
        self._waiting += zip(positions.tolist(), trust, strict=True)

    def _advance(self, *, ended: bool) -> BeatFeatures:
        """Measure the beats whose samples are complete; give those their features that can be."""
        found: list[BeatFeatures] = []
        complete = self._end - self._cutter.after
        while True:
            ready = [one for one in self._waiting[:CHUNK] if round(one[0]) < complete]
            if ready:
                self._measure(ready)
                del self._waiting[: len(ready)]
            if self._waiting:
                self._context.expect(self._waiting[0][0] / self._rate_hz)
            found += self._seen(ended=ended and not self._waiting)
            if not ready:
                return _joined(found)

    def _measure(self, ready: list[tuple[float, bool]]) -> None:
        peaks = np.array([peak for peak, _ in ready])
        start = self._end - self._samples.size
        columns = np.arange(-self._cutter.before, self._cutter.after + 1)
        at = np.rint(peaks).astype(np.intp)[:, np.newaxis] - start + columns
        usable = np.array([trust for _, trust in ready])
        self._context.add(peaks / self._rate_hz, self._cutter.cut(self._samples[at]), usable)
        self._measured += ready

    def _seen(self, *, ended: bool) -> list[BeatFeatures]:
        """Features of the measured beats whose next beat is known, or isn't to come."""
        context = self._context
        until = context.count if ended else min(context.count, context.known - 1)
        if not ended and until < START:
            return []
        found: list[BeatFeatures] = []
        while self._done < until:
            last = min(until, self._done + CHUNK)
            beats = self._measured[: last - self._done]
            del self._measured[: last - self._done]
            found.append(
                BeatFeatures(
                    positions=np.array([position for position, _ in beats]),
                    reliable=np.array([trust for _, trust in beats]),
                    rows=context.features(self._done, last),
                )
            )
            self._done = last
        return found


def _joined(parts: list[BeatFeatures]) -> BeatFeatures:
    empty = BeatFeatures(
        positions=np.zeros(0),
        reliable=np.zeros(0, dtype=np.bool_),
        rows=np.zeros((0, len(FEATURES))),
    )
    parts = [empty, *parts]
    return BeatFeatures(
        positions=np.concatenate([part.positions for part in parts]),
        reliable=np.concatenate([part.reliable for part in parts]),
        rows=np.concatenate([part.rows for part in parts]),
    )
