"""The last seconds of an ECG, small enough to go along with a finding."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rhythm_finding import Strip

HIGHEST_RATE_HZ = 130.0

_KEPT_S = 12.0
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

    def around(self, at_s: float, reach_s: float) -> Signal:
        """Return the samples (mV) within ``reach_s`` of ``at_s``, as far as they are kept."""
        middle, reach = self._index(at_s), round(reach_s * self._rate_hz)
        return self._kept[max(0, middle - reach) : max(0, middle + reach + 1)]

    def strip(self, from_s: float, until_s: float) -> Strip | None:
        """Return what is kept of that stretch, without its median, or ``None``."""
        first = max(0, self._index(from_s))
        samples = self._kept[first : max(0, self._index(until_s))]
        if samples.size == 0:
            return None
        return Strip(
            start_s=self._end_s - (self._kept.size - first) / self._rate_hz,
            rate_hz=self._rate_hz,
            samples_uV=_microvolts(samples - np.median(samples)),
        )

    def _index(self, at_s: float) -> int:
        begin_s = self._end_s - self._kept.size / self._rate_hz
        return int(np.floor((at_s - begin_s) * self._rate_hz + 0.5 + _ROUNDING))


def _microvolts(samples_mV: Signal) -> NDArray[np.int16]:
    most = np.iinfo(np.int16).max
    return np.clip(np.rint(_UV_PER_MV * samples_mV), -most, most).astype(np.int16)
