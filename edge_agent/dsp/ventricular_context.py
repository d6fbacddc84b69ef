"""A beat seen against the patient's own: what sets it apart from the beats around and before it.

No beat is ventricular by itself: with a bundle branch block every beat is wide, in fibrillation
every other one early. So each is compared with the patient's beats of the last minutes, found
without labels. Beats of the same shape are alike by a kernel over the squared distance of their
QRS. The reference is made of the shapes that are frequent *and* timely (not followed by a
pause longer than the interval before), which in bigeminy are the sinus beats.

The context of a beat are the 128 beats before it, the one after it, and every 8th of the 800
before those: minutes of flutter or of an idioventricular rhythm must not wash out what the
patient's own beats looked like. The first beats share the context of the first 16.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.ventricular_shape import (
    CENTRE,
    QRS,
    STEP_S,
    WHOLE,
    Matrix,
    Shapes,
    Vector,
    span,
)

FEATURES = (
    "rr / mean rr",
    "next rr / mean rr",
    "rr / median rr",
    "next rr / median rr",
    "rr / next rr",
    "rr / rr before",
    "rr + next rr / median rr",
    "rr",
    "corr qrs",
    "residual qrs",
    "corr core",
    "corr whole",
    "corr t",
    "residual t",
    "residual p",
    "residual p shape",
    "early p",
    "energy width",
    "slope spread",
    "area spread",
    "energy width more",
    "slope spread more",
    "area spread more",
    "height",
    "area",
    "slope",
    "slope / height",
    "alike share",
    "alike rr / next rr",
    "alike early",
    "alike energy width",
    "alike rr / mean rr",
    "timely alike",
    "like before",
    "like next",
)
"""Names of the columns of :meth:`Context.features`. Ratios are natural logarithms."""

CHUNK = 64
"""Beats that may be asked for at once."""
START = 16
"""The first beats are seen against this many."""
AHEAD = 1
"""Beats that must be known after the one asked for: its interval to the next is needed."""

_RECENT = 128
_OLDER, _OLDER_STEP = 100, 8
_CAPACITY = 1024  # recent, older, a chunk, and some
_NEAR = 16  # beats that say what the usual interval is
_KERNEL = 0.12  # squared relative distance at which two shapes are alike by 1/e
_EARLY, _EARLY_WIDTH = -0.10, 0.04  # log of RR to next RR: a half early beat, and how sharp
_REFERENCE_SHARE = 0.6  # of the best score makes a beat part of the reference
_FURTHEST_LOG = 0.7
_TINY = 1e-12

_CORE = span(-0.06, 0.06)
_T_WAVE = span(0.16, 0.4)
_P_WAVE = span(-0.304, -0.12)
_WAVE_STEPS = 120
_WIDTHS = ("energy width", "slope spread", "area spread")
_SIZES = ("height", "area", "slope")
_COLUMNS = (
    *("usable", "peak_s", "centre_s", "power", "score", "timely", "early", "log rr"),
    *_WIDTHS,
    *_SIZES,
)
_BEFORE = np.arange(round(-0.28 / STEP_S), round(-0.08 / STEP_S) + 1)
_FEWEST_STEPS = 12
_UNSEEN_P = 0.02


class Context:
    """Holds the beats of the last minutes; gives the features of those that have their context."""

    def __init__(self) -> None:
        self.count = 0
        self._wave = np.zeros((_CAPACITY, _WAVE_STEPS))
        self._qrs = np.zeros((_CAPACITY, QRS.stop - QRS.start))
        self._column = {name: np.zeros(_CAPACITY) for name in _COLUMNS}

    def add(self, peaks_s: Vector, shapes: Shapes, usable: NDArray[np.bool_]) -> None:
        """Take in the next beats; one that is not ``usable`` is never a reference for others."""
        beats = np.arange(self.count, self.count + peaks_s.size)
        at = beats % _CAPACITY
        self.count += peaks_s.size
        self._wave[at] = shapes.wave
        self._qrs[at] = shapes.qrs
        columns = self._column
        columns["usable"][at] = usable
        columns["peak_s"][at] = peaks_s
        columns["centre_s"][at] = peaks_s + shapes.centre_s
        columns["power"][at] = np.sum(shapes.qrs**2, axis=1)
        columns["energy width"][at] = shapes.energy_width_s
        columns["slope spread"][at] = shapes.slope_spread_s
        columns["area spread"][at] = shapes.area_spread_s
        columns["height"][at] = np.log(shapes.height + _TINY)
        columns["area"][at] = np.log(shapes.area + _TINY)
        columns["slope"][at] = np.log(shapes.slope + _TINY)

    def features(self, first: int, last: int) -> Matrix:
        """Features of the beats ``first`` to ``last`` (out), shape (last - first, features).

        They are asked for in rising order, each once, at most :data:`CHUNK` at a time, and the
        first :data:`START` together. The last of a stream has no next beat: it is taken to come as
        this one did.
        """
        beats = np.arange(first, last)
        found = self._intervals(beats)
        others, weight = self._others(beats)
        column = {name: values[others % _CAPACITY] for name, values in self._column.items()}
        qrs, power = self._qrs[beats % _CAPACITY], self._column["power"][beats % _CAPACITY]
        alike = weight * _alike(qrs, power, self._qrs[others % _CAPACITY], column["power"])
        score = alike @ column["timely"] / np.maximum(np.sum(weight, axis=1), 1.0)
        self._column["score"][beats % _CAPACITY] = score
        column["score"] = self._column["score"][others % _CAPACITY]
        reference = weight * (column["score"] * column["timely"])
        best = np.max(reference, axis=1, keepdims=True)
        itself = beats[:, np.newaxis] == others
        reference = (reference > _REFERENCE_SHARE * best).astype(np.float64)
        reference = np.where(np.sum(reference, axis=1, keepdims=True) > 0.0, reference, itself)
        reference /= np.sum(reference, axis=1, keepdims=True)
        found |= self._against(beats, reference @ self._wave[others % _CAPACITY])
        found |= self._measures(beats, reference, column)
        found |= self._company(beats, np.where(itself, 0.0, alike), weight, column)
        found["timely alike"] = np.log(score / np.maximum(best[:, 0], _TINY) + 0.01)
        return np.column_stack([found[name] for name in FEATURES])

    def _intervals(self, beats: NDArray[np.intp]) -> dict[str, Vector]:
        """Intervals before and after; "rr" and "timely" are kept for the beats to come."""
        peaks_s = self._column["peak_s"]
        near = beats[:, np.newaxis] + np.arange(-_NEAR, AHEAD + 1)
        near = np.clip(near, min(1, self.count - 1), self.count - 1)
        around = peaks_s[near % _CAPACITY] - peaks_s[np.maximum(near - 1, 0) % _CAPACITY]
        around = np.where(near > 0, around, 1.0)
        rr = around[:, _NEAR]
        following = np.where(beats + 1 < self.count, around[:, _NEAR + 1], rr)
        before = around[:, _NEAR - 1]
        mean, median = np.log(np.mean(around, axis=1)), np.log(np.median(around, axis=1))
        early = np.log(rr / following)
        timely = 1.0 / (1.0 + np.exp(np.clip((_EARLY - early) / _EARLY_WIDTH, -50.0, 50.0)))
        for name, values in (("early", early), ("timely", timely), ("log rr", np.log(rr) - mean)):
            self._column[name][beats % _CAPACITY] = values
        return {
            "rr / mean rr": np.log(rr) - mean,
            "next rr / mean rr": np.log(following) - mean,
            "rr / median rr": np.log(rr) - median,
            "next rr / median rr": np.log(following) - median,
            "rr / next rr": early,
            "rr / rr before": np.log(rr / before),
            "rr + next rr / median rr": np.log((rr + following) / 2.0) - median,
            "rr": np.log(rr),
        }

    def _others(self, beats: NDArray[np.intp]) -> tuple[NDArray[np.intp], Matrix]:
        """The beats in the context of any of ``beats``, and which (1 or 0) in that of which."""
        oldest = int(beats[0]) - _RECENT
        top = min(max(int(beats[-1]) + 1, START), self.count)
        reach = _OLDER_STEP * _OLDER
        older = np.arange(max(0, -(-(oldest - reach) // _OLDER_STEP)), -(-oldest // _OLDER_STEP))
        others = np.concatenate((_OLDER_STEP * older, np.arange(max(0, oldest), top)))
        recent = beats[:, np.newaxis] - _RECENT
        weight = (others >= recent) & (others <= np.maximum(beats, START - 1)[:, np.newaxis])
        weight |= (others < recent) & (others % _OLDER_STEP == 0) & (others >= recent - reach)
        return others, weight * self._column["usable"][others % _CAPACITY]

    def _against(self, beats: NDArray[np.intp], usual: Matrix) -> dict[str, Vector]:
        """How the waves differ from the reference's, ``usual``, shape (n, steps)."""
        wave = self._wave[beats % _CAPACITY]
        height = np.maximum(np.ptp(usual[:, QRS], axis=1), _TINY)
        apart = wave - usual
        p_wave = apart[:, _P_WAVE]
        qrs = _centred(apart[:, QRS])
        size = np.sqrt(np.sum(_centred(usual[:, QRS]) ** 2, axis=1))
        return {
            "corr qrs": _correlation(wave[:, QRS], usual[:, QRS]),
            "corr core": _correlation(wave[:, _CORE], usual[:, _CORE]),
            "corr whole": _correlation(wave[:, WHOLE], usual[:, WHOLE]),
            "corr t": _correlation(wave[:, _T_WAVE], usual[:, _T_WAVE]),
            "residual qrs": np.log(
                np.sqrt(np.sum(qrs**2, axis=1)) / np.maximum(size, _TINY) + 0.05
            ),
            "residual t": np.log(_rms(apart[:, _T_WAVE]) / height + 0.01),
            "residual p": np.log(_rms(p_wave) / height + 0.01),
            "residual p shape": np.log(_rms(_centred(p_wave)) / height + 0.01),
            "early p": self._early_p(beats, usual, height),
        }

    def _early_p(self, beats: NDArray[np.intp], usual: Matrix, height: Vector) -> Vector:
        """What lies before the QRS beyond the tail that the beat before leaves by its reference.

        A premature beat that a P wave on that tail foretells comes from the atria, however
        aberrant its QRS.
        """
        centre_s = self._column["centre_s"]
        since = centre_s[beats % _CAPACITY] - centre_s[np.maximum(beats - 1, 0) % _CAPACITY]
        at = CENTRE + since[:, np.newaxis] / STEP_S + _BEFORE
        known = ((at > CENTRE + 10) & (at < usual.shape[1] - 1.01)).astype(np.float64)
        at = np.clip(at, 0.0, usual.shape[1] - 1.01)
        index = at.astype(np.intp)
        share = at - index
        rows = np.arange(beats.size)[:, np.newaxis]
        tail = usual[rows, index] * (1.0 - share) + usual[rows, index + 1] * share
        wave = self._wave[beats % _CAPACITY][:, CENTRE + _BEFORE]
        beyond = _without_line(wave - tail, known)
        steps = np.sum(known, axis=1)
        rms = np.sqrt(np.sum(beyond**2, axis=1) / np.maximum(steps, 1.0))
        return np.log(np.where(steps > _FEWEST_STEPS, rms / height, _UNSEEN_P) + 0.01)

    def _measures(
        self, beats: NDArray[np.intp], reference: Matrix, column: dict[str, Vector]
    ) -> dict[str, Vector]:
        own = {name: values[beats % _CAPACITY] for name, values in self._column.items()}
        found = {name: own[name] for name in _WIDTHS}
        found |= {f"{name} more": own[name] - reference @ column[name] for name in _WIDTHS}
        found |= {name: own[name] - reference @ column[name] for name in _SIZES}
        found["slope / height"] = own["slope"] - own["height"]
        return found

    def _company(
        self, beats: NDArray[np.intp], alike: Matrix, weight: Matrix, column: dict[str, Vector]
    ) -> dict[str, Vector]:
        """What the beats of the same shape are like; the beat itself counts as half a beat."""
        own = {name: values[beats % _CAPACITY] for name, values in self._column.items()}
        total = np.sum(alike, axis=1)
        qrs, power = self._qrs, self._column["power"]
        found = {
            "alike share": np.log(total / np.maximum(np.sum(weight, axis=1) - 1.0, 1.0) + 0.003)
        }

        def mean(name: str, values: Vector, mine: Vector) -> None:
            found[name] = (alike @ values + 0.5 * mine) / (total + 0.5)

        bounds = (-_FURTHEST_LOG, _FURTHEST_LOG)
        mean(
            "alike rr / next rr", np.clip(column["early"], *bounds), np.clip(own["early"], *bounds)
        )
        mean("alike early", 1.0 - column["timely"], 1.0 - own["timely"])
        mean("alike energy width", column["energy width"], own["energy width"])
        mean(
            "alike rr / mean rr",
            np.clip(column["log rr"], *bounds),
            np.clip(own["log rr"], *bounds),
        )
        for name, step in (("like before", -1), ("like next", 1)):
            here, there = beats % _CAPACITY, np.clip(beats + step, 0, self.count - 1) % _CAPACITY
            product = np.sum(qrs[here] * qrs[there], axis=1)
            found[name] = _kernel(product, power[here], power[there])
        return found


