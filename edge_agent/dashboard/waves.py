"""ECG for the eye: blocks thinned to what a screen shows, with the state of the lead."""

from __future__ import annotations

import msgspec
import numpy as np

from edge_agent.model import Observation, State, Waveform

_NS_PER_S = 1e9
SCREEN_HZ = 150.0
"""At 25 mm/s a screen of 4 dots per mm shows 100 columns a second."""


class WavePiece(msgspec.Struct, frozen=True, kw_only=True):
    """Samples (microvolt) from ``start_s`` (boot time) on; ``off`` that the lead is off."""

    bed: str
    sensor: str
    start_s: float
    rate_hz: float
    uv: list[int]
    off: bool


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """A heartbeat at ``at_s`` (boot time)."""

    bed: str
    sensor: str
    at_s: float


def piece_of(block: Waveform, bed: str) -> WavePiece:
    """Return a block of ECG for the screen; of a fast one the widest values of each step."""
    values, rate_hz = block.values, block.rate_hz
    step = max(1, int(np.ceil(2.0 * rate_hz / SCREEN_HZ))) if rate_hz > SCREEN_HZ else 1
    if step > 1:
        values, rate_hz = _widest(values, step), 2.0 * rate_hz / step
    return WavePiece(
        bed=bed,
        sensor=block.sensor,
        start_s=block.start / _NS_PER_S,
        rate_hz=rate_hz,
        uv=np.rint(values).astype(int).tolist(),
        off=block.state is not State.MEASURED,
    )


def beat_of(one: Observation, bed: str) -> Beat:
    """Return the beat at the end of an RR interval."""
    return Beat(bed=bed, sensor=one.sensor, at_s=one.at / _NS_PER_S)


def _widest(values: np.ndarray, step: int) -> np.ndarray:
    """Keep the lowest and the highest value of each ``step``, in their order: no peak is lost."""
    whole = values[: values.size // step * step].reshape(-1, step)
    if not whole.size:
        return values[:1]
    first, second = whole.argmin(axis=1), whole.argmax(axis=1)
    order = np.sort(np.column_stack((first, second)), axis=1)
    return np.asarray(np.take_along_axis(whole, order, axis=1).ravel())
