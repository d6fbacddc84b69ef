"""The person's glycaemia over days: figures each midnight, episodes as they end, the profile.

Time in range, GMI, CV, LBGI, HBGI and MAGE are those of :mod:`edge_agent.dsp.glycemia` and
:mod:`edge_agent.dsp.glucose_excursions`; episodes go by the international consensus
(:mod:`edge_agent.dsp.glucose_episodes`). Nothing here raises an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Any

from edge_agent import codes
from edge_agent.dsp.glucose_episodes import Episode, EpisodeFinder, Level
from edge_agent.dsp.glucose_excursions import mage
from edge_agent.dsp.glycemia import Glycemia, Profile, RollingGlycemia, glycemia, profile
from edge_agent.model import Boottime, Code, Event, EventKind, Observation
from edge_agent.warning.clock_time import DAY_S, ClockTime

DAYS = 14.0
"""What the consensus asks figures to rest on."""
EPISODE = "glucose-episode"
SOURCE = "glycaemia"

_NS_PER_S = 1_000_000_000
_LEVELS = (Level.LOW, Level.VERY_LOW, Level.HIGH, Level.VERY_HIGH)
_LEAST_OF_A_DAY = 0.7
"""The consensus asks for 70 % of the readings; a day with fewer has figures of half the quality."""
_USUAL_INTERVAL_S = 300.0
_VERSION = 1

Found = list[Observation | Event]


class GlycaemiaWatch:
    """Follows one person's glucose. Memory: the readings of 14 days, 64 KiB."""

    def __init__(self, zone: tzinfo = UTC) -> None:
        self._zone = zone
        self._time = ClockTime(zone)
        self._readings = RollingGlycemia(days=DAYS)
        self._finders = tuple(EpisodeFinder(level) for level in _LEVELS)
        self._day: int | None = None
        self._local_ahead_s = 0.0
        self._has_changed = False

    @property
    def has_changed(self) -> bool:
        """Whether a reading has come since the state was last asked for."""
        return self._has_changed

    def take(self, one: Observation) -> Found:
        """Take in a glucose reading, also one from the sensor's memory; return ended episodes."""
        if not one.is_reliable or one.value is None or one.value <= 0.0:
            return []
        at_s = one.at / _NS_PER_S
        self._readings.push(at_s, one.value)
        self._has_changed = True
        ended = [each for finder in self._finders for each in finder.push(at_s, one.value)]
        return [_told(each, one) for each in ended if each.offset_s is not None]

    def tick(self, now: Boottime, utc_ns: int) -> Found:
        """Let time pass; return the figures of a day that has just ended."""
        local = self._time.look(now, utc_ns)
        self._local_ahead_s = local.running_s - now / _NS_PER_S
        before, self._day = self._day, local.day
        if before is None or local.day == before or local.is_stepped:
            return []
        return self._figures(now)

    def of_last(self, hours: float, now: Boottime) -> Glycemia | None:
        """Return the figures of the last ``hours``; ``None`` without a reading."""
        times, values = self._readings.at_s, self._readings.mgdl
        here = times > now / _NS_PER_S - 3600.0 * hours
        return glycemia(times[here], values[here])

    def readings_of_last(self, hours: float, now: Boottime) -> list[tuple[float, float]]:
        """Return the readings of the last ``hours`` as (seconds ago, mg/dL), oldest first."""
        now_s = now / _NS_PER_S
        times, values = self._readings.at_s, self._readings.mgdl
        here = times > now_s - 3600.0 * hours
        return list(zip((now_s - times[here]).tolist(), values[here].tolist(), strict=True))

    def agp(self, *, stretch_min: float = 60.0) -> Profile | None:
        """Return the ambulatory glucose profile of the last 14 days by the local time of day."""
        times = self._readings.at_s
        if not times.size:
            return None
        return profile(times + self._local_ahead_s, self._readings.mgdl, stretch_min=stretch_min)

    def state(self, now: Boottime) -> dict[str, Any]:
        """Return what a restart has to know, as plain values; times are seconds ago."""
        self._has_changed = False
        now_s = now / _NS_PER_S
        readings = zip(self._readings.at_s.tolist(), self._readings.mgdl.tolist(), strict=True)
        return {
            "version": _VERSION,
            "readings": [[round(now_s - at, 1), value] for at, value in readings],
            "day": self._day,
            "time": self._time.state(),
        }

    def restore(self, state: Mapping[str, Any], now: Boottime) -> None:
        """Take up what :meth:`state` returned, as if it had been made at ``now``.

        :raises (KeyError, TypeError, ValueError): it is of another version, or none of these.
        """
        if state["version"] != _VERSION:
            raise ValueError(f"glycaemia: state of version {state['version']!r}")
        now_s = now / _NS_PER_S
        for ago_s, value in state["readings"]:
            at_s = now_s - float(ago_s)
            self._readings.push(at_s, float(value))
            for finder in self._finders:
                finder.push(at_s, float(value))
        self._time.restore(state["time"])
        self._day = None if state["day"] is None else int(state["day"])

    def _figures(self, now: Boottime) -> Found:
        day = self.of_last(24.0, now)
        if day is None:
            return []
        times, values = self._readings.at_s, self._readings.mgdl
        here = times > now / _NS_PER_S - DAY_S
        fortnight = glycemia(times, values)
        figures: tuple[tuple[Code, float | None], ...] = (
            (codes.GLUCOSE_IN_RANGE, day.in_range_percent),
            (codes.GLUCOSE_TIME_BELOW, day.below_54_percent + day.from_54_to_69_percent),
            (codes.GLUCOSE_TIME_ABOVE, day.above_250_percent + day.from_181_to_250_percent),
            (codes.GLUCOSE_MEAN, day.mean_mgdl),
            (codes.GLUCOSE_CV, day.cv_percent),
            (codes.LBGI, day.lbgi),
            (codes.HBGI, day.hbgi),
            (codes.MAGE, mage(times[here], values[here])),
            (codes.GMI, None if fortnight is None else fortnight.gmi_percent),
        )
        quality = 1.0 if _coverage(times[here]) >= _LEAST_OF_A_DAY else 0.5
        return [
            Observation(code=code, value=value, at=now, sensor=SOURCE, quality=quality)
            for code, value in figures
            if value is not None
        ]


def _coverage(times: Any) -> float:  # noqa: ANN401 - an array (n,) of seconds
    """Return the share of a day's readings that are there, at the sensor's own interval."""
    if times.size < 2:
        return 0.0
    steps = sorted((times[1:] - times[:-1]).tolist())
    usual_s = max(_USUAL_INTERVAL_S, steps[len(steps) // 2])
    return float(times.size * usual_s / DAY_S)


def _told(one: Episode, reading: Observation) -> Event:
    """Return the event of an episode that has ended; its lowest or highest value is in mg/dL."""
    end_s = one.offset_s if one.offset_s is not None else one.onset_s
    detail: dict[str, str | float] = {
        "finding": EPISODE,
        "standing": "ended",
        "level": one.level.name.lower().replace("_", "-"),
        "onset_ns": round(one.onset_s * _NS_PER_S),
        "offset_ns": round(end_s * _NS_PER_S),
        "value": one.extreme_mgdl,
        "unit": reading.unit.value,
        "extended": "yes" if one.is_extended else "no",
    }
    at = Boottime(round(end_s * _NS_PER_S))
    return Event(kind=EventKind.FINDING, at=at, sensor=reading.sensor, detail=detail)
