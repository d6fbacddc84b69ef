"""One ECG sensor's stream: waveform blocks in; beats, heart rate and HRV out as observations."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from edge_agent import codes
from edge_agent.dsp.beats import Beat, BeatStream
from edge_agent.dsp.hrv import RollingTimeDomain
from edge_agent.dsp.quality import Quality, QualityStream
from edge_agent.dsp.rr import HeartRate
from edge_agent.model import Boottime, Code, Observation, State, Waveform

_NS_PER_S = 1_000_000_000
_MV_PER_UV = 1e-3
_HRV_EVERY_S = 60.0
_HRV_WINDOW_S = 300.0
_HRV_BEATS_AT_LEAST = 30
_ATTACHED_WINDOW_S = 2.0
"""Long enough to hold a beat at 30 a minute: between beats a clean signal is flat."""
_ATTACHED_STEP_S = 0.5
_NOISE_WINDOW_S = 10.0
_NOISE_STEP_S = 5.0


_NOT_JUDGED_YET = Quality(index=0.0, state=State.SEARCHING)


class EcgChannel:
    """Turns the ECG blocks of ``sensor`` into observations."""

    def __init__(self, sensor: str, rate_hz: float) -> None:
        self._sensor = sensor
        self._beats = BeatStream(rate_hz)
        self._hrv = RollingTimeDomain(window_s=_HRV_WINDOW_S)
        self._hrv_due_s: float | None = None
        self._start_anew(rate_hz)

    def push(self, block: Waveform) -> tuple[Waveform, list[Observation]]:
        """Process a block (``codes.ECG``, microvolts).

        Returns the block with the state that its signal quality gives it, and what was found:
        RR intervals, heart rate (one a block), and HRV figures (one set a minute).
        """
        signal_mv = block.values * _MV_PER_UV
        signal = self._judge(signal_mv, block)
        # The signal may be good and what is worked out from it not to be relied on yet.
        known = self._unjudged_s <= 0 or signal.state is not State.MEASURED
        quality = signal if known else _NOT_JUDGED_YET
        start_s = block.start / _NS_PER_S
        beats = self._beats.push(
            signal_mv, start_s, rate_hz=block.rate_hz, follows_gap=block.follows_gap
        )
        found = [one for beat in beats for one in self._note_beat(beat, quality)]
        end_s = block.end / _NS_PER_S
        rate = self._rate(end_s, quality)
        found.append(rate)
        if rate.is_reliable:
            found += self._hrv_figures(end_s)
        return dataclasses.replace(block, state=signal.state), found

    def _start_anew(self, rate_hz: float) -> None:
        """Trust nothing from before a gap: judge the signal and count the beats from here on."""
        self._attached = QualityStream(
            rate_hz, window_s=_ATTACHED_WINDOW_S, step_s=_ATTACHED_STEP_S
        )
        self._noise = QualityStream(rate_hz, window_s=_NOISE_WINDOW_S, step_s=_NOISE_STEP_S)
        self._heart_rate = HeartRate()
        self._unjudged_s = _NOISE_WINDOW_S

    def _judge(self, signal_mv: NDArray[np.float64], block: Waveform) -> Quality:
        """Return the worse of the two judgements of the signal.

        Noise shows only in a whole window: until one has passed, beats may be found in noise.
        """
        if block.follows_gap:
            self._start_anew(block.rate_hz)
        judged = (self._attached.push(signal_mv), self._noise.push(signal_mv))
        self._unjudged_s -= len(signal_mv) / block.rate_hz
        known = [quality for quality in judged if quality is not None]
        return min(known, key=lambda one: one.index, default=_NOT_JUDGED_YET)

    def _note_beat(self, beat: Beat, quality: Quality) -> list[Observation]:
        self._heart_rate.push(beat.at_s, beat.rr_ms)
        trusted = quality.state is State.MEASURED
        self._hrv.push(beat.at_s, beat.rr_ms if trusted else None)
        if beat.rr_ms is None:
            return []
        return [self._observation(codes.RR_INTERVAL, beat.rr_ms, beat.at_s, quality)]

    def _rate(self, at_s: float, quality: Quality) -> Observation:
        """Return the heart rate; a good signal in which none can be told is *below* range.

        A heart slower than the rate can follow, or standing still, must raise the low alarm and
        not pass for a sensor that is still searching.
        """
        value = self._heart_rate.value(at_s)
        if value is None and quality.state is State.MEASURED:
            quality = Quality(index=quality.index, state=State.BELOW_RANGE)
        return self._observation(codes.HEART_RATE, value, at_s, quality)

    def _hrv_figures(self, now_s: float) -> list[Observation]:
        if self._hrv_due_s is None:
            self._hrv_due_s = now_s + _HRV_EVERY_S
        if now_s < self._hrv_due_s:
            return []
        self._hrv_due_s = now_s + _HRV_EVERY_S
        figures = self._hrv.value()
        if figures is None or figures.n < _HRV_BEATS_AT_LEAST:
            return []
        named = (
            (codes.SDNN, figures.sdnn_ms),
            (codes.RMSSD, figures.rmssd_ms),
            (codes.PNN50, figures.pnn50_percent),
        )
        good = Quality(index=1.0, state=State.MEASURED)
        return [
            self._observation(code, value, now_s, good)
            for code, value in named
            if value is not None
        ]

    def _observation(
        self, code: Code, value: float | None, at_s: float, quality: Quality
    ) -> Observation:
        return Observation(
            code=code,
            value=value,
            at=Boottime(round(at_s * _NS_PER_S)),
            sensor=self._sensor,
            quality=quality.index,
            state=quality.state,
        )
