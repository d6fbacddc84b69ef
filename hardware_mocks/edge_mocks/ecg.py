"""Synthetic ECG with known beats, after a dynamical model.

McSharry PE, Clifford GD, Tarassenko L, Smith LA, "A dynamical model for generating synthetic
electrocardiogram signals", IEEE Trans. Biomed. Eng. 50(3):289-294, 2003,
doi 10.1109/TBME.2003.808805.

Deviations from the paper:

* The trajectory starts on the limit cycle, which attracts it, so ``x`` and ``y`` are known in
  closed form (the phase) and only ``z`` is integrated (Runge-Kutta, fourth order, as there).
* The angular speed is constant within a beat. The R peak lies at phase zero, so the beat times are
  exactly the running sum of the RR intervals.
* The RR spectrum has the paper's two Gaussians (Mayer waves at 0.1 Hz, respiration at 0.25 Hz),
  but the series is a sum of sinusoids with random phases in place of an inverse Fourier
  transform: it never ends and needs no seams.
* ``z`` is scaled once, so that the R peak at the mean rate has the wanted height.
"""

from __future__ import annotations

import bisect
import math
import random
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_ANGLES = np.array([-math.pi / 3, -math.pi / 12, 0.0, math.pi / 12, math.pi / 2])
_HEIGHTS = np.array([1.2, -5.0, 30.0, -7.5, 0.75])
_WIDTHS = np.array([0.25, 0.1, 0.1, 0.1, 0.4])
_ANGLE_POWERS = np.array([0.25, 0.5, 0.0, 0.5, 0.25])
"""How P, Q, R, S and T move apart at high rates: powers of sqrt(heart rate / 60)."""

_STEPS_PER_SAMPLE = 4
_SINUSOIDS_PER_BAND = 12
_WANDER_OF_R = 0.1
_RESPIRATION_HZ = 0.25
_SETTLE_S = 12.0


class EcgSource(Protocol):
    """Where a mock strap gets its ECG from."""

    @property
    def rate_hz(self) -> float:
        """Samples per second of the source's time."""

    @property
    def beat_times(self) -> NDArray[np.float64]:
        """R peaks so far in seconds of the source's time, shape ``(beats,)``, ascending."""

    def read(self, n: int) -> NDArray[np.int32]:
        """Return the next ``n`` samples in microvolts; fewer, or none, at the end."""


class RrSeries:
    """RR intervals that vary as breathing and blood pressure make them.

    ``mean_s`` and ``std_s`` are the mean and the standard deviation of the intervals in seconds,
    ``lf_hf`` the ratio of the power around 0.1 Hz to that around 0.25 Hz.
    """

    def __init__(self, rng: random.Random, mean_s: float, std_s: float, lf_hf: float) -> None:
        self.mean_s = mean_s
        low_power = std_s**2 * lf_hf / (1 + lf_hf)
        bands = ((0.1, low_power), (0.25, std_s**2 - low_power))
        draws = [
            (rng.gauss(centre_hz, 0.01), rng.random(), math.sqrt(2 * power / _SINUSOIDS_PER_BAND))
            for centre_hz, power in bands
            for _ in range(_SINUSOIDS_PER_BAND)
        ]
        self._hz, self._phase, self._amplitude_s = np.array(draws).T

    def at(self, time_s: float) -> float:
        """Return the interval in seconds of the beat that begins at ``time_s``."""
        angle = 2 * math.pi * (self._hz * time_s + self._phase)
        interval_s = self.mean_s + float(np.sum(self._amplitude_s * np.sin(angle)))
        return max(interval_s, 0.3 * self.mean_s)


