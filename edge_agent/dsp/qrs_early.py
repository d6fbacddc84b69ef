"""Beats at first sight: swings of the narrow band as large as the beats known so far.

The energy of a candidate needs a quarter of a second of what follows; a swing of the band-passed
signal needs the band's own delay (0.04 s). So a beat shows early, and may turn out to be none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.qrs_decision import BeatDecision
from edge_agent.dsp.qrs_energy import CandidateFinder

_SHARE = 0.07  # of the usual beat's energy; of most beats, its largest swing has a quarter
_APART_S = 0.25


class EarlyPeaks:
    """Adds to the beats in doubt what lies after the last beat, at ``working_rate_hz``."""

    def __init__(self, working_rate_hz: float) -> None:
        self._apart = round(_APART_S * working_rate_hz)

    def places(self, finder: CandidateFinder, decision: BeatDecision) -> NDArray[np.intp]:
        """Return positions in the stream (samples), in rising order; none before a first beat."""
        size, raw = decision.usual_size, finder.recent
        if size is None or raw.size <= 2 * finder.narrow_delay * finder.factor + finder.factor:
            return np.empty(0, dtype=np.intp)
        band = np.abs(finder.narrow_band(raw))
        first = finder.recent_from + finder.narrow_delay
        peak = (band[1:-1] > band[:-2]) & (band[1:-1] >= band[2:])
        large = band[1:-1] ** 2 > _SHARE * np.exp(2.0 * size)
        at = first + 1 + np.flatnonzero(peak & large)
        heights = band[at - first]
        places = list(decision.waiting)
        largest = 0.0 if not places else np.inf
        last = decision.last_settled
        for index, height in zip(at.tolist(), heights.tolist(), strict=True):
            if last is not None and index - last <= self._apart:
                continue
            if places and index - places[-1] <= self._apart:
                if height > largest:
                    places[-1], largest = index, height
            else:
                places.append(index)
                largest = height
        return np.array(places, dtype=np.intp) * finder.factor + finder.factor // 2
