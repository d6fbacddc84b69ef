"""One night under an oximeter: when it begins and ends, and what it comes to.

A recording begins with the first reading that counts and ends after half an hour without one, or
when it is twelve hours long: then the next one begins. A hub doesn't know when somebody sleeps; who
wears the sensor by day as well gets the figures twice a day. Less than an hour that counts is no
recording (somebody has put a finger in) and comes to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.dsp.desaturation import Oxygenation, OxygenationNight
from edge_agent.dsp.desaturation_finder import Desaturation
from edge_agent.dsp.oximetry import OximetryReading
from edge_agent.dsp.oximetry_gate import ArtefactGate

ADEQUATE_H = 4.0
"""So much must count for a technically adequate recording: V. K. Kapur et al., J Clin Sleep Med 13
(2017) 479-504, doi 10.5664/jcsm.6506."""

_SILENCE_S = 1800.0
_LONGEST_S = 12 * 3600.0
_LEAST_H = 1.0
_UNCERTAIN = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A recording from ``begin_s`` to ``end_s`` (s) that is over, and what it comes to.

    ``pulse_per_min`` is the mean pulse rate, ``None`` where the sensor told none.
    """

    begin_s: float
    end_s: float
    oxygenation: Oxygenation
    pulse_per_min: float | None

    @property
    def quality(self) -> float:
        """How far the figures deserve trust: the share that counted; little under four hours."""
        share = self.oxygenation.reliable_percent / 100.0
        return share if self.oxygenation.hours >= ADEQUATE_H else min(share, _UNCERTAIN)


@dataclass(slots=True)
class _Recording:
    """A recording under way."""

    night: OxygenationNight
    begin_s: float
    counted_s: float
    pulses: int = 0
    pulse_sum: float = 0.0


class NightWatch:
    """Gathers the readings of one sensor into recordings.

    Memory: some thirty numbers, however long the night.
    """

    def __init__(self) -> None:
        self._gate = ArtefactGate()
        self._recording: _Recording | None = None

    def push(self, one: OximetryReading) -> tuple[list[Desaturation], Night | None]:
        """Take in a reading; return the desaturations and the recording that are over by it."""
        found, ended = self._end_if_due(one.at_s)
        if self._gate.push(one) is not None:
            # Its time is counted when one comes that counts: a night ends with the last of those.
            return found, ended
        if self._recording is None:
            self._recording = _Recording(OxygenationNight(keep=False), one.at_s, one.at_s)
        recording = self._recording
        found += recording.night.push(one.at_s, one.spo2_percent)
        recording.counted_s = one.at_s
        if one.pulse_per_min is not None and math.isfinite(one.pulse_per_min):
            recording.pulses += 1
            recording.pulse_sum += float(one.pulse_per_min)
        return found, ended

    def tick(self, now_s: float) -> tuple[list[Desaturation], Night | None]:
        """Let time pass; return what is over because nothing comes any more."""
        return self._end_if_due(now_s)

    def end(self) -> tuple[list[Desaturation], Night | None]:
        """End the recording under way, as if nothing came any more."""
        recording, self._recording = self._recording, None
        if recording is None:
            return [], None
        found = recording.night.end()
        figures = recording.night.value()
        if figures is None or figures.hours < _LEAST_H:
            return found, None
        pulse = recording.pulse_sum / recording.pulses if recording.pulses else None
        night = Night(
            begin_s=recording.begin_s,
            end_s=recording.counted_s,
            oxygenation=figures,
            pulse_per_min=pulse,
        )
        return found, night

    def state(self, now_s: float) -> dict[str, Any] | None:
        """Return what a restart has to know, as plain values; times are seconds ago."""
        recording = self._recording
        if recording is None:
            return None
        return {
            "counts": recording.night.state(),
            "begin_s": now_s - recording.begin_s,
            "counted_s": now_s - recording.counted_s,
            "pulses": recording.pulses,
            "pulse_sum": recording.pulse_sum,
        }

    def restore(self, state: Mapping[str, Any], now_s: float) -> None:
        """Take up what :meth:`state` returned; the time in between is a gap of unknown length.

        :raises (KeyError, TypeError, ValueError): the state is none of these.
        """
        night = OxygenationNight(keep=False)
        night.restore(state["counts"])
        self._recording = _Recording(
            night,
            begin_s=now_s - float(state["begin_s"]),
            counted_s=now_s - float(state["counted_s"]),
            pulses=int(state["pulses"]),
            pulse_sum=float(state["pulse_sum"]),
        )

    def _end_if_due(self, now_s: float) -> tuple[list[Desaturation], Night | None]:
        recording = self._recording
        if recording is None:
            return [], None
        silent, long = now_s - recording.counted_s, now_s - recording.begin_s
        if silent < _SILENCE_S and long < _LONGEST_S:
            return [], None
        return self.end()


def nights(readings: Iterable[OximetryReading]) -> tuple[list[Desaturation], list[Night]]:
    """Return the desaturations and the recordings in ``readings``, given in the order they came."""
    watch = NightWatch()
    found: list[Desaturation] = []
    over: list[Night | None] = []
    for one in readings:
        more, night = watch.push(one)
        found += more
        over.append(night)
    more, night = watch.end()
    return found + more, [one for one in (*over, night) if one is not None]
