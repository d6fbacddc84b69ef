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
"""What is computed at both scales, shape (n, 2). Half the octets, and rounding is not the limit."""

WORKING_RATE_HZ = 120.0
"""Rate to which the signal is averaged down, or as near as a whole factor comes."""

_NARROW_S = 0.009  # standard deviations of the two Gaussians
_WIDE_S = 0.022
_ENERGY_S = 0.14  # length of the moving sum: about a wide QRS
_DOMINANCE_S = 0.1  # a candidate is the largest energy this far to either side
_BEFORE_S = (0.16, 0.24, 0.32, 0.40)  # where the energy around a candidate is looked at
_LATER_S = (0.16, 0.24, 0.32, 0.40)  # the longer, the surer, and the later
_HISTORY_S = 4.5  # longer than it takes to settle a beat, and then to find its peak
_KEPT_S = 8.0  # for how long it is known what followed a candidate
_LEAST = 1e-300
_QUIETEST = -4.0


Candidate = tuple[int, float, float, float, float]
"""One dominant maximum of the QRS energy: ``(at, narrow, wide, narrow_before, wide_before)``.
Plain, because a recording has thousands.

``at`` is its index in the decimated signal. ``narrow`` and ``wide`` are the natural logarithms of
its size (an amplitude) at the two scales. ``narrow_before`` and ``wide_before`` say how much there
is from 0.47 to 0.09 s before it, as logarithms of the ratio to its own size.
"""


