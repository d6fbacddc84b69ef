"""From raw ECG to QRS candidates: decimate, band-pass at two scales, sum the energy, keep maxima.

Two scales, because no single one suits every noise: the narrow one is blind to the slow bumps of
electrode motion, the wide one to the fuzz of muscles. Both are second derivatives of Gaussians
("Mexican hats"), used for QRS detection since C. Li et al., IEEE Trans Biomed Eng 42 (1995) 21-28,
doi 10.1109/10.362922. What differs: the Gaussian is a binomial (repeated sums of neighbours, after
P. J. Burt, Comput Graph Image Process 16 (1981) 20-51, doi 10.1016/0146-664X(81)90092-7), widened
for the second scale by two moving sums, so the whole front end is additions.

Every output depends on a fixed number of input samples, and each of them is reached by the same
element-wise operations in the same order wherever the stream was cut. So the candidates are
bit-for-bit the same for every split; cumulative sums and recursive filters would not be. First
differences come first, so a constant input gives exactly zero.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]
Scales = NDArray[np.float32]
"""What is computed at both scales, shape (2, n). Half the octets, and rounding is not the limit."""

WORKING_RATE_HZ = 120.0
"""Rate to which the signal is averaged down, or as near as a whole factor comes."""

_NARROW_S = 0.009  # standard deviations of the two Gaussians
_WIDE_S = 0.022
_ENERGY_S = 0.14  # length of the moving sum: about a wide QRS
_DOMINANCE_S = 0.1  # a candidate is the largest energy this far to either side
_APART_S = 0.13  # what lies nearer than this belongs to the wave itself
_BEFORE_S = 0.40  # and what lies further away is another matter
_LATER_S = 0.36  # the longer, the surer, and the later
_KEPT_S = 8.0  # for how long it is known what followed a candidate
_LOCATE_COARSE_S = 0.04  # band-passed swing around the energy's maximum
_LOCATE_FINE_S = 0.05  # raw extreme around that swing
_HALF_SAMPLE = 0.499  # a refined position rounds to the sample it belongs to
_LEAST = 1e-300
_QUIETEST = -4.0


Candidate = tuple[int, float, float, float, float, float]
"""One dominant maximum of the QRS energy: ``(at, narrow, wide, narrow_before, wide_before, peak)``.
Plain, because a recording has thousands.

