"""The last seconds of an ECG, small enough to go along with a finding."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rhythm_finding import Strip

HIGHEST_RATE_HZ = 130.0

_KEPT_S = 12.0
_BEAT_S = 0.05
_UV_PER_MV = 1000.0
_ROUNDING = 1e-6  # of a sample: how a time was summed up must not decide between two


class StripRecorder:
    """Keeps the last 12 s of one lead at ``rate_hz``, averaged down to at most 130 Hz."""

    def __init__(self, rate_hz: float) -> None:
        self._given_hz = rate_hz
        self._factor = max(1, int(np.ceil(rate_hz / (HIGHEST_RATE_HZ + 1.0))))
        self._rate_hz = rate_hz / self._factor
        self._longest = round(_KEPT_S * self._rate_hz)
        self._kept: Signal = np.empty(0)
        self._rest: Signal = np.empty(0)
        self._end_s = 0.0

    def push(self, block_mV: ArrayLike, start_s: float) -> None:
        """Take in samples, shape (n,), that follow on; the first was taken at ``start_s``."""
        block = np.asarray(block_mV, dtype=np.float64)
        waiting = np.concatenate((self._rest, block))
        whole = waiting.size // self._factor * self._factor
        self._rest = waiting[whole:]
        means = waiting[:whole].reshape(-1, self._factor).mean(axis=1)
        self._kept = np.concatenate((self._kept, means))[-self._longest :]
        self._end_s = start_s + (block.size - self._rest.size) / self._given_hz

    def swing_mV(self, at_s: float) -> float:
        """Peak-to-peak amplitude (mV) within 50 ms of ``at_s``, NaN if that is not kept."""
        near = self._kept[self._slice(at_s - _BEAT_S, at_s + _BEAT_S)]
        return float(np.ptp(near)) if near.size else float("nan")

    def strip(self, from_s: float, until_s: float) -> Strip | None:
        """Return what is kept of that stretch, without its median, or ``None``."""
        kept = self._slice(from_s, until_s)
        samples = self._kept[kept]
        if samples.size == 0:
            return None
        return Strip(
            start_s=self._end_s - (self._kept.size - kept.start) / self._rate_hz,
            rate_hz=self._rate_hz,
            samples_uV=_microvolts(samples - np.median(samples)),
        )

    def _slice(self, from_s: float, until_s: float) -> slice:
        begin_s = self._end_s - self._kept.size / self._rate_hz
        first, last = (
            int(np.floor((at_s - begin_s) * self._rate_hz + 0.5 + _ROUNDING))
            for at_s in (from_s, until_s)
        )
        return slice(max(0, first), max(0, last))


def _microvolts(samples_mV: Signal) -> NDArray[np.int16]:
    most = np.iinfo(np.int16).max
    return np.clip(np.rint(_UV_PER_MV * samples_mV), -most, most).astype(np.int16)
