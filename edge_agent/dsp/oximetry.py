"""Oxygen saturation and pulse rate over a short window, and how much of it deserves trust.

Oximeters average for themselves (8 to 16 s) and still let single false dips through, from motion
mostly. The median of the reliable readings of a window drops a dip that is shorter than half of
it, at the price of half a window of delay; the share of reliable readings tells how much that
median is worth.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class OximetryReading:
    """What an oximeter reported at ``at_s`` (s): SpO2 (%), pulse (/min), and whether it trusts it.

    ``None`` is a quantity for which it gave no number; ``perfusion_percent`` is the perfusion
    index of sensors that tell one.
    """

    at_s: float
    spo2_percent: float | None
    pulse_per_min: float | None
    reliable: bool
    perfusion_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmoothedSaturation:
    """Medians of the reliable readings of a window, ``None`` where there is none.

    ``reliable_share`` (0 to 1) is the part of ``n`` readings that were reliable and had a
    saturation.
    """

    spo2_percent: float | None
    pulse_per_min: float | None
    reliable_share: float
    n: int


def smooth(readings: Iterable[OximetryReading]) -> SmoothedSaturation:
    """Summarise ``readings``, whichever they are; without any the share is 0."""
    window = list(readings)
    trusted = [one for one in window if one.reliable]
    saturations = [one.spo2_percent for one in trusted if one.spo2_percent is not None]
    pulses = [one.pulse_per_min for one in trusted if one.pulse_per_min is not None]
    return SmoothedSaturation(
        spo2_percent=median(saturations) if saturations else None,
        pulse_per_min=median(pulses) if pulses else None,
        reliable_share=len(saturations) / len(window) if window else 0.0,
        n=len(window),
    )


class Saturation:
    """Smooths a stream of readings over the last ``window_s`` seconds."""

    def __init__(self, *, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._readings: deque[OximetryReading] = deque()

    def update(
        self,
        at_s: float,
        spo2_percent: float | None,
        pulse_per_min: float | None,
        *,
        reliable: bool,
    ) -> SmoothedSaturation:
        """Take in a reading; return :func:`smooth` of those later than ``at_s - window_s``.

        A reading that is not later than the last changes nothing.
        """
        if not self._readings or at_s > self._readings[-1].at_s:
            self._readings.append(
                OximetryReading(
                    at_s=at_s,
                    spo2_percent=spo2_percent,
                    pulse_per_min=pulse_per_min,
                    reliable=reliable,
                )
            )
            while self._readings[0].at_s <= at_s - self._window_s:
                self._readings.popleft()
        return smooth(self._readings)
