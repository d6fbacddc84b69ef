"""A function known at uneven points, at points between: by lines, or by a cubic spline."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from edge_agent.dsp.qrs_energy import Signal

_LEAST_CUBIC = 4


class Interpolation(StrEnum):
    """How to go from point to point."""

    LINEAR = "linear"
    CUBIC = "cubic"
    """A cubic spline without a knot at the second point and the last but one (not-a-knot)."""

    @property
    def least_points(self) -> int:
        """How many points it needs."""
        return _LEAST_CUBIC if self is Interpolation.CUBIC else 2

    def at(self, wanted: Signal, x: Signal, y: Signal) -> Signal:
        """Return the function through ``y`` at the ascending ``x``, at ``wanted`` within them."""
        if self is Interpolation.LINEAR:
            return np.interp(wanted, x, y)
        return _cubic(wanted, x, y)


def _cubic(wanted: Signal, x: Signal, y: Signal) -> Signal:
    step = np.diff(x)
    bend = _second_derivatives(step, np.diff(y) / step)
    left = np.clip(np.searchsorted(x, wanted, side="right") - 1, 0, step.size - 1)
    h = step[left]
    after, before = (wanted - x[left]) / h, (x[left + 1] - wanted) / h
    curve = (before**3 - before) * bend[left] + (after**3 - after) * bend[left + 1]
    return np.asarray(before * y[left] + after * y[left + 1] + h**2 / 6.0 * curve)


def _second_derivatives(step: Signal, slope: Signal) -> Signal:
    """Solve for the second derivatives at the points: as many equations as inner points.

    That the third derivative doesn't change at the second point gives the one at the first as a
    mix of the next two, which the first equation takes in; likewise at the end.
    """
    diagonal = 2.0 * (step[:-1] + step[1:])
    lower, upper = step[:-1].copy(), step[1:].copy()
    first, last = step[0] / step[1], step[-1] / step[-2]
    diagonal[0] += step[0] * (1.0 + first)
    upper[0] -= step[0] * first
    diagonal[-1] += step[-1] * (1.0 + last)
    lower[-1] -= step[-1] * last
    inner = _tridiagonal(lower, diagonal, upper, 6.0 * np.diff(slope))
    begin = (1.0 + first) * inner[0] - first * inner[1]
    end = (1.0 + last) * inner[-1] - last * inner[-2]
    return np.concatenate(([begin], inner, [end]))


def _tridiagonal(lower: Signal, diagonal: Signal, upper: Signal, right: Signal) -> Signal:
    """Solve by elimination; ``lower[0]`` and ``upper[-1]`` lie outside and are not read."""
    below, centre = lower.tolist(), diagonal.tolist()
    above, solution = upper.tolist(), right.tolist()
    for row in range(1, len(centre)):
        share = below[row] / centre[row - 1]
        centre[row] -= share * above[row - 1]
        solution[row] -= share * solution[row - 1]
    solution[-1] /= centre[-1]
    for row in range(len(centre) - 2, -1, -1):
        solution[row] = (solution[row] - above[row] * solution[row + 1]) / centre[row]
    return np.array(solution)
