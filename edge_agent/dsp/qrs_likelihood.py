"""How likely a candidate is a heartbeat, from what is known about it and about the beats so far.

A small network with one hidden layer of rectifiers gives the log-odds: a linear score can't hold
what a person sees at a glance, that a wide wave may be a ventricular beat in a quiet signal and is
a movement in a noisy one. It is learnt offline (:mod:`~edge_agent.dsp.qrs_learning`) from
annotated recordings, clean and with recorded noise of three kinds; on the hub it is only evaluated,
and only for the candidates that simpler rules leave open.

Everything is relative: sizes to the usual beat's, intervals to the usual interval. So neither gain
nor polarity matters, and a slow heart is read as a fast one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

EVIDENCE = (
    "one", "narrow", "wide", "narrow_under_2", "wide_under_2", "narrow_over_2", "wide_over_2",
    "narrow_noise", "wide_noise", "narrow_x_noise", "wide_x_noise",
    "narrow_before", "wide_before", "narrow_later", "wide_later",
    "under_0.6", "under_0.8", "under_0.92", "on_time", "on_time_regular", "over_1.1", "over_1.3",
    "under_0.8_regular", "under_0.92_regular", "t_wave", "t_wave_x_smaller",
    "narrow_floor", "wide_floor",
)  # fmt: skip
"""What the network is told, in this order; :func:`evidence` computes it."""

_LOWEST, _HIGHEST = -3.0, 2.0  # logarithms of sizes: beyond, more says no more
_T_WAVE_S = 0.4
_ON_TIME = 0.12
_MISSED = 1.6  # usual intervals: beyond, lateness says no more


class Context(NamedTuple):
    """What is known before a candidate: logarithms of sizes, seconds.

    ``signal`` and ``noise`` are the usual sizes of beats and of what is none, ``floor`` that of
    what lies before a candidate; ``regularity`` runs from 0 (like fibrillation) to 1.
    """

    signal: tuple[float, float]
    noise: tuple[float, float]
    floor: tuple[float, float]
    usual_s: float
    regularity: float


def evidence(
    sizes: tuple[float, float],
    before: tuple[float, float],
    later: tuple[float, float],
    known: Context,
    since_s: float,
    last_size: float,
) -> list[float]:
    """Return the evidence for a candidate ``since_s`` after a beat of the size ``last_size``.

    Pairs are of the narrow and the wide scale, and logarithms.
    """
    # Conditions, not min and max: this is the hub's innermost loop, and calls cost more.
    narrow, wide = sizes[0] - known.signal[0], sizes[1] - known.signal[1]
    narrow = _LOWEST if narrow < _LOWEST else _HIGHEST if narrow > _HIGHEST else narrow
    wide = _LOWEST if wide < _LOWEST else _HIGHEST if wide > _HIGHEST else wide
    noise_n, noise_w = known.noise[0] - known.signal[0], known.noise[1] - known.signal[1]
    floor_n, floor_w = known.floor[0] - known.signal[0], known.floor[1] - known.signal[1]
    share = since_s / known.usual_s
    regular = known.regularity
    early_6 = 0.6 - share if share < 0.6 else 0.0
    early_8 = 0.8 - share if share < 0.8 else 0.0
    early_92 = 0.92 - share if share < 0.92 else 0.0
    off = abs(share - 1.0) / _ON_TIME
    on_time = 1.0 - off if off < 1.0 else 0.0
    late = share if share < _MISSED else _MISSED
    t_wave = _T_WAVE_S - since_s if since_s < _T_WAVE_S else 0.0
    smaller = sizes[0] - last_size
    smaller = _LOWEST if smaller < _LOWEST else 1.0 if smaller > 1.0 else smaller
    return [
        1.0, narrow, wide,
        narrow * narrow if narrow < 0.0 else 0.0, wide * wide if wide < 0.0 else 0.0,
        narrow * narrow if narrow > 0.0 else 0.0, wide * wide if wide > 0.0 else 0.0,
        noise_n, noise_w, narrow * noise_n, wide * noise_w,
        before[0], before[1], later[0], later[1],
        early_6, early_8, early_92, on_time, on_time * regular,
        late - 1.1 if late > 1.1 else 0.0, late - 1.3 if late > 1.3 else 0.0,
        early_8 * regular, early_92 * regular, t_wave, t_wave * smaller, floor_n, floor_w,
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Network:
    """Log-odds = ``out · max(0, hidden @ evidence + offsets) + bias``.

    ``hidden`` has shape (h, k), ``offsets`` and ``out`` (h,).
    """

    hidden: NDArray[np.float64]
    offsets: NDArray[np.float64]
    out: NDArray[np.float64]
    bias: float

    def log_odds(self, told: list[float]) -> float:
        """Return the log-odds of a beat, given :func:`evidence`."""
        sums = self.hidden.dot(told)
        sums += self.offsets
        np.maximum(sums, 0.0, out=sums)
        return float(self.out.dot(sums)) + self.bias
