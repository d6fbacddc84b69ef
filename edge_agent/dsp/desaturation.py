"""What a stretch of oximetry comes to: ODI3, ODI4, T90, nadir, area of the desaturations.

T90 is the share of time under 90 %; the oxygen desaturation index (ODI) counts desaturations
(:mod:`~edge_agent.dsp.desaturation_finder`) per hour. Both are taken over the seconds that had a
usable value, so that a sensor that is off for half the night doesn't halve them. Terms as in
J. Levy et al., npj Digit Med 4 (2021) 1, doi 10.1038/s41746-020-00373-5.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.desaturation_finder import Desaturation, DesaturationFinder

LOW_PERCENT = 90.0

_S_PER_HOUR = 3600.0
_HELD_S = 3
"""A sensor may miss this many seconds in a row; its last value stands for them."""
_CLOCK_STEP_S = 60
"""A reading from so long before the last is no late one: the clock was set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oxygenation:
    """What a stretch of oximetry comes to.

    ``hours`` is the time with a usable value, ``reliable_percent`` its share of all time. The
    indices are per hour of it, ``t90_percent`` its share under 90 %. With little of it the other
    figures say little. ``area_percent_min_per_h`` is the area of all desaturations of at least
    3 %, in percent times minutes per hour.
    """

    hours: float
    reliable_percent: float
    odi3_per_h: float
    odi4_per_h: float
    t90_percent: float
    nadir_percent: float
    mean_percent: float
    area_percent_min_per_h: float
    desaturations: tuple[Desaturation, ...] = ()


@dataclass(slots=True, kw_only=True)
class Counts:
    """What has been counted: seconds, desaturations, sums (percent, percent times seconds)."""

    seconds: int = 0
    usable: int = 0
    low: int = 0
    total: float = 0.0
    nadir: float = math.inf
    three: int = 0
    four: int = 0
    area: float = 0.0

    def add(self, spo2_percent: float | None) -> None:
        """Count a second with its value."""
        self.seconds += 1
        if spo2_percent is not None:
            self.usable += 1
            self.low += spo2_percent < LOW_PERCENT
            self.total += spo2_percent
            self.nadir = min(self.nadir, spo2_percent)

    def figures(self, desaturations: tuple[Desaturation, ...] = ()) -> Oxygenation | None:
        """Return what it comes to, or ``None`` without a usable second."""
        if not self.usable:
            return None
        hours = self.usable / _S_PER_HOUR
        return Oxygenation(
            hours=hours,
            reliable_percent=100.0 * self.usable / self.seconds,
            odi3_per_h=self.three / hours,
            odi4_per_h=self.four / hours,
            t90_percent=100.0 * self.low / self.usable,
            nadir_percent=self.nadir,
            mean_percent=self.total / self.usable,
            area_percent_min_per_h=self.area / 60.0 / hours,
            desaturations=desaturations,
        )


class OxygenationNight:
    """Gathers a night (or any stretch) of oximeter readings, at whatever rate they come.

    Readings go into whole seconds: the last usable one of a second is its value, and stands for up
    to three seconds that have none. What is usable is the caller's judgement
    (:mod:`~edge_agent.dsp.oximetry_gate`). Memory: some twenty numbers, and the desaturations
    unless ``keep`` is off.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self._three = DesaturationFinder(drop_percent=3.0)
        self._four = DesaturationFinder(drop_percent=4.0)
        self._keep = keep
        self._kept: list[Desaturation] = []
        self._counts = Counts()
        self._second: int | None = None
        self._value: float | None = None
        self._held_s = 0

    def push(
        self, at_s: float, spo2_percent: float | None, *, reliable: bool = True
    ) -> list[Desaturation]:
        """Take in a reading; return the desaturations (3 %) that are over by what came before it.

        One from a second that is over is ignored. One from a minute before or more shows that the
        clock was set back: what follows begins anew, like after a gap.
        """
        second = math.floor(at_s)
        found: list[Desaturation] = []
        if self._second is not None and second < self._second - _CLOCK_STEP_S:
            found += self._close_second(self._second) + self._gap()
        if self._second is None:
            self._second = second
        if second < self._second:
            return found
        found += self._advance(second)
        if reliable and spo2_percent is not None and math.isfinite(spo2_percent):
            self._value, self._held_s = float(spo2_percent), 0
        return found

    def value(self) -> Oxygenation | None:
        """Return the figures of all seconds that are over, or ``None`` without a usable one."""
        return self._counts.figures(tuple(self._kept))

    def finish(self) -> Oxygenation | None:
        """Count the second and the desaturation that are not over yet, and return the figures."""
        self.end()
        return self.value()

    def end(self) -> list[Desaturation]:
        """Count the second and the desaturation that are not over yet, and return the latter.

        What comes afterwards is counted as after a gap.
        """
        if self._second is None:
            return []
        return self._close_second(self._second) + self._gap()

    def state(self) -> dict[str, float]:
        """Return what a restart has to know, as plain numbers: as if the stretch ended now."""
        ended = copy.deepcopy(self)
        ended.end()
        kept = asdict(ended._counts)  # noqa: SLF001 - a copy of itself
        return {name: value for name, value in kept.items() if math.isfinite(value)}

    def restore(self, state: Mapping[str, float]) -> None:
        """Take up what :meth:`state` returned before a restart; it is like a gap of no length.

        :raises (KeyError, TypeError, ValueError): the state is none of these.
        """
        whole = ("seconds", "usable", "low", "three", "four")
        self._counts = Counts(
            **{name: int(state[name]) for name in whole},
            total=float(state["total"]),
            nadir=float(state.get("nadir", math.inf)),
            area=float(state["area"]),
        )

    def _advance(self, second: int) -> list[Desaturation]:
        """Close the seconds before ``second``; a long gap takes no longer than a short one."""
        found: list[Desaturation] = []
        while self._second is not None and self._second < second:
            if self._held_s > _HELD_S + 1:
                self._counts.seconds += second - self._second
                self._second = second
            else:
                found += self._close_second(self._second)
        return found

    def _close_second(self, second: int) -> list[Desaturation]:
        value = self._value if self._held_s <= _HELD_S else None
        self._counts.add(value)
        self._second = second + 1
        self._held_s += 1
        four = self._four.push(float(second), value)
        three = self._three.push(float(second), value)
        return self._count(three, four)

    def _gap(self) -> list[Desaturation]:
        self._second = self._value = None
        self._held_s = 0
        four = self._four.finish()
        return self._count(self._three.finish(), four)

    def _count(self, three: Desaturation | None, four: Desaturation | None) -> list[Desaturation]:
        self._counts.four += four is not None
        if three is None:
            return []
        self._counts.three += 1
        self._counts.area += three.area_percent_s
        if self._keep:
            self._kept.append(three)
        return [three]


def oxygenation(spo2_percent: ArrayLike) -> Oxygenation | None:
    """Return the figures of one value a second, shape (n,), NaN for none; ``None`` without any.

    :raises ValueError: other than one row.
    """
    values = np.asarray(spo2_percent, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"saturation of shape {values.shape}: one row expected")
    night = OxygenationNight()
    for second, value in enumerate(values.tolist()):
        night.push(float(second), value, reliable=not math.isnan(value))
    return night.finish()
