"""Beats with their times and RR intervals, from timed blocks of ECG."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rpeaks import LATENCY_S, Detector


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A heartbeat: when (s), and how long after the one before (ms).

    ``rr_ms`` is ``None`` for the first beat, and for the first after a gap.
    """

    at_s: float
    rr_ms: float | None


@dataclass(frozen=True, slots=True)
class _Block:
    first: int
    start_s: float
    elapsed_s: float
    rate_hz: float


class BeatStream:
    """Finds the beats in blocks of one lead whose nominal rate is ``rate_hz`` (100 to 1000).

    A beat's time comes from the start of the block it lies in. RR intervals are counted in
    samples at the true rate instead, so that an uneven arrival of blocks does not reach them.
    Peaks are located between samples (parabola), which at 130 Hz takes 0.5 ms off the error that
    sampling adds to RMSSD.

    :raises ValueError: as :class:`~edge_agent.dsp.rpeaks.Detector` does.
    """

    def __init__(self, rate_hz: float) -> None:
        self._nominal_hz = rate_hz
        self._restart()

    def push(
        self,
        block_mV: ArrayLike,
        start_s: float,
        *,
        rate_hz: float | None = None,
        follows_gap: bool = False,
    ) -> list[Beat]:
        """Take in a block, shape (n,), whose first sample was taken at ``start_s``.

        ``rate_hz`` is the true rate of this block where it is known better than nominally. With
        ``follows_gap`` the samples do not join the ones before: waiting beats come out, and
        detection starts anew.
        """
        block = np.asarray(block_mV, dtype=np.float64)
        beats = self.flush() if follows_gap else []
        positions = self._detector.push_refined(block)
        true_hz = self._nominal_hz if rate_hz is None else rate_hz
        self._blocks.append(_Block(self._count, start_s, self._elapsed_s, true_hz))
        self._count += block.size
        self._elapsed_s += block.size / true_hz
        beats += self._timed(positions)
        oldest = self._count - LATENCY_S * self._nominal_hz
        while len(self._blocks) > 1 and self._blocks[1].first < oldest:
            self._blocks.popleft()
        return beats

    @property
    def provisional_s(self) -> tuple[float, ...]:
        """Times (s) where beats seem to be that are not settled yet; some will turn out to be none.

        See :attr:`edge_agent.dsp.rpeaks.Detector.provisional`.
        """
        places = self._detector.provisional
        return tuple(self._place(float(place))[0] for place in places if place >= 0)

    def flush(self) -> list[Beat]:
        """Return the beats that waited for later samples; what comes next follows a gap."""
        beats = self._timed(self._detector.flush_refined())
        self._restart()
        return beats

    def _restart(self) -> None:
        self._detector = Detector(self._nominal_hz)
        self._blocks: deque[_Block] = deque()
        self._count = 0
        self._elapsed_s = 0.0
        self._last_elapsed_s: float | None = None

    def _timed(self, positions: Signal) -> list[Beat]:
        return [self._beat(float(position)) for position in positions]

    def _beat(self, position: float) -> Beat:
        at_s, elapsed_s = self._place(position)
        rr_ms = None
        if self._last_elapsed_s is not None:
            rr_ms = 1000.0 * (elapsed_s - self._last_elapsed_s)
        self._last_elapsed_s = elapsed_s
        return Beat(at_s=at_s, rr_ms=rr_ms)

    def _place(self, position: float) -> tuple[float, float]:
        """Return the time of a position in the stream, and its time since the stream began (s)."""
        block = next(one for one in reversed(self._blocks) if one.first <= position)
        into_s = (position - block.first) / block.rate_hz
        return block.start_s + into_s, block.elapsed_s + into_s
