"""Whether a lead is on a body, told within a second: a line that lives, or one that doesn't.

A heart that stands still leaves its electrodes in place: muscle, breathing, P waves and the
amplifier still move the line. A lead that is off is *flat* (a constant, a rail), shows *hum* and
nothing else, or is *saturated* (thrown from rail to rail). In the 22 recordings of the MIT-BIH
Arrhythmia Database at hand the flattest second still moves by 38 µV peak to peak, the flattest
0.35 s between a T and a P wave by 23 µV, when offset, slope and hum are taken out. So the line of
demarcation lies far below, at the resolution of the converter.

A window of one second is fitted with a cubic (an amplifier that recovers from the step of a lead
coming off makes a smooth curve) and with the mains at 50 and 60 Hz, whose amplitudes may change
with the time and its square: this takes along mains that are 0.3 Hz off. What is left of a living
line is noise or waves. A line without these lives too when its mean over 0.1 s turns twice within
two seconds, by more than the last digit: it wanders, while a recovering amplifier comes back once.
What does neither can't be told from a lead that is off, and is called so: whoever listens must not
take it for an all-clear.

An amplifier that was driven to its limit *recovers*: for two seconds the line goes one way, by 1.5
mV and more, with nothing on it of a tenth of that, and then ever more slowly, until it moves by no
more than a fifth of that. Beats are on it, but tiny, as long as the input stage is blocked (down to
a thirtieth of their size; in four of the recordings at hand). Breathing turns sooner, or moves
less; a standstill in which the line is swung further, slowly and smoothly, is told late.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from edge_agent.dsp.qrs_energy import Signal

WINDOW_S = 1.0
STEP_S = 0.2

_MAINS_HZ = (50.0, 60.0)
_DEAD_MV = 0.005
_DEAD_COUNTS = 2.2  # of the converter: rounding, and a last digit that toggles
_PLAIN_MV = 0.2  # no converter is so coarse that this could be its last digits
_HUM_LEAVES = 0.1  # of its peak-to-peak: harmonics, and mains that change their phase
_MEAN_S = 0.1  # whole periods of both mains
_MEANS = 20
_TURNS = 2
_TURN_MV = 0.004
_TURN_COUNTS = 1.2  # the mean of many samples is finer than their last digit
_RECOVERS_MV, _RECOVERED_MV = 1.5, 0.3
_RECOVERING_LEAVES = 0.1  # of what it moves
_RAIL_SHARE = 0.25
_RAIL_SWING_MV = 0.5
_CURVE = 4  # columns of a cubic
_RANK = 1e-6


class Contact(StrEnum):
    """What the line says about the electrode."""

    ATTACHED = "attached"
    FLAT = "flat"
    HUM = "hum"
    SATURATED = "saturated"
    RECOVERING = "recovering"
    OFF = "off"
    """The sensor itself says that a lead is off."""


class ContactStep(NamedTuple):
    """The judgement of the second that ends at ``at_s``."""

    at_s: float
    contact: Contact


class ContactStream:
    """Judges each second of one lead at ``rate_hz``, once every fifth of a second of it.

    Steps are counted in samples, so they do not depend on the blocks. A gap needs a new stream.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._window = round(WINDOW_S * rate_hz)
        self._step = max(1, round(STEP_S * rate_hz))
        self._basis = _basis(self._window, rate_hz)
        self._recent: Signal = np.empty(0)
        self._means: deque[float] = deque(maxlen=_MEANS)
        self._unjudged = 0
        self._recovering = False
        self.is_still = False
        """Whether nothing but the converter's last digits moved in the second last judged."""

    def push(
        self, block_mV: ArrayLike, start_s: float, *, attached: bool = True
    ) -> list[ContactStep]:
        """Take in samples, shape (n,), the first taken at ``start_s``; return the steps they end.

        ``attached`` is false for samples that the sensor marks as taken with a lead off.

        :raises ValueError: samples that are not one-dimensional or not finite.
        """
        block = np.asarray(block_mV, dtype=np.float64)
        if block.ndim != 1 or not np.isfinite(block).all():
            raise ValueError("block of one lead expected, without NaN or infinity: cut it there")
        steps: list[ContactStep] = []
        done = 0
        while done < block.size:
            part = block[done : done + self._step - self._unjudged]
            done += part.size
            self._recent = np.concatenate((self._recent, part))[-self._window :]
            self._unjudged += part.size
            if self._unjudged == self._step:
                self._unjudged = 0
                at_s = start_s + done / self._rate_hz
                if not attached:
                    steps.append(ContactStep(at_s, Contact.OFF))
                elif self._recent.size == self._window:
                    steps.append(ContactStep(at_s, self._judge(self._recent)))
        return steps

    def _judge(self, window: Signal) -> Contact:
        half = max(1, round(_MEAN_S * self._rate_hz))
        self._means += (float(window[-2 * half : -half].mean()), float(window[-half:].mean()))
        judged = _judged(window, self._basis, self._means)
        self.is_still = judged is Contact.FLAT and float(np.ptp(window)) <= _dead_mv(window)
        self._recovering = judged is Contact.ATTACHED and self._recovers(window)
        return Contact.RECOVERING if self._recovering else judged

    def _recovers(self, window: Signal) -> bool:
        """Whether the line has been going one way for two seconds, far, and with little on it."""
        moved = abs(self._means[-1] - self._means[0])
        least = _RECOVERED_MV if self._recovering else _RECOVERS_MV
        if moved < least or len(self._means) < _MEANS:
            return False
        level = window - window[0]
        rest = level - self._basis @ (self._basis.T @ level)
        most = _RECOVERING_LEAVES * max(moved, _RECOVERS_MV)
        return float(rest.max() - rest.min()) <= most and _turns(self._means, most) < 1


