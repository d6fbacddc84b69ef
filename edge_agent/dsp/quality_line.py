"""Whether a line is dead (no body on the electrodes, or at the rail) or quiet and living.

A heart that stands still and an electrode that has fallen off both give no beats; the first is the
gravest alarm there is, the second a call to the bedside. They differ in what is left: skin and
muscle under attached electrodes always make some noise and let the base line wander, an open
input that its converter holds does neither. So a stretch is *dead* when

* its swing (peak to peak) stays under 8 µV, or its samples are all equal; or
* all of it lies at the converter's full scale, where that is known; or
* the sensor itself says that the lead is off.

Why 8 µV. The open input of an ECG converter has a noise of about 1 µV, which swings 6 to 7 µV. Of
the 33 longer recordings at hand (MIT-BIH DS1, CPSC2021, Polar H10; steps of the converter from 2
to 5 µV) the quietest second of an attached lead swung 17 µV, the next quietest 45 µV, and the
quietest half second 10 µV; the one dead stretch among them (0.74 s in MIT-BIH 116) did not move.

Limits. An open lead that picks up hum, or whose base line still drifts back, swings more than
8 µV and is not told from a body here; its quality is bad, but it isn't called dead. A converter
with steps over 8 µV may hold a quiet body within one step, and a simulator may draw a standstill
without any noise: both pass for dead. 8 µV holds for samples in millivolts; for another unit give
``flat_mV`` in that unit, or 0: then only equal samples are dead.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.qrs_energy import Signal

FLAT_MV = 0.008
DEAD_S = 1.5
"""A line that has been dead for so long is taken for not attached. Between beats of a simulated
signal without noise a line may be dead for less."""

_CELL_S = 0.05
_QRS_CELLS = 3
_HIDING_SHARE = 0.5
_REMEMBERED_S = 10.0


def largest_swing(stretch_mV: ArrayLike, rate_hz: float) -> float:
    """Return the largest swing (mV) that a stretch, shape (n,), makes within 0.15 s; 0.0 if short.

    A slow wander adds little to it, a QRS complex all of its height. In 10-s windows of the
    recordings at hand the smallest with a rhythm made 0.39 mV.

    :raises ValueError: as :func:`is_dead` does, but for no samples.
    """
    stretch = _checked(stretch_mV)
    cell = max(1, round(_CELL_S * rate_hz))
    cells = stretch[: stretch.size // cell * cell].reshape(-1, cell)
    return _largest_swing(cells.max(axis=1), cells.min(axis=1))


def could_hide_beat(largest_swing_mV: float, usual_height_mV: float) -> bool:
    """Tell whether a stretch without beats swings so much that a beat may have been missed in it.

    Half the usual height (peak to peak) of a QRS complex is enough. What is said of a pause may be
    relied on where no beat could hide in it and the line is not dead, however noisy the seconds
    before were.
    """
    return largest_swing_mV >= _HIDING_SHARE * usual_height_mV


def is_dead(
    stretch_mV: ArrayLike, *, flat_mV: float = FLAT_MV, full_scale_mV: float | None = None
) -> bool:
    """Tell whether nothing is attached during all of a stretch, shape (n,), n >= 1.

    Meant for half a second and more: shorter stretches between beats may be flat by themselves.

    :raises ValueError: no samples, not one-dimensional, NaN or infinity.
    """
    stretch = _checked(stretch_mV)
    if stretch.size == 0:
        raise ValueError("no samples in the stretch: nothing to judge")
    swing = float(np.ptp(stretch))
    at_rail = full_scale_mV is not None and bool((np.abs(stretch) >= full_scale_mV).all())
    return swing == 0.0 or swing < flat_mV or at_rail


class DeadLine:
    """Watches the line of a stream at ``rate_hz``: for how long it has been dead, how it swings.

    Counts in cells of 50 ms, whatever the blocks, so it is up to 0.1 s short; and up to 10 s.
    A gap needs a new one.
    """

    def __init__(
        self, rate_hz: float, *, flat_mV: float = FLAT_MV, full_scale_mV: float | None = None
    ) -> None:
        self._flat = flat_mV
        self._full_scale = full_scale_mV
        self._cell = max(1, round(_CELL_S * rate_hz))
        self._cell_s = self._cell / rate_hz
        self._most = round(_REMEMBERED_S / self._cell_s)
        self._rest: Signal = np.empty(0)
        self._rest_off: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)
        self._high: Signal = np.empty(0)
        self._low: Signal = np.empty(0)
        self._off: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)

    @property
    def dead_for_s(self) -> float:
        """Length (s) of the dead stretch that ends now; 0.0 on a living line.

        To tell a pause from a lost lead, ask when the pause is about to be reported: a living
        line gives less than half a second, one that went dead soon after its last beat gives
        most of the pause.
        """
        high = np.maximum.accumulate(self._high[::-1])
        swing = high - np.minimum.accumulate(self._low[::-1])
        cells = max(_leading((swing == 0.0) | (swing < self._flat)), _leading(self._off[::-1]))
        return cells * self._cell_s

    @property
    def is_dead(self) -> bool:
        """Whether it has been dead for :data:`DEAD_S`."""
        return self.dead_for_s >= DEAD_S

    def largest_swing_mV(self, last_s: float) -> float:
        """Return the largest swing (mV) within 0.15 s during the last ``last_s`` (up to 10)."""
        cells = max(1, round(last_s / self._cell_s))
        return _largest_swing(self._high[-cells:], self._low[-cells:])

    def push(self, block_mV: ArrayLike, *, lead_off: bool = False) -> float:
        """Take in samples, shape (n,), and the sensor's own word; return :attr:`dead_for_s`.

        :raises ValueError: not one-dimensional, NaN or infinity.
        """
        block = _checked(block_mV)
        off = np.full(block.size, lead_off)
        if self._full_scale is not None:
            off |= np.abs(block) >= self._full_scale
        rest, rest_off = np.concatenate((self._rest, block)), np.concatenate((self._rest_off, off))
        count = rest.size // self._cell
        cells = rest[: count * self._cell].reshape(count, self._cell)
        cells_off = rest_off[: count * self._cell].reshape(count, self._cell)
        self._rest, self._rest_off = rest[cells.size :].copy(), rest_off[cells.size :].copy()
        self._high = np.concatenate((self._high, cells.max(axis=1)))[-self._most :]
        self._low = np.concatenate((self._low, cells.min(axis=1)))[-self._most :]
        self._off = np.concatenate((self._off, cells_off.all(axis=1)))[-self._most :]
        return self.dead_for_s


def _checked(samples_mV: ArrayLike) -> Signal:
    samples = np.asarray(samples_mV, dtype=np.float64)
    if samples.ndim != 1:
        raise ValueError(f"samples of shape {samples.shape}: one lead is one-dimensional")
    if not np.isfinite(samples).all():
        raise ValueError("samples with NaN or infinity: cut them there and start anew")
    return samples


def _largest_swing(high: Signal, low: Signal) -> float:
    """Largest swing of three neighbouring cells, whose highest and lowest samples are given."""
    if high.size < _QRS_CELLS:
        return 0.0
    top = np.max([high[:-2], high[1:-1], high[2:]], axis=0)
    bottom = np.min([low[:-2], low[1:-1], low[2:]], axis=0)
    return float((top - bottom).max())


def _leading(flags: NDArray[np.bool_]) -> int:
    """How many of the first flags are true."""
    return int(flags.size if flags.all() else np.argmin(flags))
