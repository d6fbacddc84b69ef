"""The oximetry toolbox of J. Levy et al. (pobm), where it is installed: its relative method.

pobm 1.2.0 asks numpy for a warning that numpy 2 has moved; it is lent to it while it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.validate.software import quiet, version_of

NAME = "pobm"
INSTALL = "pip install pobm"

_LENT = "RankWarning"


@dataclass(frozen=True, slots=True)
class Peer:
    """An installed software that counts desaturations."""

    name: str

    def index(self, spo2: NDArray[np.float64], drop_percent: int) -> float:
        """Return its desaturations per hour of one value a second, shape (n,)."""
        with quiet(), _lent_warning():
            from pobm.obm.desat import DesaturationsMeasures

            found = DesaturationsMeasures(ODI_Threshold=drop_percent).compute(spo2)
        return float(found.ODI)


def installed() -> tuple[tuple[Peer, ...], list[str]]:
    """Return the peers that can run, and a line for each that can't."""
    if version_of(NAME) is None:
        return (), [f"{NAME}: not installed: {INSTALL}"]
    return (Peer(NAME),), []


@contextmanager
def _lent_warning() -> Iterator[None]:
    if hasattr(np, _LENT):
        yield
        return
    setattr(np, _LENT, np.exceptions.RankWarning)
    try:
        yield
    finally:
        delattr(np, _LENT)