def contact(window_mV: ArrayLike, rate_hz: float) -> Contact:
    """Judge one window of a lead, shape (n,), of about a second.

    :raises ValueError: samples that are not one-dimensional or not finite, or fewer than 16.
    """
    window = np.asarray(window_mV, dtype=np.float64)
    if window.ndim != 1 or window.size < 16 or not np.isfinite(window).all():
        raise ValueError("window of one lead expected, without NaN or infinity")
    length = max(1, round(_MEAN_S * rate_hz))
    whole = window[window.size % length :].reshape(-1, length)
    return _judged(window, _basis(window.size, rate_hz), whole.mean(axis=1).tolist())


def _judged(window: Signal, basis: Signal, means: Iterable[float]) -> Contact:
    """Judge ``window`` by what is left without its curve and without its hum, or by its turns."""
    level, curve = window - window[0], basis[:, :_CURVE]
    moves = level - curve @ (curve.T @ level)
    swing = float(moves.max() - moves.min())
    if swing > _RAIL_SWING_MV and _share_at_rails(window) > _RAIL_SHARE:
        return Contact.SATURATED
    rest = level - basis @ (basis.T @ level)
    lives, hum = float(rest.max() - rest.min()), _HUM_LEAVES * swing
    if lives > max(_PLAIN_MV, hum):
        return Contact.ATTACHED
    count, dead = _count(window), _dead_mv(window)
    if lives > max(dead, hum):
        return Contact.ATTACHED
    if _turns(means, max(_TURN_MV, _TURN_COUNTS * count, hum)) >= _TURNS:
        return Contact.ATTACHED
    return Contact.FLAT if swing <= dead else Contact.HUM


def _turns(line: Iterable[float], least: float) -> int:
    """Count how often ``line`` turns round, by more than ``least`` each time."""
    turns, direction = -1, 0
    low, high = math.inf, -math.inf  # since the last turn
    for value in line:
        low = min(value, low)
        high = max(value, high)
        if direction >= 0 and high - value > least:
            turns, direction, low = turns + 1, -1, value
        elif direction <= 0 and value - low > least:
            turns, direction, high = turns + 1, 1, value
    return turns


def _basis(size: int, rate_hz: float) -> Signal:
    """Orthonormal columns, shape (size, k): the curve first, then the mains."""
    t = np.linspace(-1.0, 1.0, size)
    seconds = t * (size - 1) / (2.0 * rate_hz)
    columns = [t**power for power in range(_CURVE)]
    for mains_hz in _MAINS_HZ:
        angle = 2.0 * np.pi * mains_hz * seconds
        for wave in (np.cos(angle), np.sin(angle)):
            columns += [wave, t * wave, t**2 * wave]
    chosen: list[Signal] = []
    for column in columns:
        rest = column.copy()
        for _ in range(2):  # once more for rounding
            for one in chosen:
                rest -= one * (one @ rest)
        norm = float(np.linalg.norm(rest))
        if norm > _RANK * np.sqrt(size):
            chosen.append(rest / norm)
    return np.stack(chosen, axis=1)


def _count(window: Signal) -> float:
    """The converter's resolution as far as the window shows it: its least step, or zero."""
    levels = np.unique(window)
    return float(np.diff(levels).min()) if levels.size > 1 else 0.0


def _dead_mv(window: Signal) -> float:
    """What a line swings at most on which there is nothing (mV)."""
    return max(_DEAD_MV, _DEAD_COUNTS * _count(window))


def _share_at_rails(window: Signal) -> float:
    """Share of the samples that stay at the highest or the lowest value."""
    stays = window[1:] == window[:-1]
    at_rail = (window[1:] == window.max()) | (window[1:] == window.min())
    return float(np.mean(stays & at_rail))
