"""A beat seen against the patient's own: what sets it apart from the beats of the last minutes.

No beat is ventricular by itself: with a bundle branch block every beat is wide, in fibrillation
every other one early. So each is compared with the patient's own beats, which are told apart
without labels. Beats are alike by a kernel over the squared distance of their QRS. The reference
is the mean of the shapes that are frequent and timely, that is, not followed by a pause longer
than the interval before: in bigeminy these are the sinus beats.

The context of a beat are the 128 beats up to it and every 8th of the 800 before those: minutes of
flutter or of an idioventricular rhythm must not wash out what the patient's beats looked like. The
first 16 beats share one context.

A gap of the signal ends no context, as the person is the same: but nothing joins across it. The
first beat after it counts as if the interval before it were as long as the one behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.dsp.ventricular_shape import (
    CENTRE,
    QRS,
    QRS_STEPS,
    STEP_S,
    WAVE_STEPS,
    WHOLE,
    Matrix,
    Shapes,
    Vector,
    span,
)

FEATURES = (
    "early for this rhythm",  # interval against the median, in units of how irregular they are
    "irregular",  # median deviation of the intervals around the beat from their median
    "odd and early",  # how odd the beat is, if it is followed by a longer interval
    "odd and short",  # how odd its kind is, the more, the shorter than 0.7 s its interval is
    "odd of its kind",  # how odd the beats are that are like it
    "share of its kind",  # of the context
    "timely of its kind",  # how frequent and timely beats like it are, against the reference
    "t of its kind",  # correlation of the T wave with the reference's, mean of beats like it
    "t apart",  # T wave less the reference's
    "area",  # of the QRS, against the reference's
    "steepness",  # steepest step against the height of the QRS
    "early p",  # what lies between the T wave before it and the beat
)
"""Columns of :meth:`Context.features`: natural logarithms, but for clipped and mean ones.

