"""Level and trend of glucose: a Kalman filter with a velocity that dies away."""

from __future__ import annotations

import math

_SENSOR_VARIANCE = 9.0  # (mg/dL)^2
_VELOCITY_DEVIATION = 1.2  # mg/dL/min
_VELOCITY_MEMORY_MIN = 14.0
_WANDER_VARIANCE_PER_MIN = 2.0  # (mg/dL)^2/min
_OUTLIER_DEVIATIONS = 4.0


class DampedTrend:
    """Position-velocity filter: glucose in mg/dL, velocity in mg/dL/min.

    The velocity is an Ornstein-Uhlenbeck process (it forgets itself within 14 min and returns to
    zero), the level its integral plus a random walk. Straight lines are worse than no forecast at
    all from half an hour on; this is the least model that knows it.
    """

    def __init__(self, level: float) -> None:
        self.level = level
        self.velocity = 0.0
        self._p_level = _SENSOR_VARIANCE
        self._p_cross = 0.0
        self._p_velocity = _VELOCITY_DEVIATION**2

    def advance(self, minutes: float) -> None:
        """Let ``minutes`` pass."""
        mean, p_level = self.ahead(minutes)
        keep = math.exp(-minutes / _VELOCITY_MEMORY_MIN)
        reach = _VELOCITY_MEMORY_MIN * (1.0 - keep)
        spread = _VELOCITY_DEVIATION**2
        p_cross = keep * (self._p_cross + reach * self._p_velocity) + spread * reach * (1.0 - keep)
        self._p_velocity = keep**2 * self._p_velocity + spread * (1.0 - keep**2)
        self._p_level, self._p_cross = p_level, p_cross
        self.level, self.velocity = mean, keep * self.velocity

    def correct(self, reading: float) -> None:
        """Take in a reading; one that is far off what was expected counts for less."""
        expected = self._p_level + _SENSOR_VARIANCE
        surprise = reading - self.level
        excess = abs(surprise) / (_OUTLIER_DEVIATIONS * math.sqrt(expected))
        noise = _SENSOR_VARIANCE + expected * max(0.0, excess - 1.0)
        gain_level = self._p_level / (self._p_level + noise)
        gain_velocity = self._p_cross / (self._p_level + noise)
        self.level += gain_level * surprise
        self.velocity += gain_velocity * surprise
        self._p_velocity -= gain_velocity * self._p_cross
        self._p_cross -= gain_level * self._p_cross
        self._p_level -= gain_level * self._p_level

    def ahead(self, minutes: float) -> tuple[float, float]:
        """Return mean (mg/dL) and variance of the level ``minutes`` from now."""
        memory = _VELOCITY_MEMORY_MIN
        keep = math.exp(-minutes / memory)
        reach = memory * (1.0 - keep)
        mean = self.level + reach * self.velocity
        driven = (
            _VELOCITY_DEVIATION**2 * memory * (2.0 * minutes - memory * (3.0 - keep) * (1.0 - keep))
        )
        variance = self._p_level + 2.0 * reach * self._p_cross + reach**2 * self._p_velocity
        return mean, variance + driven + _WANDER_VARIANCE_PER_MIN * minutes
