"""ECG blocks of a strap whose heart pauses, stands still or comes off, at known times."""

import numpy as np

from edge_agent import codes
from edge_agent.model import Boottime, State, Waveform

S = 1_000_000_000
RATE_HZ = 130.0
BLOCK = 26


def beats_every(rr_s, start_s, end_s):
    return np.arange(start_s, end_s, rr_s)


def ecg(beats_s, seconds, *, noise_mv=0.012, seed=3):
    """Millivolts: P, QRS and T around each beat, and noise."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    signal = noise_mv * np.random.default_rng(seed).standard_normal(t.size)
    for centre, width, height in ((-0.17, 0.022, 0.1), (0.0, 0.011, 1.0), (0.26, 0.045, 0.25)):
        for beat in beats_s:
            near = np.abs(t - beat - centre) < 6.0 * width
            signal[near] += height * np.exp(-0.5 * ((t[near] - beat - centre) / width) ** 2)
    return signal


def blocks(signal_mv, *, start_s=0.0, off=None, sensor="patch", first_follows_gap=False):
    for index in range(signal_mv.size // BLOCK):
        at_s = index * BLOCK / RATE_HZ
        yield Waveform(
            code=codes.ECG,
            samples=np.rint(1000.0 * signal_mv[index * BLOCK : (index + 1) * BLOCK]).astype(
                np.int32
            ),
            unit_per_count=1.0,
            rate_hz=RATE_HZ,
            start=Boottime(round((start_s + at_s) * S)),
            sensor=sensor,
            state=State.NOT_ATTACHED if off and off[0] <= at_s < off[1] else State.MEASURED,
            follows_gap=first_follows_gap and index == 0,
        )
