"""From raw ECG to QRS candidates: decimate, band-pass, square, sum, keep the dominant maxima.

Every output depends on a fixed number of input samples, and each of them is reached by the same
element-wise operations in the same order wherever the stream was cut. So the candidates are
bit-for-bit the same for every split; cumulative sums and recursive filters would not be.

The band-pass is the second derivative of a Gaussian (the "Mexican hat" wavelet, here with its
pass-band centred on 1 / (sqrt(2) pi sigma) = 16.7 Hz), used for QRS detection since C. Li et al.,
IEEE Trans Biomed Eng 42 (1995) 21-28, doi 10.1109/10.362922. It is applied as a first derivative
of a Gaussian to first differences, so a constant input gives exactly zero.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

WORKING_RATE_HZ = 120.0
"""Rate to which the signal is averaged down, or as near as a whole factor comes."""

_SIGMA_S = 0.0135  # of the Gaussian
_HALF_KERNEL_S = 0.05
_ENERGY_S = 0.14  # length of the moving sum: about a wide QRS
_DOMINANCE_S = 0.1  # a candidate is the largest energy this far to either side
_FLOOR_S = 0.2
_LOCATE_COARSE_S = 0.04  # band-passed swing around the energy's maximum
_LOCATE_FINE_S = 0.05  # raw extreme around that swing
_HALF_SAMPLE = 0.499  # a refined position rounds to the sample it belongs to


class Candidate(NamedTuple):
    """One dominant maximum of the QRS energy.

    ``at`` is its index in the decimated signal. ``size`` is the root of its energy and ``floor``
    that of the least energy in the 0.2 s before it; both grow with the signal's amplitude, by a
    factor that depends on the rate alone. ``peak`` is the R peak's position in the raw signal,
    in samples and fractions of one.
    """

    at: int
    size: float
    floor: float
    peak: float


def derivative_taps(rate_hz: float) -> Signal:
    """Return the running sum of the first half of a Mexican hat sampled at ``rate_hz``.

    The hat has an odd number of taps (13 at 120 Hz), mean zero and unit energy. Its running sum is
    odd-symmetric, so this half, applied to first differences on either side, is all of it.
    """
    half = max(2, round(_HALF_KERNEL_S * rate_hz))
    t = np.arange(-half, half + 1) / (_SIGMA_S * rate_hz)
    hat = (1.0 - t**2) * np.exp(-(t**2) / 2.0)
    hat -= hat.mean()
    hat /= np.sqrt(np.sum(hat**2))
    return np.cumsum(hat)[:half]


class CandidateFinder:
    """Streaming front end: raw samples in, candidates out, with bounded memory.

    Before the first sample the signal is taken to be constant, and after :meth:`flush` too, so
    neither end makes an edge of its own.
    """

    def __init__(self, rate_hz: float) -> None:
        self._factor = max(1, round(rate_hz / WORKING_RATE_HZ))
        self.working_rate_hz = working = rate_hz / self._factor
        self._taps = [float(tap) for tap in derivative_taps(working)]
        self._sum_length = 2 * round(_ENERGY_S * working / 2.0) + 1
        self._dominance = max(1, round(_DOMINANCE_S * working))
        self._quiet = round(_FLOOR_S * working)
        self._coarse = round(_LOCATE_COARSE_S * working)
        self._fine = max(1, round(_LOCATE_FINE_S * rate_hz))
        # Decimated samples before and after an index that decide whether it is a candidate.
        filters = len(self._taps) + self._sum_length // 2 + 1
        self._before = filters + self._quiet
        self._after = filters + self._dominance
        self._raw: Signal | None = None
        self._next = 0
        self._seen = 0

    @property
    def horizon(self) -> int:
        """Decimated index below which every candidate has been handed out."""
        return self._next

    def push(self, block: Signal) -> list[Candidate]:
        """Take in samples, shape (n,), and return the candidates they complete."""
        if block.size == 0:
            return []
        if self._raw is None:
            self._raw = np.full(self._before * self._factor, block[0])
        self._raw = np.concatenate((self._raw, block))
        self._seen += block.size
        ready = self._raw.size // self._factor - self._before - self._after
        if ready <= 0:
            return []
        found = self._search(self._raw, ready)
        self._raw = self._raw[ready * self._factor :].copy()
        self._next += ready
        return found

    def flush(self) -> list[Candidate]:
        """Return the candidates that still waited for later samples; the stream ends here."""
        if self._raw is None:
            return []
        end = self._seen
        padding = np.full((self._after + 1) * self._factor, self._raw[-1])
        return [one for one in self.push(padding) if one.peak < end]

    def _search(self, raw: Signal, ready: int) -> list[Candidate]:
        """Find the candidates among the ``ready`` decimated indices that have all they need."""
        band = self._band(raw)
        energy = _sliding(np.add, band * band, self._sum_length)
        first = self._before - len(self._taps) - self._sum_length // 2
        here = energy[first : first + ready]
        width = self._dominance
        before = _sliding(np.maximum, energy[first - width : first + ready - 1], width)
        after = _sliding(np.maximum, energy[first + 1 : first + ready + width], width)
        found = []
        for offset in np.flatnonzero((here > before) & (here >= after)).tolist():
            quiet = energy[first + offset - self._quiet : first + offset].min()
            peak = self._locate(raw, band, offset)
            size, floor = math.sqrt(here[offset]), math.sqrt(quiet)
            found.append(Candidate(self._next + offset, size, floor, peak))
        return found

    def _band(self, raw: Signal) -> Signal:
        """Band-passed decimated signal; index 0 belongs to decimated index ``len(taps)``."""
        factor, taps = self._factor, self._taps
        low = raw[0 : raw.size - factor + 1 : factor].copy()
        for phase in range(1, factor):
            low += raw[phase : raw.size - factor + 1 + phase : factor]
        step = low[1:] - low[:-1]
        count = step.size - 2 * len(taps) + 1
        band = np.zeros(count)
        for i, tap in enumerate(taps):
            mirror = 2 * len(taps) - 1 - i
            band += tap * (step[mirror : mirror + count] - step[i : i + count])
        return band

    def _locate(self, raw: Signal, band: Signal, offset: int) -> float:
        """Position in the stream of the R peak of the candidate at ``offset``.

        First the largest swing of the band-passed signal, which also tells whether the wave
        points up or down; then the raw extreme of that direction close to it. Both searches
        together reach 90 ms, so beats 240 ms apart keep their order.
        """
        centre = self._before + offset - len(self._taps)
        swing = band[centre - self._coarse : centre + self._coarse + 1]
        best = int(np.argmax(np.abs(swing)))
        at = self._before + offset - self._coarse + best
        middle = at * self._factor + self._factor // 2
        start = middle - self._fine - 1
        near = raw[start : middle + self._fine + 2]
        if swing[best] < 0.0:
            near = -near
        top = 1 + int(np.argmax(near[1:-1]))
        stream_start = (self._next - self._before) * self._factor + start
        return max(0.0, stream_start + top + _vertex(*near[top - 1 : top + 2].tolist()))


def _vertex(left: float, middle: float, right: float) -> float:
    """Offset (samples, within half a sample) of the vertex of the parabola through three points."""
    bend = left - 2.0 * middle + right
    if bend >= 0.0:
        return 0.0
    return min(_HALF_SAMPLE, max(-_HALF_SAMPLE, 0.5 * (left - right) / bend))


def _sliding(combine: np.ufunc, x: Signal, length: int) -> Signal:
    """Combine every ``length`` neighbours by doubling; output i covers ``x[i : i + length]``.

    Each output is made of the same operations in the same order, wherever ``x`` was cut.
    """
    count = x.size - length + 1
    parts: list[Signal] = []
    power, width, start = x, 1, 0
    while length:
        if length & 1:
            parts.append(power[start : start + count])
            start += width
        length >>= 1
        if length:
            power = combine(power[:-width], power[width:])
            width *= 2
    return reduce(combine, parts)