``at`` is its index in the decimated signal. ``narrow`` and ``wide`` are the natural logarithms of
its size (an amplitude) at the two scales. ``narrow_before`` and ``wide_before`` say how much there
is from 0.40 to 0.13 s before it, as logarithms of the ratio to its own size.
``peak`` is the R peak's position in the raw signal, in samples and fractions of one.
"""


class Later(NamedTuple):
    """What follows a candidate from 0.13 to 0.36 s, as ratios (logarithms) at the two scales."""

    narrow: float
    wide: float


class CandidateFinder:
    """Streaming front end: raw samples in, candidates out, with bounded memory.

    Before the first sample the signal is taken to be constant, and after :meth:`flush` too, so
    neither end makes an edge of its own.
    """

    def __init__(self, rate_hz: float) -> None:
        self.factor = max(1, round(rate_hz / WORKING_RATE_HZ))
        self.working_rate_hz = working = rate_hz / self.factor
        self._set_lengths(rate_hz, working)
        self._raw: Signal | None = None
        self._seen = 0
        self._sums: deque[tuple[int, Scales]] = deque()
        self.horizon = 0
        """Decimated index below which every candidate has been handed out."""

    def _set_lengths(self, rate_hz: float, working: float) -> None:
        half = max(1, round(2.0 * (_NARROW_S * working) ** 2 + 0.25))
        self._smooths = 2 * half  # of variance 1/4 each
        missing = (_WIDE_S * working) ** 2 - self._smooths / 4.0
        self._box = max(2, round((6.0 * missing + 1.0) ** 0.5))
        self._energy = 2 * round(_ENERGY_S * working / 2.0) + 1
        self._dominance = max(1, round(_DOMINANCE_S * working))
        self._apart = round(_APART_S * working)
        self._width_before = round((_BEFORE_S - _APART_S) * working) + 1
        self._width_later = round((_LATER_S - _APART_S) * working) + 1
        self._coarse = round(_LOCATE_COARSE_S * working)
        self._kept = round(_KEPT_S * working)
        self._fine = max(1, round(_LOCATE_FINE_S * rate_hz))
        # Decimated samples on either side that an energy depends on.
        self._narrow_half = half + 1
        self._reach = self._narrow_half + self._box - 1 + self._energy // 2
        self._before = self._reach + self._apart + self._width_before - 1
        self._after = self._reach + self._dominance + 1
        self._after_later = self._reach + self._apart + self._width_later - 1

    def push(self, block: Signal) -> list[Candidate]:
        """Take in samples, shape (n,), and return the candidates they complete."""
        if block.size == 0:
            return []
        if self._raw is None:
            self._raw = np.full(self._before * self.factor, block[0])
        self._raw = np.concatenate((self._raw, block))
        self._seen += block.size
        ready = self._raw.size // self.factor - self._before - self._after
        if ready <= 0:
            return []
        found = self._search(self._raw, ready)
        self._raw = self._raw[ready * self.factor :].copy()
        self.horizon += ready
        return found

    def flush(self) -> list[Candidate]:
        """Return the candidates that still waited for later samples; the stream ends here."""
        if self._raw is None:
            return []
        end = self._seen
        padding = np.full((self._after_later + 2) * self.factor, self._raw[-1])
        return [one for one in self.push(padding) if one[-1] < end]

    def later(self, one: Candidate) -> Later | None:
        """Return what follows a candidate of the last 8 s, or ``None`` while it is not known."""
        index = one[0] + self._apart
        first, around = next(one for one in reversed(self._sums) if one[0] <= index)
        if index - first >= around.shape[1]:
            return None
        narrow, wide = (float(row) / self._width_later for row in around[:, index - first])
        return Later(
            max(0.5 * math.log(max(narrow, _LEAST)) - one[1], _QUIETEST),
            max(0.5 * math.log(max(wide, _LEAST)) - one[2], _QUIETEST),
        )

    def _remember(self, around: Scales, first: int) -> None:
        self._sums.append((first, around))
        oldest = self.horizon - self._kept
        while len(self._sums) > 1 and self._sums[1][0] < oldest:
            self._sums.popleft()

    def narrow_band(self, raw: Signal) -> Scales:
        """Return the decimated ``raw`` at the narrow scale; its index 0 is decimated index 1 + n/2.

        n is the number of smoothings; see :attr:`narrow_delay`.
        """
        factor = self.factor
        low = raw[0 : raw.size - factor + 1 : factor]
        for phase in range(1, factor):
            low = low + raw[phase : raw.size - factor + 1 + phase : factor]
        band = (low[1:] - low[:-1]).astype(np.float32)
        for _ in range(self._smooths):
            band = band[1:] + band[:-1]
        return np.asarray(band[:-1] - band[1:])

    @property
    def narrow_delay(self) -> int:
        """Decimated samples on either side that a narrow-band value depends on."""
        return self._narrow_half

    @property
    def recent(self) -> Signal:
        """The raw samples still at hand, of the last half second and more."""
        return np.empty(0) if self._raw is None else self._raw

    @property
    def recent_from(self) -> int:
        """Decimated index of the first of the samples at hand."""
        return int(self.horizon - self._before)

    def _search(self, raw: Signal, ready: int) -> list[Candidate]:
        """Find the candidates among the ``ready`` decimated indices that have all they need."""
        narrow = self.narrow_band(raw)
        energy = self._energies(narrow)
        # Index 0 of the energies is decimated index ``reach``; the first that is ready lies here:
        first = self._before - self._reach
        product = energy[0] * energy[1]
        here = product[first : first + ready]
        width = self._dominance
        maxima = _sliding_max(product[first - width : first + ready + width], width)
        dominant = (here > maxima[:ready]) & (here >= maxima[width + 1 :])
        offsets = np.flatnonzero(dominant)
        self._remember(_sums(energy, self._width_later), self.horizon - first)
        if offsets.size == 0:
            return []
        at = first + offsets
        return self._described(energy, at, self._located(raw, narrow, offsets))

    def _energies(self, narrow: Scales) -> Scales:
        """Return moving sums of the squares at both scales, shape (2, n)."""
        wide = _sums(_sums(narrow, self._box), self._box)
        edge = self._box - 1
        both = np.stack((narrow[edge : narrow.size - edge], wide))
        return _sums(both * both, self._energy)

    def _described(self, energy: Scales, at: NDArray[np.intp], peaks: Signal) -> list[Candidate]:
        """Return the candidates at the energies' indices ``at``."""
        log_size = _half_log(energy[:, at])
        start = at - self._apart - self._width_before + 1
        before = _sums(energy, self._width_before)[:, start] / self._width_before
        ratio = np.maximum(_half_log(before) - log_size, _QUIETEST)
        stream = at + self._sums[-1][0]
        columns = (stream, *log_size, *ratio, peaks)
        return list(zip(*(one.tolist() for one in columns), strict=True))

    def _located(self, raw: Signal, narrow: Scales, offsets: NDArray[np.intp]) -> Signal:
        """Positions in the stream of the R peaks of the candidates at ``offsets``, shape (n,).

        First the largest swing of the narrow band, which also tells whether the wave points up or
        down; then the raw extreme of that direction close to it, between samples (parabola).
        """
        around = np.arange(-self._coarse, self._coarse + 1)
        centre = self._before + offsets
        swing = narrow[(centre - self._narrow_half)[:, np.newaxis] + around]
        rows = np.arange(offsets.size)
        best = np.abs(swing).argmax(axis=1)
        down = swing[rows, best] < 0.0
        middle = (centre - self._coarse + best) * self.factor + self.factor // 2
        near = raw[middle[:, np.newaxis] + np.arange(-self._fine - 1, self._fine + 2)]
        near = np.where(down[:, np.newaxis], -near, near)
        top = 1 + near[:, 1:-1].argmax(axis=1)
        start = (self.horizon - self._before) * self.factor - self._fine - 1
        shift = _vertex(near[rows, top - 1], near[rows, top], near[rows, top + 1])
        return np.asarray(np.maximum(0.0, start + middle + top + shift))


