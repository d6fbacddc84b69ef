"""R peaks: where the heart beats in an ECG of one lead.

:func:`detect` takes a whole recording, :class:`Detector` a stream; for any split of a recording
into blocks both give exactly the same beats. :mod:`~edge_agent.dsp.qrs_energy` finds candidates,
:mod:`~edge_agent.dsp.qrs_likelihood` weighs them, :mod:`~edge_agent.dsp.qrs_decision` decides, and
:mod:`~edge_agent.dsp.qrs_location` tells where in its QRS a beat lies; each names its source and
what differs from it.

The result does not change with gain (up to 1e6 mV), polarity or offset of the lead. A flat signal
has no beats.
Whether the signal deserves trust is another question, answered by
:mod:`~edge_agent.dsp.quality`: in pure noise the detector finds "beats" too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.qrs_decision import BeatDecision
from edge_agent.dsp.qrs_early import EarlyPeaks
from edge_agent.dsp.qrs_energy import Candidate, CandidateFinder, Signal
from edge_agent.dsp.qrs_likelihood import Network
from edge_agent.dsp.qrs_location import PeakLocator
from edge_agent.dsp.qrs_weights import NETWORK

LOWEST_RATE_HZ = 100.0
HIGHEST_RATE_HZ = 1000.0

_CHUNK = 18_000  # decimated samples: keeps memory bounded, and what is worked on in the caches

LATENCY_S = 3.8
"""A beat comes out at most this long after it was pushed: 0.5 s as a rule, more when in doubt."""


def detect(signal_mV: ArrayLike, rate_hz: float) -> NDArray[np.intp]:
    """Return the sample indices of the R peaks of ``signal_mV``, shape (n,), in rising order.

    :raises ValueError: as :class:`Detector` does.
    """
    detector = Detector(rate_hz)
    return np.concatenate((detector.push(signal_mV), detector.flush()))


class Detector:
    """Finds R peaks in a stream of samples at ``rate_hz`` (100 to 1000), with bounded memory.

    ``network`` is what weighs candidates: another than that of the hub is for learning.

    :raises ValueError: a rate outside that range.
    """

    def __init__(self, rate_hz: float, *, network: Network = NETWORK) -> None:
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise ValueError(f"rate {rate_hz} Hz: outside 100 to 1000 Hz; resample the signal")
        self._finder = CandidateFinder(rate_hz)
        self._decision = BeatDecision(
            self._finder.working_rate_hz, self._finder.later, soon=self._finder.soon,
            network=network,
        )  # fmt: skip
        self._locator = PeakLocator(rate_hz, self._finder.factor)
        self._early = EarlyPeaks(self._finder.working_rate_hz)

    def push(self, block_mV: ArrayLike) -> NDArray[np.intp]:
        """Take in the next samples, shape (n,), n >= 0; return the beats that are now settled.

        Beats are sample indices counted from the first sample ever pushed, in rising order.

        :raises ValueError: samples that are not one-dimensional or not finite. A gap has to be
            told by a new detector, not by NaN.
        """
        return _indices(self.push_refined(block_mV))

    def flush(self) -> NDArray[np.intp]:
        """Return the beats that waited for later samples. The stream ends: push no more."""
        return _indices(self.flush_refined())

    @property
    def provisional(self) -> NDArray[np.intp]:
        """Places, shape (n,), where beats seem to be that are not settled yet, in rising order.

        They are seen within 0.06 s, long before they can be told from noise and T waves, and some
        vanish again. Good for a screen, and for not alarming on a pause that has just ended; not
        for counting. What they are depends on how far the stream has come, so on the blocks.
        """
        return self._early.places(self._finder, self._decision)

    def push_refined(self, block_mV: ArrayLike) -> Signal:
        """Do as :meth:`push`, with positions between samples (vertex of a parabola)."""
        block = np.asarray(block_mV, dtype=np.float64)
        if block.ndim != 1:
            raise ValueError(f"block of shape {block.shape}: one lead is one-dimensional")
        if not math.isfinite(block.sum()):
            raise ValueError("block with NaN or infinity: cut it there and start a new detector")
        beats = []
        size = _CHUNK * self._finder.factor
        for start in range(0, block.size, size):
            part = block[start : start + size]
            candidates = self._finder.push(part)
            settled = self._decision.push(candidates, self._finder.horizon)
            if settled:
                beats.append(self._located(settled))
        return np.concatenate(beats) if beats else np.empty(0)

    def flush_refined(self) -> Signal:
        """Do as :meth:`flush`, with positions between samples."""
        candidates = self._finder.flush()
        beats = self._decision.push(candidates, self._finder.horizon)
        beats += self._decision.flush(self._finder.horizon)
        return self._located(beats)

    def _located(self, beats: list[Candidate]) -> Signal:
        return self._locator.locate(beats, self._finder.raw, self._finder.raw_from)


def _indices(positions: Signal) -> NDArray[np.intp]:
    return np.rint(positions).astype(np.intp)
