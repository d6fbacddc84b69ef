"""The low-glucose alarm: raised by the foreseen least glucose, it stands for an hour at least.

A model of its own, because the best mean is a poor alarm: it shrinks towards the usual. What is
foreseen is the least glucose of the next 40 minutes (:mod:`~edge_agent.dsp.glucose_expert`); the
level that raises the alarm was fixed on other people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_RELEASE = 1.1  # of the level that raises: a forecast that hovers there must not ring twice
_STANDS_MIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LowAlarm:
    """Whether a low is foreseen: its probability (of a reading under 70 mg/dL within 40 min).

    ``in_min`` is when to expect it (minutes after the last reading; 0 when it is low already),
    ``least_mgdl`` the foreseen least glucose of the 40 min, ``level_mgdl`` the same on a scale on
    which 70 mg/dL is what raises the alarm: what a limit of 65 or 80 is compared with.
    """

    is_on: bool
    probability: float
    in_min: float | None
    least_mgdl: float
    level_mgdl: float


class AlarmSwitch:
    """Turns the foreseen least glucose into an alarm that does not chatter."""

    def __init__(self) -> None:
        self.is_on = False
        self._since_min = 0.0

    def see(self, at_min: float, least_mgdl: float, raising_mgdl: float) -> None:
        """Take in the least glucose (mg/dL) that is foreseen at ``at_min``."""
        if not self.is_on:
            self.is_on = least_mgdl < raising_mgdl
            self._since_min = at_min
        elif at_min - self._since_min >= _STANDS_MIN:
            self.is_on = least_mgdl <= _RELEASE * raising_mgdl

    def reset(self) -> None:
        """Switch off: nothing is foreseen any more."""
        self.is_on = False

    def state(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {"is_on": self.is_on, "since_min": self._since_min}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what :meth:`state` gave."""
        self.is_on, self._since_min = bool(state["is_on"]), float(state["since_min"])
