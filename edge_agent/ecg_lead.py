"""The door of an ECG channel: here the order of a sensor's blocks is made sure of, once.

Behind it everything counts on time that runs forward and on one sampling rate. A sensor that is
exchanged or set anew, or whose clock is corrected, keeps neither promise. What doesn't go on from
the block before begins a channel of its own, as after a restart: alarms that stand go on standing
until the new channel has watched for long enough to say that their cause is gone.
"""

from __future__ import annotations

import dataclasses

from edge_agent.dsp.rhythm import DEFAULT_LIMITS, RhythmLimits
from edge_agent.ecg_channel import EcgChannel
from edge_agent.model import Boottime, Event, EventKind, Observation, Waveform

_NS_PER_S = 1_000_000_000
_SAME_RATE = 0.03
"""A rate that differs by less is the same one: an oscillator that is off, or better known."""
_STEP_NS = round(0.5 * _NS_PER_S)
"""A block that begins so far from the end of the last does not go on from there."""
_UNEVEN_NS = round(0.1 * _NS_PER_S)
"""So far blocks may overlap as they arrive: no two beats lie closer."""


class EcgLead:
    """Gives the blocks of ``sensor`` to a channel that they go on from, or to a new one."""

    def __init__(self, sensor: str, limits: RhythmLimits = DEFAULT_LIMITS) -> None:
        self._sensor, self._limits = sensor, limits
        self._channel: EcgChannel | None = None
        self._rate_hz = 0.0
        self._end = Boottime(0)

    def push(self, block: Waveform) -> tuple[Waveform, list[Observation | Event]]:
        """Process a block as :meth:`~edge_agent.ecg_channel.EcgChannel.push` does."""
        reason = self._break(block)
        if self._channel is None or reason:
            self._channel = EcgChannel(self._sensor, block.rate_hz, self._limits)
            self._rate_hz = block.rate_hz
        else:
            block = self._joined(block)
        self._end = block.end
        judged, found = self._channel.push(block)
        return judged, [*self._told(reason, block), *found]

    def _break(self, block: Waveform) -> str:
        """Return why ``block`` can't go on in the present channel; "" when it can."""
        if self._channel is None:
            return ""
        if abs(block.rate_hz - self._rate_hz) > _SAME_RATE * self._rate_hz:
            return f"the sampling rate changed from {self._rate_hz:g} to {block.rate_hz:g} Hz"
        back_ns = self._end - block.start
        if back_ns > _STEP_NS:
            return f"the sensor's time went back by {back_ns / _NS_PER_S:.1f} s"
        return ""

    def _joined(self, block: Waveform) -> Waveform:
        """Return ``block`` so that time runs forward: begun later, or marked as after a gap."""
        ahead_ns = block.start - self._end
        if ahead_ns > _STEP_NS and not block.follows_gap:
            return dataclasses.replace(block, follows_gap=True)
        if ahead_ns < -_UNEVEN_NS or (ahead_ns < 0 and block.follows_gap):
            return dataclasses.replace(block, start=self._end)
        return block

    def _told(self, reason: str, block: Waveform) -> list[Event]:
        if not reason:
            return []
        detail = {"reason": f"{reason}; the ECG is judged anew"}
        return [Event(kind=EventKind.GAP, at=block.start, sensor=self._sensor, detail=detail)]
