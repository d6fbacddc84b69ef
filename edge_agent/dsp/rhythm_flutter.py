"""Ventricular flutter or fibrillation: large waves without a countable QRS, on a lead that is on.

The ventricles then make waves like a sine of 150 to 450 a minute, with neither a QRS nor a line
between the beats. Their power lies in one narrow band: that is what the filter leakage of S. Kuo
and R. Dillman (Computers in Cardiology 1978, 347-350) and the spectral moments of S. Barro et al.
(doi 10.3109/03091908909030204) look for, here measured plainly. A window of four seconds shows it
when

* of its power from 1 to 40 Hz, 70 % lie within 0.75 Hz of the largest peak, at 2.5 to 7.5 Hz,
* it lies near its middle (a fifth of its largest swing) for at most 45 % of the time: between the
  beats of a heart there is a line,
* it is 0.4 mV large from peak to peak, without the largest and smallest fortieth, and
* the line lived all the time.

Two such windows in a row, a second apart, begin the finding, so it takes five seconds; three in a
row that are not end it, if the line lived in them. A lead that comes off in a flutter shows no such
waves either, and must not give the all-clear.

Measured on the 22 recordings of MIT-BIH DS1 (11 h): all 6 episodes of flutter (record 207, 4 to 98
s) are told 4 to 8 s after the annotated onset, and nothing else is; nor is anything in 15 minutes
of each noise of the noise stress database, in these noises on eight of the recordings (half to four
times as large), or in the strips of CinC 2017, CPSC 2019 and CPSC 2021 at hand (2 h). All flutter
that it was made with is *one* person's, so how many are told elsewhere is not known. A fine
fibrillation (under 0.4 mV) and one without a leading frequency are not told; a monomorphic
tachycardia whose waves run into each other is, and rightly so; so is shaking of the right frequency
that is larger than the ECG, as a tremor or a compression of the chest may be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_agent.dsp.qrs_energy import Signal
from edge_agent.dsp.rhythm_contact import Contact, ContactStep
from edge_agent.dsp.rhythm_finding import Finding, Kind, Standing

WINDOW_S = 4.0
STEP_S = 1.0

_WORKING_HZ = 125.0
_POWER_HZ = (1.0, 40.0)
_PEAK_HZ = (2.5, 7.5)
_SEARCHED_HZ = (2.0, 9.0)
_BAND_HZ = 0.75
_LEAST_SHARE = 0.7
_WAVES_HZ = (0.7, 30.0)
_NEAR_MIDDLE, _MOST_NEAR_MIDDLE = 0.2, 0.45
_LEAST_MV = 0.4
_CURVE = 4  # columns of a cubic
_BEGIN, _END = 2, 3  # windows in a row
_S_PER_MIN = 60.0


class FlutterWatch:
    """Finds waves like those of a fluttering heart in one lead at ``rate_hz``.

    Windows are counted in samples, so what is found does not depend on the blocks.
    """

    def __init__(self, rate_hz: float) -> None:
        self._given_hz = rate_hz
        self._factor = max(1, round(rate_hz / _WORKING_HZ))
        self._rate_hz = rate_hz / self._factor
        self._size = round(WINDOW_S * self._rate_hz)
        self._step = round(STEP_S * self._rate_hz)
        self._spectrum = _Spectrum(self._size, self._rate_hz)
        self._open: Finding | None = None
        self._kept: Signal = np.empty(0)
        self._rest: Signal = np.empty(0)
        self._given = 0
        self._dead: deque[int] = deque()  # counted as the samples given
        self._in_a_row = self._calm = 0

    def gap(self) -> None:
        """Samples are missing; what is pushed next does not join. What stands, stands."""
        self._kept = self._rest = np.empty(0)
        self._dead.clear()
        self._in_a_row = self._calm = 0

    def push(
        self, block_mV: ArrayLike, start_s: float, steps: Iterable[ContactStep] = ()
    ) -> list[Finding]:
        """Take in samples, shape (n,), the first taken at ``start_s``, and the contact in them."""
        block = np.asarray(block_mV, dtype=np.float64)
        for step in steps:
            if step.contact is not Contact.ATTACHED:
                within = round((step.at_s - start_s) * self._given_hz)
                self._dead.append(self._given + within)
        waiting = np.concatenate((self._rest, block))
        whole = waiting.size // self._factor * self._factor
        self._rest = waiting[whole:]
        means = waiting[:whole].reshape(-1, self._factor).mean(axis=1)
        self._kept = np.concatenate((self._kept, means))
        before, self._given = self._given, self._given + block.size
        found: list[Finding] = []
        while self._kept.size >= self._size:
            later = (self._kept.size - self._size) * self._factor + self._rest.size
            end = self._given - later
            at_s = start_s + (end - before) / self._given_hz
            found += self._take(self._kept[: self._size], at_s, is_dead=self._was_dead(end))
            self._kept = self._kept[self._step :]
        return found

    def _was_dead(self, end: int) -> bool:
        """Whether the line was dead in the window of which ``end`` is the first sample after it.

        In samples: times summed from different blocks differ in their last digit.
        """
        while self._dead and self._dead[0] <= end - self._size * self._factor:
            self._dead.popleft()
        return bool(self._dead) and self._dead[0] <= end

    def _take(self, window: Signal, at_s: float, *, is_dead: bool) -> list[Finding]:
        """Judge the window that ends at ``at_s``; one on a dead line says nothing."""
        if is_dead:
            self._in_a_row = self._calm = 0
            return []
        wave_hz = self._spectrum.flutter_hz(window)
        self._in_a_row = 0 if wave_hz is None else self._in_a_row + 1
        self._calm = self._calm + 1 if wave_hz is None else 0
        if self._open is None and wave_hz is not None and self._in_a_row >= _BEGIN:
            self._open = Finding(
                kind=Kind.VENTRICULAR_FLUTTER,
                standing=Standing.BEGUN,
                onset_s=at_s - WINDOW_S - (_BEGIN - 1) * STEP_S,
                known_s=at_s,
                value=_S_PER_MIN * wave_hz,
            )
            return [self._open]
        if self._open is not None and self._calm >= _END:
            begun, self._open = self._open, None
            return [
                replace(
                    begun, standing=Standing.ENDED, known_s=at_s, offset_s=at_s - _END * STEP_S,
                    note="no such waves any more",
                )
            ]  # fmt: skip
        return []


class _Spectrum:
    """Judges windows of ``size`` samples at ``rate_hz``."""

    def __init__(self, size: int, rate_hz: float) -> None:
        t = np.linspace(-1.0, 1.0, size)
        self._curve = np.linalg.qr(np.stack([t**power for power in range(_CURVE)], axis=1))[0]
        self._taper = np.hanning(size)
        self._hz: Signal = np.arange(size // 2 + 1, dtype=np.float64) * (rate_hz / size)
        self._searched = np.flatnonzero(_within(self._hz, _SEARCHED_HZ))
        self._power = _within(self._hz, _POWER_HZ)
        self._waves = _within(self._hz, _WAVES_HZ)

    def flutter_hz(self, window: Signal) -> float | None:
        """Return how many waves there are a second, or ``None`` if these are not like flutter."""
        level = window - window[0]
        level = level - self._curve @ (self._curve.T @ level)
        low, high = np.percentile(level, (2.5, 97.5))
        if high - low < _LEAST_MV:
            return None
        power = np.abs(np.fft.rfft(level * self._taper)) ** 2
        peak_hz = float(self._hz[self._searched[power[self._searched].argmax()]])
        band = np.abs(self._hz - peak_hz) <= _BAND_HZ
        if not _PEAK_HZ[0] <= peak_hz <= _PEAK_HZ[1]:
            return None
        if power[band].sum() < _LEAST_SHARE * power[self._power].sum():
            return None
        waves = np.fft.irfft(np.where(self._waves, np.fft.rfft(level), 0.0), level.size)
        swing = np.abs(waves)
        middle = swing < _NEAR_MIDDLE * np.percentile(swing, 99.0)
        return peak_hz if np.mean(middle) <= _MOST_NEAR_MIDDLE else None


def _within(hz: Signal, limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (hz >= limits[0]) & (hz <= limits[1])
