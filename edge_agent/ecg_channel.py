"""One ECG sensor's stream: waveform blocks in; beats, rates, HRV and rhythm findings out."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from edge_agent import codes
from edge_agent.beat_chain import BeatChain
from edge_agent.breathing import Breathing
from edge_agent.dsp.beat_trust import BeatTrust, JudgedBeat
from edge_agent.dsp.beats import Beat, BeatStream
from edge_agent.dsp.quality import Quality, QualityStream
from edge_agent.dsp.rhythm import DEFAULT_LIMITS, RhythmLimits, RhythmStream
from edge_agent.dsp.rhythm_contact import Contact
from edge_agent.dsp.rhythm_finding import Kind
from edge_agent.dsp.rhythm_ventricular import VENTRICULAR_KINDS
from edge_agent.dsp.rr import HeartRate
from edge_agent.model import Boottime, Code, Event, Observation, State, Waveform
from edge_agent.rhythm_events import (
    FibrillationFollower,
    finding_event,
    hourly_share,
    nothing_stands,
)

_NS_PER_S = 1_000_000_000
_MV_PER_UV = 1e-3
_PERCENT = 100.0
_S_PER_MIN = 60.0
_ATTACHED_WINDOW_S = 2.0
"""Long enough to hold a beat at 30 a minute: between beats a clean signal is flat."""
_ATTACHED_STEP_S = 0.5
_NOISE_WINDOW_S = 10.0
_NOISE_STEP_S = 5.0
_SETTLED_AFTER_S = 1.1
"""By then a beat is seen or settled, with blocks of up to 0.6 s."""
_LOAD_EVERY_S = 60.0
_NOTHING_FOR_S = 90.0
"""So long a rate is relied on before it is said that no finding that shows in it stands: longer
than any of them needs to be told or to end."""
_ORDINARY_BEATS = 60
"""So many beats are classified before it is said that no ventricular rhythm stands."""
_SHOWN_BY_RATE = frozenset(Kind) - VENTRICULAR_KINDS - {Kind.ATRIAL_FIBRILLATION}

_OPEN = (Contact.HUM, Contact.SATURATED, Contact.RECOVERING, Contact.OFF)
_NOT_ATTACHED = Quality(index=0.0, state=State.NOT_ATTACHED)
_NOT_JUDGED_YET = Quality(index=0.0, state=State.SEARCHING)


class EcgChannel:
    """Turns the ECG blocks of ``sensor`` into observations, and into events of what it finds."""

    def __init__(self, sensor: str, rate_hz: float, limits: RhythmLimits = DEFAULT_LIMITS) -> None:
        self._sensor = sensor
        self._silence_s = limits.pause_s
        self._beats = BeatStream(rate_hz)
        self._rhythm = RhythmStream(rate_hz, limits)
        fibrillation = FibrillationFollower(sensor, self._rhythm.with_strips)
        self._chain = BeatChain(sensor, (fibrillation,))
        self._trust = BeatTrust(rate_hz)
        self._breathing = Breathing(sensor, rate_hz)
        self._to_vouch_for = {_SHOWN_BY_RATE, VENTRICULAR_KINDS}
        self._load_due_s: float | None = None
        self._start_anew(rate_hz)

    def push(self, block: Waveform) -> tuple[Waveform, list[Observation | Event]]:
        """Process a block (``codes.ECG``, microvolts).

        Returns the block with the state that its signal quality gives it, and what was found:
        RR intervals, heart rate and signal quality (one a block), HRV figures (one set a minute),
        and the steps of rhythm findings.
        """
        signal_mv = block.values * _MV_PER_UV
        signal = self._judge(signal_mv, block)
        # The signal may be good and what is worked out from it not to be relied on yet.
        known = self._unjudged_s <= 0 or signal.state is not State.MEASURED
        quality = signal if known else _NOT_JUDGED_YET
        start_s, end_s = block.start / _NS_PER_S, block.end / _NS_PER_S
        beats = self._beats.push(
            signal_mv, start_s, rate_hz=block.rate_hz, follows_gap=block.follows_gap
        )
        judged = self._trust_of(signal_mv, block, beats, quality)
        found = self._findings(signal_mv, block, beats, judged, quality)
        found += self._breath(signal_mv, block, beats, quality)
        for beat in beats:
            found += self._note_beat(beat, quality)
        for one in judged:
            found += self._chain.push(one.at_s, one.rr_ms)
        rate = self._rate(end_s, quality)
        percent = None if quality is _NOT_JUDGED_YET else _PERCENT * quality.index
        found += [rate, self._observation(codes.ECG_QUALITY, percent, end_s, quality)]
        if rate.is_reliable:
            found += self._chain.figures(end_s)
        found += self._load(end_s) + self._nothing(block, rate)
        return dataclasses.replace(block, state=signal.state), found

    def _start_anew(self, rate_hz: float) -> None:
        """Trust nothing from before a gap: judge the signal and count the beats from here on."""
        self._attached = QualityStream(
            rate_hz, window_s=_ATTACHED_WINDOW_S, step_s=_ATTACHED_STEP_S
        )
        self._noise = QualityStream(rate_hz, window_s=_NOISE_WINDOW_S, step_s=_NOISE_STEP_S)
        self._heart_rate = HeartRate()
        self._last_beat_s: float | None = None
        self._unjudged_s = _NOISE_WINDOW_S
        self._watched_s = 0.0

    def _judge(self, signal_mv: NDArray[np.float64], block: Waveform) -> Quality:
        """Return the worse of the two judgements of the signal.

        Noise shows only in a whole window: until one has passed, beats may be found in noise. Noise
        is judged by the beats. Where none come any more, there is nothing to judge it by, and a
        silence must not pass for noise; a line that shows nothing but hum then is no silence.
        Nor is a flat one on which nothing but a converter's last digit moves, however coarse that
        is. Another flat line of a good signal is: it may be a base line that wanders slowly.
        What the sensor itself says of the block stands above both.
        """
        if block.follows_gap:
            self._start_anew(block.rate_hz)
        attached, noise = self._attached.push(signal_mv), self._noise.push(signal_mv)
        self._unjudged_s -= len(signal_mv) / block.rate_hz
        if block.state is not State.MEASURED:
            return Quality(index=0.0, state=block.state)
        if attached is not None and self._is_silent(block.end / _NS_PER_S):
            return _NOT_ATTACHED if self._is_off(attached) else attached
        if attached is not None and self._last_beat_s is None and self._rhythm.is_still:
            return _NOT_ATTACHED
        known = [quality for quality in (attached, noise) if quality is not None]
        return min(known, key=lambda one: one.index, default=_NOT_JUDGED_YET)

    def _is_off(self, attached: Quality) -> bool:
        if self._rhythm.contact is Contact.FLAT:
            return self._rhythm.is_still or attached.state is not State.MEASURED
        return self._rhythm.contact in _OPEN

    def _is_silent(self, now_s: float) -> bool:
        if self._rhythm.is_standing_still:
            return True
        return self._last_beat_s is not None and self._silent_s(now_s) > self._silence_s

    def _silent_s(self, now_s: float) -> float:
        """Return for how long no beat has been seen; that is infinite before the first."""
        return now_s - self._rhythm.seen_s

    def _trust_of(
        self,
        signal_mv: NDArray[np.float64],
        block: Waveform,
        beats: list[Beat],
        quality: Quality,
    ) -> list[JudgedBeat]:
        """Return the beats of which it is now known whether anything may be derived from them."""
        start_s, trusted = block.start / _NS_PER_S, quality.state is State.MEASURED
        before: list[JudgedBeat] = []
        if block.follows_gap:
            before = self._trust.gap([one for one in beats if one.at_s < start_s], trusted=trusted)
            beats = [one for one in beats if one.at_s >= start_s]
        return before + self._trust.push(signal_mv, start_s, beats, trusted=trusted)

    def _findings(
        self,
        signal_mv: NDArray[np.float64],
        block: Waveform,
        beats: list[Beat],
        judged: list[JudgedBeat],
        quality: Quality,
    ) -> list[Observation | Event]:
        steps = self._rhythm.push(
            signal_mv,
            block.start / _NS_PER_S,
            beats,
            provisional_s=self._beats.provisional_s,
            judged=judged,
            attached=block.state is not State.NOT_ATTACHED,
            trusted=quality.state is State.MEASURED,
            follows_gap=block.follows_gap,
        )
        return [finding_event(one, self._sensor) for one in steps]

    def _breath(
        self,
        signal_mv: NDArray[np.float64],
        block: Waveform,
        beats: list[Beat],
        quality: Quality,
    ) -> list[Observation]:
        if block.follows_gap:
            self._breathing.gap()
        start_s = block.start / _NS_PER_S
        joined = [one for one in beats if one.at_s >= start_s or not block.follows_gap]
        trusted = quality.state is State.MEASURED
        return self._breathing.push(signal_mv, start_s, joined, trusted=trusted)

    def _note_beat(self, beat: Beat, quality: Quality) -> list[Observation | Event]:
        self._last_beat_s = beat.at_s
        self._heart_rate.push(beat.at_s, beat.rr_ms)
        if beat.rr_ms is None:
            return []
        return [self._observation(codes.RR_INTERVAL, beat.rr_ms, beat.at_s, quality)]

    def _rate(self, at_s: float, quality: Quality) -> Observation:
        """Return the heart rate: zero in a standstill, and never over what the silence allows.

        A good signal in which none can be told is *below* range: a heart slower than the rate can
        follow must raise the low alarm and not pass for a sensor that is still searching.
        """
        value = self._heart_rate.value(at_s)
        if self._rhythm.is_standing_still and quality.state is State.MEASURED:
            value = 0.0
        elif value is not None and self._last_beat_s is not None:
            silent_s = self._silent_s(at_s) - _SETTLED_AFTER_S
            value = min(value, _S_PER_MIN / silent_s) if silent_s > 0.0 else value
        elif value is None and quality.state is State.MEASURED:
            quality = dataclasses.replace(quality, state=State.BELOW_RANGE)
        return self._observation(codes.HEART_RATE, value, at_s, quality)

    def _load(self, now_s: float) -> list[Observation | Event]:
        """Return once a minute what share of the last hour's beats was ventricular."""
        if self._load_due_s is None:
            self._load_due_s = now_s + _LOAD_EVERY_S
        if now_s < self._load_due_s:
            return []
        self._load_due_s = now_s + _LOAD_EVERY_S
        share = self._rhythm.ventricular_load(now_s)
        if share is None:
            return []
        return [hourly_share(codes.VENTRICULAR_LOAD, share, now_s, self._sensor)]

    def _nothing(self, block: Waveform, rate: Observation) -> list[Observation | Event]:
        """Tell once of each group of kinds that none stands.

        So alarms from before a restart can end. Each group is vouched for by what it is judged by.
        """
        self._watched_s += len(block.samples) / block.rate_hz
        if not rate.is_reliable or self._rhythm.standing & _SHOWN_BY_RATE:
            self._watched_s = 0.0
        vouched = set()
        if self._watched_s >= _NOTHING_FOR_S:
            vouched.add(_SHOWN_BY_RATE)
        if rate.is_reliable and self._rhythm.ordinary_beats >= _ORDINARY_BEATS:
            vouched.add(VENTRICULAR_KINDS)
        new, self._to_vouch_for = vouched & self._to_vouch_for, self._to_vouch_for - vouched
        at_s = block.end / _NS_PER_S
        return [nothing_stands(at_s, self._sensor, kinds) for kinds in new]

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