How odd a beat is: the logarithm of what P, QRS and T together lack to a correlation of 1 with the
reference, less the mean of that over the context's timely beats. A noisy or changing patient makes
everything odd, which then says little.
"""

CHUNK = 64
"""Beats that may be asked for at once."""
START = 16
"""The first beats are seen against this many."""

Indices = NDArray[np.intp]

_RECENT = 128
_OLDER, _OLDER_STEP = 100, 8
_CAPACITY = 1024  # recent, older, a chunk, and some
_NEAR = 16  # intervals before a beat's that say, with its next, what is usual
_AROUND = np.arange(-_NEAR, 2)
_KERNEL = 0.12  # squared relative distance at which two shapes are alike by 1/e
_EARLY, _EARLY_WIDTH = -0.10, 0.04  # log of an interval to the next: half timely, and how sharp
_REFERENCE_SHARE = 0.6  # of the best score makes a beat part of the reference
_LEAST_SPREAD = 0.05
_MOST_EARLY = 6.0
_MOST_ODD = 4.0
_SHORT_S, _MOST_SHORT, _MOST_ODD_KIND = 0.7, 0.8, 2.0
_LONE_S = 1.0  # interval of a beat that has no neighbour
_APART_S = 10.0  # no wave of a beat reaches so far
_TINY = 1e-12

_COLUMNS = (
    *("peak_s", "rr_s", "centre_s", "usable", "power", "timely", "score"),
    *("lack", "odd", "corr t", "height", "area", "slope"),
)
_T_WAVE = span(0.16, 0.4)
_BEFORE = np.arange(round(-0.28 / STEP_S), round(-0.08 / STEP_S) + 1)
_FEWEST_STEPS = 12
_TAIL_FROM = 10  # steps after the centre
_UNSEEN_P = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """n beats, at ``here`` in the store, and c others, at ``there``.

    Of shape (n, c): ``itself``, whether the other is the beat; ``weight``, 1 for the usable beats
    of its context; ``alike``, how alike the two are, 0 to 1, 0 out of context; ``kind``, the same
    but 0 for the beat itself.
    """

    here: Indices
    there: Indices
    itself: NDArray[np.bool_]
    weight: Matrix
    alike: Matrix
    kind: Matrix


class Context:
    """Holds the beats of the last minutes; gives the features of those that have their context."""

    def __init__(self) -> None:
        self.count = 0
        self.known = 0
        """Beats whose time is known: one more than ``count`` if the next one's is."""
        self._begins = 0  # the beat that no interval leads to
        self._base_s = 0.0
        self._wave = np.zeros((_CAPACITY, WAVE_STEPS))
        self._qrs = np.zeros((_CAPACITY, QRS_STEPS))
        self._column = {name: np.zeros(_CAPACITY) for name in _COLUMNS}

    def add(self, peaks_s: Vector, shapes: Shapes, usable: NDArray[np.bool_]) -> None:
        """Take in the next beats; one that is not ``usable`` is never a reference for others.

        Their times count from the beginning or from the last :meth:`gap` on.
        """
        at = self._timed(peaks_s)
        self.count += peaks_s.size
        self.known = self.count
        self._wave[at], self._qrs[at] = shapes.wave, shapes.qrs
        columns = self._column
        columns["centre_s"][at] = columns["peak_s"][at] + shapes.centre_s
        columns["usable"][at] = usable
        columns["power"][at] = np.sum(shapes.qrs**2, axis=1)
        columns["height"][at] = np.log(shapes.height + _TINY)
        columns["area"][at] = np.log(shapes.area + _TINY)
        columns["slope"][at] = np.log(shapes.slope + _TINY)

    def expect(self, peak_s: float) -> None:
        """Take in the time of the beat that will be added next."""
        self._timed(np.array([peak_s]))
        self.known = self.count + 1

    def gap(self) -> None:
        """Let what comes next not join; features have been asked for of all that was added."""
        if self.count:
            last_s = float(self._column["peak_s"][(self.count - 1) % _CAPACITY])
            self._base_s = last_s + _APART_S
        self._begins = self.known = self.count

    def _timed(self, peaks_s: Vector) -> Indices:
        """Keep the times of the next beats, and their intervals; return where they are kept."""
        first, column = self.count, self._column
        at = np.arange(first, first + peaks_s.size) % _CAPACITY
        times_s = self._base_s + peaks_s
        rr_s = np.diff(times_s, prepend=column["peak_s"][(first - 1) % _CAPACITY])
        if first == self._begins:
            rr_s[:1] = rr_s[1:2] if rr_s.size > 1 else _LONE_S
        elif first == self._begins + 1:
            column["rr_s"][self._begins % _CAPACITY] = rr_s[0]
        column["peak_s"][at], column["rr_s"][at] = times_s, rr_s
        return at

    def features(self, first: int, last: int) -> Matrix:
        """Features of the beats ``first`` to ``last`` (out), shape (last - first, features).

        They are asked for in rising order, each once, at most :data:`CHUNK` at a time, and the
        first :data:`START` together. When no beat is known to follow the last, the interval
        after it is taken to be as long as the one before.
        """
        beats = np.arange(first, last)
        rhythm, short, timely = self._intervals(beats)
        self._column["timely"][beats % _CAPACITY] = timely
        seen = self._seen(beats)
        score = _summed(seen.alike, self._column["timely"][seen.there])
        self._column["score"][seen.here] = score / np.maximum(np.sum(seen.weight, axis=1), 1.0)
        reference, best = self._reference(seen)
        usual = np.einsum("ij,jk->ik", reference, self._wave[seen.there])
        height = np.maximum(np.ptp(usual[:, QRS], axis=1), _TINY)
        waves = self._waves(seen, usual, height)
        sizes = self._sizes(seen, reference)
        kinds = self._kinds(seen, best)
        odd = self._column["odd"][seen.here]
        odd_and_early = (1.0 - timely) * np.clip(odd, -1.0, _MOST_ODD)
        odd_and_short = short * np.clip(kinds[0], 0.0, _MOST_ODD_KIND)
        early_p = self._early_p(beats, usual, height)
        return np.column_stack(
            [*rhythm, odd_and_early, odd_and_short, *kinds, waves, *sizes, early_p]
        )

    def _intervals(self, beats: Indices) -> tuple[tuple[Vector, Vector], Vector, Vector]:
        """The two features of rhythm, how short the intervals are, how timely the beats."""
        near = np.clip(beats[:, np.newaxis] + _AROUND, 0, self.known - 1)
        rr = np.log(self._column["rr_s"][near % _CAPACITY])
        own = rr[:, _NEAR]
        following = np.where(beats + 1 < self.known, rr[:, _NEAR + 1], own)
        usual = np.median(rr, axis=1)
        spread = np.median(np.abs(rr - usual[:, np.newaxis]), axis=1)
        early = own - usual
        for_this = np.clip(early / (spread + _LEAST_SPREAD), -_MOST_EARLY, _MOST_EARLY)
        excess = np.clip((_EARLY - own + following) / _EARLY_WIDTH, -50.0, 50.0)
        short = np.clip(np.log(_SHORT_S) - own, 0.0, _MOST_SHORT)
        return (for_this, np.log(spread + 0.02)), short, 1.0 / (1.0 + np.exp(excess))

    def _seen(self, beats: Indices) -> _Seen:
        oldest = int(beats[0]) - _RECENT
        reach = _OLDER_STEP * _OLDER
        older = np.arange(max(0, -(-(oldest - reach) // _OLDER_STEP)), -(-oldest // _OLDER_STEP))
        newest = max(int(beats[-1]) + 1, min(START, self.count))
        others = np.concatenate((_OLDER_STEP * older, np.arange(max(0, oldest), newest)))
        since = (beats - _RECENT)[:, np.newaxis]
        inside = (others >= since) & (others <= np.maximum(beats, START - 1)[:, np.newaxis])
        inside |= (others < since) & (others % _OLDER_STEP == 0) & (others >= since - reach)
        here, there = beats % _CAPACITY, others % _CAPACITY
        power = self._column["power"]
        larger = np.maximum(np.maximum(power[here, np.newaxis], power[there]), _TINY)
        product = np.einsum("ij,kj->ik", self._qrs[here], self._qrs[there])
        square = power[here, np.newaxis] + power[there] - 2.0 * product
        weight = inside * self._column["usable"][there]
        alike = weight * np.exp(-np.maximum(square / larger, 0.0) / _KERNEL)
        itself = beats[:, np.newaxis] == others
        return _Seen(
            here=here,
            there=there,
            itself=itself,
            weight=weight,
            alike=alike,
            kind=np.where(itself, 0.0, alike),
        )

    def _reference(self, seen: _Seen) -> tuple[Matrix, Vector]:
        """How much each other beat makes up of the reference, shape (n, c), and the best score.

        Without a usable beat around, a beat is its own reference.
        """
        timely = self._column["timely"][seen.there]
        scores = seen.weight * (self._column["score"][seen.there] * timely)
        best = np.max(scores, axis=1, keepdims=True)
        chosen = np.where(best > 0.0, scores > _REFERENCE_SHARE * best, seen.itself)
        return chosen / np.sum(chosen, axis=1, keepdims=True), best[:, 0]

    def _waves(self, seen: _Seen, usual: Matrix, height: Vector) -> Vector:
        """Keep how odd the beats are and how their T waves correlate; return T apart."""
        wave, column = self._wave[seen.here], self._column
        lack = np.log(1.02 - _correlation(wave[:, WHOLE], usual[:, WHOLE]))
        column["lack"][seen.here] = lack
        timely = seen.weight * column["timely"][seen.there]
        total = np.maximum(np.sum(timely, axis=1), _TINY)
        column["odd"][seen.here] = lack - _summed(timely, column["lack"][seen.there]) / total
        column["corr t"][seen.here] = _correlation(wave[:, _T_WAVE], usual[:, _T_WAVE])
        apart = np.mean((wave[:, _T_WAVE] - usual[:, _T_WAVE]) ** 2, axis=1)
        return np.asarray(np.log(np.sqrt(apart) / height + 0.01))

    def _kinds(self, seen: _Seen, best: Vector) -> tuple[Vector, ...]:
        """The four features of the beats of the same kind, in which the beat counts as one."""
        total = np.sum(seen.kind, axis=1)
        others = np.maximum(np.sum(seen.weight, axis=1) - 1.0, 1.0)

        def mean(name: str) -> Vector:
            column = self._column[name]
            summed = _summed(seen.kind, column[seen.there]) + column[seen.here]
            return np.asarray(summed / (total + 1.0))

        share = np.log(total / others + 0.003)
        timely = np.log(self._column["score"][seen.here] / np.maximum(best, _TINY) + 0.01)
        return mean("odd"), share, timely, mean("corr t")

    def _sizes(self, seen: _Seen, reference: Matrix) -> tuple[Vector, Vector]:
        own = {name: self._column[name][seen.here] for name in ("height", "area", "slope")}
        area = own["area"] - _summed(reference, self._column["area"][seen.there])
        return area, own["slope"] - own["height"]

    def _early_p(self, beats: Indices, usual: Matrix, height: Vector) -> Vector:
        """What lies before the QRS beyond the tail that the reference leaves after a beat.

        A premature beat that a P wave on that tail foretells comes from the atria, however
        aberrant its QRS.
        """
        centre_s = self._column["centre_s"]
        since_s = centre_s[beats % _CAPACITY] - centre_s[np.maximum(beats - 1, 0) % _CAPACITY]
        at = CENTRE + since_s[:, np.newaxis] / STEP_S + _BEFORE
        end = usual.shape[1] - 1.01
        known = ((at > CENTRE + _TAIL_FROM) & (at < end)).astype(np.float64)
        at = np.clip(at, 0.0, end)
        index = at.astype(np.intp)
        share = at - index
        rows = np.arange(beats.size)[:, np.newaxis]
        tail = usual[rows, index] * (1.0 - share) + usual[rows, index + 1] * share
        wave = self._wave[beats % _CAPACITY][:, CENTRE + _BEFORE]
        beyond = _without_line(wave - tail, known)
        steps = np.sum(known, axis=1)
        rms = np.sqrt(np.sum(beyond**2, axis=1) / np.maximum(steps, 1.0))
        return np.asarray(np.log(np.where(steps > _FEWEST_STEPS, rms / height, _UNSEEN_P) + 0.01))


def _summed(weights: Matrix, values: Vector) -> Vector:
    """Sum of ``values`` by each row of ``weights``: without BLAS, whose threads cost more here."""
    return np.asarray(np.einsum("ij,j->i", weights, values))


def _correlation(rows: Matrix, others: Matrix) -> Vector:
    one = rows - np.mean(rows, axis=1, keepdims=True)
    other = others - np.mean(others, axis=1, keepdims=True)
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