def _vertex(left: Signal, middle: Signal, right: Signal) -> Signal:
    """Offsets (samples, within half a one) of the vertices of parabolas through three points."""
    bend = left - 2.0 * middle + right
    curved = bend < 0.0
    offset = np.divide(0.5 * (left - right), bend, out=np.zeros_like(bend), where=curved)
    return np.clip(offset, -_HALF_SAMPLE, _HALF_SAMPLE)


def _half_log(energy: Scales | Signal) -> Signal:
    """Logarithm of an amplitude, from its square."""
    return np.asarray(0.5 * np.log(np.maximum(energy, _LEAST, dtype=np.float64)))


def _sums(x: Scales, length: int) -> Scales:
    """Sum every ``length`` neighbours along the last axis by doubling.

    Output i covers ``x[..., i : i + length]``. Each output is made of the same operations in the
    same order, wherever ``x`` was cut.
    """
    count = x.shape[-1] - length + 1
    total: Scales | None = None
    power, width, start = x, 1, 0
    while length:
        if length & 1:
            part = power[..., start : start + count]
            total = part if total is None else total + part
            start += width
        length >>= 1
        if length:
            power = power[..., :-width] + power[..., width:]
            width *= 2
    return x[..., :0] if total is None else total


def _sliding_max(x: Scales, length: int) -> Scales:
    """Largest of every ``length`` neighbours; output i covers ``x[i : i + length]``."""
    power, width = x, 1
    while 2 * width <= length:
        power = np.maximum(power[:-width], power[width:])
        width *= 2
    rest = length - width
    return np.asarray(np.maximum(power[: power.size - rest], power[rest:]) if rest else power)
