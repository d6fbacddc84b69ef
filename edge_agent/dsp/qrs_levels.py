"""How large beats and what is none usually are, in one lead, at two scales.

Sizes are logarithms: levels are geometric means that forget, after J. Pan and W. J. Tompkins, IEEE
Trans Biomed Eng 32 (1985) 230-236, doi 10.1109/TBME.1985.325532. What differs: a candidate counts
as a beat and as none at once, by its probability.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from edge_agent.dsp.qrs_energy import Candidate

FORGET_SIGNAL = 0.125
FORGET_NOISE = 0.1
FORGET_FLOOR = 0.2
LARGEST_COUNT = 3

_LARGEST_STEP = 1.1  # an artefact raises the signal level as if it were at most e^1.1 signals
_LONE_BEAT = 2.0  # so far below the largest a first level is at most
_START_NOISE, _START_FLOOR = -1.5, -2.0


@dataclass(slots=True)
class Levels:
    """Usual sizes (logarithms) of beats, of what is none, and of what lies before candidates.

    ``*_n`` are of the narrow scale, ``*_w`` of the wide one.
    """

    signal_n: float
    signal_w: float
    noise_n: float
    noise_w: float
    floor_n: float
    floor_w: float

    @classmethod
    def of_beats_among(cls, candidates: Sequence[Candidate]) -> Levels:
        """Return the levels to begin with, when some of ``candidates`` are beats."""
        signal_n, signal_w = (_first([one[scale] for one in candidates]) for scale in (1, 2))
        return cls(
            signal_n, signal_w, signal_n + _START_NOISE, signal_w + _START_NOISE,
            signal_n + _START_FLOOR, signal_w + _START_FLOOR,
        )  # fmt: skip

    def learn(self, one: Candidate, odds: float) -> None:
        """Take in a candidate, whose log-odds of being a beat are ``odds``."""
        chance = 1.0 / (1.0 + math.exp(-odds))
        self.signal_n += FORGET_SIGNAL * chance * min(one[1] - self.signal_n, _LARGEST_STEP)
        self.signal_w += FORGET_SIGNAL * chance * min(one[2] - self.signal_w, _LARGEST_STEP)
        forget = FORGET_NOISE * (1.0 - chance)
        self.noise_n += forget * (min(one[1], self.signal_n) - self.noise_n)
        self.noise_w += forget * (min(one[2], self.signal_w) - self.noise_w)
        self.floor_n += FORGET_FLOOR * (one[3] + one[1] - self.floor_n)
        self.floor_w += FORGET_FLOOR * (one[4] + one[2] - self.floor_w)


def _first(sizes: list[float]) -> float:
    """Return the level of the largest few.

    If only one of them was a beat, that of noise must not be averaged into it for long.
    """
    largest = sorted(sizes, reverse=True)[:LARGEST_COUNT]
    return max(fmean(largest), largest[0] - _LONE_BEAT)
