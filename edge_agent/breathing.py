"""The breathing rate of an ECG sensor, worked out from its beats, as observations."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_agent import codes
from edge_agent.dsp.beats import Beat
from edge_agent.dsp.respiration import RespirationStream
from edge_agent.dsp.respiration_features import BeatShape, BeatShapeStream
from edge_agent.dsp.rhythm_places import Places
from edge_agent.model import Boottime, Observation

_NS_PER_S = 1_000_000_000
_EVERY_S = 10.0


class Breathing:
    """Follows the shape and the timing of the beats of one lead at ``rate_hz``.

    A rate comes every ten seconds, and none where the signal gives none: how sure it is, is its
    quality.
    """

    def __init__(self, sensor: str, rate_hz: float) -> None:
        self._sensor, self._rate_hz = sensor, rate_hz
        self._stream = RespirationStream()
        self._due_s: float | None = None
        self._begin()

    def push(
        self, block_mv: NDArray[np.float64], start_s: float, beats: Sequence[Beat], *, trusted: bool
    ) -> list[Observation]:
        """Take in a block, shape (n,), from ``start_s`` on, and the beats settled with it."""
        self._places.push(len(block_mv), start_s)
        peaks = [self._places.position(one.at_s) for one in beats]
        self._waiting += [(one, trusted) for one in beats]
        self._note(self._shapes.push(block_mv, peaks))
        now_s = start_s + len(block_mv) / self._rate_hz
        if self._due_s is None:
            self._due_s = now_s + _EVERY_S
        if now_s < self._due_s:
            return []
        self._due_s = now_s + _EVERY_S
        return self._rate(now_s)

    def gap(self) -> None:
        """Samples are missing: what is pushed next does not join."""
        self._note(self._shapes.flush())
        self._begin()

    def _begin(self) -> None:
        self._places = Places(self._rate_hz)
        self._shapes = BeatShapeStream(self._rate_hz)
        self._waiting: deque[tuple[Beat, bool]] = deque()

    def _note(self, shapes: Sequence[BeatShape]) -> None:
        for shape in shapes:
            beat, trusted = self._waiting.popleft()
            self._stream.push_beat(
                beat.at_s,
                beat.rr_ms if trusted else None,
                height_mV=shape.height_mV if trusted else None,
                area_mv_s=shape.area_mv_s if trusted else None,
            )

    def _rate(self, now_s: float) -> list[Observation]:
        found = self._stream.value(now_s)
        if found.rate_per_min is None:
            return []
        return [
            Observation(
                code=codes.RESPIRATION_RATE,
                value=found.rate_per_min,
                at=Boottime(round(now_s * _NS_PER_S)),
                sensor=self._sensor,
                quality=found.quality,
            )
        ]
