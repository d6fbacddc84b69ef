"""Series of intervals whose figures are known, or that look like a heart's."""

import numpy as np


def two_tones(seconds: float, *, low_phase: float = 0.0, high_phase: float = 0.0):
    """Intervals (ms) about 0.8 s: 20 ms at 0.1 Hz (200 ms²) and 15 ms at 0.25 Hz (112.5 ms²)."""
    at_s, rr_ms = 0.0, []
    while at_s < seconds:
        low = 20.0 * np.sin(2 * np.pi * 0.1 * at_s + low_phase)
        high = 15.0 * np.sin(2 * np.pi * 0.25 * at_s + high_phase)
        rr_ms.append(800.0 + low + high)
        at_s += rr_ms[-1] / 1000.0
    return np.array(rr_ms)


def lively(count: int, seed: int = 1):
    """Intervals (ms) with slow and fast variation and noise, as a heart's."""
    random = np.random.default_rng(seed)
    beat = np.arange(count)
    slow = 40.0 * np.sin(beat / 9.0) + np.cumsum(random.normal(0.0, 2.0, count))
    return 850.0 + slow + 25.0 * np.sin(beat * 1.5) + random.normal(0.0, 15.0, count)
