"""What the tests of this room share: an ECG whose beats are known, and where recordings lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

_WAVES = (  # name, centre (s from the R peak), width (s), height (share of R)
    ("P", -0.17, 0.022, 0.12),
    ("Q", -0.025, 0.009, -0.12),
    ("R", 0.0, 0.011, 1.0),
    ("S", 0.027, 0.010, -0.22),
    ("T", 0.26, 0.045, 0.28),
)


@dataclass(frozen=True)
class SyntheticEcg:
    signal_mv: NDArray[np.float64]
    rate_hz: float
    beats_s: NDArray[np.float64]


def synthetic_ecg(
    rate_hz: float,
    *,
    beats: int = 40,
    rr_s: float = 0.85,
    noise_mv: float = 0.01,
    t_wave: float = 0.28,
    seed: int = 1,
) -> SyntheticEcg:
    """Sum of Gaussian waves around beats with 4 % of RR variation; R is 1 mV."""
    random = np.random.default_rng(seed)
    intervals = rr_s * (1.0 + 0.04 * random.standard_normal(beats))
    beats_s = 0.6 + np.cumsum(intervals) - intervals[0]
    t = np.arange(round((beats_s[-1] + 0.7) * rate_hz)) / rate_hz
    signal = noise_mv * random.standard_normal(t.size)
    for name, centre, width, height in _WAVES:
        size = t_wave if name == "T" else height
        for beat in beats_s:
            signal += size * np.exp(-0.5 * ((t - beat - centre) / width) ** 2)
    return SyntheticEcg(signal, rate_hz, beats_s)


@pytest.fixture(scope="session")
def make_ecg() -> Callable[..., SyntheticEcg]:
    return synthetic_ecg


@pytest.fixture(scope="session")
def shared_recordings() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared data not here")
    return folder