def _alike(qrs: Matrix, power: Vector, others: Matrix, others_power: Vector) -> Matrix:
    return _kernel(qrs @ others.T, power[:, np.newaxis], others_power)


def _kernel(product: Matrix, one: Matrix, other: Matrix) -> Matrix:
    square = (one + other - 2.0 * product) / np.maximum(np.maximum(one, other), _TINY)
    return np.asarray(np.exp(-np.maximum(square, 0.0) / _KERNEL))


def _centred(rows: Matrix) -> Matrix:
    return np.asarray(rows - np.mean(rows, axis=1, keepdims=True))


def _rms(rows: Matrix) -> Vector:
    return np.asarray(np.sqrt(np.mean(rows**2, axis=1)))


def _correlation(rows: Matrix, others: Matrix) -> Vector:
    one, other = _centred(rows), _centred(others)
    size = np.sqrt(np.sum(one**2, axis=1) * np.sum(other**2, axis=1))
    return np.asarray(np.sum(one * other, axis=1) / np.maximum(size, _TINY))


def _without_line(rows: Matrix, known: Matrix) -> Matrix:
    """Take the straight line of least squares through the ``known`` steps off each row."""
    count = np.maximum(np.sum(known, axis=1, keepdims=True), 1.0)
    ramp = np.linspace(-1.0, 1.0, rows.shape[1]) * known
    ramp = (ramp - np.sum(ramp, axis=1, keepdims=True) / count) * known
    level = (rows - np.sum(rows * known, axis=1, keepdims=True) / count) * known
    rise = np.sum(level * ramp, axis=1, keepdims=True)
    return np.asarray(
        level - ramp * rise / np.maximum(np.sum(ramp**2, axis=1, keepdims=True), _TINY)
    )
