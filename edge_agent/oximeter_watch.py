"""The subject's oximeters: desaturations, nights, and a pulse that isn't the heart's.

What alarms go by is not here: the night is judged with artefacts left out, an alarm must not be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge_agent import codes
from edge_agent.dsp.desaturation_finder import Desaturation
from edge_agent.dsp.oximetry import OximetryReading
from edge_agent.dsp.oximetry_recording import Night, NightWatch
from edge_agent.dsp.pulse_agreement import Disagreement, PulseWatch
from edge_agent.model import Boottime, Code, Event, EventKind, Observation

DESATURATION, DISAGREEMENT = "desaturation", "pulse-disagreement"
"""The findings, by the names in their events."""

_NS_PER_S = 1_000_000_000
_BELONGS_S = 5.0
"""A perfusion index or a pulse rate tells of a saturation that comes so much later."""

Found = list[Observation | Event]


class OximeterWatch:
    """Follows every oximeter of one subject. Memory: some thirty numbers for each.

    Values from a sensor's memory are left out: their time is past.
    """

    def __init__(self) -> None:
        self._channels: dict[str, _Channel] = {}

    def take(self, one: Observation) -> Found:
        """Take in a reading as the sensor told it; return what follows from it.

        A heart rate is one that an ECG has told, or a strap where there is no ECG.
        """
        if one.backfilled:
            return []
        if one.code == codes.HEART_RATE:
            self._note_heart_rate(one)
            return []
        if one.code not in {codes.SPO2, codes.PULSE_RATE, codes.PERFUSION_INDEX}:
            return []
        return self._channels.setdefault(one.sensor, _Channel(one.sensor)).push(one)

    def tick(self, now: Boottime) -> Found:
        """Let time pass; return what is over because nothing comes any more."""
        return [found for one in self._channels.values() for found in one.tick(now)]

    def state(self, now: Boottime) -> dict[str, Any]:
        """Return the nights under way, as plain values for :meth:`restore`."""
        states = {name: one.night.state(now / _NS_PER_S) for name, one in self._channels.items()}
        return {name: state for name, state in states.items() if state is not None}

    def restore(self, state: Mapping[str, Any], now: Boottime) -> None:
        """Take up what :meth:`state` returned before a restart.

        :raises (KeyError, TypeError, ValueError): the state is none of these.
        """
        for name, night in state.items():
            channel = self._channels.setdefault(name, _Channel(name))
            channel.night.restore(night, now / _NS_PER_S)

    def _note_heart_rate(self, one: Observation) -> None:
        if not one.is_reliable or one.value is None:
            return
        for name, channel in self._channels.items():
            if name != one.sensor:
                channel.pulse.push_heart_rate(one.at / _NS_PER_S, one.value)


class _Channel:
    """One oximeter."""

    def __init__(self, sensor: str) -> None:
        self._sensor = sensor
        self.night = NightWatch()
        self.pulse = PulseWatch()
        self._perfusion: Observation | None = None
        self._pulse: Observation | None = None

    def push(self, one: Observation) -> Found:
        if one.code == codes.PERFUSION_INDEX:
            self._perfusion = one
            return []
        if one.code == codes.PULSE_RATE:
            self._pulse = one
            if not one.is_reliable or one.value is None:
                return []
            return self._steps([self.pulse.push_pulse(one.at / _NS_PER_S, one.value)])
        return self._told(*self.night.push(self._reading(one)))

    def tick(self, now: Boottime) -> Found:
        now_s = now / _NS_PER_S
        return self._told(*self.night.tick(now_s)) + self._steps([self.pulse.tick(now_s)])

    def _reading(self, spo2: Observation) -> OximetryReading:
        pulse = self._pulse if self._pulse is not None and self._pulse.is_reliable else None
        return OximetryReading(
            at_s=spo2.at / _NS_PER_S,
            spo2_percent=spo2.value,
            pulse_per_min=_value_near(pulse, spo2.at),
            reliable=spo2.is_reliable,
            perfusion_percent=_value_near(self._perfusion, spo2.at),
        )

    def _told(self, found: Iterable[Desaturation], night: Night | None) -> Found:
        events: Found = [desaturation_event(one, self._sensor) for one in found]
        return events if night is None else [*events, *night_figures(night, self._sensor)]

    def _steps(self, steps: Iterable[Disagreement | None]) -> Found:
        return [disagreement_event(one, self._sensor) for one in steps if one is not None]


def night_figures(night: Night, sensor: str) -> list[Observation]:
    """Return what a night comes to; the quality is how much of it counted."""
    found = night.oxygenation
    figures: tuple[tuple[Code, float | None], ...] = (
        (codes.ODI3, found.odi3_per_h),
        (codes.ODI4, found.odi4_per_h),
        (codes.T90, found.t90_percent),
        (codes.SPO2_NADIR, found.nadir_percent),
        (codes.SPO2_NIGHT_MEAN, found.mean_percent),
        (codes.PULSE_NIGHT_MEAN, night.pulse_per_min),
        (codes.OXIMETRY_HOURS, found.hours),
        (codes.DESATURATION_AREA, found.area_percent_min_per_h),
    )
    return [
        Observation(
            code=code, value=value, at=_at(night.end_s), sensor=sensor, quality=night.quality
        )
        for code, value in figures
        if value is not None
    ]


def desaturation_event(one: Desaturation, sensor: str) -> Event:
    """Return a desaturation as an event: its nadir, and what it rests on."""
    detail: dict[str, str | float] = {
        "finding": DESATURATION,
        "standing": "ended",
        "onset_ns": _at(one.onset_s),
        "offset_ns": _at(one.offset_s),
        "value": one.nadir_percent,
        "unit": "%",
        "begin_percent": one.begin_percent,
        "nadir_ns": _at(one.nadir_at_s),
        "area_percent_s": round(one.area_percent_s, 1),
        "falls": one.falls,
    }
    return Event(kind=EventKind.FINDING, at=_at(one.offset_s), sensor=sensor, detail=detail)


def disagreement_event(one: Disagreement, sensor: str) -> Event:
    """Return one step of a disagreement as an event; its value is pulse minus heart rate."""
    detail: dict[str, str | float] = {
        "finding": DISAGREEMENT,
        "standing": one.standing.value,
        "onset_ns": _at(one.onset_s),
        "value": round(one.pulse_per_min - one.heart_per_min, 1),
        "unit": "/min",
        "pulse_per_min": round(one.pulse_per_min, 1),
        "heart_per_min": round(one.heart_per_min, 1),
    }
    if one.note:
        detail["note"] = one.note
    return Event(kind=EventKind.FINDING, at=_at(one.known_s), sensor=sensor, detail=detail)


def _value_near(one: Observation | None, at: Boottime) -> float | None:
    if one is None or abs(at - one.at) > _BELONGS_S * _NS_PER_S:
        return None
    return one.value


def _at(at_s: float) -> Boottime:
    return Boottime(round(at_s * _NS_PER_S))