class Later(NamedTuple):
    """What follows a candidate from 0.09 to 0.47 s, as ratios (logarithms) at the two scales."""

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
        self._set_lengths(working)
        self._history = round(_HISTORY_S * rate_hz)
        self.raw: Signal = np.empty(0)
        """The last seconds of the raw signal; the first of them is sample ``raw_from``."""
        self.raw_from = 0
        self._kept_energies: deque[tuple[int, Scales]] = deque()
        self.horizon = 0
        """Decimated index below which every candidate has been handed out."""

    def _set_lengths(self, working: float) -> None:
        half = max(1, round(2.0 * (_NARROW_S * working) ** 2 + 0.25))
        self._smooths = 2 * half  # of variance 1/4 each
        missing = (_WIDE_S * working) ** 2 - self._smooths / 4.0
        self._box = max(2, round((6.0 * missing + 1.0) ** 0.5))
        self._energy = 2 * round(_ENERGY_S * working / 2.0) + 1
        self._dominance = max(1, round(_DOMINANCE_S * working))
        self._looks = np.array([[0], *([-round(one * working)] for one in _BEFORE_S)])
        self._log_looks = 0.5 * math.log(len(_BEFORE_S))
        self._ahead = [round(one * working) for one in _LATER_S]
        self._kept = round(_KEPT_S * working)
        # Decimated samples on either side that an energy depends on.
        self._narrow_half = half + 1
        self._reach = self._narrow_half + self._box - 1 + self._energy // 2
        self._before = self._reach - int(self._looks.min())
        self._after = self._reach + self._dominance + 1
        self._after_later = self._reach + max(self._ahead)

    def push(self, block: Signal) -> list[Candidate]:
        """Take in samples, shape (n,), and return the candidates they complete."""
        if block.size == 0:
            return []
        if self.raw.size == 0:
            self.raw = np.full(self._before * self.factor, block[0])
            self.raw_from = -self.raw.size
        self._append(block)
        recent = self.recent
        ready = recent.size // self.factor - self._before - self._after
        if ready <= 0:
            return []
        found = self._search(recent, ready)
        self.horizon += ready
        return found

    def flush(self) -> list[Candidate]:
        """Return the candidates that still waited for later samples; the stream ends here."""
        if self.raw.size == 0:
            return []
        end = (self.raw_from + self.raw.size) // self.factor
        padding = np.full((self._after_later + 2) * self.factor, self.raw[-1])
        return [one for one in self.push(padding) if one[0] < end]

    def _append(self, block: Signal) -> None:
        """Add a block to the raw signal, and let go what is older than its history."""
        oldest = self.raw_from + self.raw.size - self._history
        start = min(oldest, self.recent_from * self.factor) - self.raw_from
        kept = self.raw[max(0, start) :]
        self.raw_from += self.raw.size - kept.size
        self.raw = np.concatenate((kept, block))

    def later(self, one: Candidate) -> Later | None:
        """Return what follows a candidate of the last 8 s, or ``None`` while it is not known."""
        return self._following(one, self._ahead)

    def soon(self, one: Candidate) -> Later | None:
        """Return the first half of what :meth:`later` tells, which is known 0.16 s before."""
        return self._following(one, self._ahead[: len(self._ahead) // 2])

    def _following(self, one: Candidate, looks: list[int]) -> Later | None:
        at = one[0]
        first, energy = self._kept_energies[-1]
        if first > at:
            first, energy = next(kept for kept in reversed(self._kept_energies) if kept[0] <= at)
        at -= first
        if at + looks[-1] >= len(energy):
            return None
        narrow = wide = 0.0
        energy_at = energy.item
        for ahead in looks:
            narrow += energy_at(at + ahead, 0)
            wide += energy_at(at + ahead, 1)
        count = len(looks)
        after_n = 0.5 * math.log(narrow / count or _LEAST) - one[1]
        after_w = 0.5 * math.log(wide / count or _LEAST) - one[2]
        return Later(max(after_n, _QUIETEST), max(after_w, _QUIETEST))

    def _remember(self, energy: Scales, first: int) -> None:
        kept = self._kept_energies
        kept.append((first, energy))
        oldest = self.horizon - self._kept
        while len(kept) > 1 and kept[1][0] < oldest:
            kept.popleft()

    def narrow_band(self, raw: Signal) -> Scales:
        """Return the decimated ``raw`` at the narrow scale, from index :attr:`narrow_delay` on."""
        slope = self._slope(self._decimated(raw), 2)
        for _ in range(self._smooths - 2):
            slope = slope[1:] + slope[:-1]
        return np.asarray(slope[:-2] - slope[2:])

    def _decimated(self, raw: Signal) -> Signal:
        """Return sums of so many neighbours as the signal is decimated by."""
        factor = self.factor
        low = raw[0 : raw.size - factor + 1 : factor]
        for phase in range(1, factor):
            low = low + raw[phase : raw.size - factor + 1 + phase : factor]
        return low

    @staticmethod
    def _slope(low: Signal, lag: int) -> Scales:
        """Differences ``lag`` apart: in double precision, for an offset may be large."""
        return (low[lag:] - low[:-lag]).astype(np.float32)

    @property
    def narrow_delay(self) -> int:
        """Decimated samples on either side that a narrow-band value depends on."""
        return self._narrow_half

    @property
    def recent(self) -> Signal:
        """The raw samples that what comes next depends on, of the last half second and more."""
        return self.raw[self.recent_from * self.factor - self.raw_from :]

    @property
    def recent_from(self) -> int:
        """Decimated index of the first of the recent samples."""
        return int(self.horizon - self._before)

    def _search(self, raw: Signal, ready: int) -> list[Candidate]:
        """Find the candidates among the ``ready`` decimated indices that have all they need."""
        energy = self._energies(self._decimated(raw))
        # Index 0 of the energies is decimated index ``reach``; the first that is ready lies here:
        first = self._before - self._reach
        product = energy[:, 0] * energy[:, 1]
        here = product[first : first + ready]
        width = self._dominance
        maxima = _sliding_max(product[first - width : first + ready + width], width)
        dominant = (here > maxima[:ready]) & (here >= maxima[width + 1 :])
        offsets = dominant.nonzero()[0]
        self._remember(energy, self.horizon - first)
        if offsets.size == 0:
            return []
        return self._described(energy, first + offsets)

    def _energies(self, low: Signal) -> Scales:
        """Return moving sums of the squares at both scales, shape (n, 2).

        Two first differences with two moving sums of b neighbours in between are two differences
        b apart, and with two smoothings two differences 2 apart: fewer operations, the same sum.
        """
        box = self._box
        wide = self._slope(low, box)
        for _ in range(2):
            wide = wide[1:] + wide[:-1]
        both = np.empty((wide.size, 2), dtype=np.float32)
        both[:, 0] = self._slope(low[1 : wide.size + 3], 2)
        both[:, 1] = wide
        for _ in range(self._smooths - 2):
            both = both[1:] + both[:-1]
        count = len(both) - box
        squares = np.empty((count, 2), dtype=np.float32)
        np.subtract(both[box - 2 : box - 2 + count, 0], both[box : box + count, 0], squares[:, 0])
        np.subtract(both[:-box, 1], both[box:, 1], squares[:, 1])
        squares *= squares
        return sliding_sum(squares, self._energy)

    def _described(self, energy: Scales, at: NDArray[np.intp]) -> list[Candidate]:
        """Return the candidates at the energies' indices ``at``."""
        # Both scales in one take: pairs of floats look like complex numbers.
        around = energy.view(np.complex64)[:, 0].take(at + self._looks)
        sizes, before = around[0], around[1]
        for look in around[2:]:
            before = before + look
        both = np.array((sizes.real, sizes.imag, before.real, before.imag), dtype=np.float64)
        np.maximum(both, _LEAST, out=both)
        logs = np.log(both, out=both)
        logs *= 0.5
        logs[2:] -= logs[:2] + self._log_looks
        np.maximum(logs[2:], _QUIETEST, out=logs[2:])
        indices = at + self._kept_energies[-1][0]
        return list(zip(indices.tolist(), *logs.tolist(), strict=True))


def sliding_sum(x: Scales, length: int) -> Scales:
    """Sum every ``length`` neighbours along the first axis by doubling.

    Output i covers ``x[i : i + length]``. Each output is made of the same operations in the same
    order, wherever ``x`` was cut.
    """
    count = len(x) - length + 1
    total: Scales | None = None
    power, width, start = x, 1, 0
    while True:
        if length & width:
            part = power[start : start + count]
            total = part if total is None else total + part
            start += width
        if start == length:
            return x[:0] if total is None else total
        power = power[:-width] + power[width:]
        width *= 2


def _sliding_max(x: Scales, length: int) -> Scales:
    """Largest of every ``length`` neighbours; output i covers ``x[i : i + length]``."""
    power, width = x, 1
    while 2 * width <= length:
        power = np.maximum(power[:-width], power[width:])
        width *= 2
    rest = length - width
    return np.asarray(np.maximum(power[: power.size - rest], power[rest:]) if rest else power)