class SyntheticEcg:
    """An endless ECG whose every beat is known.

    ``rate_hz``: samples per second. ``heart_rate_per_min``, ``rr_std_s`` and ``lf_hf`` shape the
    rhythm, ``amplitude_uv`` is the height of an R peak over the baseline, ``noise_uv`` the
    standard deviation of white noise.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        rate_hz: float = 130.0,
        heart_rate_per_min: float = 66.0,
        rr_std_s: float = 0.04,
        lf_hf: float = 1.2,
        amplitude_uv: float = 1000.0,
        noise_uv: float = 8.0,
    ) -> None:
        self._rate_hz, self._noise_uv = rate_hz, noise_uv
        self._noise = np.random.default_rng(rng.getrandbits(64))
        self._rr = RrSeries(rng, 60 / heart_rate_per_min, rr_std_s, lf_hf)
        stretch = math.sqrt(heart_rate_per_min / 60)
        self._angles = _ANGLES * stretch**_ANGLE_POWERS
        self._widths = _WIDTHS * stretch
        self._beats = [0.0, self._rr.at(0.0)]
        self._done = 0
        self._z = 0.0
        self._microvolt_per_z = self._calibrated(amplitude_uv)

    @property
    def rate_hz(self) -> float:
        """Samples per second of the source's time."""
        return self._rate_hz

    @property
    def beat_times(self) -> NDArray[np.float64]:
        """R peaks up to the last sample read, in seconds, shape ``(beats,)``."""
        beats = np.array(self._beats)
        return beats[beats <= (self._done - 1) / self._rate_hz]

    def read(self, n: int) -> NDArray[np.int32]:
        """Return the next ``n`` samples in microvolts, shape ``(n,)``."""
        step_s = 1 / (self._rate_hz * _STEPS_PER_SAMPLE)
        # Half steps, for the middle slopes of Runge-Kutta.
        ticks = np.arange(2 * _STEPS_PER_SAMPLE * n + 1)
        time_s = self._done / self._rate_hz + ticks * step_s / 2
        z = self._integrated(self._forcing(self._phase(time_s)), step_s)[::_STEPS_PER_SAMPLE]
        self._done += n
        wander = _WANDER_OF_R * np.sin(2 * math.pi * _RESPIRATION_HZ * time_s)
        microvolts = (z[:n] + wander[:: 2 * _STEPS_PER_SAMPLE][:n] * self._z_of_r) * (
            self._microvolt_per_z
        )
        noise = self._noise.normal(0.0, self._noise_uv, n)
        return np.rint(microvolts + noise).astype(np.int32)

    def _phase(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the angle on the cycle, -pi to pi, with the R peak at zero."""
        while self._beats[-1] <= time_s[-1]:
            self._beats.append(self._beats[-1] + self._rr.at(self._beats[-1]))
        recent = self._beats[bisect.bisect_right(self._beats, time_s[0]) - 1 :]
        turns = np.interp(time_s, recent, np.arange(len(recent)))
        return 2 * math.pi * (turns - np.rint(turns))

    def _forcing(self, phase: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the part of dz/dt that does not depend on z: the pull of P, Q, R, S and T."""
        away = phase[:, np.newaxis] - self._angles
        away = (away + math.pi) % (2 * math.pi) - math.pi
        pull = _HEIGHTS * away * np.exp(-(away**2) / (2 * self._widths**2))
        return -np.asarray(np.sum(pull, axis=1))

    def _integrated(self, forcing: NDArray[np.float64], step_s: float) -> NDArray[np.float64]:
        """Integrate dz/dt = forcing - z by whole steps, from where the last call ended.

        For this linear equation one step of classical Runge-Kutta is a fixed weighting of z and
        of the forcing at the beginning, the middle and the end of the step.
        """
        h = step_s
        keep = 1 - h + h**2 / 2 - h**3 / 6 + h**4 / 24
        first = h / 6 * (1 - h + h**2 / 2 - h**3 / 4)
        middle = h / 6 * (4 - 2 * h + h**2 / 2)
        pushed = first * forcing[:-1:2] + middle * forcing[1::2] + h / 6 * forcing[2::2]
        z = np.empty(len(pushed) + 1)
        z[0] = self._z
        for index, push in enumerate(pushed.tolist()):
            z[index + 1] = keep * z[index] + push
        self._z = float(z[-1])
        return z

    def _calibrated(self, amplitude_uv: float) -> float:
        """Run a steady rhythm to find the height of R and to settle z; return the scale."""
        step_s = 1 / (self._rate_hz * _STEPS_PER_SAMPLE)
        time_s = np.arange(round(_SETTLE_S / step_s) * 2 + 1) * step_s / 2
        turns = (time_s - time_s[-1]) / self._rr.mean_s
        phase = 2 * math.pi * (turns - np.rint(turns))
        z = self._integrated(self._forcing(phase), step_s)
        settled = z[len(z) // 2 :]
        self._z_of_r = float(np.max(settled) - np.median(settled))
        return amplitude_uv / self._z_of_r
