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
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal

FLAT_MV = 0.008
DEAD_S = 1.5
"""A line that has been dead for so long is taken for not attached. Between beats of a simulated
signal without noise a line may be dead for less."""

_CELL_S = 0.05
_QRS_CELLS = 3


def largest_swing(stretch_mV: ArrayLike, rate_hz: float) -> float:
    """Return the largest swing (mV) that a stretch, shape (n,), makes within 0.15 s; 0.0 if short.

    A slow wander adds little to it, a QRS complex all of its height. In 10-s windows of the
    recordings at hand the smallest with a rhythm made 0.39 mV.

    :raises ValueError: as :func:`is_dead` does, but for no samples.
    """
    stretch = _checked(stretch_mV)
    cell = max(1, round(_CELL_S * rate_hz))
    cells = stretch[: stretch.size // cell * cell].reshape(-1, cell)
    if len(cells) < _QRS_CELLS:
        return 0.0
    high, low = cells.max(axis=1), cells.min(axis=1)
    top = np.max([high[:-2], high[1:-1], high[2:]], axis=0)
    bottom = np.min([low[:-2], low[1:-1], low[2:]], axis=0)
    return float((top - bottom).max())


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


def _checked(samples_mV: ArrayLike) -> Signal:
    samples = np.asarray(samples_mV, dtype=np.float64)
    if samples.ndim != 1:
        raise ValueError(f"samples of shape {samples.shape}: one lead is one-dimensional")
    if not np.isfinite(samples).all():
        raise ValueError("samples with NaN or infinity: cut them there and start anew")
    return samples
