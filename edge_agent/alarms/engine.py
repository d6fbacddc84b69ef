"""Runs the rules: raises and clears alarms, each with its evidence.

What keeps people safe here:

* Only a reliable value can clear an alarm. Unreliable or missing data neither raises nor clears;
  it lets the sensor's stale alarm come.
* Backfilled values fill the record and are never judged as if they were live.
* One episode gives one raised and one cleared alarm, however often the value crosses the limit
  within the hysteresis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge_agent.alarms.rules import LimitRule, Rule, StaleRule
from edge_agent.model import (
    RELIABLE_QUALITY,
    Alarm,
    Boottime,
    Code,
    Event,
    EventKind,
    Evidence,
    Observation,
    Phase,
    Reading,
    Waveform,
)

_NS_PER_S = 1_000_000_000
_HOLE_S = 15.0
_REASONS = frozenset(
    {EventKind.DISCONNECTED, EventKind.LINK_FAILED, EventKind.STREAM_REFUSED, EventKind.GAP}
)


@dataclass(slots=True)
class _LimitEpisode:
    """Where one limit rule stands for one sensor."""

    beyond_since: Boottime | None = None
    inside_since: Boottime | None = None
    judged_at: Boottime | None = None
    raised: Alarm | None = None


@dataclass(slots=True)
class _StaleEpisode:
    """Where one stale rule stands: when each quantity was last usable, and why not since."""

    usable_at: dict[Code, Boottime]
    reason: str = "nothing has arrived since the start"
    raised: Alarm | None = None

    def stale(self, rule: StaleRule, now: Boottime) -> list[Code]:
        """Return the quantities whose last usable value is too long ago."""
        oldest = now - rule.after_s * _NS_PER_S
        return [code for code, at in self.usable_at.items() if at < oldest]


class AlarmEngine:
    """Judges readings against rules; holds the alarms that stand."""

    def __init__(self, rules: Iterable[Rule], started_at: Boottime) -> None:
        self._limits: list[LimitRule] = []
        self._episodes: dict[tuple[LimitRule, str], _LimitEpisode] = {}
        self._stale: dict[StaleRule, _StaleEpisode] = {}
        for rule in rules:
            if isinstance(rule, LimitRule):
                self._limits.append(rule)
            else:
                self._stale[rule] = _StaleEpisode(dict.fromkeys(rule.codes, started_at))

    @property
    def active(self) -> tuple[Alarm, ...]:
        """The alarms that stand, the most urgent first."""
        raised = [one.raised for one in self._episodes.values()]
        raised += [one.raised for one in self._stale.values()]
        standing = [alarm for alarm in raised if alarm is not None]
        return tuple(sorted(standing, key=lambda alarm: (-alarm.priority, alarm.at)))

    def judge(self, reading: Reading, now: Boottime) -> list[Alarm]:
        """Judge a reading that is in the hub at ``now``; give the alarms it raises or clears."""
        alarms = self._note_presence(reading, now)
        if isinstance(reading, Observation) and not reading.backfilled:
            for rule in self._limits:
                if rule.code == reading.code:
                    # An episode for each sensor: a normal value of one must never clear another.
                    key = (rule, reading.sensor)
                    episode = self._episodes.setdefault(key, _LimitEpisode())
                    alarms += _judge_limit(rule, episode, reading)
        return alarms

    def tick(self, now: Boottime) -> list[Alarm]:
        """Find sensors that have gone stale; to be called about once a second."""
        alarms: list[Alarm] = []
        for rule, episode in self._stale.items():
            stale = episode.stale(rule, now)
            if stale and episode.raised is None:
                episode.raised = _stale_alarm(rule, episode, stale, now)
                alarms.append(episode.raised)
        return alarms

    def _note_presence(self, reading: Reading, now: Boottime) -> list[Alarm]:
        alarms: list[Alarm] = []
        for rule, episode in self._stale.items():
            if rule.sensor != reading.sensor:
                continue
            if isinstance(reading, Event):
                if reading.kind in _REASONS:
                    episode.reason = str(reading.detail.get("reason", reading.kind.value))
            elif reading.code in rule.codes:
                if not _is_usable(reading):
                    episode.reason = _why_not(reading)
                    continue
                episode.usable_at[reading.code] = now
                if episode.raised is not None and not episode.stale(rule, now):
                    alarms.append(_clear_stale(episode.raised, reading, now))
                    episode.raised = None
        return alarms


def _is_usable(reading: Observation | Waveform) -> bool:
    """Whether a reading tells that its sensor is doing its work now.

    "LO" and "HI" are usable: the sensor works and says more than the number could. A number too
    doubtful to raise or clear an alarm is not: it must not hide that nobody is watched.
    """
    if isinstance(reading, Waveform):
        return reading.state.is_measurement
    trusted = reading.quality >= RELIABLE_QUALITY
    return reading.state.is_measurement and trusted and not reading.backfilled


def _why_not(reading: Observation | Waveform) -> str:
    if reading.state.is_measurement and isinstance(reading, Observation):
        if reading.backfilled:
            return "only values from the sensor's memory arrive"
        return f"the signal quality is {reading.quality:.2f}"
    return f"the sensor reports: {reading.state.value}"


def _judge_limit(rule: LimitRule, episode: _LimitEpisode, one: Observation) -> list[Alarm]:
    _forget_across_holes(rule, episode, one.at)
    if rule.is_met_by(one):
        episode.inside_since = None
        episode.beyond_since = _earlier(episode.beyond_since, one.at)
        if episode.raised is None and _lasts(episode.beyond_since, one.at, rule.delay_s):
            name = _episode_name(rule, one.sensor, one.at)
            episode.raised = _alarm(rule, Phase.RAISED, one, name)
            return [episode.raised]
    elif rule.is_cleared_by(one):
        episode.beyond_since = None
        episode.inside_since = _earlier(episode.inside_since, one.at)
        if episode.raised is not None and _lasts(episode.inside_since, one.at, rule.delay_s):
            cleared = _alarm(rule, Phase.CLEARED, one, episode.raised.episode)
            episode.raised = None
            return [cleared]
    else:  # unreliable, or between limit and hysteresis: not safely inside
        episode.inside_since = None
        if one.is_reliable and episode.raised is None:
            episode.beyond_since = None
    return []


def _forget_across_holes(rule: LimitRule, episode: _LimitEpisode, at: Boottime) -> None:
    """Two values with nothing between them do not make a stay beyond or inside the limit."""
    hole_ns = max(rule.delay_s, _HOLE_S) * _NS_PER_S
    if episode.judged_at is not None and at - episode.judged_at > hole_ns:
        episode.beyond_since = episode.inside_since = None
    episode.judged_at = at


def _earlier(since: Boottime | None, at: Boottime) -> Boottime:
    return at if since is None else since


def _lasts(since: Boottime, now: Boottime, seconds: float) -> bool:
    return now - since >= seconds * _NS_PER_S


def _episode_name(rule: Rule, sensor: str, at: Boottime) -> str:
    return f"{rule.name}-{sensor}-{at:x}"


def _alarm(rule: LimitRule, phase: Phase, one: Observation, episode: str) -> Alarm:
    evidence = Evidence(
        quantity=one.code.refid,
        value=one.value,
        unit=one.unit,
        sensor=one.sensor,
        at=one.at,
        limit=rule.limit,
        note=one.state.value,
    )
    return Alarm(
        rule=rule.name,
        episode=episode,
        title=rule.title,
        priority=rule.priority,
        technical=False,
        phase=phase,
        at=one.at,
        evidence=(evidence,),
    )


def _stale_alarm(
    rule: StaleRule, episode: _StaleEpisode, stale: list[Code], now: Boottime
) -> Alarm:
    evidence = tuple(
        Evidence(
            quantity=f"time without usable {code.title}",
            value=(now - episode.usable_at[code]) / _NS_PER_S,
            unit="s",
            sensor=rule.sensor,
            at=now,
            limit=rule.after_s,
            note=episode.reason,
        )
        for code in stale
    )
    return Alarm(
        rule=rule.name,
        episode=_episode_name(rule, rule.sensor, now),
        title=rule.title,
        priority=rule.priority,
        technical=True,
        phase=Phase.RAISED,
        at=now,
        evidence=evidence,
    )


def _clear_stale(raised: Alarm, reading: Observation | Waveform, now: Boottime) -> Alarm:
    back = Evidence(
        quantity=reading.code.refid,
        value=reading.value if isinstance(reading, Observation) else None,
        unit=reading.code.unit,
        sensor=reading.sensor,
        at=now,
        note="the sensor gives usable values again",
    )
    return Alarm(
        rule=raised.rule,
        episode=raised.episode,
        title=raised.title,
        priority=raised.priority,
        technical=True,
        phase=Phase.CLEARED,
        at=now,
        evidence=(back,),
    )
