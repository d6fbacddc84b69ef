"""Which readings of an oximeter may count for the figures of a night, and why not the others.

Motion and a weak pulse make oximeters err downwards, and what they err by looks like what is
searched for. A reading doesn't count when

* the sensor gives no number, or doubts it itself (its status bits: artefact, out of track, sensor
  off), or has done so within the last seconds, for its own average still holds what it doubted;
* the perfusion index is under 0.3 %;
* it is outside of 50 to 100 % (J. Levy et al., npj Digit Med 4 (2021) 1,
  doi 10.1038/s41746-020-00373-5);
* it lies more than 4 % a second under the last one that counted: no blood desaturates so fast. A
  value that stays is believed once so much time has passed.

This is for figures that are looked at later. Alarms must not be gated so: a deep fall under a weak
pulse is when somebody has to come.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from edge_agent.dsp.oximetry import OximetryReading

LEAST_PERFUSION_PERCENT = 0.3

_LOWEST_PERCENT, _HIGHEST_PERCENT = 50.0, 100.0
_FALL_PERCENT_PER_S = 4.0
_SETTLES_S = 3.0


class Doubt(StrEnum):
    """Why a reading doesn't count."""

    NO_NUMBER = "no-number"
    SENSOR = "sensor"
    """The sensor doubts it."""
    SETTLING = "settling"
    """The sensor doubted what it averages over."""
    PERFUSION = "perfusion"
    RANGE = "range"
    FALL = "fall"
    """It fell faster than blood desaturates."""


class ArtefactGate:
    """Judges readings one by one. Memory: one reading and one time.

    A reading that is not later than the last counts as if it came with it; time that jumps back
    makes the gate begin anew.
    """

    def __init__(self, *, least_perfusion_percent: float = LEAST_PERFUSION_PERCENT) -> None:
        self._least_perfusion = least_perfusion_percent
        self._counted: tuple[float, float] | None = None
        self._doubted_s: float | None = None

    def push(self, one: OximetryReading) -> Doubt | None:
        """Judge the next reading; ``None`` if it counts."""
        self._forget_the_future(one.at_s)
        value = one.spo2_percent
        if value is None or not math.isfinite(value):
            return Doubt.NO_NUMBER
        if not one.reliable:
            self._doubted_s = one.at_s
            return Doubt.SENSOR
        doubt = self._doubt(one, value)
        if doubt is None:
            self._counted = (one.at_s, value)
        return doubt

    def _doubt(self, one: OximetryReading, value: float) -> Doubt | None:
        if self._doubted_s is not None and one.at_s - self._doubted_s <= _SETTLES_S:
            return Doubt.SETTLING
        perfusion = one.perfusion_percent
        if perfusion is not None and perfusion < self._least_perfusion:
            return Doubt.PERFUSION
        if not _LOWEST_PERCENT <= value <= _HIGHEST_PERCENT:
            return Doubt.RANGE
        if self._counted is not None:
            since_s = max(one.at_s - self._counted[0], 1.0)
            if self._counted[1] - value > _FALL_PERCENT_PER_S * since_s:
                return Doubt.FALL
        return None

    def _forget_the_future(self, at_s: float) -> None:
        """A time later than the reading's own is from before the clock was set back."""
        if self._counted is not None and self._counted[0] > at_s:
            self._counted = None
        if self._doubted_s is not None and self._doubted_s > at_s:
            self._doubted_s = None


def doubts(
    readings: Iterable[OximetryReading], *, least_perfusion_percent: float = LEAST_PERFUSION_PERCENT
) -> list[Doubt | None]:
    """Judge readings in the order they came; ``None`` for each that counts."""
    gate = ArtefactGate(least_perfusion_percent=least_perfusion_percent)
    return [gate.push(one) for one in readings]
