"""How long a person moves in a day, from the acceleration of a worn sensor.

A minute counts as active when an axis swings by more than a tenth of g within one block of it:
lying still and breathing move a chest sensor by a few hundredths. It is a measure of change
against the same person, not of steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from edge_agent import codes
from edge_agent.model import Waveform

_NS_PER_MINUTE = 60 * 1_000_000_000
_SWING_MG = 100.0
_LEAST_WORN_MIN = 8 * 60
_MINUTES_PER_DAY = 24 * 60
_LEAST_HOURS = 0.1

_AXES = frozenset({codes.ACCELERATION_X, codes.ACCELERATION_Y, codes.ACCELERATION_Z})


class Activity:
    """Counts worn and active minutes since it was last asked."""

    def __init__(self) -> None:
        self._minute = -1
        self._is_active = False
        self._worn = self._active = 0

    def note(self, block: Waveform) -> None:
        """Take in a block; what is no acceleration, or not from a worn sensor, changes nothing."""
        if block.code not in _AXES or not block.state.is_measurement or not len(block.samples):
            return
        minute = block.start // _NS_PER_MINUTE
        if minute > self._minute:
            self._count()
            self._minute, self._worn, self._is_active = minute, self._worn + 1, False
        swing_mg = float(np.ptp(block.samples)) * block.unit_per_count
        self._is_active = self._is_active or swing_mg > _SWING_MG

    def take(self) -> dict[str, float]:
        """Return the sign "activity", ln of active hours a day, and begin the next day.

        Nothing when the sensor was worn for less than eight hours.
        """
        self._count()
        worn, active = self._worn, self._active
        self._is_active, self._worn, self._active = False, 0, 0
        if worn < _LEAST_WORN_MIN:
            return {}
        hours = active / worn * _MINUTES_PER_DAY / 60.0
        return {"activity": math.log(max(hours, _LEAST_HOURS))}

    def state(self) -> dict[str, Any]:
        """Return what a restart has to know; the minute under way is let go."""
        return {"worn": self._worn, "active": self._active}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` returned."""
        self._worn, self._active = int(state["worn"]), int(state["active"])

    def _count(self) -> None:
        self._active += self._is_active
